"""How much time a policy allows: fixed durations (`PT4H`) and allowances that a calendar has to count.

Durations are ISO 8601 and nothing else, because `4`, `4h` and `240` each mean different things to different
readers. `P1D` is always 24 hours; a policy that means "the same time tomorrow" says `{calendar_days: 1}`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema

from tocsin.domain.base import Value

_ISO_8601 = re.compile(
    r"P(?!$)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)
_YEARS_OR_MONTHS = re.compile(r"P\d+[YM].*", re.ASCII)

_LONGEST_IN_HOURS = timedelta(hours=72)
"""Policies say "24, 48, 72 hours", and "5 days": up to here a time is given in hours, beyond it in days."""


_LONGEST = timedelta(days=36_525)
"""A hundred years: keeps every due date within what a `datetime` can hold."""

_ISO_HINT = "write ISO 8601 such as PT4H"


def parse_duration(text: str, hint: str = _ISO_HINT) -> timedelta:
    """Read an ISO 8601 duration: `PT24H`, `P1D`, `PT1H30M`, `P1DT12H`, `P2W`, `PT0S`.

    Raises `ValueError` for anything else, with `hint` for what to write instead; for negative durations, and
    for years and months, whose length depends on the day they start, the message says so.
    """
    if matched := _ISO_8601.fullmatch(text):
        return _sum_of(matched)
    if text.startswith("-"):
        raise ValueError(f'"{text}" is negative; a duration runs forward, write {text.lstrip("-")}')
    if _YEARS_OR_MONTHS.fullmatch(text):
        raise ValueError(
            f'"{text}" counts months or years, which differ in length; write {{calendar_months: N}}'
        )
    raise ValueError(f'"{text}" is not a duration; {hint}')


def _sum_of(matched: re.Match[str]) -> timedelta:
    given = {unit: amount for unit, amount in matched.groupdict().items() if amount}
    seconds, _, fraction = given.pop("seconds", "0").partition(".")
    whole = {unit: int(amount) for unit, amount in given.items()}
    try:
        total = timedelta(**whole, seconds=int(seconds), microseconds=int(fraction.ljust(6, "0")))
    except OverflowError:
        total = timedelta.max
    if total > _LONGEST:
        raise ValueError(f'"{matched.string}" is more than a hundred years; no deadline lies that far ahead')
    return total


def format_duration(duration: timedelta) -> str:
    """Write `duration` as ISO 8601, one form per length: `PT24H` (never `P1D`), `P5D`, `PT1H30M`, `PT0S`."""
    days, hours, minutes, seconds = _units(duration)
    second = f"{seconds}.{duration.microseconds:06}".rstrip("0") if duration.microseconds else str(seconds)
    clock = "".join(f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M")) if amount) + (
        f"{second}S" if second != "0" else ""
    )
    date = f"{days}D" if days else ""
    if not date and not clock:
        return "PT0S"
    return f"P{date}T{clock}" if clock else f"P{date}"


def _units(duration: timedelta) -> tuple[int, int, int, int]:
    """Split into days, hours, minutes and seconds; up to 72 hours there are no days."""
    minutes, seconds = divmod(duration.days * 86_400 + duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if duration <= _LONGEST_IN_HOURS:
        return 0, hours, minutes, seconds
    days, hours = divmod(hours, 24)
    return days, hours, minutes, seconds


def _read_duration(given: Any) -> timedelta:
    if not isinstance(given, timedelta):
        return _read_text(given, _ISO_HINT)
    if not timedelta(0) <= given <= _LONGEST:
        raise ValueError(f"{given!r} is not between no time and a hundred years")
    return given


def _read_text(given: Any, hint: str) -> timedelta:
    if isinstance(given, str):
        return parse_duration(given, hint)
    raise ValueError(f"{given!r} is not a duration; {hint}")


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "format": "duration", "examples": ["PT4H", "P1D"]}),
]
"""A fixed length of time, never negative: ISO 8601 text in files and messages, a `timedelta` in Python."""

Count = Annotated[int, Field(strict=True, ge=1, le=10_000)]
"""How many days, hours or months are allowed; the upper bound keeps every due date within the calendar."""


class Allowance(Value):
    """The time a policy allows: a fixed duration, or a number of units that a calendar counts.

    In a plan it is a duration (`PT4H`) or a mapping with exactly one key: `{business_days: 3}`,
    `{business_hours: 8}`, `{calendar_days: 7}`, `{calendar_months: 1}`. `BusinessCalendar.due` says when it
    is over.
    """

    elapsed: Duration | None = None
    business_days: Count | None = None
    business_hours: Count | None = None
    calendar_days: Count | None = None
    calendar_months: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_plan(cls, given: Any) -> Any:
        if isinstance(given, timedelta):
            return {"elapsed": given}
        if isinstance(given, dict | Allowance):
            return given
        return {"elapsed": _read_text(given, f"{_ISO_HINT}, or {{business_days: 3}}")}

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [unit for unit in type(self).model_fields if getattr(self, unit) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "nothing"
            raise ValueError(f"{said} given; write a duration such as PT4H or exactly one of {_COUNTED}")
        return self

    @model_serializer
    def _as_in_plan(self) -> str | dict[str, int]:
        if self.elapsed is not None:
            return format_duration(self.elapsed)
        unit, count = self.counted
        return {unit: count}

    @property
    def counted(self) -> tuple[str, int]:
        """The unit that a calendar counts, and how many; not for fixed durations."""
        return next((unit, count) for unit in _UNITS if (count := getattr(self, unit)) is not None)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe both spellings, for editors that complete plans."""
        return {
            "anyOf": [{"type": "string", "format": "duration"}, handler.resolve_ref_schema(handler(schema))]
        }


_UNITS = {
    "business_days": "business day",
    "business_hours": "business hour",
    "calendar_days": "calendar day",
    "calendar_months": "calendar month",
}
_COUNTED = ", ".join(f"{{{unit}: N}}" for unit in _UNITS)


def describe(allowed: Allowance | timedelta) -> str:
    """Say how long in words: `24 hours`, `1 hour 30 minutes`, `3 business days`, `7 calendar days`.

    Of a time that ran backwards the length is told; whether it is late or early is the caller's to say.
    Fractions of a second are left out.
    """
    if isinstance(allowed, timedelta):
        return _describe_elapsed(abs(allowed))
    if allowed.elapsed is not None:
        return _describe_elapsed(allowed.elapsed)
    unit, count = allowed.counted
    return _plural(count, _UNITS[unit])


def _describe_elapsed(elapsed: timedelta) -> str:
    named = zip(_units(elapsed), ("day", "hour", "minute", "second"), strict=True)
    return " ".join(_plural(amount, unit) for amount, unit in named if amount) or "0 seconds"


def _plural(amount: int, unit: str) -> str:
    return f"{amount} {unit}" if amount == 1 else f"{amount} {unit}s"
