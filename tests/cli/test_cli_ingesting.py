"""`tocsin ingest try` and `tocsin ingest check`: what a payload would be read as, and whether a folder is in order."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.office import NIGHT
from tests.ingest.harbour import write_plans
from tocsin.cli import main
from tocsin.settings import Settings

Printed = pytest.CaptureFixture[str]

SHIPPED = Path(__file__).parents[2] / "tocsin" / "ingest" / "examples"
CAPTURES = Path(__file__).parents[3] / "shared" / "captures"

LAMPS = """
mapping: lamps
rules:
  - rule: round
    match: has(payload.lamps)
    each: payload.lamps
    group: '"pier " + item.pier'
    key: item.lamp
    title: item.lamp + " is out"
    firing: "!item.lit"
    labels: {service: '"checkout-" + item.pier', customer: payload.keeper}
    annotations: {description: item.words}
examples:
  - example: a lamp is out
    payload: {lamps: [{pier: east, lamp: E1, lit: false}]}
    gives: [{group: pier east, firing: true}]
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A desk with the harbour's plans, and a folder of sources: the shipped ones, and one for the lamps."""
    write_plans(tmp_path / "plans")
    sources = tmp_path / "sources"
    shutil.copytree(SHIPPED / "sources", sources)
    for name in ("sentry", "datadog"):
        (sources / f"{name}.secret").write_text("sesame-open-wide")
        (sources / f"{name}.yaml").write_text(
            (sources / f"{name}.yaml").read_text().replace("plan: allcode", "plan: harbour")
        )
    (sources / "mappings" / "lamps.yaml").write_text(LAMPS.lstrip())
    (sources / "lamps.yaml").write_text(
        "source: lamps\nformat: mapping\nmapping: mappings/lamps.yaml\nplan: harbour\n"
    )
    return tmp_path


def ingest(desk: Path, *words: str | Path, plans: str = "plans") -> int:
    settings = Settings(plans=desk / plans, sources=desk / "sources", state=desk / "state")
    office = main.Office(settings=lambda: settings, now=lambda: NIGHT)
    return main.run(["ingest", *map(str, words)], office)


def kept(desk: Path, payload: Any) -> Path:
    file = desk / "payload.json"
    file.write_text(json.dumps(payload))
    return file


ROUND = {
    "keeper": "Acme",
    "lamps": [
        {"pier": "east", "lamp": "E1", "lit": True},
        {"pier": "west", "lamp": "W1", "lit": False, "words": "The bulb is gone"},
    ],
}


def test_each_value_is_shown_with_its_expression_and_each_incident_with_its_plan(
    desk: Path, capsys: Printed
) -> None:
    assert ingest(desk, "try", "lamps", kept(desk, ROUND)) == 0

    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert 'read by rule "round"' in printed
    assert any(line.split() == ["2", "group", "pier", "west"] for line in lines)
    assert any(line.strip() == '"pier " + item.pier' for line in lines)
    assert any("1 annotations.description" in line and "– is not there" in line for line in lines)
    west = lines[lines.index("W1 is out") :]
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in west if line.strip()}
    assert shown["group"] == "pier west (fires)"
    assert shown["plan"] == "harbour"
    assert shown["severity"] == "slow"
    assert shown["labels"] == "service=checkout-west, customer=Acme"
    assert shown["incident"].startswith("incident-")
    assert shown["incident"].endswith("is opened or joined")
    assert not (desk / "state").exists(), "nothing is kept"


def test_the_same_for_programs(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "try", "lamps", kept(desk, ROUND), "-o", "json") == 0

    told = json.loads(capsys.readouterr().out)
    assert (told["source"], told["format"], told["rule"], told["refusal"]) == (
        "lamps",
        "mapping",
        "round",
        None,
    )
    value = next(each for each in told["values"] if each["name"] == "key" and each["item"] == 1)
    assert (value["value"], value["expression"]) == ("W1", "item.lamp")
    assert value["place"].endswith("mappings/lamps.yaml:7")
    assert [each["alert"]["plan"]["name"] for each in told["readings"]] == ["harbour", "harbour"]
    assert len(told["readings"][0]["incident"]) == 10


def test_a_mapping_is_tried_by_its_file_with_the_plan_that_is_named(desk: Path, capsys: Printed) -> None:
    mapping = desk / "sources" / "mappings" / "lamps.yaml"

    assert ingest(desk, "try", mapping, kept(desk, ROUND)) == 1
    assert "refused: the labels match no plan" in capsys.readouterr().err

    assert ingest(desk, "try", mapping, kept(desk, ROUND), "--plan", "harbour") == 0


