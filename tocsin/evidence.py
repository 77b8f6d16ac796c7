"""Files kept as possible evidence, each under the hash of its content, as it was and for as long as the folder is.

    <state>/evidence/<aa>/<sha256>     <aa>: the first two characters; the same content is kept once

What came from where, and who brought it, is on the incident's record; here is only content. It is streamed: no file is
too large for the memory. Nothing here is ever written over or made writable.

EvidenceError
├── NotTaken     a file could not be taken: it is missing, no file, not readable, or changed while it was read
├── NotStored    the store's disk refused: it is full, or not to be written to
├── NotThere     no content of that hash is in the store
└── Altered      there is one, and it is not what was put in
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Protocol

from tocsin.domain.base import Value
from tocsin.domain.state import Sha256
from tocsin.files import sync_folder

CHUNK = 1 << 20
"""Bytes in memory at a time."""

KEPT = 0o444
"""The mode of a kept file: it is read, and not written."""

FOLDER = 0o750
"""The mode of the store's folders: possible evidence is not for everybody on the machine."""

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""How a file system says that it has no hard links, or no more of them."""


class EvidenceError(Exception):
    """Something could not be kept, or not be brought back; the text says what, where, and what to do."""


class NotTaken(EvidenceError):
    """The file could not be taken as it is."""


class NotStored(EvidenceError):
    """The store could not keep it."""


class NotThere(EvidenceError):
    """The store has no such content."""


class Altered(EvidenceError):
    """The store has something else under this hash."""


class Source(Protocol):
    """Anything that bytes come out of."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Content(Value):
    """What was kept: the hash of its content, and its size in bytes."""

    sha256: Sha256
    size: int


class EvidenceStore:
    """The contents below `state`. Several processes may share it, also over a network's file system."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "evidence"

    def keep_file(self, path: Path) -> Content:
        """Keep the content of a file. Raises `NotTaken`, `NotStored` and `Altered`."""
        with _opened(path) as file:
            before = os.fstat(file.fileno())
            content = self.keep(_Limited(file, before.st_size), name=str(path))
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise NotTaken(
                f"{path} changed while it was read ({before.st_size} bytes before, {after.st_size} after): stop what "
                "writes to it, or take a copy of it and add that"
            )
        return content

    def keep(self, source: Source, name: str = "standard input") -> Content:
        """Keep all that comes out of `source`; on the disk when this returns.

        Content that is there already is not written again. Raises `NotTaken`, `NotStored` and `Altered`.
        """
        with self._storing():
            self.folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
            file = NamedTemporaryFile(dir=self.folder, prefix=".incoming-", delete=False)  # noqa: SIM115
        incoming = Path(file.name)
        try:
            with file:
                content = self._stream(source, file, name)
            with self._storing():
                self._put(incoming, content)
        finally:
            incoming.unlink(missing_ok=True)
        return content

    def path(self, sha256: str) -> Path:
        """Where this content is, or would be."""
        return self.folder / sha256[:2] / sha256

    def write_to(self, sha256: str, target: IO[bytes]) -> int:
        """Write the content to `target` and return its size. Raises `NotThere`, and `Altered` once it is written."""
        try:
            with self.path(sha256).open("rb") as kept:
                found = hashed(kept, target.write)
        except FileNotFoundError:
            raise NotThere(f"the store {self.folder} has no content with the SHA-256 {sha256}") from None
        self._must_be(sha256, found)
        return found.size

    def _stream(self, source: Source, file: IO[bytes], name: str) -> Content:
        with self._storing():
            content = hashed(_Named(source, name), file.write)
            file.flush()
            os.fchmod(file.fileno(), KEPT)
            os.fsync(file.fileno())
        return content

    def _put(self, incoming: Path, content: Content) -> None:
        """Give the file its name, unless there is one of that name: that one must have the same content."""
        path = self.path(content.sha256)
        path.parent.mkdir(mode=FOLDER, exist_ok=True)
        if not _named(incoming, path):
            with path.open("rb") as kept:
                self._must_be(content.sha256, hashed(kept))
        sync_folder(path.parent)
        sync_folder(self.folder)

    def _must_be(self, sha256: str, found: Content) -> None:
        if found.sha256 != sha256:
            raise Altered(
                f"{self.path(sha256)} is not what was kept: its {found.size} bytes have the SHA-256 {found.sha256}. "
                "Put it aside, find out who or what changed it, and bring it back from a copy"
            )

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """Say what the store's disk refused. What has been kept so far is not touched by it."""
        try:
            yield
        except OSError as error:
            advice = (
                "make room"
                if error.errno in {errno.ENOSPC, errno.EDQUOT}
                else "mend that, or set TOCSIN_STATE"
            )
            raise NotStored(
                f"nothing was kept in {self.folder}: {error.strerror or error}; {advice}"
            ) from error


class _Limited:
    """The first `size` bytes of a file: one that grows as fast as it is read would never end."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""
        chunk = self._file.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk


class _Named:
    """A source that says its name when it cannot be read: what goes wrong while storing is then the store's fault."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes. Raises `NotTaken`."""
        try:
            return self._source.read(size)
        except OSError as error:
            raise NotTaken(f"{self._name} cannot be read to its end: {error.strerror or error}") from error


def hashed(source: Source, also: Callable[[bytes], object] = lambda chunk: None) -> Content:
    """The hash and the size of all that comes out of `source`, which is given to `also` chunk by chunk."""
    hash, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        hash.update(chunk)
        size += len(chunk)
        also(chunk)
    return Content(sha256=hash.hexdigest(), size=size)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, opened without following a link and without waiting for a pipe. Raises `NotTaken`."""
    try:
        _must_be_a_file(path, path.lstat())
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            _must_be_a_file(path, os.fstat(file.fileno()))
            yield file
    except OSError as error:
        raise NotTaken(f"{path} cannot be read: {error.strerror or error}") from error


def _must_be_a_file(path: Path, status: os.stat_result) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise NotTaken(
            f"{path} is a folder: add its files one by one, or `tar -c {path} | tocsin evidence add REF -`"
        )
    if stat.S_ISLNK(status.st_mode):
        raise NotTaken(f"{path} is a link to {path.readlink()}: say the name of the file itself")
    raise NotTaken(
        f"{path} is a device, a pipe or a socket: add what comes out of it through standard input, `-`"
    )


def _named(incoming: Path, path: Path) -> bool:
    """Give `incoming` the name `path` as well; `False` when there is such a file. Raises `OSError`."""
    try:
        os.link(incoming, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return _moved(incoming, path)
    return True


def _moved(incoming: Path, path: Path) -> bool:
    """The same without hard links. Of two at once the later replaces the earlier, which has the same content."""
    if path.exists():
        return False
    incoming.rename(path)
    return True
