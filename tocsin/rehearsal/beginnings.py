"""When a rehearsal begins: a day and a time in words, in the plan's own time zone, and never in the past."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_WEEKDAYS = [name.lower() for name in calendar.day_name]
_MONTHS = [name.lower() for name in calendar.month_name]
_ORDINALS = {"first": 0, "second": 1, "third": 2, "fourth": 3, "last": -1}

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})"
_WEEKDAY = rf"(?P<weekday>{'|'.join(_WEEKDAYS)})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS[1:])})"
_NEXT = re.compile(rf"{_WEEKDAY} {_CLOCK}")
_NTH = re.compile(rf"(?P<nth>{'|'.join(_ORDINALS)}) {_WEEKDAY} of {_MONTH} {_CLOCK}")
_DAY = re.compile(rf"(?P<day>\d{{1,2}}) {_MONTH} {_CLOCK}")

HINT = (
    'write "friday 22:40", "first tuesday of february 22:40", "24 december 18:00", or an ISO time that lies ahead '
    'such as "2031-02-04T22:40"'
)


def moment_of(text: str, timezone: str, now: datetime) -> datetime:
    """The next moment after `now` that `text` means in `timezone`. Raises `ValueError` that says what to write."""
    zone = ZoneInfo(timezone)
    words = " ".join(text.lower().split())
    today = now.astimezone(zone).date()
    for pattern, days in ((_NEXT, _weekdays), (_NTH, _nth_weekdays), (_DAY, _dates)):
        if found := pattern.fullmatch(words):
            parts = found.groupdict()
            return _first_after(now, days(parts, today), _clock(text, parts), zone)
    return _given(text, zone, now)


def _clock(text: str, parts: dict[str, str]) -> time:
    try:
        return time(int(parts["hour"]), int(parts["minute"]))
    except ValueError:
        raise ValueError(f'"{text}" has no such time of day; {HINT}') from None


def _first_after(now: datetime, days: list[date], at: time, zone: ZoneInfo) -> datetime:
    moments = [datetime.combine(day, at, zone) for day in days]
    return next(moment for moment in moments if moment > now)


def _weekdays(parts: dict[str, str], today: date) -> list[date]:
    ahead = (_WEEKDAYS.index(parts["weekday"]) - today.weekday()) % 7
    return [today + timedelta(days=ahead), today + timedelta(days=ahead + 7)]


def _nth_weekdays(parts: dict[str, str], today: date) -> list[date]:
    month, weekday = _MONTHS.index(parts["month"]), _WEEKDAYS.index(parts["weekday"])
    every = ([day for day in _days_of(year, month) if day.weekday() == weekday] for year in _years(today))
    return [days[_ORDINALS[parts["nth"]]] for days in every]


def _dates(parts: dict[str, str], today: date) -> list[date]:
    month, number = _MONTHS.index(parts["month"]), int(parts["day"])
    found = [day for year in _years(today) for day in _days_of(year, month) if day.day == number]
    if not found:
        raise ValueError(f"{parts['month']} has no day {number}; {HINT}")
    return found


def _days_of(year: int, month: int) -> list[date]:
    return [date(year, month, day + 1) for day in range(calendar.monthrange(year, month)[1])]


def _years(today: date) -> range:
    """Enough years for a leap day, too."""
    return range(today.year, today.year + 9)


def _given(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'"{text}" is not a beginning; {HINT}') from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    if moment <= now:
        raise ValueError(f'"{text}" lies in the past, and rehearsals run forward from now; {HINT}')
    return moment.astimezone(zone)
