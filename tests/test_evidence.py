"""Evidence is kept as it was: whole, once, never written over, whatever the disk does."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.domain.world import World
from tocsin import evidence
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.evidence import Altered, Content, EvidenceStore, NotStored, NotTaken, NotThere

LOG = b"03:12 root logs in\n"
HASH = hashlib.sha256(LOG).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "state")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    path.write_bytes(LOG)
    return path


def brought(store: EvidenceStore, sha256: str) -> bytes:
    target = io.BytesIO()
    store.write_to(sha256, target)
    return target.getvalue()


def everything_in(store: EvidenceStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file()]


# ---- keeping ----


def test_a_file_is_kept_under_its_hash_and_can_be_brought_back(store, log):
    assert store.keep_file(log) == Content(sha256=HASH, size=len(LOG))
    assert everything_in(store) == [store.folder / HASH[:2] / HASH]
    assert brought(store, HASH) == LOG


def test_what_is_kept_can_be_read_and_not_be_written(store, log):
    store.keep_file(log)
    assert store.path(HASH).stat().st_mode & 0o777 == 0o444
    assert store.folder.stat().st_mode & 0o007 == 0


def test_the_same_content_is_kept_once(store, log):
    store.keep_file(log)
    first = store.path(HASH).stat()
    assert store.keep(io.BytesIO(LOG)) == Content(sha256=HASH, size=len(LOG))
    assert (store.path(HASH).stat().st_ino, len(everything_in(store))) == (first.st_ino, 1)


def test_an_empty_file_is_evidence_too(store, log):
    log.write_bytes(b"")
    assert brought(store, store.keep_file(log).sha256) == b""


def test_what_a_pipe_gives_bit_by_bit_is_kept_whole(store):
    reading, writing = os.pipe()
    os.write(writing, LOG[:5])
    os.write(writing, LOG[5:])
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        assert store.keep(pipe).sha256 == HASH


def test_a_file_system_without_second_names_will_do(store, log, monkeypatch):
    monkeypatch.setattr(os, "link", fails_with(errno.EOPNOTSUPP))
    store.keep_file(log)
    store.keep_file(log)
    assert everything_in(store) == [store.path(HASH)]


_KEEPER = """
import resource, sys
from pathlib import Path
from tocsin.evidence import EvidenceStore
store, file = EvidenceStore(Path(sys.argv[1])), Path(sys.argv[2])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store.keep_file(file)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_large_file_passes_through_a_little_memory(tmp_path, log):
    with log.open("r+b") as file:
        file.truncate(300 << 20)
    ran = subprocess.run(
        [sys.executable, "-c", _KEEPER, str(tmp_path / "state"), str(log)],
        check=True,
        capture_output=True,
        text=True,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(ran.stdout) * unit < 20 << 20


def test_processes_that_bring_the_same_at_once_keep_one(tmp_path, store, log):
    state = str(store.folder.parent)
    keepers = [subprocess.Popen([sys.executable, "-c", _KEEPER, state, str(log)]) for _ in range(4)]
    assert [keeper.wait(timeout=60) for keeper in keepers] == [0, 0, 0, 0]
    assert everything_in(store) == [store.path(HASH)]


# ---- what cannot be taken ----


def test_a_folder_is_not_taken_and_the_way_to_pack_it_is_said(store, tmp_path):
    with pytest.raises(NotTaken, match=r"is a folder: .*`tar -c"):
        store.keep_file(tmp_path)


def test_a_link_is_not_taken_for_the_file_behind_it(store, tmp_path, log):
    link = tmp_path / "link"
    link.symlink_to(log)
    with pytest.raises(NotTaken, match=f"is a link to {log}: say the name of the file itself"):
        store.keep_file(link)


def test_a_pipe_is_not_waited_for(store, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotTaken, match="through standard input"):
        store.keep_file(tmp_path / "pipe")


def test_a_file_that_is_not_there_is_said_to_be_none(store, tmp_path):
    with pytest.raises(NotTaken, match=r"gone\.log cannot be read: No such file"):
        store.keep_file(tmp_path / "gone.log")


def test_a_file_that_one_may_not_read_is_said_to_be_such(store, log, monkeypatch):
    monkeypatch.setattr(os, "open", fails_with(errno.EACCES))
    with pytest.raises(NotTaken, match=r"auth\.log cannot be read: Permission denied"):
        store.keep_file(log)


def test_a_file_that_grows_while_it_is_read_is_not_taken(store, log, monkeypatch):
    class Grown(evidence._Limited):
        def read(self, size: int, /) -> bytes:
            with log.open("ab") as file:
                file.write(b"one more line\n")
            return super().read(size)

    monkeypatch.setattr(evidence, "_Limited", Grown)
    with pytest.raises(NotTaken, match=r"auth\.log changed while it was read \(19 bytes before"):
        store.keep_file(log)


def test_a_source_that_breaks_off_is_not_taken_for_whole(store):
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(NotTaken, match="standard input cannot be read to its end: Input/output error"):
        store.keep(Broken(LOG))
    assert everything_in(store) == []


# ---- a bad disk ----


def test_a_full_disk_is_said_and_leaves_nothing_behind(store, log):
    def write(target: EvidenceStore) -> None:
        target.keep(io.BytesIO(bytes(1 << 20)))

    with file_size_limit(1 << 16), pytest.raises(NotStored, match=r"nothing was kept in .*: File too large"):
        write(store)
    assert everything_in(store) == []
    store.keep_file(log)


def test_a_disk_without_room_asks_for_room(store, log, monkeypatch):
    monkeypatch.setattr(os, "fsync", fails_with(errno.ENOSPC))
    with pytest.raises(NotStored, match="No space left on device; make room"):
        store.keep_file(log)
    assert everything_in(store) == []


def test_a_state_folder_that_is_none_is_said_to_be_such(tmp_path, log):
    with pytest.raises(NotStored, match="Not a directory; mend that, or set TOCSIN_STATE"):
        EvidenceStore(log).keep_file(log)


# ---- what was altered ----


def test_content_that_was_altered_is_not_taken_for_what_is_added(store, log):
    store.keep_file(log)
    store.path(HASH).chmod(0o644)
    store.path(HASH).write_bytes(b"03:12 nobody logs in\n")
    with pytest.raises(Altered, match="is not what was kept"):
        store.keep_file(log)
    with pytest.raises(Altered, match="is not what was kept: its 21 bytes have the SHA-256"):
        brought(store, HASH)


def test_content_that_is_not_there_is_said_to_be_missing(store):
    with pytest.raises(NotThere, match=f"no content with the SHA-256 {HASH}"):
        brought(store, HASH)


# ---- on the record ----


@pytest.fixture
def world() -> World:
    world = World()
    world.alert()
    return world


def adds(world: World, **what: str) -> None:
    given = {
        "sha256": HASH,
        "size": len(LOG),
        "name": "auth.log",
        "origin": "web-3:/var/log/auth.log",
        **what,
    }
    world.says(say.AddEvidence, **given)


def test_the_record_says_what_came_from_where_by_whom_and_when(world):
    adds(world, note="the night of the break-in")
    [piece] = world.state.evidence.values()
    assert (piece.number, piece.sha256, piece.size, str(piece.by)) == (1, HASH, 19, "ana (claimed)")
    assert piece.at == world.now
    assert world.log("evidence") == [
        f"evidence 1: auth.log, 19 bytes, from web-3:/var/log/auth.log, SHA-256 {HASH} — the night of the break-in"
    ]


def test_the_same_content_twice_is_two_pieces_on_the_record(world):
    adds(world)
    adds(world, name="auth.log.1")
    assert [piece.name for piece in world.state.evidence.values()] == ["auth.log", "auth.log.1"]


def test_evidence_is_taken_until_an_incident_is_closed(world):
    world.says(say.Resolve, summary="calm")
    adds(world)
    world.says(say.Close, anyway=True)
    with pytest.raises(CommandRefused, match="is closed: evidence is not possible any more"):
        adds(world)


def fails_with(number: int) -> Callable[..., None]:
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return failing


class file_size_limit:  # noqa: N801 — reads as a context
    """A disk on which no file can become larger than this."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)
