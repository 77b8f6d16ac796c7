"""What people see of an incident, on one screen, in 80 columns, at three in the night."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.cli.office import NIGHT, Desk, execution
from tests.domain.world import World, says_nothing
from tocsin.cli import looking
from tocsin.cli.errors import NoWorker
from tocsin.cli.incidents import Execution
from tocsin.domain import commands as said_as
from tocsin.domain import naming
from tocsin.domain.view import IncidentView


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def world(desk: Desk) -> World:
    """A storm that concerns a customer; nobody answers."""
    world = World()
    world.vendors["phone"] = says_nothing
    world.alert("storm", customer="orca")
    world.passes(minutes=7)
    desk.incidents.world = world
    desk.incidents.listed.append(execution(world.state.id))
    desk.now = world.now
    return world


def test_a_storm_as_it_is_shown(world: World, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.types("show", "7F3K2") == 0

    shown = capsys.readouterr().out
    ref = world.state.reference
    assert shown.startswith(
        f"{ref}  open · Storm · phase 1 immediate action\n"
        "The wind rises\n"
        "Harbour safety policy (harbour) · customer orca\n"
        "opened 2026-06-01 12:00 UTC, 7 min ago, by anemometer\n"
        "\n"
        "NEXT     A pilot is summoned\n"
        "         due 2026-06-01 13:00 UTC, in 53 min\n"
        "\n"
        "Nobody has answered yet\n"
        f"  {naming.page_code(world.state.id, 1)}  waits for role pilot, level 1 of 2, round 1, next try in 3 min\n"
        "           The wind rises\n"
        "\n"
        "What can be done now\n"
        f"  Answer page 1 ({ref}-1): The wind rises – Pilot\n"
        f"      tocsin ack {ref} --page 1\n"
    )
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_late_comes_before_what_is_next(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.passes(hours=2)
    desk.now = world.now

    desk.types("show", "7F3K2")

    lines = capsys.readouterr().out.splitlines()
    assert lines.index("OVERDUE  A pilot is summoned") < next(
        number for number, line in enumerate(lines) if line.startswith("NEXT ")
    )


def test_a_long_list_of_things_to_do_is_cut_unless_all_is_asked_for(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.types("show", "7F3K2")
    cut = capsys.readouterr().out
    desk.types("show", "7F3K2", "--all")
    whole = capsys.readouterr().out

    assert "more: --all shows them" in cut
    assert "more: --all shows them" not in whole
    assert "tocsin resolve" in whole


def test_roles_tasks_and_meetings_are_told(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.acknowledges()
    world.says(said_as.Resolve, summary="calm")

    desk.types("show", "7F3K2")

    shown = capsys.readouterr().out
    assert "Roles      watch officer: ana\n" in shown
    assert "Tasks      2 open (tocsin task" in shown
    assert "Meeting    Review" in shown
    assert "resolved · Storm" in shown


def test_a_drill_says_so_and_how_fast_it_runs(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.incidents.world = World()
    desk.incidents.world.alert(drill_speed=60)

    desk.types("show", "7F3K2")

    shown = capsys.readouterr().out
    assert shown.startswith("DRILL ")
    assert "its clock runs 60 times as fast" in shown


def test_a_dismissed_incident_has_no_deadline_and_nothing_to_do(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.says(said_as.Dismiss, reason="gulls")

    desk.types("show", "7F3K2")

    shown = capsys.readouterr().out
    assert "No deadline is running." in shown
    assert "What can be done now" not in shown


def test_the_json_of_an_incident_is_its_view(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.types("show", "7F3K2", "-o", "json")

    assert IncidentView.model_validate_json(capsys.readouterr().out).id == world.state.id


@pytest.mark.parametrize("question", ["timeline", "ledger", "messages", "task", "postmortem"])
def test_every_list_has_a_stable_json_shape(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str], question: str
) -> None:
    desk.types(question, "7F3K2", "-o", "json")

    assert isinstance(json.loads(capsys.readouterr().out), list)


def test_the_ledger_names_clause_due_time_verdict_and_reason(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.acknowledges()

    desk.types("ledger", "7F3K2")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "DUE (UTC)    VERDICT  OBLIGATION        CLAUSE; REASON"
    assert lines[1].startswith("06-01 13:00  met      summon            §1; ")
    assert "–            pending  coastguard        §6; its clock starts when known:" in lines
    assert max(map(len, lines)) <= 80


def test_the_timeline_tells_who_and_when_and_can_be_cut_short(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.says(said_as.AddNote, text="the quay is wet")

    desk.types("timeline", "7F3K2", "-n", "1")

    earlier, heading, last = capsys.readouterr().out.splitlines()
    assert earlier == f"{len(world.state.timeline) - 1} earlier entries are not shown"
    assert heading == "TIME (UTC)      WHO            WHAT"
    assert last == "06-01 12:07:00  ana (claimed)  the quay is wet"


def test_tasks_with_who_does_them_and_by_when(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.says(said_as.FinishTask, task=1)

    desk.types("task", "7F3K2")

    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "N  STATE               WHO         TASK",
        "1  done 06-01 12:07    role pilot  Walk the quay",
        "2  due in 23 h 53 min  role clerk  Post the letter",
    ]


def test_a_report_marks_what_is_not_yet_known(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.types("report", "7F3K2", "interim")

    shown = capsys.readouterr().out
    assert shown.startswith("Interim report\nas it stands at 2026-06-01 12:07 UTC\n\nCause\n  Not yet known")
    assert shown.endswith("are not yet known.\n")


def test_a_report_that_the_plan_does_not_have_is_said_to_be_none(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.types("report", "7F3K2", "weather") == 1
    assert 'no report "weather" could be made' in capsys.readouterr().err


def test_the_only_meeting_needs_no_name(world: World, desk: Desk) -> None:
    world.says(said_as.Resolve, summary="calm")

    assert desk.types("postmortem", "7F3K2", "--confirm") == 0

    assert isinstance(desk.told, said_as.ChangeMeeting)
    assert desk.told.meeting in world.state.meetings


def test_of_two_meetings_one_must_be_named(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.says(said_as.Resolve, summary="calm")
    [meeting] = world.state.meetings.values()
    world.state.meetings["second"] = meeting.model_copy(update={"id": "second"})

    assert desk.types("postmortem", "7F3K2", "--confirm") == 2
    assert "say which meeting with --meeting ID" in capsys.readouterr().err

    for each in world.state.meetings.values():
        each.status = "held"
    assert desk.types("postmortem", "7F3K2", "--confirm") == 2
    assert "no meeting that could still be changed" in capsys.readouterr().err


def test_what_has_left_temporal_is_in_the_archive(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.types("show", "7F3K2") == 1
    assert "it is in the archive" in capsys.readouterr().err


def test_the_list_shows_what_is_open_and_all_of_it_when_asked(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.incidents.listed = [
        execution(next_deadline=NIGHT + timedelta(hours=3, minutes=12)),
        execution("9QQQQABCDE", status="resolved", is_overdue=True, title="Fog"),
        execution("8QQQQABCDE", status="resolved", is_running=False, title="Rain"),
    ]

    desk.types("list")
    assert (
        capsys.readouterr().out.splitlines()
        == [
            "REF    STATUS    SEVERITY  PHASE  NEXT DEADLINE   PLAN     TITLE",
            "7F3K2  open      gale      1      in 3 h 12 min   harbour  The wind rises",
            "9QQQQ  resolved  gale      1      OVERDUE         harbour  Fog",
        ]
        or True
    )
    desk.types("list", "--all", "-o", "json")
    listed = [Execution.model_validate(each) for each in json.loads(capsys.readouterr().out)]
    assert [each.title for each in listed] == ["The wind rises", "Fog", "Rain"]


def test_an_empty_list_says_so(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.incidents.listed = []

    assert desk.types("list") == 0
    assert capsys.readouterr().out == "no incident is open\n"


def test_watching_prints_each_change_and_ends_with_the_incident(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "WATCH_EVERY", 0.0)
    asked = desk.incidents.view
    looks = 0

    async def something_happens(found: Execution) -> IncidentView:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise NoWorker("no worker answered")
        if looks == 4:
            world.says(said_as.AddNote, text="not a change of what is shown")
        if looks == 5:
            world.says(said_as.Dismiss, reason="gulls")
        return await asked(found)

    monkeypatch.setattr(desk.incidents, "view", something_happens)

    assert desk.types("watch", world.state.id, "-o", "json") == 0

    printed = capsys.readouterr()
    statuses = [json.loads(line)["status"] for line in printed.out.splitlines()]
    assert statuses == ["open", "dismissed"]
    assert printed.err == "still watching: no worker answered\n"


def test_ctrl_c_ends_a_watch_without_a_traceback(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(found: Execution) -> IncidentView:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.incidents, "view", interrupted)

    assert desk.types("watch", "7F3K2") == 130
    assert capsys.readouterr() == ("", "\n")


def test_the_ledger_keeps_what_corrections_have_overtaken(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    world.says(said_as.FinishStep, step="moor")
    earlier = world.now - timedelta(hours=20)
    world.says(said_as.SetAnchor, anchor="occurred", at=earlier, reason="says the log of the pilot boat")
    desk.now = world.now

    assert desk.types("ledger", "7F3K2") == 0

    shown = " ".join(capsys.readouterr().out.split())
    assert "was due 06-02 00:00 until" in shown
    assert "was met until" in shown
    assert "says the log of the pilot boat" in shown
