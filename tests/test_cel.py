"""Expressions of mapping files: what they may use, what they come to, and what they may cost."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import pytest

from tocsin.cel import Broken, Budget, CelError, Missing, TooMuchWork, compile_expression
from tocsin.celnames import NotCel
from tocsin.celvalues import MOST_VALUES, NotText, TooLarge, as_cel, described, moment_of, text_of

NAMES = frozenset({"payload", "headers"})

PAYLOAD = {
    "state": "down",
    "count": 5,
    "share": 5.0,
    "is_new": True,
    "owner": None,
    "tags": "env:prod, service:quay",
    "list": [1, "a", {"k": "v"}],
    "lamps": [{"name": "red", "lit": True}, {"name": "green", "lit": False}, {"lit": True}],
    "sent": "2026-11-24T09:00:00+01:00",
    "millis": 1795510800000,
    "longest": "x" * 300,
}


def evaluate(text: str, payload: Any = PAYLOAD, budget: Budget | None = None) -> Any:
    scope = {"payload": as_cel(payload), "headers": as_cel({"x-kind": "alarm"})}
    return compile_expression(text, NAMES).evaluate(scope, budget or Budget())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('payload.state == "down" && headers["x-kind"] == "alarm"', True),
        ('payload.state != "down"', False),
        ("payload.count == 5.0", True),
        ('payload.count == "5"', False),  # of different kinds, which is no error
        ("payload.list == payload.lamps", False),
        ('{"k": "v"} in payload.list', True),
        ('"state" in payload', True),
        ("has(payload.owner) && payload.owner == null", True),
        ("has(payload.nobody.at.home)", False),
        ("has(payload.state.letters)", False),
        ('payload.tags.split(",").map(tag, tag.trim())[1].split(":")[1]', "quay"),
        ("payload.lamps.filter(lamp, lamp.lit).size()", 2),
        ('payload.lamps.exists(lamp, lamp.name == "green")', True),
        ('payload.lamps.exists_one(lamp, has(lamp.name) && lamp.name == "red")', True),
        ("payload.lamps.all(lamp, lamp.lit)", False),
        ("payload.lamps.map(payload, payload.lit)[0]", True),  # the nearer name counts
        ('payload.nobody == "x" || payload.count > 3', True),  # what is certain decides
        ('payload.nobody == "x" && payload.count > 9', False),
        ('payload.count > 3 ? "many" : "few"', "many"),
        ('string(payload.count) + " of " + string(payload.share)', "5 of 5"),
        ("string(payload.is_new)", "true"),
        ('"Über".lowerAscii()', "Über"),
        ('"ABC".lowerAscii() + "x".upperAscii()', "abcX"),
        ('["a", "b"].join("-").replace("-", "+")', "a+b"),
        ('payload.state.matches("^d.w")', True),
        ("type(payload.state) == string", True),
        ('timestamp(payload.sent) == timestamp("2026-11-24T08:00:00Z")', True),
        ("timestamp(payload.sent).getHours()", 8),
        ("// only said\npayload.count - 1", 4),
    ],
)
def test_an_expression_comes_to_its_value(text: str, value: Any) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "payload.nobody",
        "payload.nobody.at.home",
        "payload.owner.name",
        "payload.list[9]",
        "payload.list[-1]",
        'headers["x-other"]',
        'payload.nobody + "x"',
        'payload.nobody == "x"',
        'payload.nobody == "x" || payload.nowhere == "y"',
        'payload.nobody == "x" ? 1 : 2',
        "!payload.nobody",
        "size(payload.nobody)",
        'payload.lamps.exists(lamp, lamp.name == "blue")',
        'payload.tags.split(",").filter(tag, tag.startsWith("team:"))[0]',
    ],
)
def test_what_is_not_there_is_missing_and_no_mistake(text: str) -> None:
    with pytest.raises(Missing):
        evaluate(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("payload.state + 5", "+ can't add a number to text of length 4; string() makes text"),
        ("payload.state > 5", "no such overload"),
        ("payload.state ? 1 : 2", "a condition is true or false"),
        ("payload.state && true", "a condition is true or false"),
        ("payload.count.map(x, x)", "map() goes over a list, not over a number"),
        ("payload.state.map(x, x)", "map() goes over a list, not over text"),
        ("payload.list.filter(x, x)", "a condition is true or false"),
        ("payload.count / 0", "zero"),
        ("payload.count + 9223372036854775807", "overflow"),
        ("timestamp(payload.state)", "text of length 4 is no time"),
        ('payload.state.matches(payload.state + "(")', "missing )"),
        ("string(payload.list)", "this can't be written as text"),
        ("payload.count.startsWith(payload.state)", "startswith"),
        ('duration("1h").getHours(payload.list)', "celpy failed with AssertionError"),
        ('timestamp(payload.sent).getHours("x" + payload.longest)', "celpy failed with OSError: "),
    ],
)
def test_what_makes_no_sense_for_the_values_says_why(text: str, why: str) -> None:
    with pytest.raises(Broken) as broken:
        evaluate(text)

    assert why in broken.value.why
    assert "down" not in str(broken.value), "the text of the error goes to senders and logs"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("payload.state ==", 1, 15, "is no CEL expression: it ends where more must follow"),
        ("", 1, 1, "is no CEL expression: it ends where more must follow"),
        ('payload.state ==\n "down" @', 2, 9, "is no CEL expression: it can't be read from `@` on"),
        ("payload.a || palyoad.b", 1, 14, 'there is no "palyoad" here, only headers, payload'),
        ("item.name", 1, 1, 'there is no "item" here, only headers, payload'),
        ("payload.list.map(x, y)", 1, 21, 'there is no "y" here, only headers, payload, x'),
        ("payload.a.lower()", 1, 11, "there is no function lower(); did you mean lowerAscii()?"),
        ("payload.a.size(1)", 1, 11, "size() can't be called with this number of arguments"),
        ("payload.list.map(1, 2)", 1, 14, "map() takes a name and an expression: list.map(each, …)"),
        ("has(payload)", 1, 1, "has() asks for a field: write has(object.field)"),
        ('payload.a.matches("[")', 1, 19, "is no regular expression for RE2: missing ]: ["),
        ("payload{a: 1}", 1, 1, "messages, and names that begin with a dot, are not used here"),
        ("google.protobuf", 1, 1, 'there is no "google" here, only headers, payload'),
    ],
)
def test_a_mistake_is_found_before_anything_is_run(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(NotCel) as refused:
        compile_expression(text, NAMES)

    found = refused.value.findings[0]
    assert (found.line, found.column, found.message) == (line, column, message)


def test_every_mistake_of_an_expression_is_told() -> None:
    with pytest.raises(NotCel) as refused:
        compile_expression("one.a == two.b.foo()", NAMES)

    assert len(refused.value.findings) == 3


@pytest.mark.parametrize(
    "text", ["(" * 20 + "1" + ")" * 20, "1" + " + 1" * 60, "!" * 200 + "true", "[" * 50 + "]" * 50]
)
def test_an_expression_that_is_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises(NotCel, match="nested too deep"):
        compile_expression(text, NAMES)


@pytest.mark.parametrize(
    "text",
    ["(" * 9 + "1" + ")" * 9, "1" + " + 1" * 40, "true" + " && true" * 80, "payload.list" + "[0]" * 30],
)
def test_an_expression_that_is_let_in_fits_on_the_stack(text: str) -> None:
    deep: Any = 0
    for _ in range(30):
        deep = [deep]

    evaluate(text, {"list": deep})


def test_an_expression_of_any_length_is_not_read() -> None:
    with pytest.raises(NotCel, match="longer than 2,000 characters"):
        compile_expression("1 " * 1_001, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "payload.map(a, payload.map(b, payload.map(c, c)))",
        "payload.filter(a, payload == payload)",
        "payload.filter(a, payload.exists(b, a == b))",
    ],
)
def test_comprehensions_in_one_another_end_when_the_time_is_over(text: str) -> None:
    began = perf_counter()

    with pytest.raises(TooMuchWork):
        evaluate(text, [[number] for number in range(5_000)], Budget(0.2))

    assert perf_counter() - began < 5


def test_the_time_is_that_of_all_expressions_together() -> None:
    spent = Budget(0.0)

    with pytest.raises(TooMuchWork):
        evaluate("payload.count", budget=spent)


@pytest.mark.parametrize(
    "text",
    [
        "payload + payload",
        'payload.replace("a", payload)',
        "[payload, payload].join()",
        'payload.replace("", "aa")',
    ],
)
def test_text_does_not_grow_for_ever(text: str) -> None:
    with pytest.raises(Broken, match="makes no sense"):
        evaluate(text, "a" * 90_000)


@pytest.mark.parametrize(("pattern", "text"), [("(a+)+$", "a" * 50_000 + "b"), ("(.*)*x", "y" * 50_000)])
def test_a_regular_expression_takes_time_in_proportion_to_the_text(pattern: str, text: str) -> None:
    began = perf_counter()

    assert evaluate(f'payload.matches("{pattern}")', text) == False  # noqa: E712

    assert perf_counter() - began < 2


def test_nothing_of_a_payload_is_printed_or_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    for text in (
        "payload.matches(payload)",
        "payload + 1",
        "payload.nobody",
        "payload.all(x, x.y)",
        "payload > 1",
    ):
        with pytest.raises(CelError) as failed:
            evaluate(text, "(sesame")
        assert "sesame" not in str(failed.value)

    assert "sesame" not in caplog.text
    assert "sesame" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("payload", [[0] * MOST_VALUES, {"a": [{}] * MOST_VALUES}])
def test_a_payload_of_too_many_values_is_not_looked_at(payload: Any) -> None:
    with pytest.raises(TooLarge, match="more than 50,000 values"):
        as_cel(payload)


def test_a_payload_that_is_too_deep_is_not_looked_at() -> None:
    deep: Any = 0
    for _ in range(150):
        deep = {"a": deep}

    with pytest.raises(TooLarge):
        as_cel(deep)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (7.0, "7"),
        (0.5, "0.5"),
        (10**30, "1" + "0" * 30),
        (10**400, "1" + "0" * 400),
        (1e30, "1000000000000000019884624838656"),
        (True, "true"),
        ("seven", "seven"),
    ],
)
def test_what_is_no_text_is_written_as_text(value: Any, text: str) -> None:
    assert text_of(as_cel(value)) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("string(payload.id)", "9223372036854775809"),
        ("payload.id == payload.next", False),
        ("payload.id == payload.id", True),
        ("payload.id > 5 && payload.id > 5.5", True),
        ("type(payload.id) == double", True),
    ],
)
def test_an_integer_that_is_too_long_for_cel_stays_itself(text: str, value: Any) -> None:
    assert evaluate(text, {"id": 2**63 + 1, "next": 2**63 + 2}) == value


@pytest.mark.parametrize("value", [None, [], {}])
def test_what_has_parts_is_no_text(value: Any) -> None:
    with pytest.raises(NotText):
        text_of(as_cel(value))


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-24T09:00:00Z",
        "2026-11-24T10:00:00.000000+01:00",
        "2026-11-24T09:00:00",
        1795510800,
        1795510800000,
        "1795510800000",
        1795510800.0,
    ],
)
def test_times_come_in_many_forms(written: Any) -> None:
    assert moment_of(as_cel(written)) == datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize("written", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_nobody_meant_is_none(written: str) -> None:
    assert moment_of(as_cel(written)) is None


@pytest.mark.parametrize("written", ["soon", [], 10**400, float("nan"), {}])
def test_what_is_no_time_is_refused(written: Any) -> None:
    with pytest.raises((ValueError, NotText, OverflowError)):
        moment_of(as_cel(written))


def test_what_came_is_told_without_telling_it() -> None:
    came = [described(as_cel(each)) for each in (None, "secret", True, 1, [1], {"a": 1})]

    assert came == [
        "null",
        "text of length 6",
        "true or false",
        "a number",
        "a list of 1",
        "an object with 1 fields",
    ]
