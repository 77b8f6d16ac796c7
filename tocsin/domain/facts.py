"""Facts: what people say is checked against the type that the plan gives it, and kept in one spelling."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime

from tocsin.domain.commands import CommandRefused
from tocsin.domain.durations import describe, parse_duration
from tocsin.domain.plan import FactSpec, FactType


def read(spec: FactSpec, value: str) -> str:
    """The value as it is kept. Raises `CommandRefused` for one of another type."""
    if spec.type == "choice":
        return _choice(spec, value)
    try:
        return _READERS[spec.type](value.strip())
    except ValueError as error:
        raise CommandRefused(f'{spec.title}: "{value}" is not {_WANTED[spec.type]} ({error})') from error


def _choice(spec: FactSpec, value: str) -> str:
    if value not in spec.choices:
        raise CommandRefused(f'"{value}" is not a choice; choose one of {", ".join(spec.choices)}')
    return value


def _number(value: str) -> str:
    if not math.isfinite(float(value)):
        raise ValueError("it is not finite")
    return value


def _moment(value: str) -> str:
    moment = datetime.fromisoformat(value)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _duration(value: str) -> str:
    return describe(parse_duration(value))


def _yes_or_no(value: str) -> str:
    if value.lower() not in {"yes", "no"}:
        raise ValueError("say yes or no")
    return value.lower()


_READERS: dict[FactType, Callable[[str], str]] = {
    "text": str,
    "number": _number,
    "moment": _moment,
    "duration": _duration,
    "yes or no": _yes_or_no,
}
_WANTED: dict[FactType, str] = {
    "text": "a text",
    "number": "a number",
    "moment": "a time such as 2026-03-01 14:05",
    "duration": "a duration such as PT4H",
    "yes or no": "an answer",
}
