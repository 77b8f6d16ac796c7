"""What `tocsin plan check` says of plans that could be run: problems fail it, advice only under `--strict`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.office import NIGHT, library_of_the_harbour
from tocsin.cli import main
from tocsin.settings import Settings

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """A library with the harbour's plan, for which there is some advice and nothing worse."""
    return library_of_the_harbour(tmp_path)


def check(plans: Path, *words: str) -> int:
    office = main.Office(settings=lambda: Settings(plans=plans), now=lambda: NIGHT)
    return main.run(["plan", "check", *words], office)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_advice_is_printed_with_its_place_and_fails_nothing(plans: Path, capsys: Printed) -> None:
    assert check(plans) == 0

    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith(f"{plans}/harbour/plan.yaml:27:11: ")
    assert ": advice: estimate: hours and days: no strategy" in printed.out
    assert printed.out.endswith("plan harbour: in order, with 4 pieces of advice\n")


def test_a_strict_check_fails_for_advice(plans: Path, capsys: Printed) -> None:
    assert check(plans, "--strict") == 1

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count(": advice: ") == 4


def test_a_problem_fails_the_check_and_stands_before_the_advice(plans: Path, capsys: Printed) -> None:
    edit(plans / "harbour" / "directory.yaml", "clerk: [eva]", "clerk: []")

    assert check(plans) == 1

    first, *others = capsys.readouterr().err.splitlines()
    assert ': roles.clerk: role "clerk" is held by nobody' in first
    assert all(": advice: " in line for line in others)


def test_a_plan_that_breaks_its_policy_is_loaded_all_the_same(plans: Path) -> None:
    from tocsin.library import check

    edit(plans / "harbour" / "directory.yaml", "clerk: [eva]", "clerk: []")

    assert check(plans / "harbour") == []


def test_what_is_wrong_in_the_directory_is_placed_there(plans: Path, capsys: Printed) -> None:
    level = "{role: pilot, via: [sms, phone], wait: PT5M}"
    edit(plans / "harbour" / "plan.yaml", level, "{supervisor_of: pilot, via: [sms, phone]}")

    assert check(plans) == 0

    printed = capsys.readouterr().out
    assert f"{plans}/harbour/directory.yaml:3:8: advice: people.ana: ana may hold role" in printed


def test_problems_and_advice_in_json(plans: Path, capsys: Printed) -> None:
    assert check(plans, "-o", "json") == 0
    [plan] = json.loads(capsys.readouterr().out)
    assert plan["problems"] == []
    assert {"file", "line", "column", "path", "message"} == set(plan["advice"][0])

    assert check(plans, "-o", "json", "--strict") == 1
    failed = json.loads(capsys.readouterr().err)
    assert failed["error"] == "problems"
    assert failed["plans"] == [plan]


def test_a_plan_that_could_not_be_run_is_not_reviewed(plans: Path, capsys: Printed) -> None:
    edit(plans / "harbour" / "plan.yaml", "step: {step: moor}", "step: {step: more}")

    assert check(plans) == 1

    assert ": advice: " not in capsys.readouterr().err