def test_without_plans_a_payload_is_read_all_the_same(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "try", "lamps", kept(desk, ROUND), plans="nowhere") == 0

    printed = capsys.readouterr().out
    assert "pier west (fires)" in printed
    assert "severity" not in printed


def test_a_whole_request_brings_its_headers(desk: Path, capsys: Printed) -> None:
    capture = SHIPPED / "sources" / "payloads" / "sentry-metric-alert.http"

    assert ingest(desk, "try", "sentry", capture) == 0

    assert 'read by rule "metric alert"' in capsys.readouterr().out


def test_headers_may_come_in_a_file_and_the_payload_from_standard_input(
    desk: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = desk / "headers.txt"
    headers.write_text("Sentry-Hook-Resource: issue\n")
    body = b'{"action": "resolved", "data": {"issue": {"id": "9"}}}'
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(body)))

    assert ingest(desk, "try", "sentry", "-", "--headers", headers) == 0

    printed = capsys.readouterr().out
    assert 'not for rule "metric alert"' in printed
    assert 'read by rule "issue ends"' in printed
    assert "is told, if it is open" in printed


def test_what_is_ignored_is_told_to_open_nothing(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "try", "sentry", kept(desk, {"action": "created"})) == 0

    assert "nothing: it is answered as received, and opens no incident" in capsys.readouterr().out


def test_headers_that_are_none_are_refused(desk: Path, capsys: Printed) -> None:
    headers = desk / "headers.txt"
    headers.write_text("sentry hook\n")

    assert ingest(desk, "try", "sentry", kept(desk, {}), "--headers", headers) == 2

    assert "write each as `Name: value`" in capsys.readouterr().err


def test_why_a_value_cannot_be_had_is_shown(desk: Path, capsys: Printed) -> None:
    lamps = [{"pier": 7, "lamp": "E1", "lit": True}]

    assert ingest(desk, "try", "lamps", kept(desk, {"lamps": lamps})) == 1

    printed = capsys.readouterr()
    assert "– + can't add a number to text of length 5; string() makes text" in " ".join(printed.out.split())
    assert 'lamps.yaml:6: group: `"pier " + item.pier` makes no sense' in printed.err


def test_a_refusal_for_programs_holds_the_values(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "try", "lamps", kept(desk, {"lamps": 3}), "-o", "json") == 1

    failed = json.loads(capsys.readouterr().err)
    assert failed["trial"]["refusal"]["reason"] == "wrong-value"
    assert [each["name"] for each in failed["trial"]["values"]][:2] == ["match", "each"]


def test_what_is_no_json_is_refused(desk: Path, capsys: Printed) -> None:
    file = desk / "payload.json"
    file.write_text("{")

    assert ingest(desk, "try", "lamps", file) == 1

    assert "the body is not JSON" in capsys.readouterr().err


def test_every_format_can_be_tried_by_its_name(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "try", "alertmanager", SHIPPED / "alertmanager.json", "-o", "json") == 0

    [reading] = json.loads(capsys.readouterr().out)["readings"]
    assert reading["alert"]["severity"] == "closed"
    assert reading["alert"]["facts"]["place"] == "production"


@pytest.mark.parametrize(
    ("format", "capture"),
    [
        ("alertmanager", "alertmanager-firing.json"),
        ("pagerduty", "pagerduty-trigger.json"),
        ("pagerduty", "pagerduty-trigger-from-alertmanager.json"),
        ("cloudevents", "cloudevents-structured.http"),
        ("cloudevents", "cloudevents-binary.http"),
        ("sns", "sns-notification.http"),
    ],
)
def test_what_was_recorded_of_real_programs_can_be_tried(
    desk: Path, capsys: Printed, format: str, capture: str
) -> None:
    if not CAPTURES.is_dir():
        pytest.skip(f"there is no folder {CAPTURES} of recorded requests")

    assert ingest(desk, "try", format, CAPTURES / capture, "--plan", "harbour") == 0

    assert "incident-" in capsys.readouterr().out


def test_what_is_neither_source_nor_format_is_told_with_what_there_is(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "try", "lantern", kept(desk, {})) == 2

    said = capsys.readouterr().err
    assert "datadog, lamps, sentry" in said
    assert "grafana" in said


