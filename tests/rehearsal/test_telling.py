"""A rehearsal as it is told and drawn: short where nothing is to be learnt, and never by colour alone."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tests.rehearsal.conftest import PLANS
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.rehearsal.drawing import drawn
from tocsin.rehearsal.result import Result
from tocsin.rehearsal.telling import told
from tocsin.settings import Settings

SHORT = """\
scenario: short
title: A short night
plan: allcode
begins: second friday of february 22:40
ends: PT1H
alert: {labels: {alertname: Leak, severity: critical, customer: acme}}
people:
  kim: {answers: phone}
steps:
  - {at: PT20M, who: kim, says: classify high}
  - {at: PT30M, who: kim, says: close, expect: EXPECTED}
"""

Types = Callable[..., int]


@pytest.fixture
def types(tmp_path: Path) -> Types:
    """Somebody types `tocsin rehearse`, about a scenario in which closing is expected to go so."""

    def type_it(*words: str, expected: str = "refused", plan: str = "allcode") -> int:
        scenario = tmp_path / "short.yaml"
        scenario.write_text(SHORT.replace("EXPECTED", expected))
        office = Office(settings=lambda: Settings(plans=PLANS, state=tmp_path / "state"))
        return run(["rehearse", plan, "--scenario", str(scenario), *words], office)

    return type_it


def test_it_is_told_from_the_alert_to_the_ledger(
    types: Types, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "120")

    assert types("--svg", str(tmp_path / "night.svg")) == 0

    text = click.unstyle(capsys.readouterr().out)
    assert "Begins     Friday 12 February 2027, 22:40 America/Los_Angeles" in text
    assert re.search(r"22:50:\d\d {7}\+10 min  kim \(by phone\): page 1 \(", text)
    assert "→ sms to dana delivered; email to" in text
    assert "declared at Fri 12 Feb 22:40" in text
    assert "0  email  notice      [" in text
    assert "DUE (America/Los_Angeles)  VERDICT" in text
    assert "+30 min  kim: close\n                refused: resolve the incident first" in text

    picture = ET.fromstring((tmp_path / "night.svg").read_text())
    titles = [each.text or "" for each in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "Rehearsal of Incident Management Program Policy: A short night"
    assert any(title.startswith("phone, page, Fri 12 Feb 22:50 (+10 min)") for title in titles)
    assert any(
        "summon-oncall: due Fri 12 Feb 23:40 (+1 h), settled Fri 12 Feb 22:50" in each for each in titles
    )


def test_programs_get_a_stable_shape_from_which_it_can_be_told_and_drawn_again(
    types: Types, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    assert types("-o", "json", "--archive", str(tmp_path / "kept")) == 0

    printed = capsys.readouterr().out
    shape = json.loads(printed)
    assert list(shape) == [
        *("scenario", "title", "plan", "plan_title", "organisation", "timezone", "began", "ended"),
        *("incidents", "messages", "said", "archive"),
    ]
    assert shape["messages"][0]["offset"] == "PT0S"
    again = Result.model_validate_json(printed)
    assert "A short night" in told(again, whole=True)
    assert drawn(again).startswith("<svg")
    [record] = (tmp_path / "kept").glob("*/incidents/*/record.json")
    assert json.loads(record.read_text())["title"] == "Leak"


def test_what_goes_otherwise_than_expected_is_told_and_fails(
    types: Types, capsys: pytest.CaptureFixture[str]
):
    assert types(expected="accepted") == 1

    captured = capsys.readouterr()
    assert "(the scenario says accepted)" in captured.out
    assert "1 of the steps went otherwise" in captured.err


def test_a_scenario_for_another_plan_is_a_slip_of_the_hand(types: Types, capsys: pytest.CaptureFixture[str]):
    assert types(plan="miniorange") == 2
    assert "is written for the plan allcode, not for miniorange" in capsys.readouterr().err


def test_a_scenario_with_mistakes_names_their_places(types: Types, capsys: pytest.CaptureFixture[str]):
    assert types(expected="thrown-out") == 1
    assert "short.yaml:11:48: steps[1].expect:" in capsys.readouterr().err


def test_without_the_server_it_says_what_to_install(
    types: Types, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("tocsin.rehearsal.house.TEST_SERVER", tmp_path / "nowhere")

    assert types() == 69
    assert 'pip install "tocsin[embedded]"' in capsys.readouterr().err
