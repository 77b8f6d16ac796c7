"""What follows a resolution: papers, the review, cleanup — and the reopening that takes it back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.domain.decide import decide
from tocsin.domain.events import Commanded, TimePassed
from tocsin.domain.words import Anchor, Phase, Status, StepStatus, Verdict


@pytest.fixture
def world():
    """A gale that somebody answered; after five hours it is over."""
    world = World()
    world.alert()
    world.acknowledges()
    world.passes(hours=5)
    world.says(say.Resolve, summary="calm")
    return world


def test_a_resolution_skips_the_steps_that_were_left_and_says_why(world):
    assert world.state.phase is Phase.POST_INCIDENT
    moor = world.state.steps["moor"]
    assert (moor.status, moor.reason) == (StepStatus.SKIPPED, "the incident was resolved")
    assert world.state.steps["answer"].status is StepStatus.DONE
    assert world.row("secured").reason == "the incident was resolved before step moor was done"


def test_the_impact_may_have_ended_before_anybody_said_so(world):
    world = World()
    world.alert(began=world.now - timedelta(hours=1))
    world.passes(hours=5)
    world.says(say.Resolve, summary="calm", at=world.now - timedelta(hours=3))
    assert world.report("final")["How long"] == "3 hours"


def test_a_mitigation_that_was_recorded_before_is_kept():
    world = World()
    world.alert()
    world.passes(hours=1)
    world.says(say.SetAnchor, anchor="mitigated", at=world.now)
    world.passes(hours=1)
    world.says(say.Resolve, summary="calm")
    assert world.report("final")["How long"] == "1 hour"


def test_when_nothing_more_is_owed_the_incident_closes_by_itself(world):
    world.says(say.FinishStep, step="repaint")
    assert world.state.status is Status.RESOLVED
    world.passes(days=4)
    assert world.verdict("final-report") is Verdict.MET
    assert world.state.status is Status.CLOSED


def test_closing_anyway_leaves_what_was_owed_missed_and_nobody_ringing(world):
    with pytest.raises(CommandRefused, match="still open: final-report, repaint; close anyway"):
        world.says(say.Close)
    world.says(say.Close, by="rui", anyway=True)
    assert world.row("final-report").reason == "the incident was closed by @rui (claimed)"
    assert world.verdict("final-report") is Verdict.MISSED
    assert world.state.steps["repaint"].status is StepStatus.SKIPPED
    assert world.next_alarm() is None


def test_a_report_that_came_to_nothing_can_be_sent_again_once_the_directory_is_put_right(world):
    people = world.directory
    world.directory = people.model_copy(update={"audiences": {}})
    world.passes(days=4)
    assert world.row("final-report").reason == "the directory has nobody for crews"
    with pytest.raises(CommandRefused, match="no report"):
        world.says(say.SendReport, report="interim")

    world.directory = people
    world.says(say.SendReport, report="final")
    assert world.verdict("final-report") is Verdict.LATE
    assert world.row("final-report").reason == "delivered to @mess"


def test_closing_ends_the_pages_that_were_still_ringing():
    world = World()
    world.alert(severity="storm")
    world.says(say.Classify, severity="storm")
    world.says(say.Resolve, summary="calm")
    world.passes(hours=3)
    assert world.sent("page")[-1].dispatch.subject == "Overdue: The coastguard is told"
    world.says(say.Close, anyway=True)
    assert not any(page.is_open for page in world.state.pages.values())


# The review


def test_the_review_is_proposed_for_the_morning_of_the_last_working_day_in_its_window(world):
    [meeting] = world.state.meetings.values()
    assert f"{meeting.starts:%A %d %B %H:%M}" == "Wednesday 10 June 08:00", "nine o'clock in Lisbon"
    assert meeting.ends - meeting.starts == timedelta(hours=1)
    assert world.sent("invitation")[0].to == "mess"
    assert world.verdict("review") is Verdict.MET


def test_where_a_review_must_be_confirmed_somebody_is_reminded_until_it_is():
    confirmed = "length: PT1H, done_when: confirmed}}]\n    remind: [P5D, P3D]"
    world = World(plan=harbour.plan_with("length: PT1H}}]", confirmed))
    world.alert()
    world.acknowledges()
    world.says(say.Resolve, summary="calm")
    assert world.verdict("review") is Verdict.PENDING, "an invitation is no agreement"

    world.passes(days=5)
    [reminder] = [letter for letter in world.sent("reminder") if "Review" in letter.dispatch.text]
    assert (reminder.to, reminder.dispatch.text) == ("ana", "Review, to be confirmed")

    [meeting] = world.state.meetings
    world.says(say.ChangeMeeting, meeting=meeting, action="confirm")
    world.passes(days=3)
    assert world.verdict("review") is Verdict.MET
    assert len([letter for letter in world.sent("reminder") if "Review" in letter.dispatch.text]) == 1


def test_a_review_that_moves_or_is_cancelled_is_told_to_all_with_the_next_revision(world):
    [meeting] = world.state.meetings
    world.says(say.ChangeMeeting, meeting=meeting, action="confirm")
    assert world.state.meetings[meeting].sequence == 0
    world.says(say.ChangeMeeting, meeting=meeting, action="move", at=world.now + timedelta(days=2))
    world.says(say.ChangeMeeting, meeting=meeting, action="cancel")

    invitations = [letter.dispatch.meeting for letter in world.sent("invitation")]
    assert [(item.sequence, item.status) for item in invitations] == [
        (0, "proposed"),
        (1, "proposed"),
        (2, "cancelled"),
    ]
    assert invitations[1].ends - invitations[1].starts == timedelta(hours=1)
    assert len({item.id for item in invitations}) == 1


def test_a_review_that_was_held_keeps_its_outcome(world):
    [meeting] = world.state.meetings
    world.says(say.ChangeMeeting, meeting=meeting, action="hold", outcome="stronger ropes")
    assert world.state.meetings[meeting].outcome == "stronger ropes"
    with pytest.raises(CommandRefused, match="already held"):
        world.says(say.ChangeMeeting, meeting=meeting, action="cancel")


def test_a_review_whose_window_has_passed_is_proposed_for_the_next_working_moment():
    world = World()
    world.alert()
    world.passes(minutes=1)
    world.is_down_for(days=30)
    world.says(say.Resolve, summary="calm", at=world.now - timedelta(days=29))
    [meeting] = world.state.meetings.values()
    assert meeting.starts >= world.now


def test_an_invitation_that_part_of_its_audience_cannot_get_keeps_no_promise():
    world = World(plan=harbour.plan_with("audiences: [crews]", "audiences: [crews, coastguard]"))
    world.alert()
    world.says(say.Resolve, summary="calm")
    assert [letter.to for letter in world.sent("invitation")] == ["mess"]
    assert world.verdict("review") is Verdict.PENDING


# Reopening


def test_a_reopening_sets_aside_what_was_counted_from_the_resolution_and_owes_it_afresh(world):
    first = world.owed("final-report").due
    world.passes(hours=30)
    world.says(say.Reopen, reason="it blows again")
    assert world.state.status is Status.OPEN
    assert Anchor.RESOLVED not in world.state.anchors
    aside = world.row("final-report~1")
    assert (aside.verdict, aside.reason) == (Verdict.NOT_APPLICABLE, "the incident was reopened")
    assert world.row("final-report").reason == "its clock starts when known: resolved, unresolvable"

    world.passes(days=1)
    world.says(say.Resolve, summary="calm at last")
    assert world.owed("final-report").due > first
    world.passes(days=6)
    assert world.verdict("final-report") is Verdict.MET
    assert len(world.sent("final")) == 1


def test_a_reopening_opens_the_steps_again_that_the_resolution_had_skipped(world):
    world.says(say.Reopen, reason="it blows again")
    assert world.state.phase is Phase.TESTING_AND_MONITORING
    assert world.state.steps["moor"].status is StepStatus.OPEN
    assert world.verdict("secured") is Verdict.PENDING
    world.says(say.FinishStep, step="moor")
    assert world.verdict("secured") is Verdict.MET


def test_after_a_reopening_the_interim_reports_take_up_their_rhythm(world):
    assert world.verdict("interim-report#2") is Verdict.NOT_APPLICABLE
    world.passes(hours=1)
    world.says(say.Reopen, reason="it blows again")
    assert world.row("interim-report#2~1").verdict is Verdict.NOT_APPLICABLE
    assert world.after(world.owed("interim-report#2").due) == timedelta(hours=8)


def test_the_reports_that_nobody_owed_while_it_was_resolved_are_not_missed(world):
    world.passes(hours=100)
    world.says(say.Reopen, reason="it blows again")
    assert world.after(world.owed("interim-report#3").due) == timedelta(hours=108)
    assert Verdict.MISSED not in {world.verdict(key) for key in world.state.obligations}


def test_reopened_and_resolved_twice_each_leaves_its_line(world):
    for _ in range(2):
        world.says(say.Reopen, reason="it blows again")
        world.says(say.Resolve, summary="calm")
    assert {"final-report", "final-report~1", "final-report~2"} <= set(world.state.obligations)


def test_an_audience_that_is_found_after_the_false_alarm_was_recognised_is_sent_nothing():
    world = World()
    world.alert()
    world.acknowledges()
    world.now += timedelta(hours=3, minutes=30)
    looking_up = decide(world.case, TimePassed(), world.now)
    assert [errand.kind for errand in looking_up.errands.values()] == ["find_recipients"]

    dismissal = Commanded(command=world.command(say.Dismiss, reason="a sensor fault"))
    world.becomes(decide(replace(world.case, state=looking_up), dismissal, world.now))
    assert world.state.errands == {}
    assert world.sent("interim") == []