def test_a_folder_in_order_is_told_to_be(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "check") == 0

    said = capsys.readouterr().out.splitlines()
    assert "source datadog: in order, mapping at /v1/sources/datadog" in said
    assert (
        "source lamps: in order, mapping at /v1/sources/lamps; anybody may report there: add a lock" in said
    )
    assert f"mapping {desk}/sources/mappings/lamps.yaml: in order, 1 rule, 1 example tried" in said


NOTE = (
    "no intake rule of harbour takes what comes from lamps: everything is slow, and no label becomes a fact"
)


def test_a_plan_that_knows_nothing_of_a_source_is_noted_where_it_is_checked_and_where_it_is_tried(
    desk: Path, capsys: Printed
) -> None:
    assert ingest(desk, "check") == 0
    checked = capsys.readouterr().out.splitlines()
    assert ingest(desk, "try", "lamps", kept(desk, ROUND)) == 0
    tried = " ".join(capsys.readouterr().out.split())

    [note] = [line for line in checked if "lamps: everything" in line]
    assert note.startswith(f"  note: {NOTE}; add a rule for it")
    assert f"note {NOTE}" in tried


def notes(desk: Path, capsys: Printed, rule: str) -> tuple[set[str], set[str]]:
    """What is noted of the lamps with one more rule in their plan: where it is checked, and where it is tried."""
    plan = desk / "plans" / "harbour" / "plan.yaml"
    plan.write_text(f"{plan.read_text().rstrip()}\n  - {rule}\n")
    assert ingest(desk, "check", "-o", "json") == 0
    checked = json.loads(capsys.readouterr().out)["sources"]
    assert ingest(desk, "try", "lamps", kept(desk, ROUND), "-o", "json") == 0
    tried = json.loads(capsys.readouterr().out)["readings"]
    return {each["note"] for each in checked}, {each["note"] for each in tried}


def test_a_rule_for_every_source_is_a_rule_for_this_one(desk: Path, capsys: Printed) -> None:
    rule = '{source: "*", when: {service: "*"}, otherwise: slow}'

    assert notes(desk, capsys, rule) == ({""}, {""})


def test_what_the_rules_for_its_source_do_not_match_is_noted_where_it_is_tried(
    desk: Path, capsys: Printed
) -> None:
    checked, tried = notes(desk, capsys, '{source: lamps, when: {quay: "*"}, otherwise: closed}')

    [note] = tried
    assert note.startswith("no intake rule of harbour matches this: it is slow, and no label becomes a fact")
    assert "with `when: {tocsin_plan: harbour}`" in note
    assert NOTE not in "".join(checked)


def test_what_that_note_says_to_add_takes_it(desk: Path, capsys: Printed) -> None:
    _, tried = notes(desk, capsys, '{source: "*", when: {tocsin_plan: harbour}, otherwise: closed}')

    assert tried == {""}


def test_a_folder_in_order_for_programs(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "check", "-o", "json") == 0

    told = json.loads(capsys.readouterr().out)
    assert [each["source"] for each in told["sources"]] == ["alertmanager", "datadog", "lamps", "sentry"]
    assert [each["secured"] for each in told["sources"]] == [False, True, False, True]
    assert [each["examples"] for each in told["mappings"]] == [4, 1, 6]


def test_every_problem_of_sources_mappings_and_examples_is_found(desk: Path, capsys: Printed) -> None:
    sources = desk / "sources"
    (sources / "sentry.secret").unlink()
    mapping = sources / "mappings" / "lamps.yaml"
    mapping.write_text(mapping.read_text().replace('"!item.lit"', "item.lit"))
    (sources / "mappings" / "spare.yaml").write_text("mapping: spare\nrules: [{rule: r, group: paylod}]\n")

    assert ingest(desk, "check") == 1

    said = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"{sources}/").partition(": ")[0] for line in said] == [
        "mappings/lamps.yaml:13:5",
        "mappings/spare.yaml:2:26",
        "sentry.yaml:10:22",
    ]
    assert said[0].endswith("firing should be True, and is False")


def test_one_mapping_can_be_checked_alone(desk: Path, capsys: Printed) -> None:
    assert ingest(desk, "check", desk / "sources" / "mappings" / "sentry.yaml") == 0

    assert capsys.readouterr().out.count("in order") == 1


def test_without_a_folder_there_is_nothing_to_check(desk: Path, capsys: Printed) -> None:
    shutil.rmtree(desk / "sources")

    assert ingest(desk, "check") == 2

    assert "set TOCSIN_SOURCES" in capsys.readouterr().err
