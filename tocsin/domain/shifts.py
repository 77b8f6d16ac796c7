"""By what people come on duty: shifts in which they take turns, and overrides.

Everything is wall time somewhere, as in `tocsin.domain.hours`: a handover at 09:00 is at 09:00 in summer and in winter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from heapq import merge
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from tocsin.domain.base import Value
from tocsin.domain.calendar import WEEKDAYS, TimeZone, Weekday
from tocsin.domain.hours import CLOCK, WHOLE_DAY, RecurringHours, instant

Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""By which a directory knows somebody."""

_DAY = timedelta(days=1)
_NINE = time(9)
_HANDOVER = re.compile(rf"(?:(?P<day>{'|'.join(WEEKDAYS)}) )?(?P<at>{CLOCK})")
_WALL = re.compile(rf"\d{{4}}-\d\d-\d\d[ T]{CLOCK}(?::00)?")


@dataclass(frozen=True)
class Handover:
    """When the next one takes over, such as `mon 09:00`; without a `day`, at that time of any day that it falls on."""

    day: Weekday | None
    at: time

    def __str__(self) -> str:
        return f"{self.day} {self.at:%H:%M}" if self.day else f"{self.at:%H:%M}"


def _read_handover(given: Any) -> Any:
    if isinstance(given, list | tuple) or (isinstance(given, str) and "," in given):
        raise ValueError("a shift has one handover; for two, write two shifts with `hours` of their own")
    if not isinstance(given, str):
        return given
    if not (found := _HANDOVER.fullmatch(given.lower())):
        raise ValueError(f'"{given}" is not a handover; write "mon 09:00", or "09:00" for every day')
    return Handover(found["day"], time.fromisoformat(found["at"]))  # type: ignore[arg-type]  # one of the days


def _read_wall(given: Any) -> Any:
    if isinstance(given, str):
        if not _WALL.fullmatch(given):
            raise ValueError(f'"{given}" is not a local time; write one such as 2026-12-24 09:00')
        return datetime.fromisoformat(given)
    return given


HandoverTime = Annotated[
    Handover,
    BeforeValidator(_read_handover),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["mon 09:00"]}),
]
"""A handover as text in files."""

WallTime = Annotated[datetime, BeforeValidator(_read_wall), WithJsonSchema({"type": "string"})]
"""A local time such as `2026-12-24 09:00`, whose zone stands beside it."""


class Shift(RecurringHours):
    """People who take turns: every day, every week (when nothing is said), or every so many `weeks`.

    The first of `people` has the turn that begins with the first handover on or after `starts`; before it, the same
    order runs backwards. A daily turn is one of the days in `week`. Without a `handover`, it is when the `hours` begin,
    at 09:00 where they are the whole day; of weekly turns, on the weekday of `starts`.
    """

    people: Annotated[tuple[Key, ...], Field(min_length=1)]
    every: Literal["day", "week"] | None = None
    weeks: Annotated[int | None, Field(ge=1)] = None
    handover: HandoverTime | None = None
    starts: date

    @model_validator(mode="after")
    def _has_one_rhythm(self) -> Self:
        if self.every is not None and self.weeks is not None:
            raise ValueError("say either `every` or `weeks`")
        if self.every == "day" and self.handover is not None and self.handover.day is not None:
            raise ValueError(
                f'"{self.handover}" comes once a week, and every day is somebody else\'s turn; write '
                f'"{self.handover.at:%H:%M}", or `every: week`'
            )
        return self

    @property
    def rhythm(self) -> str:
        """`daily`, `weekly` or `every 2 weeks`."""
        if self.every == "day":
            return "daily"
        return "weekly" if self.weeks in {None, 1} else f"every {self.weeks} weeks"

    def on_duty(self, at: datetime) -> str | None:
        """Whose turn it is; `None` outside the hours of the shift."""
        return self.people[self._turn(at) % len(self.people)] if self.end_of(at) is not None else None

    def changes(self, after: datetime) -> Iterator[datetime]:
        """Every moment from which on somebody else may be on duty, in order, without end."""
        return merge(self.daily(self._turn_days, self._takes_over, after), self.edges(after))

    @property
    def _takes_over(self) -> time:
        if self.handover is not None:
            return self.handover.at
        return _NINE if self.hours == WHOLE_DAY else self.hours.opens

    @property
    def _turn_days(self) -> tuple[Weekday, ...]:
        """The weekdays on which turns may begin."""
        if self.every == "day":
            return self.week
        named = self.handover.day if self.handover is not None else None
        return (named or WEEKDAYS[self.starts.weekday()],)

    def _turn(self, at: datetime) -> int:
        """The number of the turn that goes on; that of the first of `people` is 0."""
        number = self._begun_by(at.astimezone(self.zone).date())
        while instant(self._first_day_of(number), self._takes_over, self.zone) > at:
            number -= 1
        return number

    def _begun_by(self, day: date) -> int:
        """The last turn that begins on `day` or before."""
        return (self._turn_days_until(day) - self._origin) // (self.weeks or 1)

    def _first_day_of(self, turn: int) -> date:
        whole, index = divmod(self._origin + turn * (self.weeks or 1) - 1, len(self._turn_days))
        return date.fromordinal(whole * 7 + 1 + WEEKDAYS.index(self._turn_days[index]))

    @property
    def _origin(self) -> int:
        """The first turn day on or after `starts`, counted like `_turn_days_until` does."""
        return self._turn_days_until(self.starts - _DAY) + 1

    def _turn_days_until(self, day: date) -> int:
        """How many turn days there were, `day` included, since the calendar began: with a Monday, 1 January 1."""
        whole = (day.toordinal() - 1) // 7 * len(self._turn_days)
        return whole + sum(WEEKDAYS.index(each) <= day.weekday() for each in self._turn_days)


class Override(Value):
    """Somebody takes a role for a while: before everybody else, or wherever it would be the turn of `instead_of`.

    `from` and `until` are local times of `timezone`; the end is not within it.
    """

    role: str
    person: Key
    from_: WallTime = Field(alias="from")
    until: WallTime
    timezone: TimeZone
    instead_of: Key | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until <= self.from_:
            raise ValueError(
                f"it ends, {self.until:%Y-%m-%d %H:%M}, before it begins, {self.from_:%Y-%m-%d %H:%M}; "
                "write a later `until`"
            )
        if self.instead_of == self.person:
            raise ValueError(
                f"{self.person} would stand in for themselves; name somebody else, or leave it out"
            )
        return self

    @property
    def begins(self) -> datetime:
        """The moment at which it begins."""
        return instant(self.from_.date(), self.from_.time(), ZoneInfo(self.timezone))

    @property
    def ends(self) -> datetime:
        """The moment at which it is over."""
        return instant(self.until.date(), self.until.time(), ZoneInfo(self.timezone))

    def holds(self, at: datetime) -> bool:
        """Whether it is in force."""
        return self.begins <= at < self.ends
