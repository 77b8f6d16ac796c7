"""Whether an archive is what was written when its incident closed: checked from its files alone.

It needs nothing but the folder: no Temporal, no plans, no settings. What it finds is said file by file, entry by entry.
What it cannot find is a folder that somebody rewrote as a whole, with a manifest to match: for that, the manifest's
hash is compared with one that was kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tocsin import chain, timelines
from tocsin.crosschecks import compare, first_of
from tocsin.manifest import (
    EVIDENCE,
    MANIFEST,
    TIMELINE,
    ListedFile,
    Manifest,
    files_below,
    fingerprint,
    is_plain,
    listed_as_found,
)

BEFORE_ARCHIVING = frozenset({"record.json", TIMELINE, "history", "so-far", EVIDENCE})
"""All that the folder of an incident holds before it is archived, or an export of one that is open."""


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what is wrong with it: each problem says where it is. Without any, all is as written.

    `manifest` is the hash of the manifest. `is_archived` is false for an incident that is not over yet, of which only
    the timeline can be checked. `evidence` counts the pieces on the incident's record.
    """

    incident: str
    is_archived: bool
    manifest: str | None
    files: int
    entries: int
    evidence: int
    problems: tuple[str, ...]


def verify(folder: Path) -> Verification:
    """Check the record of one incident in `folder`. Raises `OSError` for what cannot be read."""
    paths = list(files_below(folder))
    entries, problems = timelines.read(folder)
    problems += timelines.broken(entries)
    if _is_archived(folder, paths):
        return _verify_archive(folder, paths, entries, problems)
    return Verification(folder.name, False, None, len(paths), len(entries), 0, tuple(problems))


def _verify_archive(
    folder: Path, paths: list[Path], entries: timelines.Entries, problems: list[str]
) -> Verification:
    files = {
        path.relative_to(folder).as_posix(): listed_as_found(folder, path) for path in paths if is_plain(path)
    }
    found, compared = _manifest(folder), compare(folder, files, entries)
    problems = [
        *found.problems,
        *(
            f"{path.relative_to(folder)} is no file, but a link or a device"
            for path in paths
            if not is_plain(path)
        ),
        *_files(found.manifest, files),
        *problems,
        *_agreement(found.manifest, entries, compared.incident),
        *compared.problems,
    ]
    incident = compared.incident or (found.manifest.incident if found.manifest else folder.name)
    count, unique = len(entries), tuple(dict.fromkeys(problems))
    return Verification(incident, True, found.hash, len(paths), count, compared.evidence, unique)


def _is_archived(folder: Path, paths: list[Path]) -> bool:
    """Whether it was archived; also of an archive that has lost its manifest."""
    names = {path.relative_to(folder).parts[0] for path in paths}
    return (folder / MANIFEST).exists() or not names <= BEFORE_ARCHIVING


@dataclass(frozen=True)
class _Found:
    """The manifest, if it can be read, its hash, and what is wrong with it."""

    manifest: Manifest | None
    hash: str | None
    problems: tuple[str, ...] = ()


def _manifest(folder: Path) -> _Found:
    try:
        written = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return _Found(None, None, (f"{MANIFEST} is missing: nothing says what the files were",))
    try:
        manifest = Manifest.model_validate_json(written)
    except ValidationError as error:
        return _Found(
            None, fingerprint(written), (f"{MANIFEST} is not as it was written: {first_of(error)}",)
        )
    if manifest.written() != written:
        problem = f"{MANIFEST} is not as it was written: the same is spelled otherwise"
        return _Found(manifest, fingerprint(written), (problem,))
    return _Found(manifest, fingerprint(written))


def _files(manifest: Manifest | None, files: dict[str, ListedFile]) -> Iterator[str]:
    known = {each.path: each for each in manifest.files} if manifest else files
    for name in sorted(known.keys() | files.keys()):
        was, seen = known.get(name), files.get(name)
        if seen is None:
            yield f"{name} is missing"
        elif was is None:
            yield f"{name} is additional: {MANIFEST} does not have it"
        elif seen.size != was.size:
            yield f"{name} was changed: it has {seen.size} bytes, and had {was.size}"
        elif seen.sha256 != was.sha256:
            yield f"{name} was changed: its SHA-256 is {seen.sha256}, and was {was.sha256}"


def _agreement(manifest: Manifest | None, entries: timelines.Entries, incident: str | None) -> Iterator[str]:
    """Whether the manifest is about this timeline and this incident."""
    if manifest is None:
        return
    if len(entries) != manifest.entries:
        yield f"{TIMELINE} has {len(entries)} entries, and had {manifest.entries}"
    elif chain.head_of(entries) != manifest.head:
        yield f"{TIMELINE} ends with another chain than {MANIFEST} has"
    if incident not in {None, manifest.incident}:
        yield f"{MANIFEST} is about incident {manifest.incident}, and incident.json about {incident}"
