"""Whether an archive is as it was written; and a copy of it for somebody else."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import click

from tocsin.cli import options
from tocsin.cli.errors import Closed, Failed, NotFound, Problems, Unavailable
from tocsin.cli.incidents import Execution, Incidents
from tocsin.cli.looking import look
from tocsin.cli.office import Office, as_json, pass_office
from tocsin.cli.session import resolve
from tocsin.cli.shelf import Shelf
from tocsin.cli.tables import counted
from tocsin.domain import naming
from tocsin.domain.view import IncidentView
from tocsin.evidence import EvidenceStore
from tocsin.exporting import Files, NotExported, export
from tocsin.manifest import MANIFEST, files_below, is_plain
from tocsin.sealing import contradictions
from tocsin.verifying import Verification, verify


@click.command("verify")
@click.argument("what", metavar="REF|FOLDER")
@click.option(
    "--manifest", "kept", metavar="SHA256", help="The hash of the manifest, as somebody kept it elsewhere."
)
@click.option("--replay", is_flag=True, help="Replay the saved histories with the code that runs here, too.")
@options.output
@pass_office
def verify_command(office: Office, what: str, kept: str | None, replay: bool) -> None:
    """Check that a record is as it was written.

    Every file, every entry of the timeline, and what they say about one another; each problem is a line, and the exit
    code is 1 if there is any. It needs no Temporal, and for a FOLDER nothing but that. Whoever can rewrite the whole
    folder can rewrite its manifest: compare the hash of the manifest with one that was kept elsewhere.
    """
    folder = _folder(office, what)
    try:
        found = verify(folder)
        problems = [*found.problems, *_outside(office, folder, found, kept)]
        problems += _replayed(folder / "history") if replay else []
    except OSError as error:
        raise Failed(f"{folder} cannot be read: {error}") from error
    described = asdict(found) | {"folder": str(folder), "problems": problems}
    if problems:
        how_many = click.style(counted(len(problems), "problem"), fg="red", bold=True)
        raise Problems("\n".join([*problems, how_many]), **described)
    office.emit(described, lambda: _intact(found))


def _folder(office: Office, what: str) -> Path:
    """A folder that is there, else that of the incident below the state folder."""
    return Path(what) if Path(what).is_dir() else Shelf(office.settings().state).folder(what)


def _outside(office: Office, folder: Path, found: Verification, kept: str | None) -> list[str]:
    """What contradicts the archive that is not part of it: a hash that was kept, and the installation's own list."""
    problems = []
    if kept is not None and kept.lower() != found.manifest:
        problems.append(
            f"{MANIFEST} has the SHA-256 {found.manifest}, and not the one that was kept, {kept.lower()}"
        )
    state = office.settings().state
    if found.is_archived and folder.resolve().parent == (state / "incidents").resolve():
        problems += contradictions(state, found.incident, found.manifest)
    return problems


def _replayed(histories: Path) -> list[str]:
    """What does not replay. It is slow, and needs the workflows: nothing else here does."""
    from tocsin.histories import replays

    if not histories.is_dir():
        return ["history/ is not there: nothing can be replayed"]
    return [f"history/{problem}" for problem in asyncio.run(replays(histories))]


def _intact(found: Verification) -> str:
    label = click.style("intact", fg="green", bold=True)
    if not found.is_archived:
        return f"{label}: {found.entries} entries so far; incident {found.incident} is not archived yet"
    pieces = f", {found.evidence} of evidence" if found.evidence else ""
    return (
        f"{label}: incident {found.incident}, {found.entries} entries, {found.files} files{pieces}\n"
        f"manifest SHA-256 {found.manifest}"
    )


@click.command("export")
@options.reference
@click.argument("target", metavar="FOLDER|FILE.zip", type=click.Path(path_type=Path))
@options.output
@pass_office
def export_command(office: Office, reference: str, target: Path) -> None:
    """Copy a record for somebody else, as a folder or a ZIP file.

    Of an incident that is over, its archive; of another, the record so far: what is on the disk, and below so-far/
    what Temporal has at this moment.
    """
    shelf = Shelf(office.settings().state)
    incident, is_archived = _archived(office, shelf, reference)
    folder = shelf.home(incident)
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path for path in files_below(folder) if is_plain(path)
    }
    files |= {MANIFEST: folder / MANIFEST} if is_archived else _so_far(office, incident)
    try:
        export(files, target)
    except NotExported as error:
        raise Failed(str(error)) from error
    office.emit(
        {"incident": incident, "target": str(target), "files": len(files), "archived": is_archived},
        lambda: _exported(incident, target, len(files), is_archived),
    )


def _archived(office: Office, shelf: Shelf, reference: str) -> tuple[str, bool]:
    """The incident that is meant, and whether it is archived here. Temporal is asked first: it knows what runs."""
    try:
        found = office.run(lambda incidents: resolve(incidents, reference))
    except (NotFound, Unavailable) as absent:
        archived = shelf.archived(reference)
        if archived is None:
            raise absent
        return archived.incident or "", True
    incident = found.incident or ""
    return incident, shelf.archived(incident) is not None


def _so_far(office: Office, incident: str) -> Files:
    """What Temporal has of an incident that is not archived here, and the contents of its evidence."""
    try:
        view, others = look(office, incident, _everything)
    except Closed as gone:
        raise Failed(
            f"incident {naming.spoken(incident)} is over, and its archive is not here: {gone}"
        ) from gone
    store = EvidenceStore(office.settings().state)
    files: dict[str, Path | bytes] = {}
    for piece in view.evidence:
        if (kept := store.path(piece.sha256)).exists():
            files[f"evidence/{piece.sha256}"] = kept
    for name, answer in {"view": view, **others}.items():
        files[f"so-far/{name}.json"] = as_json(answer).encode()
    return files


async def _everything(incidents: Incidents, found: Execution) -> tuple[IncidentView, dict[str, object]]:
    others = {
        "ledger": await incidents.ledger(found),
        "timeline": await incidents.timeline(found),
        "messages": await incidents.messages(found),
    }
    return await incidents.view(found), others


def _exported(incident: str, target: Path, files: int, is_archived: bool) -> str:
    if is_archived:
        return f"incident {incident}: {files} files in {target}; `tocsin verify` checks them anywhere"
    return f"incident {incident} is not over: {files} files in {target}, as they are at this moment"
