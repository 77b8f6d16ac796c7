"""What a receiver has accepted and Temporal does not have yet, on the disk before the sender is answered.

    state/ingest/<replica>/spool.jsonl      lines, in the order in which they were accepted

Each receiver has a folder of its own below `state`, which it locks for as long as it lives; one that is not locked was
left by a receiver that died, and whoever starts next takes it over. Many requests share one `fsync`: while one is under
way, whatever comes waits for the next.

Errors:

    SpoolUnusable   the disk is full, or the folder cannot be written: nothing was accepted by it
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from uuid import uuid4

from tocsin.files import sync_folder, write_whole

FOLDER = "ingest"
NAME = "spool.jsonl"
DAMAGED = "damaged"
"""Beside the replicas' folders: what could not be read of what receivers left that died."""

AGAIN_AFTER = 10.0
"""Seconds for which a disk that refused is left alone."""

_log = logging.getLogger(__name__)


class SpoolUnusable(Exception):
    """Nothing can be kept on the disk now; the text says why."""


@dataclass
class _Commit:
    """What goes to the disk together. `content` replaces all that was there, and makes `needless` what was noted before
    it; notes and lines come after it."""

    done: asyncio.Future[None]
    content: bytes | None = None
    notes: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    needless: list[bytes] = field(default_factory=list)


class Spool:
    """The lines of this receiver. All methods are for the thread of the event loop; the disk is left to another."""

    def __init__(self, state: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._home = state / FOLDER
        self._folder = self._home / uuid4().hex
        self._clock = clock
        self._log_file: LogFile | None = None
        self._next: _Commit | None = None
        self._writer: asyncio.Task[None] | None = None
        self._owed: list[bytes] = []
        self._refused_until: float | None = None

    @property
    def is_usable(self) -> bool:
        """Whether the disk took what it was given last, or may be asked again by now."""
        return self._refused_until is None or self._clock() >= self._refused_until

    @property
    def size(self) -> int:
        """How many bytes there are, of lines that count still and others."""
        return self._log_file.length if self._log_file else 0

    async def write(self, line: bytes) -> None:
        """Put a line at the end; it is on the disk when this returns. Raises `SpoolUnusable`."""
        if not self.is_usable:
            raise SpoolUnusable(f"{self._folder} could not be written a moment ago")
        commit = self._queue()
        commit.lines.append(line)
        await asyncio.shield(commit.done)

    def note(self, line: bytes) -> None:
        """Put a line at the end as soon as the disk takes it; nobody waits for that."""
        if self.is_usable:
            self._queue().notes.append(line)
        else:
            self._owed.append(line)

    def replace(self, lines: Iterable[bytes]) -> None:
        """Have these lines in place of all that were written or noted before, soon, if the disk takes them."""
        if self.is_usable:
            commit = self._queue()
            commit.needless += commit.notes
            commit.content, commit.notes, commit.lines = b"".join(lines), [], []

    async def settle(self) -> None:
        """Wait until the disk has, or has refused, everything so far."""
        if self._writer is not None:
            await self._writer

    async def close(self) -> None:
        """Leave the lines that there are to whoever starts next; without any, leave nothing."""
        if self._owed:
            self._queue()  # one last try
        await self.settle()
        if self._log_file is not None:
            await asyncio.to_thread(self._log_file.close)
            self._log_file = None

    async def abandoned(self) -> list[Abandoned]:
        """What receivers that died have left; it is this one's from now on. What can't be read stays there, logged."""
        return await asyncio.to_thread(lambda: list(_abandoned(self._home, self._folder)))

    # The disk

    def _queue(self) -> _Commit:
        """What goes to the disk next, and somebody who takes it there."""
        if self._next is None:
            self._next = _Commit(asyncio.get_running_loop().create_future())
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="spool")
        return self._next

    async def _write_all(self) -> None:
        while (commit := self._next) is not None:
            self._next, owed, self._owed = None, self._owed, []
            try:
                await asyncio.to_thread(self._commit, commit, owed)
            except OSError as error:
                self._owed += [*owed, *commit.needless, *commit.notes]
                self._refuse(commit, error)
            else:
                self._refused_until = None
                commit.done.set_result(None)

    def _commit(self, commit: _Commit, owed: Sequence[bytes]) -> None:
        """In another thread. Raises `OSError`, and then nobody relies on any of it."""
        if self._log_file is None:
            self._log_file = LogFile(self._folder)
        if commit.content is None:
            self._log_file.append(b"".join([*owed, *commit.notes, *commit.lines]))
        else:
            self._log_file.replace(commit.content)
            self._log_file.append(b"".join([*commit.notes, *commit.lines]))

    def _refuse(self, commit: _Commit, error: OSError) -> None:
        _log.error(
            "repeats of alerts cannot be kept in %s (%s): until they can, each is told to Temporal; free some space, "
            "or let the receiver write there",
            self._folder,
            error,
        )
        self._refused_until = self._clock() + AGAIN_AFTER
        commit.done.set_exception(SpoolUnusable(f"{self._folder}: {error}"))
        commit.done.exception()  # where nobody waits for it, asyncio need not say so


