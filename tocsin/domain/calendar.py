"""Business time: which days and hours count, and when an allowance is over.

A plan has a `CalendarSpec`; an incident runs on a `BusinessCalendar`, in which the spec's holidays have
become concrete days (`tocsin.calendars.pin`), so that a later holiday library can't move a promise.

Moments are instants in UTC; days are local to the calendar's time zone.
"""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema, model_validator

from tocsin.domain.base import Value
from tocsin.domain.durations import Allowance

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""In the order of `date.weekday()`."""

_ONE_DAY = timedelta(days=1)
_LAST_SECOND = time(23, 59, 59, fold=1)
"""The end of a local day; `fold` picks the later one where clocks go back at midnight."""


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(name, available_timezones(), n=3)
        hint = (
            f"did you mean {' or '.join(near)}?" if near else "write an IANA name such as America/Los_Angeles"
        )
        raise ValueError(f'"{name}" is not a time zone; {hint}') from None
    return name


TimeZone = Annotated[str, AfterValidator(_check_time_zone)]
"""An IANA time zone name, known to this installation."""


def _spread_week(given: Any) -> Any:
    """Turn `mon-fri` or `sun-thu` into its days; anything else is left to the list of days."""
    if not isinstance(given, str):
        return given
    first, dash, last = given.partition("-")
    if not dash or first not in WEEKDAYS or last not in WEEKDAYS:
        raise ValueError(f'"{given}" is not a week; write mon-fri, sun-thu, or a list such as [mon, wed]')
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last)
    return [WEEKDAYS[(start + offset) % 7] for offset in range((end - start) % 7 + 1)]


def _in_order(days: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if not days:
        raise ValueError("a week needs at least one working day; write mon-fri")
    return tuple(day for day in WEEKDAYS if day in days)


Week = Annotated[tuple[Weekday, ...], BeforeValidator(_spread_week), AfterValidator(_in_order)]
"""The working days of a week, Monday first; in a plan `mon-fri`, `sun-thu` or a list."""

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


class WorkingHours(Value):
    """The hours of a working day, local time, such as `09:00-17:00`; closing at 00:00 is the day's end."""

    opens: time
    closes: time

    @model_validator(mode="before")
    @classmethod
    def _from_plan(cls, given: Any) -> Any:
        if not isinstance(given, str):
            return given
        if not (matched := _HOURS.fullmatch(given)):
            raise ValueError(f'"{given}" is not a span of hours; write 09:00-17:00, or 00:00-24:00')
        opens_hour, opens_minute, closes_hour, closes_minute = (int(part or 0) for part in matched.groups())
        return {"opens": time(opens_hour, opens_minute), "closes": time(closes_hour, closes_minute)}

    @model_validator(mode="after")
    def _within_one_day(self) -> Self:
        if self.closes != time(0) and self.closes <= self.opens:
            raise ValueError(f"{self} ends before it starts; hours lie within one day, such as 09:00-17:00")
        return self

    def __str__(self) -> str:
        closes = "24:00" if self.closes == time(0) else f"{self.closes:%H:%M}"
        return f"{self.opens:%H:%M}-{closes}"


Hours = Annotated[
    WorkingHours,
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["09:00-17:00"]}),
]
"""Working hours, as text in files and messages."""

OFFICE_HOURS = WorkingHours(opens=time(9), closes=time(17))


