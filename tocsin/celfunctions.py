"""The functions and operators that expressions in mapping files may use.

celpy's own where they are bounded and do what CEL's definition says; others are put in their place here. Sources:
github.com/google/cel-spec (doc/langdef.md), and cel-go's `ext/strings` for those on text.
"""

from __future__ import annotations

import operator
import string
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import re2  # type: ignore[import-untyped]
from celpy import celtypes
from celpy.evaluation import CELEvalError, base_functions

from tocsin.celmacros import both, either
from tocsin.celvalues import MOST_VALUES, NotText, described, moment_of, same, text_of

LONGEST_TEXT = 100_000
"""Characters of a text that an expression puts together."""
LONGEST_PATTERN = 1_000


def _passing_errors_on(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operator whose result is the error, where an operand is one: that is how `||` comes to decide."""

    def passed_on(*operands: Any) -> Any:
        failed = next((each for each in operands if isinstance(each, CELEvalError)), None)
        return function(*operands) if failed is None else failed

    passed_on.__name__ = function.__name__  # celpy's words for what went wrong
    return passed_on


def _equal(one: Any, other: Any) -> Any:
    return celtypes.BoolType(same(one, other))


def _unequal(one: Any, other: Any) -> Any:
    return celtypes.BoolType(not same(one, other))


def _add(one: Any, other: Any) -> Any:
    if isinstance(one, str) and isinstance(other, str):
        return _text(len(one) + len(other), lambda: str(one) + str(other))
    if isinstance(one, list) and isinstance(other, list):
        if len(one) + len(other) > MOST_VALUES:
            raise ValueError("a list of too many values")
        return celtypes.ListType([*one, *other])
    try:
        return operator.add(one, other)
    except TypeError:
        raise TypeError(f"+ can't add {described(other)} to {described(one)}; string() makes text") from None


def _choose(condition: Any, one: Any, other: Any) -> Any:
    if isinstance(condition, CELEvalError):
        return condition
    if not isinstance(condition, celtypes.BoolType):
        raise TypeError("a condition is true or false")
    return one if condition else other


def _item(container: Any, index: Any) -> Any:
    """What stands under a key or an index; what has neither has nothing there."""
    if isinstance(container, list) and isinstance(index, int) and not isinstance(index, celtypes.BoolType):
        if not 0 <= index < len(container):
            raise IndexError
        return list.__getitem__(container, int(index))
    if isinstance(container, dict) and isinstance(index, str):
        return dict.__getitem__(container, index)
    raise KeyError


def _is_in(item: Any, container: Any) -> Any:
    if isinstance(container, list):
        return celtypes.BoolType(any(same(item, each) for each in container))
    if isinstance(container, dict):
        return celtypes.BoolType(isinstance(item, str) and item in container)
    raise TypeError("`in` looks into lists and objects")


def _contains(container: Any, item: Any) -> Any:
    if isinstance(container, str):
        return celtypes.BoolType(_is_text(item) in str(container))
    return _is_in(item, container)


def _string(value: Any) -> Any:
    try:
        return celtypes.StringType(text_of(value))
    except NotText:
        raise TypeError("this can't be written as text") from None


def _timestamp(value: Any) -> Any:
    try:
        moment = moment_of(value)
    except (ValueError, NotText, OverflowError, OSError):
        raise ValueError(f"{described(value)} is no time") from None
    if moment is None:
        raise ValueError("this is no time that anybody means")
    return celtypes.TimestampType(moment)


def _matches(text: Any, pattern: Any) -> Any:
    return celtypes.BoolType(pattern_of(_is_text(pattern)).search(_is_text(text)) is not None)


@lru_cache(maxsize=256)
def pattern_of(pattern: str) -> Any:
    """A compiled regular expression; RE2 takes time in proportion to the text. Raises `ValueError`."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern is longer than {LONGEST_PATTERN:,} characters")
    options = re2.Options()
    options.log_errors = False  # it would print the pattern, which may come from a payload
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        [reason] = error.args
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else reason) from None


_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


def _lower_ascii(text: Any) -> Any:
    return celtypes.StringType(_is_text(text).translate(_LOWER))


def _upper_ascii(text: Any) -> Any:
    return celtypes.StringType(_is_text(text).translate(_UPPER))


def _trim(text: Any) -> Any:
    return celtypes.StringType(_is_text(text).strip())


def _split(text: Any, separator: Any) -> Any:
    whole, mark = _is_text(text), _is_text(separator)
    if whole.count(mark) > MOST_VALUES:
        raise ValueError("a list of too many values")
    return celtypes.ListType([celtypes.StringType(part) for part in (whole.split(mark) if mark else whole)])


def _join(parts: Any, separator: Any = "") -> Any:
    if not isinstance(parts, list):
        raise TypeError("only lists are joined")
    texts = [_is_text(part) for part in parts]
    return _text(
        sum(map(len, texts)) + len(texts) * len(_is_text(separator)), lambda: str(separator).join(texts)
    )


def _replace(text: Any, old: Any, new: Any) -> Any:
    whole, before, after = _is_text(text), _is_text(old), _is_text(new)
    length = len(whole) + whole.count(before) * (len(after) - len(before))
    return _text(length, lambda: whole.replace(before, after))


def _is_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("this function is for text")
    return str(value)


def _text(length: int, make: Callable[[], str]) -> Any:
    """A text whose length is known before it is made."""
    if length > LONGEST_TEXT:
        raise ValueError(f"a text of more than {LONGEST_TEXT:,} characters")
    return celtypes.StringType(make())


_OURS: dict[str, Callable[..., Any]] = {
    "_==_": _passing_errors_on(_equal),
    "_!=_": _passing_errors_on(_unequal),
    "_+_": _passing_errors_on(_add),
    "_in_": _passing_errors_on(_is_in),
    "_[_]": _passing_errors_on(_item),
    "_?_:_": _choose,
    "_&&_": both,
    "_||_": either,
    "contains": _contains,
    "string": _string,
    "timestamp": _timestamp,
    "matches": _matches,
    "lowerAscii": _lower_ascii,
    "upperAscii": _upper_ascii,
    "trim": _trim,
    "split": _split,
    "join": _join,
    "replace": _replace,
}

_PARTS_OF_TIMES = (
    *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"),
    *("getMilliseconds", "getMinutes", "getMonth", "getSeconds"),
)

FUNCTIONS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **dict.fromkeys(("bool", "double", "duration", "int", "size", "string", "timestamp", "type"), (1, 1)),
        **dict.fromkeys(("contains", "endsWith", "startsWith", "matches"), (2, 2)),
        **dict.fromkeys(("lowerAscii", "upperAscii", "trim"), (1, 1)),
        **{"split": (2, 2), "join": (1, 2), "replace": (3, 3)},
        **dict.fromkeys(_PARTS_OF_TIMES, (1, 2)),
    }
)
"""Those that an expression may call, with the fewest and most arguments; what stands before the dot counts as one."""

TYPES: Mapping[str, Any] = MappingProxyType(
    {
        name: base_functions[name]
        for name in ("bool", "double", "duration", "int", "list", "map", "null_type", "string", "timestamp")
    }
)
"""By their names, as in `type(payload.id) == string`."""


def functions() -> dict[str, Callable[..., Any]]:
    """Every function and operator by celpy's name for it."""
    return {**base_functions, **_OURS}
