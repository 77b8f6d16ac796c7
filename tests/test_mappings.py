"""Mapping files: how a payload is read by one, what is wrong with one, and the two that come with Tocsin."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from pydantic import BaseModel

from tocsin.celfunctions import FUNCTIONS
from tocsin.celmacros import MACROS
from tocsin.domain.readings import Reading, Sighting
from tocsin.mappingfiles import Example, MappingFile, MappingText, RuleText, load
from tocsin.mappings import NoRule, PayloadMapping, TooMuch, WrongValue
from tocsin.yamlfile import YamlError
from tocsin.yamlplaces import place_within

EXAMPLES = Path(__file__).parent.parent / "tocsin" / "ingest" / "examples" / "sources"

TIDE_GAUGE = """
mapping: tide-gauge
rules:
  - rule: test
    match: payload.kind == "test"
    ignore: true
  - rule: water
    match: payload.kind == "water"
    group: payload.gauge
    key: payload.gauge + "/" + string(payload.mark)
    title: '"Water at " + payload.gauge'
    firing: payload.level > payload.mark
    began: payload.since
    labels: {gauge: payload.gauge, level: payload.level, harbour: payload.place.harbour}
    annotations: {description: payload.words}
  - rule: round
    match: has(payload.lamps)
    each: payload.lamps
    group: item.pier
    key: item.lamp
    title: item.lamp + " is out"
    firing: "!item.lit"
    labels: {pier: item.pier, keeper: payload.keeper}
  - rule: gate
    match: headers["x-gate"] != ""
    group: headers["x-gate"]
