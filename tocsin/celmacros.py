"""The comprehensions of CEL, as its definition has them: `list.exists(each, …)` and its like.

Each is a function of the elements with what the expression came to for them, which may be an error. celpy's own look at
every element, take an error for a value, and go over the letters of a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from celpy import celtypes
from celpy.evaluation import CELEvalError

Tried = Iterable[tuple[Any, Any]]
"""Elements of a list, or keys of an object, each with the value of the expression for it."""


def both(one: Any, other: Any) -> Any:
    """`&&`: what is false decides, also where the other is an error. Raises `TypeError`."""
    return _decided([one, other], by=False)


def either(one: Any, other: Any) -> Any:
    """`||`: what is true decides, also where the other is an error. Raises `TypeError`."""
    return _decided([one, other], by=True)


def _decided(values: Iterable[Any], *, by: bool) -> Any:
    failed = None
    for value in values:
        if isinstance(value, CELEvalError):
            failed = failed or value
        elif _truth(value) is by:
            return celtypes.BoolType(by)
    return celtypes.BoolType(not by) if failed is None else failed


def _truth(value: Any) -> bool:
    if not isinstance(value, celtypes.BoolType):
        raise TypeError("a condition is true or false")
    return bool(value)


def _map(tried: Tried) -> Any:
    found = celtypes.ListType()
    for _, value in tried:
        if isinstance(value, CELEvalError):
            return value
        found.append(value)
    return found


def _filter(tried: Tried) -> Any:
    found = celtypes.ListType()
    for item, value in tried:
        if isinstance(value, CELEvalError):
            return value
        if _truth(value):
            found.append(item)
    return found


def _exists_one(tried: Tried) -> Any:
    found = _filter(tried)
    return found if isinstance(found, CELEvalError) else celtypes.BoolType(len(found) == 1)


MACROS: Mapping[str, Callable[[Tried], Any]] = MappingProxyType(
    {
        "all": lambda tried: _decided((value for _, value in tried), by=False),
        "exists": lambda tried: _decided((value for _, value in tried), by=True),
        "exists_one": _exists_one,
        "filter": _filter,
        "map": _map,
    }
)
"""By their names. Each raises `TypeError` for a condition that is none."""
