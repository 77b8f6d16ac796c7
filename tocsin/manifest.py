"""The manifest of an archive: every file with its size and hash, and the head of the timeline's chain.

Of one archive there is one manifest, byte for byte: it says nothing that does not follow from the files. So one hash,
that of `manifest.json`, stands for all that is in the folder.
"""

from __future__ import annotations

import hashlib
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tocsin.domain.base import Value
from tocsin.domain.state import Sha256
from tocsin.evidence import hashed

MANIFEST = "manifest.json"
TIMELINE = "timeline.jsonl"
EVIDENCE = "evidence"
"""The folder with the contents that were kept, each under its hash."""


class ListedFile(Value):
    """One file: its path below the archive's folder with `/` between, its size in bytes, its hash."""

    path: str
    size: int
    sha256: Sha256


class Manifest(Value):
    """What an archive holds. `entries` and `head` are the timeline's number of entries and last chain."""

    format: Literal[1] = 1
    incident: str
    entries: int
    head: str
    files: tuple[ListedFile, ...]

    def written(self) -> bytes:
        """The only spelling of it."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=True).encode() + b"\n"


def files_below(folder: Path) -> Iterator[Path]:
    """Everything below `folder` that is no folder, but for the manifest, in the order of the paths."""
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if path != folder / MANIFEST and not stat.S_ISDIR(path.lstat().st_mode):
            yield path


def is_plain(path: Path) -> bool:
    """Whether it is a file, and no link, pipe or device; an archive has nothing else."""
    return stat.S_ISREG(path.lstat().st_mode)


def listed(folder: Path, path: Path) -> ListedFile:
    """A file as the manifest has it; evidence by its name, which is its hash: it may be too large to read again."""
    name = path.relative_to(folder)
    if name.parts[:-1] == (EVIDENCE,) and is_hash(name.name):
        return ListedFile(path=name.as_posix(), size=path.stat().st_size, sha256=name.name)
    return listed_as_found(folder, path)


def listed_as_found(folder: Path, path: Path) -> ListedFile:
    """The same from what the file holds at this moment."""
    with path.open("rb") as file:
        content = hashed(file)
    return ListedFile(path=path.relative_to(folder).as_posix(), size=content.size, sha256=content.sha256)


def fingerprint(manifest: bytes) -> str:
    """The hash that stands for a whole archive: that of the manifest's bytes."""
    return hashlib.sha256(manifest).hexdigest()


def is_hash(name: str) -> bool:
    """Whether `name` is a SHA-256 in hexadecimal."""
    return re.fullmatch(r"[0-9a-f]{64}", name) is not None
