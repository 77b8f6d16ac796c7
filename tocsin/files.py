"""Writing files so that a crash leaves the old content or the new, and two processes do not undo one another.

OSError
└── DamagedFile     a file is there and does not hold what was written
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO


class DamagedFile(OSError):
    """A file is there and does not hold what was written: a failing disk, or a hand that edited it."""


def write_whole(path: Path, content: bytes, at_leisure: bool = False) -> None:
    """Put `content` at `path`, on the disk when this returns; makes the folders on the way. Raises `OSError`.

    `at_leisure` leaves it to the system when it gets to the disk, which saves some milliseconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(content)
            file.flush()
            if not at_leisure:
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    if not at_leisure:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk remember which files `folder` holds. Raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_line(value: Any) -> bytes:
    """A JSON value as a line of a file."""
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


class JsonLines:
    """A file of one JSON value per line that several processes append to; see `locked`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self) -> list[Any]:
        """Every value, in order. A last line that a crash cut short is not one. Raises `DamagedFile`."""
        self._file.seek(0)
        try:
            return [json.loads(line) for line in self._file if line.endswith(b"\n")]
        except ValueError as error:
            raise DamagedFile(f"{self._file.name} has a line that is not JSON: {error}") from error

    def append(self, values: Iterable[Any]) -> None:
        """Put `values` at the end, over a line that a crash cut short; they are on the disk when this returns."""
        self._file.seek(0)
        whole = sum(len(line) for line in self._file if line.endswith(b"\n"))
        self._file.truncate(whole)
        self._file.write(b"".join(map(json_line, values)))
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def locked(path: Path) -> Iterator[JsonLines]:
    """The file at `path`, made if it is not there, for this thread of this process alone. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield JsonLines(file)
    if is_new:
        sync_folder(path.parent)
