"""Closing an archive's folder for good: the manifest is written last, nothing in it is writable from then on, and the
manifest's hash is entered in the installation's own list of seals.

Whoever can rewrite the whole folder can rewrite its manifest. The list of seals is one chain over all incidents, so
they would have to rewrite that as well, and every copy of its last line that somebody keeps elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from tocsin import chain
from tocsin.domain.base import Value
from tocsin.files import JsonLines, locked, sync_folder, write_whole
from tocsin.manifest import MANIFEST, TIMELINE, Manifest, files_below, fingerprint, is_plain, listed

OPEN = 0o750
"""The mode of folders that are written to."""

SEALED_FOLDER = 0o550
SEALED_FILE = 0o444
WRITABLE = 0o222

SEALS = "seals.jsonl"
"""The list of seals, in the state folder."""


class Seal(Value):
    """That an incident was archived: `manifest` is the hash of its manifest, and `entries` its timeline's length."""

    incident: str
    manifest: str
    entries: int


def seal_of(folder: Path) -> Seal | None:
    """The seal that `folder` has; `None` while it has none. Raises `OSError`, and `ValueError` for a spoilt one."""
    try:
        written = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return None
    known = Manifest.model_validate_json(written)
    return Seal(incident=known.incident, manifest=fingerprint(written), entries=known.entries)


def seal(folder: Path, incident: str) -> Seal:
    """Write the manifest of `folder`, and take the right to write from all that is in it. Raises `OSError`."""
    for path in folder.rglob(".*"):
        if path.is_file():
            path.unlink()  # what a write that was killed has left
    manifest = _manifest(folder, incident)
    write_whole(folder / MANIFEST, manifest.written())
    for path in [*folder.rglob("*"), folder]:
        _protect(path)
    sync_folder(folder)
    return Seal(incident=incident, manifest=fingerprint(manifest.written()), entries=manifest.entries)


def unseal(folder: Path) -> None:
    """Make an archive writable again; it has no manifest from then on. Of a folder that has no seal nothing changes."""
    for path in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        if not path.stat().st_mode & WRITABLE:
            path.chmod(OPEN)
    (folder / MANIFEST).unlink(missing_ok=True)
    timeline = folder / TIMELINE
    if timeline.exists() and not timeline.stat().st_mode & WRITABLE:
        timeline.chmod(0o640)  # the only file that is added to; the others are replaced


def enter(state: Path, seal: Seal) -> None:
    """Put a seal on the list, unless it is the incident's last one already. Raises `OSError`."""
    with locked(state / SEALS) as file:
        lines = file.read()
        known = [line["manifest"] for line in lines if line["incident"] == seal.incident]
        if known[-1:] != [seal.manifest]:
            file.append(chain.chained([seal.model_dump(mode="json")], chain.head_of(lines)))


def contradictions(state: Path, incident: str, manifest: str | None) -> list[str]:
    """What the installation's list of seals has against an archive with this manifest; nothing, when they agree.

    Raises `OSError` for a list that cannot be read.
    """
    if not (state / SEALS).exists():
        return [f"{SEALS} has no seal of incident {incident}"]
    with (state / SEALS).open("rb") as file:
        lines = JsonLines(file).read()
    chains = [chain.BEGINNING, *(str(line["chain"]) for line in lines)]
    broken = [
        f"{SEALS}:{place} was changed, or a line before it was taken out"
        for place, (before, line) in enumerate(zip(chains, lines, strict=False), 1)
        if line["chain"] != chain.link(before, line)
    ]
    sealed = [line["manifest"] for line in lines if line["incident"] == incident]
    if not sealed:
        return [*broken, f"{SEALS} has no seal of incident {incident}"]
    if sealed[-1] != manifest:
        return [
            *broken,
            f"{SEALS}: incident {incident} was sealed with the manifest {sealed[-1]}, and has {manifest}",
        ]
    return broken


def _manifest(folder: Path, incident: str) -> Manifest:
    with locked(folder / TIMELINE) as file:
        lines = file.read()
    return Manifest(
        incident=incident,
        entries=len(lines),
        head=chain.head_of(lines),
        files=tuple(listed(folder, path) for path in files_below(folder) if is_plain(path)),
    )


def _protect(path: Path) -> None:
    if path.is_symlink():
        return
    if path.is_dir():
        path.chmod(SEALED_FOLDER)
    elif path.stat().st_mode & WRITABLE:
        path.chmod(SEALED_FILE)
