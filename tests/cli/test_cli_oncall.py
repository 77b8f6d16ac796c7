"""Who is on call, asked at the keyboard; Temporal is not asked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.office import library_of_the_harbour
from tocsin.cli import main
from tocsin.settings import Settings

Printed = pytest.CaptureFixture[str]

TURNS = """
rotations:
  pilot:
    - {people: [ana, rui], handover: "mon 09:00", timezone: Europe/Lisbon, starts: 2026-06-01}
overrides:
  - role: pilot
    person: eva
    from: 2026-06-10 09:00
    until: 2026-06-12 09:00
    timezone: Europe/Lisbon
    instead_of: rui
  - {role: clerk, person: rui, from: "2026-06-03 09:00", until: "2026-06-04 09:00", timezone: Europe/Lisbon}
"""

TUESDAY = datetime(2026, 6, 2, 3, 0, tzinfo=UTC)


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    """The harbour, whose pilots take turns; Rui is not to be disturbed at night."""
    library = library_of_the_harbour(tmp_path)
    directory = library / "harbour" / "directory.yaml"
    text = directory.read_text()
    assert text.count("name: Rui,") == 1
    quiet = 'quiet: {timezone: Europe/Lisbon, hours: "22:00-07:00"}'
    text = text.replace("name: Rui,", f"name: Rui, {quiet},")
    text = text.replace("pilot: [ana], watch_officer: [ana]", "pilot: [ana, rui], watch_officer: []")
    directory.write_text(text + TURNS)
    return library


def oncall(plans: Path, *words: str) -> int:
    office = main.Office(settings=lambda: Settings(plans=plans), now=lambda: TUESDAY)
    return main.run(["oncall", *words], office)


def test_who_is_on_call_until_when_and_who_follows(plans: Path, capsys: Printed) -> None:
    assert oncall(plans, "--role", "pilot") == 0

    assert capsys.readouterr().out == (
        "harbour  Tue 2026-06-02 03:00 UTC\n"
        "\n"
        "pilot  Pilot\n"
        "  → ana  Ana  weekly turn until Mon 2026-06-08 08:00 UTC, in 6 d 5 h\n"
        "    rui  Rui  quiet until 07:00 (Europe/Lisbon)\n"
        "    then  Mon 2026-06-08 08:00 UTC  rui\n"
        "          Wed 2026-06-10 08:00 UTC  eva\n"
        "          Fri 2026-06-12 08:00 UTC  rui\n"
        "          Mon 2026-06-15 08:00 UTC  ana\n"
        "\n"
        "Who is quiet is paged all the same: every severity of this plan wakes people.\n"
    )


def test_at_another_time_whoever_is_away_comes_last(plans: Path, capsys: Printed) -> None:
    assert oncall(plans, "--role", "pilot", "--at", "2026-06-10 12:00", "--days", "1") == 0

    printed = capsys.readouterr().out
    assert "  → eva  Eva  stands in for rui until Fri 2026-06-12 08:00 UTC, in 1 d 20 h\n" in printed
    assert "    rui  Rui  away until Fri 2026-06-12 08:00 UTC, in 1 d 20 h\n" in printed
    assert "then" not in printed


def test_whoever_is_away_between_their_turns_is_not_listed(plans: Path, capsys: Printed) -> None:
    directory = plans / "harbour" / "directory.yaml"
    text = directory.read_text().replace("pilot: [ana, rui]", "pilot: [ana]")
    directory.write_text(text.replace("starts:", 'hours: "07:00-19:00", starts:'))

    assert oncall(plans, "--role", "pilot", "--at", "2026-06-10 23:00", "--days", "1") == 0
    by_night = capsys.readouterr().out
    assert "  → ana  Ana\n" in by_night
    assert "rui" not in by_night

    assert oncall(plans, "--role", "pilot", "--at", "2026-06-11 12:00", "--days", "1") == 0
    assert "    rui  Rui  away until" in capsys.readouterr().out


def test_a_handover_to_oneself_is_no_change(plans: Path, capsys: Printed) -> None:
    directory = plans / "harbour" / "directory.yaml"
    override = (
        '  - {role: pilot, person: rui, from: "2026-06-08 07:00", until: "2026-06-08 12:00", '
        "timezone: Europe/Lisbon, instead_of: ana}\n"
    )
    directory.write_text(directory.read_text() + override)

    assert oncall(plans, "--role", "pilot", "--at", "2026-06-08 03:00", "--days", "1") == 0

    printed = capsys.readouterr().out
    assert "    then  Mon 2026-06-08 06:00 UTC  rui\n" in printed
    assert printed.count("rui\n") == 1


def test_a_role_without_turns_shows_its_holders_and_who_takes_it_for_a_while(
    plans: Path, capsys: Printed
) -> None:
    assert oncall(plans, "--plan", "harbour") == 0

    printed = capsys.readouterr().out
    assert (
        "clerk  Clerk\n"
        "  → eva  Eva\n"
        "    then  Wed 2026-06-03 08:00 UTC  rui\n"
        "          Thu 2026-06-04 08:00 UTC  eva\n"
    ) in printed
    assert "watch_officer  Watch officer\n    nobody in the directory\n" in printed


def test_a_gap_between_shifts_is_shown_with_whoever_is_tried_then(plans: Path, capsys: Printed) -> None:
    directory = plans / "harbour" / "directory.yaml"
    directory.write_text(directory.read_text().replace("starts:", 'hours: "09:00-17:00", starts:'))

    assert oncall(plans, "--role", "pilot", "--days", "1") == 0

    printed = capsys.readouterr().out
    assert "pilot  Pilot\n    nobody is on duty\n  → ana" in printed
    assert "    then  Tue 2026-06-02 08:00 UTC  ana\n" in printed
    assert "          Tue 2026-06-02 16:00 UTC  ana  nobody is on duty\n" in printed


def test_a_long_list_is_cut_where_no_role_was_asked_for(plans: Path, capsys: Printed) -> None:
    assert oncall(plans, "--days", "60") == 0
    assert "and 5 more: --role pilot lists them" in capsys.readouterr().out

    assert oncall(plans, "--days", "60", "--role", "pilot") == 0
    assert "more:" not in capsys.readouterr().out


def test_in_json_it_is_one_list_without_addresses(plans: Path, capsys: Printed) -> None:
    assert oncall(plans, "--role", "pilot", "-o", "json") == 0

    printed = capsys.readouterr().out
    [pilot] = json.loads(printed)
    ana, rui = pilot["standing"]
    assert (ana["person"], ana["rule"], ana["until"]) == ("ana", "shift", "2026-06-08T08:00:00Z")
    assert (rui["rule"], rui["quiet_until"]) == ("holder", "2026-06-02T06:00:00Z")
    assert pilot["changes"][0] == {"at": "2026-06-08T08:00:00Z", "people": ["rui"], "is_gap": False}
    assert "+1202" not in printed


def test_unknown_names_are_usage_errors(plans: Path, capsys: Printed) -> None:
    assert oncall(plans, "--plan", "harbor") == 2
    assert 'there is no plan "harbor"' in capsys.readouterr().err

    assert oncall(plans, "--role", "cook") == 2
    assert 'there is no role "cook"; there is pilot, ' in capsys.readouterr().err


def test_a_plan_with_problems_keeps_no_other_from_being_shown(plans: Path, capsys: Printed) -> None:
    broken = plans / "broken"
    broken.mkdir()
    (broken / "plan.yaml").write_text("plan: broken\n")

    assert oncall(plans) == 1
    printed = capsys.readouterr()
    assert "→ ana" in printed.out
    assert f"{broken}/directory.yaml:1:1: can't be read" in printed.err

    assert oncall(plans, "--plan", "harbour") == 0
    assert oncall(plans, "--plan", "broken") == 1
