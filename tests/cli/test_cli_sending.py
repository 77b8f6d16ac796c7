"""Telling an incident something while workers stop, incidents move, and servers fall silent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.office import NIGHT, STORM, Desk, execution
from tocsin.cli.errors import Failed, Gone, NoWorker, Refused, Unavailable
from tocsin.domain import commands as said_as
from tocsin.domain import naming
from tocsin.domain.commands import Command
from tocsin.domain.events import Commanded
from tocsin.domain.messages import CommandReply
from tocsin.domain.state import Actor

HERE = naming.incident_workflow(STORM)
AFTER = naming.post_incident_workflow(STORM)


def test_a_command_is_bound_to_the_incident_that_was_found_and_to_who_speaks(desk: Desk) -> None:
    assert desk.types("note", "7F3", "the lamp is lit", "--as", "eva") == 0

    assert isinstance(desk.told, said_as.AddNote)
    assert desk.told.incident == STORM
    assert desk.told.actor == Actor(key="eva", via="cli", proof="claimed")
    assert len(desk.told.id) == 32


def test_an_accepted_command_says_where_the_incident_stands_now(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.types("ack", "7F3K2")

    assert capsys.readouterr().out.splitlines() == [
        "accepted: 7F3K2 is open · phase 1 immediate action · severity gale",
        "  noted",
    ]


def test_without_a_worker_the_same_command_is_queued_and_says_so(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.incidents.answers = {HERE: NoWorker("no worker answered")}

    assert desk.types("ack", "7F3K2") == 0

    assert desk.incidents.queued == desk.incidents.commanded
    assert capsys.readouterr().out.startswith(
        "queued: no worker answered; it is kept and will be applied — you will be told if it is refused"
    )


def test_queued_in_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.incidents.answers = {HERE: NoWorker("no worker answered")}

    assert desk.types("ack", "7F3K2", "--id", "c" * 32, "-o", "json") == 0

    assert json.loads(capsys.readouterr().out) == {
        "outcome": "queued",
        "id": "c" * 32,
        "incident": STORM,
        "reply": None,
    }


def test_a_command_that_can_not_even_be_queued_says_how_to_repeat_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.incidents.answers = {HERE: Unavailable("Temporal does not answer any more")}
    desk.incidents.queue_answer = Unavailable("Temporal does not answer any more")

    assert desk.types("ack", "7F3K2", "--id", "c" * 32) == 69

    assert f"Repeat it with --id {'c' * 32}: it is applied once." in capsys.readouterr().err


def test_a_refusal_gives_the_reason_on_stderr(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.incidents.answers = {HERE: Refused("no page waits for an acknowledgement")}

    assert desk.types("ack", "7F3K2") == 1

    assert capsys.readouterr() == ("", "refused: no page waits for an acknowledgement\n")


def test_a_refusal_in_json(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.incidents.answers = {HERE: Refused("no page waits")}

    assert desk.types("ack", "7F3K2", "--id", "c" * 32, "--output=json") == 1

    assert json.loads(capsys.readouterr().err) == {
        "error": "refused",
        "message": "no page waits",
        "exit_code": 1,
        "outcome": "refused",
        "id": "c" * 32,
    }


def test_what_the_incident_could_not_carry_out_is_neither_accepted_nor_queued(desk: Desk) -> None:
    desk.incidents.answers = {HERE: Failed("the incident could not carry out the command")}

    assert desk.types("ack", "7F3K2") == 1
    assert desk.incidents.queued == []


def test_a_command_that_meets_a_hand_over_follows_the_incident_under_the_same_id(desk: Desk) -> None:
    desk.incidents.answers = {HERE: Gone()}
    desk.incidents.now = {HERE: execution(is_running=False), AFTER: execution(workflow=AFTER)}

    assert desk.types("update", "7F3K2", "all is calm") == 0

    [(first, told), (second, told_again)] = desk.incidents.commanded
    assert (first, second) == (HERE, AFTER)
    assert told == told_again


def test_a_successor_that_has_not_begun_yet_is_known_by_its_name(desk: Desk) -> None:
    desk.incidents.answers = {HERE: Gone()}
    unborn = execution(incident=None, workflow=AFTER)
    desk.incidents.now = {HERE: execution(is_running=False), AFTER: unborn}

    assert desk.types("ack", "7F3K2") == 0
    assert [workflow for workflow, _ in desk.incidents.commanded] == [HERE, AFTER]


def test_an_incident_that_the_list_calls_ended_is_asked_for_where_it_may_have_been_reopened(
    desk: Desk,
) -> None:
    desk.incidents.listed = [execution(is_running=False), execution(workflow=AFTER, is_running=False)]
    desk.incidents.now = {HERE: execution(), AFTER: execution(workflow=AFTER, is_running=False)}

    assert desk.types("ack", "7F3K2") == 0
    assert [workflow for workflow, _ in desk.incidents.commanded] == [HERE]


def test_a_newer_incident_under_the_same_alert_refuses_and_the_command_goes_to_the_right_one(
    desk: Desk,
) -> None:
    desk.incidents.answers = {HERE: Refused("this is incident 9QQQQ, not 7F3K2")}
    desk.incidents.now = {HERE: execution("9QQQQABCDE", HERE), AFTER: execution(workflow=AFTER)}

    assert desk.types("ack", "7F3K2") == 0
    assert [workflow for workflow, _ in desk.incidents.commanded] == [HERE, AFTER]


@pytest.mark.parametrize("listed_as_running", [True, False])
def test_a_closed_incident_takes_no_command(
    desk: Desk, capsys: pytest.CaptureFixture[str], listed_as_running: bool
) -> None:
    desk.incidents.listed = [execution(workflow=AFTER, is_running=listed_as_running)]
    desk.incidents.now = {AFTER: execution(workflow=AFTER, is_running=False)}
    desk.incidents.answers = {AFTER: Gone()}

    assert desk.types("note", "7F3K2", "too late") == 1

    assert "error: incident 7F3K2 is closed" in capsys.readouterr().err
    assert desk.incidents.queued == []


def test_nobody_speaks_without_a_name(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.actor = None

    assert desk.types("ack", "7F3K2") == 2

    assert "Say `--as PERSON`, or set TOCSIN_ACTOR" in capsys.readouterr().err
    assert desk.incidents.searches == 0


def test_without_temporal_it_says_where_it_looked(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.temporal_is_down = True

    assert desk.types("ack", "7F3K2") == 69
    assert capsys.readouterr().err == "error: Temporal does not answer at 127.0.0.1:7233\n"


def test_ctrl_c_queues_nothing_and_says_how_to_repeat(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(workflow: str, commanded: Commanded) -> CommandReply:
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.incidents, "command", interrupted)

    assert desk.types("ack", "7F3K2", "--id", "c" * 32) == 130
    assert f"whether it was applied is unknown; repeat it with --id {'c' * 32}" in capsys.readouterr().err
    assert desk.incidents.queued == []


AN_HOUR_AGO = "2026-06-01T02:00:00Z"


@pytest.mark.parametrize(
    ("typed", "kind", "meant"),
    [
        ("ack 7F3K2", said_as.Acknowledge, {"page": None}),
        ("ack 7F3K2 --page 2", said_as.Acknowledge, {"page": 2}),
        ("ack 7f3k2-2", said_as.Acknowledge, {"page": 2}),
        ("note 7F3K2 hm", said_as.AddNote, {"text": "hm"}),
        ("update 7F3K2 calm", said_as.GiveUpdate, {"text": "calm"}),
        ("step 7F3K2 moor", said_as.FinishStep, {"step": "moor", "skip": False}),
        ("step 7F3K2 moor --skip --why sunk", said_as.FinishStep, {"skip": True, "reason": "sunk"}),
        ("assign 7F3K2 pilot rui", said_as.AssignRole, {"role": "pilot", "person": "rui"}),
        ("page 7F3K2 --role pilot help", said_as.PageSomebody, {"role": "pilot", "reason": "help"}),
        ("page 7F3K2 --person rui help", said_as.PageSomebody, {"role": None, "person": "rui"}),
        ("classify 7F3K2 storm", said_as.Classify, {"severity": "storm", "loosen": False}),
        (
            "classify 7F3K2 --criterion a --criterion b --why seen",
            said_as.Classify,
            {"severity": None, "criteria": ["a", "b"], "reason": "seen"},
        ),
        ("estimate 7F3K2 hours", said_as.GiveEstimate, {"choice": "hours"}),
        ("fact 7F3K2 cause rust", said_as.StateFact, {"name": "cause", "value": "rust"}),
        (
            "fact 7F3K2 occurred 2026-06-01T02:00Z",
            said_as.SetAnchor,
            {"anchor": "occurred", "at": AN_HOUR_AGO},
        ),
        ("fact 7F3K2 vendor_patch now", said_as.SetAnchor, {"at": "2026-06-01T03:00:00Z"}),
        ("task 7F3K2 add tidy --to rui", said_as.AddTask, {"title": "tidy", "person": "rui"}),
        (
            "task 7F3K2 add tidy --to role:pilot --within PT4H",
            said_as.AddTask,
            {"role": "pilot", "within": "PT4H"},
        ),
        ("task 7F3K2 done 2", said_as.FinishTask, {"task": 2}),
        ("resolve 7F3K2 calm", said_as.Resolve, {"summary": "calm", "at": None}),
        ("resolve 7F3K2 calm --at 2026-06-01T02:00", said_as.Resolve, {"at": AN_HOUR_AGO}),
        (
            "unresolvable 7F3K2 no --by 2026-07-01T02:00",
            said_as.DeclareUnresolvable,
            {"proposed": "2026-07-01T02:00:00Z"},
        ),
        ("dismiss 7F3K2 gulls", said_as.Dismiss, {"reason": "gulls"}),
        ("reopen 7F3K2 again", said_as.Reopen, {"reason": "again"}),
        ("close 7F3K2", said_as.Close, {"anyway": False}),
        ("close 7F3K2 --anyway --why tired", said_as.Close, {"anyway": True, "reason": "tired"}),
        ("report 7F3K2 interim --send", said_as.SendReport, {"report": "interim"}),
        (
            "postmortem 7F3K2 --meeting review --held learned",
            said_as.ChangeMeeting,
            {"meeting": "review", "action": "hold", "outcome": "learned"},
        ),
        (
            "postmortem 7F3K2 --meeting review --move 2026-06-01T02:00",
            said_as.ChangeMeeting,
            {"action": "move", "at": AN_HOUR_AGO},
        ),
        ("postmortem 7F3K2 --meeting review --confirm", said_as.ChangeMeeting, {"action": "confirm"}),
        ("postmortem 7F3K2 --meeting review --cancel", said_as.ChangeMeeting, {"action": "cancel"}),
    ],
)
def test_what_is_typed_is_what_the_incident_is_told(
    desk: Desk, typed: str, kind: type[Command], meant: dict[str, Any]
) -> None:
    assert desk.types(*typed.split()) == 0

    assert type(desk.told) is kind
    told = desk.told.model_dump(mode="json")
    assert {name: told[name] for name in meant} == meant


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("ack 7F3K2-2 --page 3", "leave one of them out"),
        ("note 7F3K2", "Missing argument"),
        ("step 7F3K2 moor --skip", "say why step moor is skipped: --why REASON"),
        ("page 7F3K2 help", "either --role ROLE or --person PERSON"),
        ("page 7F3K2 help --role a --person b", "either --role ROLE or --person PERSON"),
        ("classify 7F3K2", "say either SEVERITY or --criterion NAME"),
        ("fact 7F3K2 occurred yesterday", "is not a time; write `now`"),
        ("task 7F3K2 add tidy", "say what and who"),
        ("task 7F3K2 add tidy --to role:", "write --to role:ROLE, or --to PERSON"),
        ("task 7F3K2 add tidy --to rolle:pilot", "write --to role:ROLE, or --to PERSON"),
        ("task 7F3K2 add tidy --to rui --within 4h", "write ISO 8601 such as PT4H"),
        ("task 7F3K2 done tidy", "by its number"),
        ("task 7F3K2 undo 2", "Invalid value"),
        ("unresolvable 7F3K2 no", "Missing option '--by'"),
        ("resolve 7F3K2 calm --at 2026-06-01", "is a day without a time"),
        ("postmortem 7F3K2 --meeting review --confirm --cancel", "say one of --move, --confirm, --held"),
        ("ack 7F3K2 --id short", "at least 8 characters"),
        ("acknowledge 7F3K2", "No such command"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_that_says_what_to_write(
    desk: Desk, capsys: pytest.CaptureFixture[str], typed: str, hint: str
) -> None:
    assert desk.types(*typed.split()) == 2

    assert hint in capsys.readouterr().err
    assert desk.incidents.commanded == []


def test_an_empty_note_is_refused_before_it_leaves(desk: Desk) -> None:
    assert desk.types("note", "7F3K2", "") == 2
    assert desk.incidents.searches == 0


def test_now_is_what_the_clock_says(desk: Desk) -> None:
    desk.types("resolve", "7F3K2", "calm", "--at", "now")

    assert isinstance(desk.told, said_as.Resolve)
    assert desk.told.at == NIGHT
