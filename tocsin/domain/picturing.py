"""The picture of an incident, as data: what `tocsin.picture` draws, small enough to travel with a message.

Whatever is bounded here keeps the newest and counts the rest: a picture never claims to be whole when it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from tocsin.domain.base import Moment, Value
from tocsin.domain.case import Case
from tocsin.domain.state import AnchorTime, Entry, Message
from tocsin.domain.view import LedgerRow, ledger
from tocsin.domain.words import Anchor, Phase, Verdict

MOST_LANES = 14
"""Promises that have a line of their own."""

MOST_DUES = 90
"""Due times over all lines: an interim report every four hours for two weeks."""

MOST_SENT = 120
"""Marks for messages; those of one purpose and one minute are one mark."""

MOST_PHASES = 12
"""Five, and again those after a reopening."""

LONGEST_TEXT = 60
"""Characters of a title."""

T = TypeVar("T")


class Span(Value):
    """A phase, from when it was reached to when the next one was; `ends` is `None` while it goes on.

    `is_older` where it was reached before `begins`, and the record at hand does not go back to when.
    """

    label: str
    begins: Moment
    ends: Moment | None
    is_older: bool = False


class Mark(Value):
    """Something that happened at one moment: an anchor by its name, a message by its purpose."""

    label: str
    at: Moment


class Due(Value):
    """One due time of a promise, when it was settled, and how."""

    due: Moment
    settled: Moment | None
    verdict: Verdict


class Lane(Value):
    """A promise with its due times in order; a report that is owed again and again has many."""

    title: str
    dues: tuple[Due, ...]


class Picture(Value):
    """What happened to an incident between `opened` and `at`, and what is still to come. Times are to the second."""

    opened: Moment
    at: Moment
    phases: tuple[Span, ...] = ()
    anchors: tuple[Mark, ...] = ()
    sent: tuple[Mark, ...] = ()
    lanes: tuple[Lane, ...] = ()
    left_out: int = 0


def picture_of(case: Case, now: datetime) -> Picture:
    """The picture of a case as it stands at `now`."""
    state = case.state
    messages = state.messages.values()
    return picture(state.opened, state.phase, state.anchors, state.timeline, messages, ledger(case), now)


def picture(
    opened: datetime,
    phase: Phase | None,
    anchors: Mapping[Anchor, AnchorTime],
    timeline: Sequence[Entry],
    messages: Iterable[Message],
    rows: Iterable[LedgerRow],
    now: datetime,
) -> Picture:
    """The same from what the command line can ask an incident."""
    lanes, lanes_left = _lanes(rows)
    sent, sent_left = _newest(_sent(messages), MOST_SENT, lambda mark: mark.at)
    return Picture(
        opened=_second(opened),
        at=_second(now),
        phases=_phases(opened, phase, timeline),
        anchors=tuple(
            Mark(label=anchor.replace("_", " "), at=_second(known.at)) for anchor, known in anchors.items()
        ),
        sent=tuple(sent),
        lanes=tuple(lanes),
        left_out=lanes_left + sent_left,
    )


def _phases(opened: datetime, current: Phase | None, timeline: Sequence[Entry]) -> tuple[Span, ...]:
    """The phases by the entries that say when each was reached, also again after a reopening.

    Old entries leave for the archive: of what went before them, only the phase that still goes on is known.
    """
    reached = [(entry.at, phase) for entry in timeline if (phase := _phase_in(entry)) is not None]
    if not reached:
        return _since_before(opened, current, timeline)
    ends: list[datetime | None] = [at for at, _ in reached[1:]]
    return tuple(
        Span(label=phase.label, begins=_second(at), ends=_second(end) if end else None)
        for (at, phase), end in zip(reached, [*ends, None], strict=True)
    )[-MOST_PHASES:]


def _since_before(opened: datetime, current: Phase | None, timeline: Sequence[Entry]) -> tuple[Span, ...]:
    if current is None:
        return ()
    is_first = current is Phase.IMMEDIATE_ACTION
    begins = timeline[0].at if timeline and not is_first else opened
    return (Span(label=current.label, begins=_second(begins), ends=None, is_older=not is_first),)


def _phase_in(entry: Entry) -> Phase | None:
    if entry.kind != "phase":
        return None
    return next((phase for phase in Phase if entry.text.endswith(f"phase {phase.label}")), None)


def _sent(messages: Iterable[Message]) -> list[Mark]:
    """One mark for each purpose and minute in which something left."""
    left = {(message.purpose, _minute(message.sent)) for message in messages if message.sent is not None}
    return [Mark(label=purpose, at=at) for purpose, at in sorted(left, key=lambda each: each[::-1])]


def _lanes(rows: Iterable[LedgerRow]) -> tuple[list[Lane], int]:
    """The promises that had a due time, in the order of their first ones, and how many due times were left out."""
    clocked = [row for row in rows if row.due is not None and row.verdict is not Verdict.NOT_APPLICABLE]
    kept, left = _newest(clocked, MOST_DUES, _due_time)
    by_title = {
        title: tuple(_due(row) for row in group)
        for title, group in groupby(sorted(kept, key=lambda row: row.title), lambda row: row.title)
    }
    lanes = sorted(by_title.items(), key=lambda lane: (lane[1][0].due, lane[0]))
    left += sum(len(dues) for _, dues in lanes[MOST_LANES:])
    return [Lane(title=_cut(title), dues=dues) for title, dues in lanes[:MOST_LANES]], left


def _due(row: LedgerRow) -> Due:
    settled = _second(row.settled) if row.settled else None
    return Due(due=_second(_due_time(row)), settled=settled, verdict=row.verdict)


def _due_time(row: LedgerRow) -> datetime:
    assert row.due is not None, "a row without a due time has no lane"
    return row.due


def _newest(items: Iterable[T], most: int, when: Callable[[T], datetime]) -> tuple[Sequence[T], int]:
    """The newest of `items` in the order of time, and how many that leaves out."""
    ordered = sorted(items, key=when)
    return ordered[-most:], max(0, len(ordered) - most)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
