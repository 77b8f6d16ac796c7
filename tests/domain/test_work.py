"""Tasks, steps, measures, updates and meetings: nothing before its time, and nothing forgotten."""

from datetime import timedelta

import pytest

from tests.domain import observatory
from tests.domain.leak import leaking
from tests.domain.world import delivers, refuses
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.events import Sent
from tocsin.domain.nextactions import next_actions
from tocsin.domain.words import StepStatus, Verdict


@pytest.fixture
def world():
    """It drips, at nine in the morning."""
    return leaking()


# Tasks


def test_whoever_has_a_task_is_reminded_and_the_plans_role_is_paged_when_it_is_overdue(world):
    world.says(say.AddTask, title="Buy a tarpaulin", person="edmond", within=timedelta(hours=3))
    world.passes(hours=2)
    assert [letter.to for letter in world.sent("reminder") if "Task 1" in letter.dispatch.subject] == [
        "edmond"
    ]
    world.passes(hours=1)
    assert world.state.tasks[1].overdue
    pages = [letter for letter in world.sent("page") if "Buy a tarpaulin" in letter.dispatch.subject]
    assert pages[0].to == "caroline"


def test_a_task_waits_for_the_one_before(world):
    world.says(say.AddTask, title="Buy a tarpaulin", person="edmond")
    world.says(say.AddTask, title="Hang it", person="edmond", after=(1,))
    with pytest.raises(CommandRefused, match="task 2 comes after 1, which is not done yet"):
        world.says(say.FinishTask, task=2)
    world.says(say.FinishTask, task=1, outcome="a green one")
    world.says(say.FinishTask, task=2)
    assert world.state.tasks[2].done == world.now


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"due": observatory.TUESDAY - timedelta(days=1)}, "has passed; a task is due in the future"),
        ({"after": (7,)}, "there is no task 7"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(world, words, reason):
    with pytest.raises(CommandRefused, match=reason):
        world.says(say.AddTask, title="Nonsense", person="edmond", **words)


# Measures


def test_nothing_is_deployed_before_its_test_is_recorded(world):
    world.says(say.Mitigate, action="identify", title="Tar", measure="remediation")
    with pytest.raises(CommandRefused, match="mitigation 1 has not been tested"):
        world.says(say.Mitigate, action="deploy", mitigation=1)
    with pytest.raises(CommandRefused, match="say what the test showed"):
        world.says(say.Mitigate, action="test", mitigation=1)
    world.says(say.Mitigate, action="test", mitigation=1, result="holds a bucket")
    world.says(say.Mitigate, action="deploy", mitigation=1)
    assert world.state.steps["fix"].status is StepStatus.DONE
    assert world.verdict("repair") is Verdict.MET
    assert "tested — holds a bucket; deployed" in world.report("log")["Measures"]


def test_a_step_waits_for_the_one_before(world):
    with pytest.raises(CommandRefused, match="step fix comes after look"):
        world.says(say.FinishStep, step="fix")
    world.says(say.FinishStep, step="look")
    with pytest.raises(CommandRefused, match="done once a measure for it was tested and deployed"):
        world.says(say.FinishStep, step="fix")
    world.says(say.FinishStep, step="fix", skip=True, reason="it is a hut")


def test_a_step_opens_only_for_what_it_is_about(world):
    assert "dry" not in world.state.steps
    world.says(say.Classify, criteria=("lens_wet",))
    world.says(say.FinishStep, step="dry")
    assert world.state.steps["dry"].status is StepStatus.DONE


# Facts


@pytest.mark.parametrize(
    ("fact", "value", "reason"),
    [
        ("depth", "knee-deep", "is not a number"),
        ("pumps", "maybe", "say yes or no"),
        ("weather", "hail", "choose one of rain, snow"),
    ],
)
def test_a_fact_of_the_wrong_type_is_refused(world, fact, value, reason):
    with pytest.raises(CommandRefused, match=reason):
        world.says(say.StateFact, name=fact, value=value)


def test_what_an_earlier_report_has_told_is_marked_with_its_age(world):
    world.says(say.StateFact, name="depth", value="3")
    assert world.report("log")["Depth"] == "3"
    world.passes(hours=4, minutes=1)
    assert world.report("log")["Depth"].startswith(
        "3 (unchanged for 4 hours 1 minute, since Tuesday 03 February"
    )
    world.says(say.StateFact, name="depth", value="5")
    assert world.report("log")["Depth"] == "5"


# What is owed is asked for


def test_whoever_owes_a_fact_is_asked_and_then_somebody_is_paged_over_it(world):
    world.passes(hours=3, minutes=30)
    asked = [letter for letter in world.sent("reminder") if "The log" in letter.dispatch.subject]
    assert [(letter.to, world.after(letter.at)) for letter in asked] == [("edmond", timedelta(hours=3))]
    (page,) = [letter for letter in world.sent("page") if "Still owed for The log" in letter.dispatch.subject]
    assert page.to == "caroline"
    world.passes(minutes=15)
    assert "Not yet known — owed by @edmond" not in world.report("log")["Depth"]
    assert world.report("log")["Depth"] == "Not yet known — owed by Astronomer"
    assert world.verdict("log#1") is Verdict.MET


def test_an_update_is_asked_for_again_and_again(world):
    world.says(say.GiveUpdate, text="still dripping")
    assert world.verdict("news#1") is Verdict.MET
    world.passes(hours=2)
    assert world.verdict("news#2") is Verdict.OVERDUE or world.row("news#2").due > world.now
    asked = [
        letter for letter in world.sent("reminder") if "Where do things stand" in letter.dispatch.subject
    ]
    assert len(asked) >= 2


def test_an_interval_that_was_agreed_counts_from_the_next_one_on(world):
    world.passes(hours=4)
    world.says(say.SetInterval, obligation="log", every=timedelta(hours=12), reason="agreed with the lenders")
    assert world.after(world.owed("log#2").due) == timedelta(hours=8)
    world.passes(hours=4)
    assert world.after(world.owed("log#3").due) == timedelta(hours=20)
    with pytest.raises(CommandRefused, match="does not recur"):
        world.says(say.SetInterval, obligation="lenders", every=timedelta(hours=1), reason="why not")


# How long will it last?


def test_an_estimate_opens_the_steps_of_its_strategy(world):
    world.says(say.GiveEstimate, choice="hours")
    assert "tent" not in world.state.steps
    world.says(say.FinishStep, step="look")
    world.says(say.FinishStep, step="fix", skip=True, reason="it dried up")
    world.says(say.GiveEstimate, choice="days")
    world.says(say.FinishStep, step="tent")
    assert world.state.steps["tent"].status is StepStatus.DONE


# Meetings


def test_a_meeting_is_proposed_when_everybody_works(world):
    world.passes(minutes=5)
    world.says(say.Resolve, summary="tarred")
    (meeting,) = world.state.meetings.values()
    # Five working days after Tuesday is the next one; Paris works from Monday to Thursday, in the morning.
    assert f"{meeting.starts:%a %d %H:%M}" == "Tue 10 09:00"
    assert {attendee.target.member for attendee in meeting.attendees} == {"paris", "edmond", "caroline"}
    assert world.verdict("review-meeting") is Verdict.PENDING


def test_a_meeting_that_must_be_held_is_done_when_its_outcome_is_recorded(world):
    world.says(say.Resolve, summary="tarred")
    (meeting,) = world.state.meetings
    with pytest.raises(CommandRefused, match="say what came of Review: its agenda was What leaked"):
        world.says(say.ChangeMeeting, meeting=meeting, action="hold")
    world.says(say.ChangeMeeting, meeting=meeting, action="confirm")
    assert world.verdict("review-meeting") is Verdict.PENDING
    world.says(say.ChangeMeeting, meeting=meeting, action="hold", outcome="a new roof")
    assert world.verdict("review-meeting") is Verdict.MET
    assert "a new roof" in world.row("review-meeting").reason
    assert world.state.steps["review"].status is StepStatus.DONE


def test_a_cancelled_meeting_may_be_called_again(world):
    world.says(say.Resolve, summary="tarred")
    (meeting,) = world.state.meetings
    invited = len(world.sent("invitation"))
    world.says(say.ChangeMeeting, meeting=meeting, action="cancel", outcome="nobody is free")
    world.says(say.ChangeMeeting, meeting=meeting, action="move", at=world.now + timedelta(days=2))
    assert world.state.meetings[meeting].status == "proposed"
    assert world.state.meetings[meeting].sequence == 2
    assert len(world.sent("invitation")) == invited * 3


# Everything at once


def test_somebody_may_have_to_be_told_by_every_means_at_once():
    world = leaking()
    assert world.verdict("both-ways") is Verdict.NOT_APPLICABLE
    world.says(say.Classify, criteria=("lens_wet",))
    assert [letter.channel for letter in world.letters if letter.to == "ada"] == ["email", "phone"]
    assert world.verdict("both-ways") is Verdict.MET


def test_impacts_shorten_what_a_severity_allows(world):
    assert world.after(world.owed("repair").due) == timedelta(days=7)
    world.says(say.Classify, impacts=("visitors",))
    assert world.after(world.owed("repair").due) == timedelta(days=2)
    assert world.row("repair").changes[-1].reason == "its impact was assessed anew"
    world.says(say.Classify, severity="flood", impacts=("visitors", "name"))
    assert world.after(world.owed("repair").due) == timedelta(hours=12)


# What did not come out as it was meant


def test_a_message_that_lost_its_form_is_delivered_and_the_ledger_says_so(world):
    def without_its_form(world, message, reached):
        yield Sent(message=message.id, reached=reached, vendor_id="v", note="template log.md.j2 failed")
        yield world.reported(message.id, DeliveryState.DELIVERED)

    world.vendors["email"] = without_its_form
    world.passes(hours=4)
    assert world.verdict("log#1") is Verdict.MET
    assert ": template log.md.j2 failed" in world.row("log#1").reason
    assert any("template log.md.j2 failed" in text for text in world.log("rendering"))


def test_a_notice_that_came_to_nothing_can_be_sent_again(world):
    world.vendors["email"] = refuses
    world.passes(hours=4, minutes=1)
    assert world.verdict("log#1") is Verdict.OVERDUE
    [again] = [each for each in next_actions(world.case) if each.what.startswith("Send again")]
    assert again.command == f"tocsin report {world.state.reference} log --send"
    world.vendors["email"] = delivers
    world.says(say.SendReport, report="log")
    assert world.verdict("log#1") is Verdict.LATE
