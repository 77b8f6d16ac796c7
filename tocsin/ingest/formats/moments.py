"""Times as other people's programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

_FIRST, _LAST = 1970, 9998
"""Years that are believed. Go writes a time that it does not have as the year 1; the ends of the calendar cannot be
moved to another time zone."""


def believable(moment: datetime) -> datetime | None:
    """The moment in UTC, which it is taken for where it names no time zone; `None` where it says nothing."""
    if not _FIRST <= moment.year <= _LAST:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
