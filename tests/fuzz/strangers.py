"""What strangers send: bytes, JSON of any shape, and what was valid before something happened to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_TIME = re.compile(r"\d\d:\d\d")

T = TypeVar("T")
Path = tuple[Any, ...]

FEW, MANY = 150, 1000
ROUNDS = [FEW, pytest.param(MANY, marks=(pytest.mark.slow, pytest.mark.timeout(600)))]
"""How many strangers come in the tests that are run before every commit, and in the others."""

ODD_TIMES = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-11-24T12:00:00",
    "2026-11-24T12:00:00.123456789+01:00",
    "2026-11-24",
    "Tue, 31 Feb 2026 25:00:00 GMT",
    "Sat, 01 Jan 0001 00:00:00 +1400",
    "1795521600",
    "-1e12",
]
ODD_TEXTS = [
    "",
    " ",
    "\x00",
    "\r\nX-Header: 1",
    "é\u202e\U0001f525\ufffe",
    "<script>&amp;",
    "{{7*7}}",
    "firing",
    "resolved",
    "OK",
    *ODD_TIMES,
    "NaN",
    "-0",
    "%ff%00%",
    "=?utf-8?q?=ff?=",
    "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem",
    "[::1",
    "x" * 20_000,
    "9" * 5_000,
]
ODD_NUMBERS = [0, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.1, -0.0, 1e308, 5e-324]

TEXTS = st.text(max_size=40) | st.sampled_from(ODD_TEXTS)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(width=32) | st.sampled_from(ODD_NUMBERS) | TEXTS
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)
TIMES = st.sampled_from(ODD_TIMES) | st.datetimes().map(str)

ALIKE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers() | st.sampled_from(ODD_NUMBERS),
    float: st.floats() | st.sampled_from(ODD_NUMBERS),
    bool: st.booleans(),
}
DEEP = st.integers(1, 400).map(lambda depth: b"[" * depth + b"]" * depth)


def written(value: Any) -> bytes:
    """As JSON; with infinities and halves of characters, which are none."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@st.composite
def mutants(draw: st.DrawFn, payloads: Sequence[Any]) -> Any:
    """A valid payload in which a few places hold something else, nothing, or what belongs elsewhere."""
    value = deepcopy(draw(st.sampled_from(payloads)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        leaves = [place for place in places if not isinstance(_at(value, place), dict | list)]
        times = [place for place in leaves if _TIME.search(str(_at(value, place)))]
        happens = draw(st.sampled_from(["late", "alike", "alike", "other", "gone", "moved", "listed"]))
        place = draw(st.sampled_from({"late": times, "alike": leaves}.get(happens) or places))
        here = _at(value, place)
        if happens == "gone":
            value = _without(value, place)
        elif happens == "moved":
            value = _changed(value, place, deepcopy(_at(value, draw(st.sampled_from(places)))))
        elif happens == "listed":
            value = _changed(value, place, [here])
        else:
            kinds = {"late": TIMES, "alike": ALIKE.get(type(here), VALUES)}
            value = _changed(value, place, draw(kinds.get(happens, VALUES)))
    return value


@st.composite
def garbled(draw: st.DrawFn, payloads: Sequence[Any]) -> bytes:
    """A valid payload of which some bytes were lost or replaced on the way."""
    body = bytearray(written(draw(st.sampled_from(payloads))))
    start = draw(st.integers(0, len(body)))
    body[start : start + draw(st.integers(0, 20))] = draw(st.binary(max_size=20))
    return bytes(body[: draw(st.integers(0, len(body)))]) if draw(st.booleans()) else bytes(body)


def bodies(payloads: Sequence[Any]) -> st.SearchStrategy[bytes]:
    """Bodies of every kind, most of them near to what is expected."""
    near = [mutants(payloads).map(written), garbled(payloads)] if payloads else []
    return st.one_of(st.binary(max_size=200), DEEP, VALUES.map(written), *near, *near)


def let(come: st.SearchStrategy[T], many: int, meet: Callable[[T], None]) -> None:
    """Let so many strangers come, one by one."""

    @settings(max_examples=many, deadline=None, suppress_health_check=list(HealthCheck))
    @given(come)
    def one_by_one(each: T) -> None:
        meet(each)

    one_by_one()


def _like(here: Any) -> st.SearchStrategy[Any]:
    """Something of the same kind; where a time stood, most often another time."""
    if isinstance(here, str) and _TIME.search(here):
        return TIMES | TIMES | TEXTS
    return ALIKE.get(type(here), VALUES)


def _places(value: Any, way: Path = ()) -> Iterator[Path]:
    yield way
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from _places(inner, (*way, key))


def _at(value: Any, place: Path) -> Any:
    for key in place:
        value = value[key]
    return value


def _changed(value: Any, place: Path, new: Any) -> Any:
    if not place:
        return new
    _at(value, place[:-1])[place[-1]] = new
    return value


def _without(value: Any, place: Path) -> Any:
    if not place:
        return None
    del _at(value, place[:-1])[place[-1]]
    return value
