"""Files preserved as possible evidence: added, listed, brought back.

A file is in the store before anything is said about it: when Temporal does not answer, it is safe all the same.
"""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import click

from tocsin.cli import options, tables
from tocsin.cli.errors import Ambiguous, CliError, Failed, Usage
from tocsin.cli.looking import look
from tocsin.cli.office import Office, pass_office
from tocsin.cli.telling import Said, making_sense, spoken_by, tell
from tocsin.cli.times import short
from tocsin.domain.commands import AddEvidence
from tocsin.domain.state import Evidence
from tocsin.evidence import EvidenceError, EvidenceStore

STANDARD_INPUT = "-"

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f/]")


@click.group("evidence")
def evidence_command() -> None:
    """Preserve files as evidence, list them, bring one back."""


@evidence_command.command("add")
@options.reference
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--note", default="", metavar="TEXT", help="What it is, or why it matters.")
@click.option(
    "--from",
    "origin",
    metavar="WHERE",
    help="Where it was taken from; else this machine and the file's path.",
)
@click.option("--name", metavar="NAME", help="What to call it; for standard input, which has no name.")
@options.speaker
@options.output
@pass_office
def add_command(
    office: Office,
    reference: str,
    files: tuple[str, ...],
    note: str,
    origin: str | None,
    name: str | None,
    speaks: str | None,
    id: str | None,
) -> None:
    """Preserve files, and put them on an incident's record.

    FILE may be - for standard input. Each is copied into the store below $TOCSIN_STATE, which the workers must share,
    and is never changed there. All are in the store before the incident is told of the first.
    """
    if len(files) > 1 and (name or id):
        raise Usage("--name and --id are for one file: add the others by themselves")
    commands = [_kept(office, file, spoken_by(office, speaks, id), note, origin, name) for file in files]
    for command in commands:
        _tell(office, reference, command)


def _kept(
    office: Office, file: str, said: Said, note: str, origin: str | None, name: str | None
) -> AddEvidence:
    """Put the content into the store; the command that tells the incident of it."""
    store, path = EvidenceStore(office.settings().state), Path(file)
    try:
        piped = file == STANDARD_INPUT
        content = store.keep(sys.stdin.buffer) if piped else store.keep_file(path)
    except EvidenceError as error:
        raise Failed(str(error)) from error
    place = "standard input" if piped else str(path.absolute())
    with making_sense():
        return AddEvidence(
            **said,
            sha256=content.sha256,
            size=content.size,
            name=_printable(name or ("standard input" if piped else path.name)),
            origin=_printable(origin or f"{socket.gethostname()}:{place}", allowed="/"),
            note=note,
        )


def _tell(office: Office, reference: str, command: AddEvidence) -> None:
    """Tell the incident. What goes wrong here leaves the content in the store, and says how to go on from there."""
    try:
        tell(office, reference, command)
    except CliError as error:
        kept = EvidenceStore(office.settings().state).path(command.sha256)
        click.echo(f'{command.name} is kept all the same: add {kept} with --name "{command.name}"', err=True)
        error.details |= {"kept": str(kept), "id": command.id}
        raise


def _printable(text: str, allowed: str = "") -> str:
    """A file may be called anything; on the record it has a name that can be shown, and is no path."""
    shown = text.encode(errors="backslashreplace").decode()
    return _UNPRINTABLE.sub(
        lambda found: found[0] if found[0] in allowed else f"\\x{ord(found[0]):02x}", shown
    )


@evidence_command.command("list")
@options.reference
@options.output
@pass_office
def list_command(office: Office, reference: str) -> None:
    """List what was preserved: what, by whom, when, and from where."""
    pieces = _pieces(office, reference)
    office.emit(pieces, lambda: _table(pieces))


@evidence_command.command("get")
@options.reference
@click.argument("which", metavar="N|SHA256")
@click.option(
    "--to", "target", metavar="FILE", help="Where to put it, - for standard output; else here, by its name."
)
@options.output
@pass_office
def get_command(office: Office, reference: str, which: str, target: str | None) -> None:
    """Bring back a preserved file as it was.

    It is named by its number on the list, or by the beginning of its hash. No file is written over.
    """
    piece = _chosen(_pieces(office, reference), which)
    store = EvidenceStore(office.settings().state)
    try:
        if target == STANDARD_INPUT:
            store.write_to(piece.sha256, sys.stdout.buffer)
            return
        path = Path(target or _printable(piece.name))
        _bring(store, piece, path)
    except EvidenceError as error:
        raise Failed(str(error)) from error
    office.emit(piece, lambda: f"{path}: {piece.size:,} bytes, SHA-256 {piece.sha256}")


def _bring(store: EvidenceStore, piece: Evidence, path: Path) -> None:
    """Put the content at `path`; one that was altered in the store leaves nothing there."""
    try:
        with path.open("xb") as file:
            store.write_to(piece.sha256, file)
    except FileExistsError as error:
        raise Failed(f"{path} is there already: say another with --to") from error
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}") from error
    except EvidenceError:
        path.unlink()
        raise


def _pieces(office: Office, reference: str) -> tuple[Evidence, ...]:
    return look(office, reference, lambda incidents, found: incidents.view(found)).evidence


def _chosen(pieces: tuple[Evidence, ...], which: str) -> Evidence:
    """The piece of that number, or the content of which the hash begins so. Raises `Usage`."""
    found = [piece for piece in pieces if str(piece.number) == which]
    found = found or [piece for piece in pieces if piece.sha256.startswith(which.lower())]
    if not found:
        known = ", ".join(f"{piece.number} ({piece.name})" for piece in pieces) or "none"
        raise Usage(f'there is no evidence "{which}"; there is {known}')
    if len({piece.sha256 for piece in found}) > 1:
        names = ", ".join(f"{piece.number} ({piece.sha256[:12]}…)" for piece in found)
        raise Ambiguous(f'"{which}" may be any of {names}; write more of it')
    return found[0]


def _table(pieces: tuple[Evidence, ...]) -> str:
    rows = [
        (
            str(piece.number),
            short(piece.at),
            str(piece.by),
            f"{piece.size:,}",
            f"{piece.sha256[:12]}…",
            " – ".join(filter(None, (piece.name, f"from {piece.origin}", piece.note))),
        )
        for piece in pieces
    ]
    return tables.table(("N", "TIME (UTC)", "WHO", "BYTES", "SHA-256", "WHAT"), rows, "nothing was preserved")
