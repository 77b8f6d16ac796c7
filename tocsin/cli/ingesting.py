"""Sources of alerts and their mappings: trying one on a payload, and checking them all, without a receiver."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import options
from tocsin.cli.errors import Problems, Refused, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.tables import counted
from tocsin.settings import Settings

if TYPE_CHECKING:
    from tocsin.ingest.sourcechecks import Checked
    from tocsin.library import PlanLibrary


@click.group("ingest")
def ingest_command() -> None:
    """Try what monitors send, and check how it is read."""


@ingest_command.command("try")
@click.argument("source", metavar="SOURCE|MAPPING")
@click.argument("payload", type=click.Path(allow_dash=True, dir_okay=False))
@click.option(
    "--headers",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Headers that came with it, one on a line.",
)
@click.option("--plan", metavar="NAME", help="The plan to read it by, whatever its labels say.")
@options.output
@pass_office
def try_command(office: Office, source: str, payload: str, headers: str | None, plan: str | None) -> None:
    """Show what the receiver would make of a payload.

    That is each value, and the incident that it means. SOURCE is the name of a source or its file, MAPPING the file of
    one, or either is the name of a format, such as alertmanager. PAYLOAD is a file, or - for standard input, with the
    body alone or a whole HTTP request. Nothing is sent anywhere, and no secret is asked for. Exit code 1 if it would be
    refused.
    """
    from tocsin.cli.trials import described, told
    from tocsin.ingest.trial import NoSuchSource, NotKept, request_of, source_for, try_out
    from tocsin.yamlfile import YamlError

    settings = office.settings()
    try:
        meant = source_for(source, _folder(settings))
        meant = meant.model_copy(update={"plan": plan}) if plan else meant
        delivered = request_of(_kept(payload), _kept(headers) if headers else b"", office.now())
        with _plans(settings) as library:
            trial = try_out(meant, delivered, library)
    except YamlError as error:
        raise Problems(str(error)) from error
    except (NoSuchSource, NotKept) as error:
        raise Usage(str(error)) from error
    refused = (
        [str(trial.refusal)] if trial.refusal else [each.unwanted for each in trial.meanings if each.unwanted]
    )
    if refused and office.output == "json":
        raise Refused("; ".join(refused), trial=described(trial))
    office.emit(described(trial), lambda: told(trial))
    if refused:
        raise Refused("; ".join(refused))


@ingest_command.command("check")
@click.argument("path", required=False, metavar="[FOLDER|MAPPING]", type=click.Path(path_type=Path))
@options.output
@pass_office
def check_command(office: Office, path: Path | None) -> None:
    """Check sources and mappings, and try their examples.

    Those of $TOCSIN_SOURCES when none is named. Every problem is printed as file:line:column. Exit code 1 if there is
    one. A note is no problem: it says where a plan has no rule for a source.
    """
    from tocsin.ingest.sourcechecks import check_mapping, check_sources

    settings = office.settings()
    folder = path or _folder(settings)
    if not folder.exists():
        raise Usage(f"there is no folder {folder}; name one, or set TOCSIN_SOURCES")
    if folder.is_dir():
        with _sound_plans(settings) as library:
            checked = check_sources(folder, library)
    else:
        checked = check_mapping(folder)
    if checked.problems:
        from dataclasses import asdict

        raise Problems(
            "\n".join(map(str, checked.problems)), problems=[asdict(each) for each in checked.problems]
        )
    office.emit(_listed(checked), lambda: "\n".join(_in_order(checked)))


def _kept(file: str) -> bytes:
    """What is in a file, or comes over standard input where it is called `-`. Raises `Usage`."""
    try:
        with click.open_file(file, "rb") as opened:
            return bytes(opened.read())
    except OSError as error:
        raise Usage(f"{file} can't be read: {error.strerror}") from error


def _folder(settings: Settings) -> Path:
    from tocsin.sourcefiles import DEFAULT_FOLDER

    return settings.sources or DEFAULT_FOLDER


@contextmanager
def _plans(settings: Settings) -> Iterator[PlanLibrary | None]:
    """The plans, where there are any; nothing of them is kept."""
    from tocsin.library import PlanLibrary

    if not any(settings.plans.glob("*/plan.yaml")):
        yield None
        return
    with tempfile.TemporaryDirectory() as state:
        yield PlanLibrary(settings.plans, Path(state))


@contextmanager
def _sound_plans(settings: Settings) -> Iterator[PlanLibrary | None]:
    """The same, where the plans are in order. Raises `Problems`."""
    from tocsin.yamlfile import YamlError

    try:
        with _plans(settings) as library:
            yield library
    except YamlError as error:
        raise Problems(str(error)) from error


def _in_order(checked: Checked) -> Iterator[str]:
    for source in checked.sources:
        lock = (
            ""
            if source.is_secured or source.source == "alertmanager"
            else "; anybody may report there: add a lock"
        )
        yield f"source {source.source}: in order, {source.format} at {source.path}{lock}"
        if source.source in checked.notes:
            yield f"  note: {checked.notes[source.source]}"
    for path, file in checked.mappings.items():
        rules, examples = len(file.mapping.rules), len(file.examples)
        yield f"mapping {path}: in order, {counted(rules, 'rule')}, {counted(examples, 'example')} tried"


def _listed(checked: Checked) -> dict[str, Any]:
    return {
        "sources": [
            {
                "source": each.source,
                "format": each.format,
                "path": each.path,
                "secured": each.is_secured,
                "note": checked.notes.get(each.source, ""),
            }
            for each in checked.sources
        ],
        "mappings": [
            {"path": str(path), "rules": len(file.mapping.rules), "examples": len(file.examples)}
            for path, file in checked.mappings.items()
        ],
    }
