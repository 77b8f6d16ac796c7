"""How far a broadcast has come, as its journal has it.

The journal is the cursor. A batch is a span of positions of the list; `begin` is on the disk before the vendor is
asked, and `taken` after it answered, so that whatever dies in between, the next one knows where to go on:

    {"begin": [0, 1000], "at": "…", "again": 0}      `again`: how many of them may have been written to before
    {"taken": [0, 1000], "refused": [17]}            all but these; positions never go back
    {"not_taken": [1000, 2000]}                      nobody: the vendor said so
    {"given_up": "…"}                                why no vendor will ever take the rest
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from tocsin.domain.state import BroadcastCounts
from tocsin.files import DamagedFile, json_line

Span = tuple[int, int]
"""Positions in a pinned list, from the first up to and without the second."""


@dataclass
class Course:
    """How far a broadcast has come, by its journal: every position before `cursor` is settled.

    `doubtful` is a span that was begun and has no end: some of it may have been written to, since `begun`.
    """

    cursor: int = 0
    accepted: int = 0
    refused: int = 0
    may_be_doubled: int = 0
    doubtful: Span | None = None
    begun: datetime | None = None
    given_up: str = ""

    @classmethod
    def of(cls, lines: Iterable[dict[str, Any]]) -> Course:
        """Read from a journal's lines."""
        course = cls()
        for line in lines:
            course.follow(line)
        return course

    def follow(self, line: dict[str, Any]) -> None:
        """Go on by one line."""
        if "begin" in line:
            self.doubtful = _span(line["begin"])
            self.begun = datetime.fromisoformat(line["at"])
            self.may_be_doubled += line["again"]
        elif "taken" in line:
            start, end = _span(line["taken"])
            self.refused += len(line["refused"])
            self.accepted += end - start - len(line["refused"])
            self.cursor, self.doubtful = end, None
        elif "not_taken" in line:
            self.doubtful = None
        elif "given_up" in line:
            self.given_up = line["given_up"]

    def counts(self, pinned: BroadcastCounts) -> BroadcastCounts:
        """The counts of the whole, from those of the pinned list."""
        return pinned.model_copy(
            update={
                "accepted": self.accepted,
                "refused": self.refused,
                "may_be_doubled": self.may_be_doubled,
            }
        )


@dataclass
class Journal:
    """The open journal of one broadcast. What a crash cut off at its end is no line, and is written over."""

    file: BinaryIO
    course: Course = field(init=False)

    def __post_init__(self) -> None:
        self.file.seek(0)
        whole = [line for line in self.file if line.endswith(b"\n")]
        try:
            self.course = Course.of(json.loads(line) for line in whole)
        except (ValueError, KeyError) as error:
            raise DamagedFile(f"{self.file.name} has a line that is none of ours: {error!r}") from error
        self.file.truncate(sum(map(len, whole)))
        os.fsync(self.file.fileno())

    def begin(self, span: Span, at: datetime, again: int = 0) -> None:
        """A batch is about to be handed over."""
        self._append({"begin": span, "at": at.isoformat(), "again": again})

    def taken(self, span: Span, refused: Sequence[int] = ()) -> None:
        """The vendor has it, all but the refused positions."""
        self._append({"taken": span, "refused": list(refused)})

    def not_taken(self, span: Span) -> None:
        """The vendor has nothing of it."""
        self._append({"not_taken": span})

    def given_up(self, why: str) -> None:
        """No vendor will ever take the rest."""
        self._append({"given_up": why})

    def _append(self, line: dict[str, Any]) -> None:
        self.file.write(json_line(line))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.course.follow(line)


def _span(pair: Sequence[int]) -> Span:
    start, end = pair
    return start, end
