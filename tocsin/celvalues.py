"""Values in CEL's types: from JSON, into text and times, and when two of them are the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, cast

from celpy import celtypes
from pydantic import TypeAdapter

MOST_VALUES = 50_000
"""In one payload: as many are turned into CEL's values in about a tenth of a second."""
DEEPEST_PAYLOAD = 100

_FIRST_YEAR, _LAST_YEAR = 1970, 9998
"""Programs without a time write the year 1; the last year cannot be moved to another time zone."""

_INT64 = range(-(2**63), 2**63)
_EXACT_BELOW = 2**53
"""From here on a fraction of 64 bits stands for more whole numbers than one."""
_MOMENT = TypeAdapter(datetime)


class TooLarge(Exception):
    """A payload holds more values, or values in one another, than are looked at."""


class NotText(Exception):
    """A value is none that could be written as text."""


class LongInteger(celtypes.DoubleType):
    """An integer too long for CEL's 64 bits: counted with as a fraction, as in JavaScript, and written as it came."""

    exact: int

    def __new__(cls, exact: int) -> LongInteger:
        """The integer, as near as a fraction comes to it."""
        made = cast(LongInteger, super().__new__(cls, _as_fraction(exact)))
        made.exact = exact
        return made


def _as_fraction(integer: int) -> float:
    try:
        return float(integer)
    except OverflowError:
        return math.inf if integer > 0 else -math.inf


def as_cel(document: Any) -> Any:
    """A JSON document in CEL's types. Raises `TooLarge`."""
    count, waiting = 0, [(document, 1)]
    while waiting:
        value, level = waiting.pop()
        count += 1
        if count > MOST_VALUES or level > DEEPEST_PAYLOAD:
            raise TooLarge(
                f"the payload holds more than {MOST_VALUES:,} values, or more than {DEEPEST_PAYLOAD} in one another"
            )
        if isinstance(value, list | dict):
            waiting.extend((each, level + 1) for each in _values_in(value))
    return _converted(document)


def _values_in(container: list[Any] | dict[str, Any]) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _converted(value: Any) -> Any:
    if isinstance(value, dict):
        return celtypes.MapType({celtypes.StringType(key): _converted(each) for key, each in value.items()})
    if isinstance(value, list):
        return celtypes.ListType([_converted(each) for each in value])
    if isinstance(value, str):
        return celtypes.StringType(value)
    if isinstance(value, bool):
        return celtypes.BoolType(value)
    return value if value is None else _number(value)


def _number(value: float) -> Any:
    if not isinstance(value, int):
        return celtypes.DoubleType(value)
    return celtypes.IntType(value) if value in _INT64 else LongInteger(value)


def is_exact(value: Any) -> bool:
    """Whether a value as text tells it from every other; large fractions have lost their last digits."""
    return not isinstance(value, float) or isinstance(value, LongInteger) or abs(value) < _EXACT_BELOW


def text_of(value: Any) -> str:
    """A text, number, truth or time as text, as JSON would write it. Raises `NotText`."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | celtypes.BoolType):
        return "true" if value else "false"
    if isinstance(value, LongInteger):
        return str(value.exact)
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(float(value))
    if isinstance(value, datetime):
        return datetime.isoformat(value)
    raise NotText


def moment_of(value: Any) -> datetime | None:
    """A time from one, from ISO 8601, or from seconds or milliseconds since 1970; UTC where no zone is named.

    `None` for a time that nobody meant, such as the year 1. Raises `ValueError` for what is no time.
    """
    plain = text_of(value) if isinstance(value, str | int | float) else value
    moment = value if isinstance(value, datetime) else _MOMENT.validate_python(plain)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        return None
    return datetime.fromtimestamp((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), UTC)


def described(value: Any) -> str:
    """What a value is, in words that tell nothing of what stands in it."""
    kinds: tuple[tuple[Any, Callable[[Any], str]], ...] = (
        (type(None), lambda _: "null"),
        (str, lambda text: f"text of length {len(text)}"),
        (bool | celtypes.BoolType, lambda _: "true or false"),
        (int | float, lambda _: "a number"),
        (list, lambda items: f"a list of {len(items)}"),
        (dict, lambda fields: f"an object with {len(fields)} fields"),
        (datetime, lambda _: "a time"),
    )
    return next((say(value) for kind, say in kinds if isinstance(value, kind)), "something else")


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal. Values of different kinds are not, which is no error; numbers are of one kind."""
    if isinstance(one, celtypes.BoolType) or isinstance(other, celtypes.BoolType):
        return type(one) is type(other) and int(one) == int(other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return _plain(one) == _plain(other)
    if isinstance(one, str) and isinstance(other, str):
        return str.__eq__(one, other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return len(one) == len(other) and all(key in other and same(one[key], other[key]) for key in one)
    if isinstance(one, type) and isinstance(other, type):
        return _kind(one) is _kind(other)
    return type(one) is type(other) and bool(one == other)


def _kind(of_value: type) -> type:
    """CEL's name for it: to an expression a long integer is a `double`."""
    return celtypes.DoubleType if of_value is LongInteger else of_value


def _plain(number: float) -> float:
    if isinstance(number, LongInteger):
        return number.exact
    return int(number) if isinstance(number, int) else float(number)
