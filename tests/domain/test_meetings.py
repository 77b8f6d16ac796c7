"""Meetings of one incident keep out of each other's way, and are called off with what they were for."""

from datetime import timedelta

import pytest

from tests.domain import observatory
from tests.domain.world import World
from tocsin.domain import commands as say
from tocsin.domain.plan import Plan
from tocsin.domain.words import Verdict
from tocsin.yamlfile import parse

MEETINGS = """
  - id: daily
    title: Those who mend it meet
    clause: "§8"
    from: declared
    within: {business_days: 2}
    every: P4D
    until: resolved
    do: [{meeting: {meeting: Daily, audiences: [staff], length: PT30M, done_when: held}}]
  - id: follow-up
    title: What follows is agreed
    clause: "§9"
    from: declared
    within: {business_days: 2}
    do: [{meeting: {meeting: Follow-up, audiences: [staff], length: PT30M}}]
"""


@pytest.fixture
def world():
    """It drips, on a Tuesday at nine in the morning."""
    world = World(
        plan=parse(observatory.PLAN.replace("\nobligations:", "\nobligations:" + MEETINGS), Plan),
        directory=observatory.directory(),
        calendar=observatory.CALENDAR,
        now=observatory.TUESDAY,
    )
    world.alert(severity="drip")
    return world


def status(world: World, promise: str) -> str:
    [meeting] = [each for each in world.state.meetings.values() if each.obligation == promise]
    return meeting.status


def test_two_meetings_of_an_incident_are_not_at_the_same_time(world):
    starts = [f"{meeting.title} {meeting.starts:%a %H:%M}" for meeting in world.state.meetings.values()]
    assert starts == ["Daily Thu 09:00", "Follow-up Thu 09:30"]


def test_a_meeting_that_was_to_go_on_until_the_resolution_is_called_off_by_it(world):
    invited = [letter.to for letter in world.sent("invitation") if letter.dispatch.meeting.title == "Daily"]
    world.says(say.Resolve, summary="tarred")

    assert world.verdict("daily#1") is Verdict.NOT_APPLICABLE
    assert status(world, "daily#1") == "cancelled"
    revised = [letter for letter in world.sent("invitation") if letter.dispatch.meeting.sequence == 1]
    assert sorted(letter.to for letter in revised) == sorted(invited)
    assert {letter.dispatch.meeting.status for letter in revised} == {"cancelled"}
    assert "Daily (daily#1-1) cancelled: resolved before it fell due" in world.log("meeting")
    assert status(world, "follow-up") == "proposed", "it was promised whatever comes"


def test_a_false_alarm_calls_everything_off(world):
    world.says(say.Dismiss, reason="a test of the sprinklers")
    assert {meeting.status for meeting in world.state.meetings.values()} == {"cancelled"}


def test_what_was_called_for_after_a_resolution_is_called_off_by_a_reopening(world):
    world.says(say.Resolve, summary="tarred")
    assert status(world, "review-meeting") == "proposed"
    world.says(say.Reopen, reason="it drips again")
    assert status(world, "review-meeting") == "cancelled"


def test_a_meeting_whose_hour_has_passed_is_left_alone(world):
    world.passes(days=2, hours=2)
    sent = len(world.sent("invitation"))
    world.says(say.Resolve, summary="tarred")
    assert status(world, "daily#1") == "proposed", "nobody has said whether it was held"
    assert not [letter for letter in world.sent("invitation")[sent:] if "Daily" in letter.dispatch.subject]


def test_a_promise_that_a_meeting_had_kept_is_owed_again_when_it_is_cancelled(world):
    assert world.verdict("follow-up") is Verdict.MET
    [meeting] = [each.id for each in world.state.meetings.values() if each.obligation == "follow-up"]
    world.says(say.ChangeMeeting, meeting=meeting, action="cancel", outcome="everybody is on the roof")
    row = world.row("follow-up")
    assert (row.verdict, [each.verdict for each in row.judgements]) == (Verdict.PENDING, [Verdict.MET])
    assert row.judgements[0].reason == "Follow-up was cancelled"

    world.says(say.ChangeMeeting, meeting=meeting, action="move", at=world.now + timedelta(days=1))
    assert world.verdict("follow-up") is Verdict.MET
