"""Comparing times that are counted in different ways: three business days against 72 hours.

Which is longer depends on the moment from which they are counted, so they are tried from moments all over a year.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.durations import Allowance

_STEP = timedelta(hours=7)
"""Between two moments that are tried: by seven hours, every hour of each day of the week comes up within the year."""

_A_YEAR = timedelta(days=366)


def first_later(
    calendar: BusinessCalendar, today: date, within: Allowance, allowed: Allowance
) -> datetime | None:
    """The first moment from which `within` ends later than `allowed`; `None` when it never does."""
    if within.elapsed is not None and allowed.elapsed is not None:
        return _midnight(today) if within.elapsed > allowed.elapsed else None
    tried = _moments(today)
    return next((each for each in tried if calendar.due(each, within) > calendar.due(each, allowed)), None)


def shortest(calendar: BusinessCalendar, today: date, allowance: Allowance) -> timedelta:
    """How little an allowance may come to."""
    if allowance.elapsed is not None:
        return allowance.elapsed
    return min(calendar.due(moment, allowance) - moment for moment in _moments(today))


def _moments(today: date) -> Iterator[datetime]:
    first = _midnight(today)
    return (first + _STEP * number for number in range(_A_YEAR // _STEP))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