"""

WATER = {
    "kind": "water",
    "gauge": "north quay",
    "mark": 4,
    "level": 4.5,
    "since": "2026-11-24T09:00:00Z",
    "words": "The quay is awash",
}


def written(folder: Path, text: str) -> Path:
    file = folder / "mapping.yaml"
    file.write_text(dedent(text).lstrip())
    return file


@pytest.fixture
def gauge(tmp_path: Path) -> PayloadMapping:
    return load(written(tmp_path, TIDE_GAUGE)).mapping


def read(mapping: PayloadMapping, payload: Any, **headers: str) -> tuple[Reading, ...]:
    return mapping.tell(payload, headers).readings


def test_a_payload_is_read_by_the_rule_that_matches(gauge: PayloadMapping) -> None:
    told = gauge.tell(WATER, {})

    assert told.rule.name == "water"
    assert told.readings == (
        Reading(
            group="north quay",
            title="Water at north quay",
            sightings=(
                Sighting(
                    key="north quay/4",
                    is_firing=True,
                    began=datetime(2026, 11, 24, 9, tzinfo=UTC),
                    labels={"gauge": "north quay", "level": "4.5"},
                    annotations={"description": "The quay is awash"},
                ),
            ),
        ),
    )


def test_the_water_falls_and_the_same_alert_is_over(gauge: PayloadMapping) -> None:
    (reading,) = read(gauge, WATER | {"level": 3})

    assert (reading.group, reading.telling.key, reading.is_firing) == ("north quay", "north quay/4", False)


def test_what_is_missing_or_null_is_left_out(gauge: PayloadMapping) -> None:
    (reading,) = read(gauge, WATER | {"since": None, "words": None, "place": {"harbour": "old"}})

    [sighting] = reading.sightings
    assert sighting.began is None
    assert sighting.annotations == {}
    assert sighting.labels["harbour"] == "old"


def test_a_payload_of_several_alerts_makes_an_incident_of_each_group(gauge: PayloadMapping) -> None:
    lamps = [
        {"pier": "east", "lamp": "E1", "lit": True},
        {"pier": "west", "lamp": "W1", "lit": False},
        {"pier": "east", "lamp": "E2", "lit": False},
    ]

    east, west = read(gauge, {"lamps": lamps, "keeper": "ana"})

    assert [(each.key, each.is_firing) for each in east.sightings] == [("E1", False), ("E2", True)]
    assert (east.title, west.title) == ("E2 is out", "W1 is out")
    assert west.all_labels == {"pier": "west", "keeper": "ana"}


def test_a_round_without_lamps_says_nothing(gauge: PayloadMapping) -> None:
    assert read(gauge, {"lamps": []}) == ()


def test_what_a_rule_ignores_is_read_as_nothing(gauge: PayloadMapping) -> None:
    assert read(gauge, {"kind": "test"} | WATER | {"kind": "test"}) == ()


def test_headers_are_there_by_their_names_in_lower_case(gauge: PayloadMapping) -> None:
    told = gauge.tell({}, {"x-gate": "3"})

    assert (told.rule.name, told.readings[0].group, told.readings[0].is_firing) == ("gate", "3", True)


def test_no_expression_sees_a_secret(tmp_path: Path) -> None:
    mapping = load(
        written(tmp_path, "mapping: m\nrules: [{rule: r, group: \"headers['authorization']\"}]")
    ).mapping

    with pytest.raises(WrongValue, match="null"):
        mapping.tell({}, {"authorization": "Bearer sesame"})


def test_a_payload_for_which_there_is_no_rule_is_refused(gauge: PayloadMapping) -> None:
    with pytest.raises(NoRule, match=r"no rule of .*mapping\.yaml matches") as refused:
        read(gauge, {"kind": "wind"})

    assert refused.value.reason == "no-rule"


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        ({"gauge": 4}, 9, "key: `payload.gauge + "),
        ({"gauge": ""}, 8, "group: should be text of at most 1,000 characters, and was text of length 0"),
        ({"gauge": "q" * 1_001}, 8, "group: should be text of at most 1,000 characters, and was text of length 1001"),
        ({"level": None}, 11, "firing: `payload.level > payload.mark` makes no sense"),
        ({"place": {"harbour": {}}}, 13, "labels.harbour: should be text, and was an object with 0 fields"),
        ({"words": ["a"]}, 14, "annotations.description: should be text, and was a list of 1"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_refused_by_its_place(
    gauge: PayloadMapping, change: dict[str, Any], line: int, message: str
) -> None:
    with pytest.raises(WrongValue) as refused:
        read(gauge, WATER | change)

    assert f"mapping.yaml:{line}: {message}" in str(refused.value)


@pytest.mark.parametrize("since", ["", "soon", "2026-02-30", [1], 10**400])
def test_an_alert_whose_time_makes_no_sense_is_taken_without_it(
    gauge: PayloadMapping, caplog: pytest.LogCaptureFixture, since: Any
) -> None:
    [reading] = read(gauge, WATER | {"since": since})

    assert (reading.is_firing, reading.sightings[0].began) == (True, None)
    [said] = caplog.messages
    assert "taken without its time: " in said
    assert "mapping.yaml:12: began: should be a time, and was" in said


def test_a_time_that_an_expression_cannot_make_is_left_out_too(tmp_path: Path) -> None:
    mapping = load(
        written(
            tmp_path, "mapping: bell\nrules: [{rule: r, group: payload.id, began: timestamp(payload.at)}]"
        )
    ).mapping

    [reading] = read(mapping, {"id": "north", "at": "2026-02-30"})

    assert reading.sightings[0].began is None


def test_integers_of_any_length_are_different_keys(tmp_path: Path) -> None:
    mapping = load(
        written(tmp_path, "mapping: bell\nrules: [{rule: r, each: payload, group: string(item), key: item}]")
    ).mapping
    ids = [2**53 + 1, 2**63 - 1, 2**63 + 1, 2**63 + 8, 2**64, -(2**63) - 1, 10**150, 10**150 + 1]

    readings = read(mapping, ids)

    assert [reading.group for reading in readings] == [str(id) for id in ids]
    assert [reading.sightings[0].key for reading in readings] == [str(id) for id in ids]


@pytest.mark.parametrize("id", [2.0**63, 1e300, float("inf")])
def test_a_number_that_has_lost_digits_is_no_key(tmp_path: Path, id: float) -> None:
    mapping = load(written(tmp_path, "mapping: bell\nrules: [{rule: r, group: payload.id}]")).mapping

    with pytest.raises(WrongValue, match="group: should be text, or a number none of whose digits are lost"):
        read(mapping, {"id": id})


def test_an_each_that_finds_no_list_is_refused(gauge: PayloadMapping) -> None:
    with pytest.raises(WrongValue, match="each: should be a list, and was text of length 3"):
        read(gauge, {"lamps": "all"})


def test_whether_it_fires_is_true_or_false_and_nothing_else(tmp_path: Path) -> None:
    mapping = load(
        written(tmp_path, "mapping: m\nrules: [{rule: r, group: payload.id, firing: payload.on}]")
    ).mapping

    for came in (1, "true", None):
        with pytest.raises(WrongValue, match="firing: should be true or false, and was"):
            mapping.tell({"id": "a", "on": came}, {})


def test_a_payload_that_is_too_large_or_takes_too_long_is_refused(tmp_path: Path) -> None:
    slow = "payload.list.map(a, payload.list.map(b, a))"
    mapping = load(
        written(tmp_path, f"mapping: m\nrules: [{{rule: r, group: payload.id, labels: {{a: '{slow}'}}}}]")
    ).mapping

    with pytest.raises(TooMuch, match=r"labels\.a: reading this payload takes too long"):
        mapping.tell({"id": "a", "list": list(range(5_000))}, {})
    with pytest.raises(TooMuch, match="more than 50,000 values"):
        mapping.tell({"id": "a", "list": [0] * 50_000}, {})


# ---- what is wrong with a file ----


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            """
            mapping: m
            rules:
              - rule: r
                group: payload.a ==
            """,
            "4:22: rules[0].group: is no CEL expression: it ends where more must follow",
        ),
        (
            """
            mapping: m
            rules:
              - rule: r
                group: '"a " + paylod.b'
            """,
            '4:20: rules[0].group: there is no "paylod" here, only headers, payload',
        ),
        (
            """
            mapping: m
            rules:
              - rule: r
                group: "\\"a \\" + paylod.b"
            """,
            '4:22: rules[0].group: there is no "paylod" here, only headers, payload',
        ),
        (
            """
            mapping: m
            rules:
              - rule: r
                match: |
                  has(payload.a)
                    && has(paylod.b)
                group: payload.a
            """,
            '6:16: rules[0].match: there is no "paylod" here, only headers, payload',
        ),
        (
            """
            mapping: m
            rules:
              - rule: r
                match: >-
                  has(payload.a) &&
                  has(paylod.b)
                group: payload.a
            """,
            '6:11: rules[0].match: there is no "paylod" here, only headers, payload',
        ),
        (
            """
            mapping: m
            rules:
              - rule: r
                match: payload.a
                  && paylod.b
                group: payload.a
            """,
            '5:10: rules[0].match: there is no "paylod" here, only headers, payload',
        ),
        (
            """
            mapping: m
            rules:
              - rule: r
                group: payload.a
                labels:
                  b: item.b
            """,
            '6:10: rules[0].labels.b: there is no "item" here, only headers, payload',
        ),
        (
            """
            mapping: m
            rules:
              - rule: r
                title: payload.a
            """,
            "3:5: rules[0]: a rule needs a `group`: what belongs to one incident; or `ignore: true`",
        ),
        (
            """
            mapping: m
            rules: [{rule: r, group: payload.a, severity: payload.b}]
            """,
            "2:37: rules[0]: unknown key `severity`; allowed here: rule, match, ",
        ),
        (
            """
            mapping: m
            rules: [{rule: r, group: payload.a}]
            examples: [{example: e, payload: {}, rule: s, gives: nothing}]
            """,
            '3:11: examples: example "e": there is no rule "s"',
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_found_where_it_is_written(tmp_path: Path, text: str, problem: str) -> None:
    file = written(tmp_path, text)

    with pytest.raises(YamlError) as refused:
        load(file)

    [found] = refused.value.problems
    assert str(found).startswith(f"{file}:{problem}")


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, "mapping: m\nrules: [{rule: r, group: a.b, title: c(d), labels: {x: 'e +'}}]")

    with pytest.raises(YamlError) as refused:
        load(file)

    assert len(refused.value.problems) == 4


def test_a_place_that_cannot_be_told_is_where_the_value_begins() -> None:
    assert place_within('a: "\\u0062 + c"', (1, 4), "b + c", (1, 5)) == (1, 4)


# ---- the examples in a file ----


def examples(folder: Path, *written_examples: str) -> MappingFile:
    rule = "{rule: r, match: 'payload.id != \"\"', group: payload.id, labels: {a: payload.a}}"
    lines = "\n".join(f"  - {each}" for each in written_examples)
    return load(
        written(folder, f"mapping: m\nrules: [{rule}, {{rule: s, ignore: true}}]\nexamples:\n{lines}")
    )


def test_examples_that_give_what_they_say_are_no_problem(tmp_path: Path) -> None:
    file = examples(
        tmp_path,
        "{example: one, payload: {id: x, a: 1}, gives: [{group: x, key: x, firing: true, labels: {a: '1'}}]}",
        "{example: two, payload: {}, rule: s, gives: nothing}",
        "{example: three, payload: {id: 5, a: []}, gives: refused}",
    )

    assert file.failures() == []


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (
            "{example: e, payload: {id: x}, gives: [{group: y, firing: false}]}",
            "group should be 'y', and is 'x'; firing should be False, and is True",
        ),
        (
            "{example: e, payload: {id: x}, gives: nothing}",
            'should give nothing, and rule "r" gives 1 alerts',
        ),
        (
            "{example: e, payload: {id: x}, gives: refused}",
            'should give refused, and rule "r" gives 1 alerts',
        ),
        ("{example: e, payload: {id: x}, gives: []}", 'should give 0 alerts, and rule "r" gives 1'),
        ("{example: e, payload: {}, rule: r, gives: nothing}", 'should be read by rule "r", and is by "s"'),
        ("{example: e, payload: {id: [x]}, gives: []}", "should be read, and is refused: "),
    ],
)
def test_an_example_that_gives_something_else_is_a_problem_at_its_place(
    tmp_path: Path, example: str, problem: str
) -> None:
    [found] = examples(tmp_path, example).failures()

    assert (found.line, found.column) == (4, 5)
    assert found.message.startswith(problem)


# ---- those that come with Tocsin ----


@pytest.mark.parametrize("name", ["sentry", "datadog"])
def test_a_shipped_mapping_holds_to_its_examples(name: str) -> None:
    file = load(EXAMPLES / "mappings" / f"{name}.yaml")

    assert file.failures() == []
    assert {example.rule for example, _ in file.examples} - {None} <= {
        rule.name for rule in file.mapping.rules
    }
    assert len(file.examples) >= 4


# ---- the page about them ----


def page() -> str:
    return (Path(__file__).parent.parent / "docs" / "mappings.md").read_text()


def explained(table: str) -> set[str]:
    """The names in the first column of the table behind a marker."""
    rows = page().partition(f"<!-- {table} -->\n")[2].split("\n\n")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_the_mapping_that_is_shown_holds_to_its_examples(tmp_path: Path) -> None:
    [shown] = re.findall(r'^```yaml title="[^"]+"\n(.*?)^```$', page(), re.MULTILINE | re.DOTALL)

    assert load(written(tmp_path, shown)).failures() == []


@pytest.mark.parametrize(
    ("table", "model"), [("rule", RuleText), ("mapping", MappingText), ("example", Example)]
)
def test_every_key_is_explained(table: str, model: type[BaseModel]) -> None:
    assert explained(table) == set(model.model_fields)


def test_every_function_is_explained() -> None:
    assert explained("functions") == {*FUNCTIONS, *MACROS, "has", "dyn"}
