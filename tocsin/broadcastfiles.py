"""What a broadcast keeps in the state folder.

    <state>/lists/<sha256>.jsonl             a pinned list: one row on each line, in the order in which they are sent
    <state>/broadcasts/<id>/
      pinned.json                            what the list came to, written once
      problems.jsonl                         rows that could not be written to, by number, and why
      journal.jsonl                          how far it has come (`tocsin.broadcastjournal`); only ever appended
      deliveries.jsonl                       what vendors reported of its rows; only ever appended

The folders hold addresses: they are for the eyes of whoever runs Tocsin, and may be deleted once nobody asks any more.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tocsin.broadcastjournal import Course, Journal
from tocsin.domain.base import Moment, Value
from tocsin.domain.broadcasts import BROADCAST_ID, DeliveryNote, PinList, PinnedList, Row
from tocsin.domain.delivery import DeliveryState, forward
from tocsin.files import DamagedFile, JsonLines, json_line, locked, sync_folder, write_whole

LONGEST_LINE = 4_096
"""Bytes: more than the report of a delivery ever has."""


class InUse(OSError):
    """Somebody else writes this journal: an attempt that was given up and still runs, or one on another machine."""


class Trouble(Value):
    """A row that was not written to, or once only: its number in the list, its key there, and why."""

    row: int
    key: str = ""
    reason: str


class Pinned(Value):
    """A broadcast as it was pinned: what was asked for, and what the list came to."""

    asked: PinList
    at: Moment
    list: PinnedList


# ---- lists ----


def keep_list(state: Path, rows: Sequence[Row]) -> str:
    """Put a pinned list down under its hash; the hash."""
    content = b"".join(json_line(astuple(row)) for row in rows)
    sha256 = hashlib.sha256(content).hexdigest()
    path = _list_path(state, sha256)
    if not path.exists():
        write_whole(path, content)
    return sha256


def read_list(state: Path, sha256: str) -> list[Row]:
    """A pinned list. Raises `DamagedFile` when it is not what was put down."""
    content = _list_path(state, sha256).read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedFile(
            f"{_list_path(state, sha256)} was changed after it was pinned; bring it back from a copy"
        )
    return [Row(*json.loads(line)) for line in content.splitlines()]


def _list_path(state: Path, sha256: str) -> Path:
    return state / "lists" / f"{sha256}.jsonl"


# ---- one broadcast ----


class BroadcastFolder:
    """The files of one broadcast. Raises `ValueError` for an id that is none, so that no path leads elsewhere."""

    def __init__(self, state: Path, broadcast: str) -> None:
        if not BROADCAST_ID.fullmatch(broadcast):
            raise ValueError(f'"{broadcast}" is not the id of a broadcast')
        self.id = broadcast
        self._folder = state / "broadcasts" / broadcast

    def pinned(self) -> Pinned | None:
        """What the list came to; `None` before it is pinned. Raises `DamagedFile`."""
        path = self._folder / "pinned.json"
        if not path.exists():
            return None
        try:
            return Pinned.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise DamagedFile(f"{path} is not as it was written: {error}") from error

    def pin(self, pinned: Pinned, troubles: Iterable[Trouble]) -> None:
        """Put down what the list came to, and which rows it had no use for."""
        lines = b"".join(json_line(trouble.model_dump(mode="json")) for trouble in troubles)
        write_whole(self._folder / "problems.jsonl", lines)
        write_whole(self._folder / "pinned.json", pinned.model_dump_json(indent=2).encode())

    def note(self, troubles: Sequence[Trouble]) -> None:
        """Add rows that a vendor refused."""
        if troubles:
            with locked(self._folder / "problems.jsonl") as file:
                file.append([trouble.model_dump(mode="json") for trouble in troubles])

    def troubles(self) -> list[Trouble]:
        """Every row that was not written to, in the order in which that was found; each once."""
        found = [Trouble.model_validate(line) for line in self._lines("problems.jsonl")]
        return list(dict.fromkeys(found))

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """The journal, for this process alone. Raises `InUse`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "journal.jsonl"
        with path.open("a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InUse(
                    f"broadcast {self.id} is being sent elsewhere; it goes on once that has ended"
                ) from error
            sync_folder(self._folder)
            yield Journal(file)

    def course(self) -> Course:
        """How far it has come, for whoever only looks."""
        return Course.of(self._lines("journal.jsonl"))

    def keep_deliveries(self, notes: Iterable[DeliveryNote]) -> None:
        """Append what a vendor reported; it is on the disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lines = b"".join(json_line(note.model_dump(mode="json")) for note in notes)
        _append(self._folder / "deliveries.jsonl", lines)

    def deliveries(self) -> Counter[DeliveryState]:
        """How many rows are in which state by their vendor's word, whatever the order of the reports."""
        states: dict[int, DeliveryState] = {}
        for line in self._lines("deliveries.jsonl"):
            before = states.get(line["row"], DeliveryState.SENT)
            states[line["row"]] = forward(before, DeliveryState(line["state"]))
        return Counter(states.values())

    def _lines(self, name: str) -> list[Any]:
        path = self._folder / name
        if not path.exists():
            return []
        with path.open("rb") as file:
            return JsonLines(file).read()


def known_broadcasts(state: Path) -> list[BroadcastFolder]:
    """Every broadcast that has been pinned, the newest first."""
    paths = sorted((state / "broadcasts").glob("*/pinned.json"), key=_when_written, reverse=True)
    return [BroadcastFolder(state, path.parent.name) for path in paths]


def _when_written(path: Path) -> float:
    return path.stat().st_mtime


def _append(path: Path, lines: bytes) -> None:
    """Put lines at the end of a file that may be long, over one that a crash cut short, without reading it all."""
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LONGEST_LINE))
        tail = file.read()
        file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
