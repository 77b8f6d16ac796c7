"""Hours that come again: spans of wall time on days of the week, and those in which somebody is not disturbed.

Wall time is local: 07:00 is 07:00 in summer and in winter. A time that is skipped when clocks change is as much later
as they jumped; of one that comes twice, the first is meant. Moments are instants in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from heapq import merge
from itertools import count
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from tocsin.domain.base import Value
from tocsin.domain.calendar import WEEKDAYS, TimeZone, Week, Weekday

CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
"""A time of the day, as a pattern."""

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_SPAN = re.compile(rf"(?P<opens>{CLOCK})-(?P<closes>{CLOCK}|24:00)")


def instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which clocks in `zone` show this."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True)
class DaySpan:
    """From an hour of a day until another, which is the next day's where it is not later: `22:00-07:00`."""

    opens: time
    closes: time

    @property
    def crosses_midnight(self) -> bool:
        """Whether it ends on the day after; one that ends at 24:00 does, by no time at all."""
        return self.closes <= self.opens

    def __str__(self) -> str:
        closes = "24:00" if self.closes == time(0) else f"{self.closes:%H:%M}"
        return f"{self.opens:%H:%M}-{closes}"


def _read_span(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    if not (found := _SPAN.fullmatch(given)):
        raise ValueError(f'"{given}" is not a span of hours; write 09:00-17:00, 22:00-07:00 or 00:00-24:00')
    if found["opens"] == found["closes"]:
        raise ValueError(f'"{given}" is no time at all; write 00:00-24:00 for the whole day')
    closes = time(0) if found["closes"] == "24:00" else time.fromisoformat(found["closes"])
    return DaySpan(time.fromisoformat(found["opens"]), closes)


Span = Annotated[
    DaySpan,
    BeforeValidator(_read_span),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["22:00-07:00"]}),
]
"""A span of hours as text in files, which may cross midnight."""

WHOLE_DAY = DaySpan(time(0), time(0))


class RecurringHours(Value):
    """The same hours on some days of the week. `week` are the days on which they begin."""

    timezone: TimeZone
    week: Week = WEEKDAYS
    hours: Span = WHOLE_DAY

    @property
    def zone(self) -> ZoneInfo:
        """The time zone; the standard library caches it by name."""
        return ZoneInfo(self.timezone)

    @property
    def never_pauses(self) -> bool:
        """Whether these are all hours of the week."""
        return self.hours == WHOLE_DAY and self.week == WEEKDAYS

    def end_of(self, moment: datetime) -> datetime | None:
        """When the hours end in which `moment` lies; `None` where it lies in none. The end is not within them."""
        today = moment.astimezone(self.zone).date()
        # Where a zone skips a whole day, as Apia did on 30 December 2011, the night before is two dates ago.
        for day in (today - 2 * _DAY, today - _DAY, today):
            if WEEKDAYS[day.weekday()] in self.week:
                opens, closes = self._span_on(day)
                if opens <= moment < closes:
                    return closes
        return None

    def edges(self, after: datetime) -> Iterator[datetime]:
        """Every opening and closing after a moment, in order, without end."""
        opens = self.daily(self.week, self.hours.opens, after)
        closes = self.daily(self.week, self.hours.closes, after, later=self.hours.crosses_midnight)
        return merge(opens, closes)

    def _span_on(self, day: date) -> tuple[datetime, datetime]:
        last = day + _DAY if self.hours.crosses_midnight else day
        return instant(day, self.hours.opens, self.zone), instant(last, self.hours.closes, self.zone)

    def daily(
        self, days: tuple[Weekday, ...], wall: time, after: datetime, *, later: bool = False
    ) -> Iterator[datetime]:
        """That time of each of the days; of the day after each when `later`."""
        first = after.astimezone(self.zone).date() - 2 * _DAY
        for day in (first + _DAY * offset for offset in count()):
            moment = instant(day + _DAY * later, wall, self.zone)
            if WEEKDAYS[day.weekday()] in days and moment > after:
                yield moment


class QuietHours(RecurringHours):
    """Hours in which a person is not to be disturbed, in their own time zone."""

    hours: Span


class Quiet(NamedTuple):
    """That somebody has quiet hours, and until when; `timezone` is theirs."""

    until: datetime
    timezone: str

    def in_words(self, at: datetime) -> str:
        """Their own time, such as `07:00`; with its day, `Mon 07:00`, where that is not within a day of `at`."""
        local = self.until.astimezone(ZoneInfo(self.timezone))
        day = f"{WEEKDAYS[local.weekday()].capitalize()} " if self.until - at >= _DAY else ""
        return f"{day}{local:%H:%M}"


def quiet_at(hours: Iterable[QuietHours], moment: datetime) -> Quiet | None:
    """The quiet in which `moment` lies, with whatever follows it without a pause, for a week at most."""
    known, found = tuple(hours), None
    until = moment
    while until - moment < _WEEK:
        ends = [(end, each.timezone) for each in known if (end := each.end_of(until)) is not None]
        if not ends:
            break
        until, timezone = max(ends)
        found = Quiet(until, timezone)
    return found


def never_ends(hours: Iterable[QuietHours]) -> bool:
    """Whether they leave no hour of the week."""
    some_monday = datetime(2026, 1, 5, tzinfo=UTC)
    quiet = quiet_at(hours, some_monday)
    return quiet is not None and quiet.until - some_monday >= _WEEK
