"""What was accepted is on the disk before anybody hears so, and whoever starts next finds it."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tocsin.ingest import spool as spooling
from tocsin.ingest.spool import AGAIN_AFTER, FOLDER, NAME, LogFile, Spool, SpoolUnusable

Receivers = Callable[..., Spool]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Disk:
    """Remembers what it was asked for; refuses while it `is_full`, after taking the first bytes. It has a `clock`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.is_full = False
        self.clock = Clock()
        self._fsync = os.fsync
        monkeypatch.setattr(spooling.os, "fsync", self.fsync)
        monkeypatch.setattr(spooling, "_write", self.write)

    def fsync(self, handle: int) -> None:
        self.asked.append("sync")
        self._fsync(handle)

    def write(self, file: spooling.FileIO, content: bytes) -> None:
        self.asked.append("write")
        file.write(content[:3] if self.is_full else content)
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def has_room_again(self) -> None:
        """From now on, when it is time to try it."""
        self.is_full = False
        self.clock.now += AGAIN_AFTER


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def on_disk(state: Path) -> list[bytes]:
    """The lines of the only receiver."""
    [file] = (state / FOLDER).glob(f"*/{NAME}")
    return file.read_bytes().splitlines()


async def found_by_the_next(state: Path) -> list[bytes]:
    """What a receiver finds that starts now, and leaves as it is."""
    found = await Spool(state).abandoned()
    for left in found:
        left.release()
    return [line.rstrip(b"\n") for left in found for line in left.lines]


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Callable[..., Spool]]:
    """Starts receivers, each with its spool; all have ended afterwards."""
    started: list[Spool] = []

    def start(clock: Callable[[], float] = time.monotonic) -> Spool:
        started.append(Spool(tmp_path, clock))
        return started[-1]

    yield start
    for spool in started:
        await spool.close()


async def test_a_line_is_on_the_disk_when_it_is_accepted(
    receiver: Receivers, tmp_path: Path, disk: Disk
) -> None:
    spool = receiver()

    await spool.write(b"one\n")

    assert on_disk(tmp_path) == [b"one"]
    assert disk.asked[-2:] == ["write", "sync"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / FOLDER).glob("*/*"))


async def test_a_thousand_at_once_share_a_few_synchronisations(
    receiver: Receivers, tmp_path: Path, disk: Disk
) -> None:
    spool = receiver()

    await asyncio.gather(*(spool.write(b"%d\n" % number) for number in range(1000)))

    assert on_disk(tmp_path) == [b"%d" % number for number in range(1000)]
    assert disk.asked.count("sync") <= 6


async def on_a_disk_that_fills_up(receiver: Receivers, disk: Disk) -> Spool:
    """A receiver that has accepted a line, and finds no room for another."""
    spool = receiver(disk.clock)
    await spool.write(b"before\n")
    disk.is_full = True
    return spool


async def test_a_full_disk_accepts_nothing_and_leaves_no_half_of_a_line(
    receiver: Receivers, tmp_path: Path, disk: Disk
) -> None:
    spool = await on_a_disk_that_fills_up(receiver, disk)

    with pytest.raises(SpoolUnusable, match="No space left"):
        await spool.write(b"lost\n")

    assert not spool.is_usable
    with pytest.raises(SpoolUnusable):
        await spool.write(b"not even tried\n")
    disk.has_room_again()
    assert spool.is_usable
    await spool.write(b"after\n")
    assert on_disk(tmp_path) == [b"before", b"after"]


async def test_what_was_noted_on_a_full_disk_is_written_once_there_is_room(
    receiver: Receivers, tmp_path: Path, disk: Disk
) -> None:
    spool = await on_a_disk_that_fills_up(receiver, disk)
    spool.note(b"noted\n")
    await spool.settle()
    spool.note(b"noted too\n")

    disk.has_room_again()
    await spool.write(b"after\n")

    assert on_disk(tmp_path) == [b"before", b"noted", b"noted too", b"after"]


async def test_what_was_noted_on_a_full_disk_is_tried_once_more_at_the_end(
    receiver: Receivers, tmp_path: Path, disk: Disk
) -> None:
    spool = await on_a_disk_that_fills_up(receiver, disk)
    spool.note(b"noted\n")
    await spool.settle()

    disk.is_full = False
    await spool.close()

    assert on_disk(tmp_path) == [b"before", b"noted"]


