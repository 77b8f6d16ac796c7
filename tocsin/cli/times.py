"""Times as people type and read them: in UTC, so that what is printed can be typed again and means the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tocsin.domain.durations import parse_duration

_HINT = (
    "write `now`, `now-PT20M`, `2026-03-01 14:05` (UTC), or with an offset `2026-03-01T14:05+01:00`; "
    "quote what has a space"
)
_FROM_NOW = re.compile(r"now\s*(?P<sign>[+-])\s*(?P<length>P.+)", re.IGNORECASE)


def read_moment(text: str, now: datetime) -> datetime:
    """The moment that `text` names: `now`, `now-PT20M`, or ISO 8601; in UTC unless it carries its own offset.

    A day without a time is refused: nobody agrees on which end of the day it means. Raises `ValueError`.
    """
    if text.strip().lower() == "now":
        return now
    if from_now := _FROM_NOW.fullmatch(text.strip()):
        length = parse_duration(from_now["length"].upper())
        return now + length if from_now["sign"] == "+" else now - length
    try:
        moment = datetime.fromisoformat(text.strip().removesuffix("UTC").strip())
    except ValueError:
        raise ValueError(f'"{text}" is not a time; {_HINT}') from None
    if ":" not in text and "T" not in text:
        raise ValueError(f'"{text}" is a day without a time; {_HINT}')
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def absolute(moment: datetime) -> str:
    """Such as `2026-03-01 14:05 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def short(moment: datetime | None) -> str:
    """Such as `03-01 14:05`, under a heading that says UTC; a dash for none."""
    return f"{moment.astimezone(UTC):%m-%d %H:%M}" if moment else "–"


def relative(moment: datetime, now: datetime) -> str:
    """Such as `in 3 h 12 min` or `5 min ago`; `now` when less than a second lies between."""
    distance = moment - now
    if abs(distance) < timedelta(seconds=1):
        return "now"
    return f"in {length(distance)}" if distance > timedelta(0) else f"{length(distance)} ago"


def length(duration: timedelta) -> str:
    """The two largest units of a duration: `2 d 4 h`, `3 h 12 min`, `12 min`, `40 s`. Its sign is left out."""
    seconds = int(abs(duration).total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return _two(days, "d", hours, "h")
    if hours:
        return _two(hours, "h", minutes, "min")
    return f"{minutes} min" if minutes else f"{seconds} s"


def both(moment: datetime, now: datetime) -> str:
    """Such as `2026-03-01 14:05 UTC, in 3 h 12 min`."""
    return f"{absolute(moment)}, {relative(moment, now)}"


def _two(large: int, unit: str, small: int, smaller_unit: str) -> str:
    return f"{large} {unit} {small} {smaller_unit}" if small else f"{large} {unit}"