class LogFile:
    """A file that only grows, in a folder that is locked while this lives. Everything raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(folder)
        self.length = 0
        self._file: FileIO | None = None

    def append(self, content: bytes) -> None:
        """Put `content` at the end, over whatever a failure left there."""
        if not content:
            return
        file = self._opened()
        file.seek(self.length)
        file.truncate()
        _write(file, content)
        os.fsync(file.fileno())
        self.length += len(content)

    def replace(self, content: bytes) -> None:
        """Have `content` in place of all there is; a crash leaves one or the other."""
        if content:
            self._close_file()
            write_whole(self._folder / NAME, content)
        else:
            file = self._opened()
            file.truncate(0)
            self.length = 0
            os.fsync(file.fileno())
        self.length = len(content)

    def close(self) -> None:
        """Let go of it, and leave nothing behind when it is empty."""
        self._close_file()
        with suppress(OSError):  # an empty file in a folder of its own harms nobody
            if not self.length:
                _remove(self._folder)
        os.close(self._lock)

    def _opened(self) -> FileIO:
        if self._file is None:
            path = self._folder / NAME
            is_new = not path.exists()
            self._file = FileIO(path, "x+" if is_new else "r+", opener=_for_us_alone)
            if is_new:
                sync_folder(self._folder)
                sync_folder(self._folder.parent)
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass(frozen=True)
class Abandoned:
    """The lines that a receiver left which died."""

    folder: Path
    lines: tuple[bytes, ...]
    lock: int

    def remove(self, is_damaged: bool = False) -> None:
        """They are told: forget them, but put aside what was damaged. What the disk refuses is logged."""
        try:
            if is_damaged:
                aside = self.folder.parent / DAMAGED
                aside.mkdir(exist_ok=True, mode=0o700)
                (self.folder / NAME).rename(aside / f"{self.folder.name}.jsonl")
            _remove(self.folder)
        except OSError as error:
            _log.error(
                "what %s holds was told, and would be again: remove it by hand (%s)", self.folder, error
            )
        self.release()

    def release(self) -> None:
        """Leave them to whoever starts next."""
        os.close(self.lock)


def _abandoned(home: Path, own: Path) -> Iterator[Abandoned]:
    try:
        folders = (
            sorted(path for path in home.iterdir() if path not in (own, home / DAMAGED))
            if home.is_dir()
            else []
        )
    except OSError as error:
        _log.error("%s cannot be looked through for what was accepted and not told: %s", home, error)
        return
    for folder in folders:
        try:
            yield from _left_in(folder)
        except OSError as error:
            _log.error("what was accepted and not told is in %s, which cannot be read: %s", folder, error)


def _left_in(folder: Path) -> Iterator[Abandoned]:
    """What is in it, unless somebody lives there. Raises `OSError`."""
    try:
        lock = _locked(folder)
    except (BlockingIOError, FileNotFoundError):
        return  # its receiver lives, or has just ended as it should
    path = folder / NAME
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    # A crash may cut the last line short; nobody was told then that it was accepted.
    yield Abandoned(folder, tuple(line for line in lines if line.endswith(b"\n")), lock)


def _locked(folder: Path) -> int:
    """A lock on a folder, for as long as what is returned stays open. Raises `OSError`."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _write(file: FileIO, content: bytes) -> None:
    """All of it: a disk that is nearly full takes a part of it first, and then refuses. Raises `OSError`."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _remove(folder: Path) -> None:
    (folder / NAME).unlink(missing_ok=True)
    folder.rmdir()


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