async def test_a_clearance_that_the_disk_refuses_loses_no_note(
    receiver: Receivers, tmp_path: Path, disk: Disk
) -> None:
    spool = await on_a_disk_that_fills_up(receiver, disk)
    spool.note(b"told\n")
    spool.replace([])
    spool.note(b"told later\n")
    await spool.settle()

    disk.has_room_again()
    await spool.write(b"after\n")

    assert b"told later" in on_disk(tmp_path)
    assert on_disk(tmp_path)[-1] == b"after"


async def test_a_folder_that_is_a_file_accepts_nothing(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")

    with pytest.raises(SpoolUnusable, match="ingest"):
        await Spool(tmp_path).write(b"lost\n")


async def test_what_counts_no_more_is_cleared_away_for_what_does(receiver: Receivers, tmp_path: Path) -> None:
    spool = receiver()
    await spool.write(b"told\n")
    spool.replace([b"still waits\n"])
    await spool.write(b"new\n")
    assert on_disk(tmp_path) == [b"still waits", b"new"]

    spool.replace([])
    await spool.write(b"newer\n")

    assert on_disk(tmp_path) == [b"newer"]


async def test_a_line_that_waits_for_the_disk_is_not_cleared_away(
    receiver: Receivers, tmp_path: Path
) -> None:
    spool = receiver()
    first = asyncio.create_task(spool.write(b"first\n"))
    await asyncio.sleep(0)  # it is on its way now, and the next one waits for it
    second = asyncio.create_task(spool.write(b"second\n"))
    await asyncio.sleep(0)
    spool.replace([b"second\n"])
    third = asyncio.create_task(spool.write(b"third\n"))

    await asyncio.gather(first, second, third)

    assert on_disk(tmp_path) == [b"second", b"third"]


async def test_a_receiver_that_ends_leaves_nothing_but_what_waits(
    receiver: Receivers, tmp_path: Path
) -> None:
    quiet, busy = receiver(), receiver()
    await quiet.write(b"told\n")
    quiet.replace([])
    await busy.write(b"waits\n")

    await quiet.close()
    await busy.close()

    assert on_disk(tmp_path) == [b"waits"]
    assert await found_by_the_next(tmp_path) == [b"waits"]


async def test_nobody_takes_over_what_a_living_receiver_has(receiver: Receivers, tmp_path: Path) -> None:
    alive = receiver()
    await alive.write(b"mine\n")

    assert await found_by_the_next(tmp_path) == []
    await alive.close()


async def test_two_that_start_at_once_do_not_both_take_it_over(receiver: Receivers, tmp_path: Path) -> None:
    dead = receiver()
    await dead.write(b"waits\n")
    await dead.close()

    first, second = [await Spool(tmp_path).abandoned() for _ in range(2)]

    assert (len(first), len(second)) == (1, 0)
    first[0].remove()
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_a_line_that_a_crash_cut_short_was_never_accepted(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER / "dead"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(b"whole\ncut sh")

    assert await found_by_the_next(tmp_path) == [b"whole"]


async def test_what_is_damaged_is_put_aside_and_not_taken_over_again(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER / "dead"
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(b"?\n")
    [left] = await Spool(tmp_path).abandoned()

    left.remove(is_damaged=True)

    assert await found_by_the_next(tmp_path) == []
    assert (tmp_path / FOLDER / "damaged" / "dead.jsonl").read_bytes() == b"?\n"


async def test_what_was_accepted_survives_a_receiver_that_is_killed(tmp_path: Path) -> None:
    program = f"""
        import asyncio, os, signal
        from pathlib import Path
        from tocsin.ingest.spool import Spool

        async def accept():
            await Spool(Path({str(tmp_path)!r})).write(b"accepted\\n")
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(accept())
    """
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", textwrap.dedent(program))

    assert await process.wait() == -signal.SIGKILL
    assert await found_by_the_next(tmp_path) == [b"accepted"]


def test_a_failure_in_the_middle_is_written_over(tmp_path: Path, disk: Disk) -> None:
    log = LogFile(tmp_path / "own")
    log.append(b"one\n")
    disk.is_full = True
    with pytest.raises(OSError, match="No space"):
        log.append(b"two, which is longer\n")
    disk.is_full = False

    log.append(b"2\n")

    assert (tmp_path / "own" / NAME).read_bytes() == b"one\n2\n"
    log.close()
