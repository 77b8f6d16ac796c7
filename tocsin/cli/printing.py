"""Putting a report into files: a PDF, a letter, an HTML page, the picture of what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from tocsin.cli.errors import Failed, Problems, Usage
from tocsin.cli.incidents import Execution, Incidents
from tocsin.domain.directory import Contact, Directory
from tocsin.domain.messages import Dispatch, Rendered
from tocsin.domain.picturing import picture
from tocsin.domain.reports import Report
from tocsin.domain.state import PlanPin, Target
from tocsin.settings import Settings

if TYPE_CHECKING:
    from tocsin.library import PlanLibrary

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True)
class Files:
    """Which files are wanted; a letter is the PDF with an address, `to` whom by the directory's key."""

    pdf: Path | None = None
    html: Path | None = None
    svg: Path | None = None
    is_letter: bool = False
    to: str | None = None

    @property
    def are_wanted(self) -> bool:
        """Whether there is anything to write. Raises `Usage` when the options contradict one another."""
        if self.is_letter and self.pdf is None:
            raise Usage("a letter is printed: say where to with --pdf FILE")
        if self.to is not None and not self.is_letter:
            raise Usage("--to says whom a letter is for; add --letter")
        return any((self.pdf, self.html, self.svg))


def file_options(function: Function) -> Function:
    """Add `--pdf`, `--html`, `--svg`, `--letter` and `--to`."""
    path = click.Path(dir_okay=False, writable=True, path_type=Path)
    for option in (
        click.option("--to", metavar="KEY", help="Whom the letter is for, by the directory's key."),
        click.option(
            "--letter", "is_letter", is_flag=True, help="Make the PDF a letter, with address and date."
        ),
        click.option("--svg", type=path, metavar="FILE", help="Write the picture of what happened."),
        click.option("--html", type=path, metavar="FILE", help="Write it as a page for a browser."),
        click.option("--pdf", type=path, metavar="FILE", help="Write it as a PDF."),
    ):
        function = option(function)
    return function


async def dispatch_of(incidents: Incidents, found: Execution, report: Report) -> Dispatch:
    """The report as it would go out to somebody inside, with its picture."""
    view = await incidents.view(found)
    drawn = picture(
        view.opened,
        view.phase,
        view.anchors,
        await incidents.timeline(found),
        await incidents.messages(found),
        await incidents.ledger(found),
        view.at,
    )
    return Dispatch(
        message=f"{view.id}-{report.id}",
        workflow=view.workflow,
        incident=view.id,
        reference=view.reference,
        plan=PlanPin(name=view.plan, hash=""),
        channel="email",
        template=report.id,
        purpose="report",
        target=Target(),
        is_drill=view.is_drill,
        is_for_outsiders=False,
        subject=f"{report.title}: {view.title}",
        text="",
        title=view.title,
        severity=view.severity_title,
        status=view.status.value,
        phase=view.phase.label if view.phase else "",
        customer=view.customer,
        created=report.at,
        report=report,
        picture=drawn,
    )


def write(settings: Settings, dispatch: Dispatch, files: Files) -> list[Path]:
    """Write the files that are wanted. What could not be said as it should is told on stderr. Raises `CliError`."""
    from tocsin.pdf import NotPrintable, to_pdf
    from tocsin.printing import drawn
    from tocsin.rendering import Templates

    library = _library(settings, dispatch.plan.name)
    templates = Templates(library, settings.public_url, settings.email_sender)
    if files.html is not None:
        _keep(files.html, _told(templates.page(dispatch)).encode())
    if files.svg is not None:
        _keep(files.svg, drawn(dispatch, library.plans[dispatch.plan.name].plan).encode())
    if files.pdf is not None:
        addressee = (
            _addressee(library.directory(dispatch.plan.name), dispatch, files.to) if files.is_letter else None
        )
        paper = templates.letter(dispatch, addressee) if addressee else templates.paper(dispatch)
        try:
            _keep(files.pdf, to_pdf(_told(paper)))
        except NotPrintable as error:
            raise Failed(f"no PDF could be made: {error}") from error
    return [path for path in (files.pdf, files.html, files.svg) if path is not None]


def _library(settings: Settings, plan: str) -> PlanLibrary:
    from tocsin.library import PlanLibrary
    from tocsin.yamlfile import YamlError

    try:
        library = PlanLibrary(settings.plans, settings.state)
    except YamlError as error:
        raise Problems(str(error)) from error
    if plan not in library.plans:
        raise Failed(
            f'plan "{plan}" is not in {settings.plans}: its templates make the paper; set TOCSIN_PLANS'
        )
    return library


def _addressee(directory: Directory, dispatch: Dispatch, to: str | None) -> Contact:
    """Whom a letter is for: who was named, or the first of the customer's contacts with a postal address."""
    from tocsin.mentions import everybody

    customer = directory.customers.get(dispatch.customer or "")
    contacts = everybody(directory, dispatch.customer)
    if to is not None and to not in contacts:
        raise Usage(f'nobody is called "{to}" in the directory of plan {dispatch.plan.name}')
    theirs = [
        contact for group in (customer.audiences.values() if customer else ()) for contact in group.values()
    ]
    candidates = [contacts[to]] if to is not None else theirs
    found = next((contact for contact in candidates if contact.postal), None)
    if found is None:
        lacks = f'"{to}" has no' if to is not None else "no contact of the incident's customer has a"
        raise Usage(
            f"{lacks} postal address; write it as `postal` in the directory, or name another with --to"
        )
    return found


def _told(rendered: Rendered[T]) -> T:
    message, note = rendered
    if note:
        click.echo(f"note: {note}", err=True)
    return message


def _keep(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Failed(f"{path} could not be written: {error.strerror}") from error