class PersonalHours(Value):
    """When a person works, in their own time zone: every hour of the week unless it says otherwise."""

    timezone: TimeZone
    week: Week = WEEKDAYS
    hours: Hours = WorkingHours(opens=time(0), closes=time(0))

    def include(self, moment: datetime) -> bool:
        """Whether the person works at that moment."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        is_before_the_end = self.hours.closes == time(0) or local.time() < self.hours.closes
        return (
            WEEKDAYS[local.weekday()] in self.week and self.hours.opens <= local.time() and is_before_the_end
        )


def _check_holiday_code(code: str) -> str:
    if not re.fullmatch(r"[A-Z]{2}(-[A-Za-z0-9-]+)?", code):
        raise ValueError(
            f'"{code}" is not a holiday calendar; write a country (US) or its subdivision (US-CA)'
        )
    return code


HolidayCode = Annotated[str, AfterValidator(_check_holiday_code)]
"""An ISO 3166 country, or country and subdivision. Whether it has holidays is known when it is pinned."""


class CalendarSpec(Value):
    """The `calendar:` section of a plan: what counts as business time, by rule.

    `company_days` are days off besides the public holidays; `holidays: null` means that there are none.
    """

    timezone: TimeZone
    week: Week = WEEKDAYS[:5]
    hours: Hours = OFFICE_HOURS
    holidays: HolidayCode | None = None
    company_days: tuple[date, ...] = ()


class BusinessCalendar(Value):
    """Business time, pinned: every day off from `pinned_from` to `pinned_until` (both included) is listed.

    Outside that span only the week is known, so each of its days counts as a working day; `covers` tells.
    """

    timezone: TimeZone
    week: Week
    hours: Hours = OFFICE_HOURS
    days_off: Annotated[frozenset[date], PlainSerializer(sorted, return_type=list[date])] = frozenset()
    pinned_from: date
    pinned_until: date

    @property
    def zone(self) -> ZoneInfo:
        """The time zone; the standard library caches it by name."""
        return ZoneInfo(self.timezone)

    def covers(self, moment: datetime) -> bool:
        """Whether the holidays of that local day were known when the calendar was pinned."""
        return self.pinned_from <= self.local(moment).date() <= self.pinned_until

    def local(self, moment: datetime) -> datetime:
        """The wall clock at `moment`. Raises `ValueError` for a moment without a time zone."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment.isoformat()} has no time zone; business time is counted from instants")
        return moment.astimezone(self.zone)

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is in the working week and not a day off."""
        return WEEKDAYS[day.weekday()] in self.week and day not in self.days_off

    def due(self, anchor: datetime, allowance: Allowance) -> datetime:
        """When `allowance`, counted from `anchor`, is over; in UTC.

        - a duration: that much time later, whatever the calendar says;
        - `business_hours`: once that many working hours have passed;
        - `business_days`: at the end of the n-th working day after the anchor's day (`end_of_business_days`);
        - `calendar_days`, `calendar_months`: at the same wall-clock time n days or months later. A month too
          short ends on its last day. A time skipped by daylight saving is due as much later as clocks jumped;
          of a time that comes twice, the first.
        """
        wall = self.local(anchor)
        if allowance.elapsed is not None:
            return anchor.astimezone(UTC) + allowance.elapsed
        if allowance.business_hours is not None:
            return self.add_business_hours(anchor, allowance.business_hours)
        if allowance.business_days is not None:
            return self.end_of_business_days(anchor, allowance.business_days)
        if allowance.calendar_days is not None:
            return self._at(wall.date() + timedelta(days=allowance.calendar_days), wall.time())
        assert allowance.calendar_months is not None
        return self._at(_months_later(wall.date(), allowance.calendar_months), wall.time())

    def end_of_business_days(self, anchor: datetime, days: int) -> datetime:
        """23:59:59 local time on the `days`-th working day after the anchor's day, in UTC.

        The anchor's own day does not count, whether it is a working day or not, and the last day counts to
        its end. That is how courts and administrations compute a period of days (Fed. R. Civ. P. 6(a);
        Regulation (EEC, Euratom) 1182/71, article 3), and a policy that says "within 3 business days" and
        no hour promises no more: ending with office hours would call a report late that the text calls
        punctual. It is the last second rather than midnight so that the due date, when written down, names
        the day that is meant.
        """
        last = self.add_business_days(self.local(anchor).date(), days)
        return self._at(last, _LAST_SECOND)

    def add_business_days(self, day: date, days: int) -> date:
        """The `days`-th working day after `day`; `day` itself for 0. Raises `ValueError` below 0."""
        if days < 0:
            raise ValueError(f"{days} business days would count backwards; a deadline lies after its anchor")
        while days:
            day += _ONE_DAY
            days -= self.is_working_day(day)
        return day

    def add_business_hours(self, anchor: datetime, hours: int) -> datetime:
        """When `hours` of working time have passed since `anchor`, in UTC."""
        left = timedelta(hours=hours)
        for opens, closes in self.working_windows(anchor):
            if closes - opens >= left:
                return opens + left
            left -= closes - opens
        raise AssertionError("working windows never end")  # pragma: no cover

    def next_working_moment(self, moment: datetime) -> datetime:
        """`moment` itself within working hours, otherwise the next opening; in UTC."""
        return next(self.working_windows(moment))[0]

    def working_windows(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Spans of working time (opening, closing) from `moment` on, in UTC, without end.

        The first one starts at `moment` if that falls within working hours. Closing is not within them.
        """
        today = self.local(moment).date()
        moment = moment.astimezone(UTC)
        for day in (today + timedelta(days=offset) for offset in count()):
            if not self.is_working_day(day):
                continue
            opens, closes = self._opening_and_closing(day)
            if max(opens, moment) < closes:
                yield max(opens, moment), closes

    def _opening_and_closing(self, day: date) -> tuple[datetime, datetime]:
        closing_day = day + _ONE_DAY if self.hours.closes == time(0) else day
        return self._at(day, self.hours.opens), self._at(closing_day, self.hours.closes)

    def _at(self, day: date, wall: time) -> datetime:
        return datetime.combine(day, wall, tzinfo=self.zone).astimezone(UTC)


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    _, length = calendar.monthrange(years, month + 1)
    return date(years, month + 1, min(day.day, length))


def compress(anchor: datetime, due: datetime, speed: int) -> datetime:
    """Where `due` falls in a drill whose clock runs `speed` times as fast from `anchor` on.

    Raises `ValueError` for a speed below 1.
    """
    if speed < 1:
        raise ValueError(
            f"a drill at speed {speed} would never end; give 1 for real time, 60 for an hour a minute"
        )
    return anchor + (due - anchor) / speed
