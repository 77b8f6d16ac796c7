"""A time axis for pictures: where a moment stands, and which times are written along it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

STEPS = tuple(
    timedelta(minutes=minutes)
    for minutes in (1, 5, 15, 30, 60, 180, 360, 720, 1440, 2880, 10080, 20160, 40320, 80640)
)
"""What may lie between two ticks: from a minute to eight weeks."""

ROOM = 46
"""Pixels that the text of a tick needs."""

LEAST, MOST_ASIDE = 0.1, 0.3
"""The share of the width that the time before and the time still to come get, whatever their length."""


class Tick(NamedTuple):
    """A moment on the axis, in the zone's own time; `opens_a_day` when it is the first one of its day."""

    at: datetime
    x: float
    opens_a_day: bool


@dataclass(frozen=True)
class Axis:
    """Moments and their places, between which time runs evenly.

    What happened before the incident was opened, and what is still to come, may be months long while the incident
    itself took an hour: each of the three stretches has a scale of its own, so that none crushes the others.
    """

    knots: tuple[tuple[datetime, float], ...]
    zone: ZoneInfo

    @classmethod
    def between(
        cls,
        begins: datetime,
        opened: datetime,
        at: datetime,
        ends: datetime,
        left: float,
        right: float,
        zone: ZoneInfo,
    ) -> Axis:
        """An axis from `begins` to `ends`, `left` to `right`; the middle stretch is `opened` to `at`."""
        at = max(at, opened + timedelta(minutes=1))
        stretches = (opened - begins, at - opened, max(ends - at, timedelta()))
        before, after = (_aside(stretch, sum(stretches, timedelta())) for stretch in stretches[::2])
        width = right - left
        knots = (
            (begins, left),
            (opened, left + before * width),
            (at, right - after * width),
            (max(ends, at), right),
        )
        return cls(knots, zone)

    def x(self, moment: datetime) -> float:
        """Where the moment stands; what lies beyond an end stands at that end."""
        for (begins, left), (ends, right) in pairwise(self.knots):
            if moment <= ends and ends > begins:
                share = max(moment - begins, timedelta()) / (ends - begins)
                return left + share * (right - left)
        return self.knots[-1][1]

    def ticks(self) -> Iterator[Tick]:
        """Round times, as many as their texts have room."""
        day, free = None, self.knots[0][1]
        for at in self._round_times():
            x = self.x(at)
            if x < free:
                continue
            yield Tick(at, x, at.date() != day)
            day, free = at.date(), x + ROOM

    def _round_times(self) -> Iterator[datetime]:
        for (begins, left), (ends, right) in pairwise(self.knots):
            if right - left < ROOM or ends <= begins:
                continue
            step = _step(ends - begins, right - left)
            at = _rounded_up(begins.astimezone(self.zone), step)
            while at <= ends:
                yield at
                at = _later(at, step)


def _aside(stretch: timedelta, whole: timedelta) -> float:
    return min(max(stretch / whole, LEAST), MOST_ASIDE) if stretch > timedelta() else 0.0


def _step(length: timedelta, width: float) -> timedelta:
    return next((step for step in STEPS if length / step * ROOM <= width), STEPS[-1])


def _rounded_up(local: datetime, step: timedelta) -> datetime:
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -(-(local - midnight) // step)
    return _later(midnight, steps * step)


def _later(local: datetime, step: timedelta) -> datetime:
    """By the clock on the wall, so that midnight stays midnight when summer time begins or ends."""
    return local + step
