"""Commands that make no sense are refused with the reason, and change nothing; those that do are applied once."""

from datetime import timedelta

import pytest

from tests.domain.harbour import MONDAY_NOON
from tests.domain.world import World
from tocsin.domain import commands as say
from tocsin.domain import decide as door
from tocsin.domain.commands import CommandRefused
from tocsin.domain.decide import KEPT_ENTRIES, is_repeated
from tocsin.domain.events import Commanded
from tocsin.domain.words import Status

HOUR = timedelta(hours=1)


@pytest.fixture
def world():
    """A gale, answered; one task is done, and a meeting is nowhere in sight."""
    world = World()
    world.alert()
    world.acknowledges()
    world.says(say.AddTask, title="count the ropes", role="clerk")
    world.says(say.FinishTask, task=1)
    world.says(say.FinishStep, step="moor")
    return world


def is_refused(world, kind, because, /, **what):
    before = world.state.model_copy(deep=True)
    with pytest.raises(CommandRefused, match=because):
        world.says(kind, **what)
    assert world.state == before


REFUSED = [
    (say.Acknowledge, {}, "no page waits for an acknowledgement"),
    (say.Acknowledge, {"page": 1}, r"page 1 was already acknowledged by @ana \(claimed\)"),
    (say.Acknowledge, {"page": 7}, "there is no page 7; the pages are 1"),
    (say.FinishStep, {"step": "dance"}, 'there is no step "dance"; the open ones are sound'),
    (say.FinishStep, {"step": "clear"}, 'there is no step "clear"'),
    (say.FinishStep, {"step": "moor"}, "step moor is already done"),
    (say.FinishStep, {"step": "sound", "skip": True}, "say why step sound is skipped"),
    (say.AssignRole, {"role": "cook", "person": "ana"}, 'the plan has no role "cook"; its roles are pilot'),
    (say.PageSomebody, {"role": "cook", "reason": "hungry"}, 'the plan has no role "cook"'),
    (say.PageSomebody, {"reason": "anybody"}, "name either a role or a person"),
    (say.PageSomebody, {"role": "pilot", "person": "ana", "reason": "x"}, "name either a role or a person"),
    (say.Classify, {"severity": "awful"}, 'the plan has no severity "awful"; its severities are storm, gale'),
    (say.Classify, {"criteria": ("wet",)}, 'the plan has no criterion "wet"; its criteria are ship_adrift'),
    (say.Classify, {}, "no severity without criteria"),
    (say.GiveEstimate, {"choice": "weeks"}, '"weeks" is not a choice; choose one of hours, days'),
    (
        say.StateFact,
        {"name": "weather", "value": "bad"},
        'the plan has no fact "weather"; its facts are cause',
    ),
    (say.SetAnchor, {"anchor": "resolved", "at": MONDAY_NOON}, '"resolved" cannot be set; choose one of'),
    (say.SetAnchor, {"anchor": "lunch", "at": MONDAY_NOON}, '"lunch" cannot be set; choose one of'),
    (
        say.SetAnchor,
        {"anchor": "occurred", "at": MONDAY_NOON + HOUR},
        "2026-06-01 13:00 UTC has not come yet",
    ),
    (say.AddTask, {"title": "x"}, "name either a role or a person"),
    (say.AddTask, {"title": "x", "role": "cook"}, 'the plan has no role "cook"'),
    (say.FinishTask, {"task": 1}, r"task 1 was already done by @ana \(claimed\)"),
    (say.FinishTask, {"task": 9}, "there is no task 9; the tasks are 1"),
    (say.Resolve, {"summary": "x", "at": MONDAY_NOON - HOUR}, "11:00 UTC is before the incident began"),
    (say.Resolve, {"summary": "x", "at": MONDAY_NOON + HOUR}, "13:00 UTC has not come yet"),
    (say.DeclareUnresolvable, {"reason": "x", "proposed": MONDAY_NOON}, "must lie in the future"),
    (say.Reopen, {"reason": "x"}, "is open, not resolved"),
    (say.Close, {}, "resolve the incident first, or dismiss it"),
    (say.SendReport, {"report": "final"}, 'no report "final" waits to be sent; the plan has interim, final'),
    (say.SendReport, {"report": "gossip"}, 'no report "gossip" waits to be sent'),
    (say.ChangeMeeting, {"meeting": "tea", "action": "hold"}, 'there is no meeting "tea"; there are none'),
]


@pytest.mark.parametrize(
    ("kind", "what", "reason"), REFUSED, ids=[f"{kind.__name__}-{reason}" for kind, _, reason in REFUSED]
)
def test_what_makes_no_sense_is_refused_with_the_reason_and_changes_nothing(world, kind, what, reason):
    is_refused(world, kind, reason, **what)


def test_an_estimate_is_refused_where_the_plan_asks_for_none(world):
    world.plan = world.plan.model_copy(update={"estimate": None})
    is_refused(world, say.GiveEstimate, "the plan asks for no estimate", choice="days")


def test_a_meeting_is_not_moved_into_the_past(world):
    world.says(say.Resolve, summary="calm")
    [meeting] = world.state.meetings
    is_refused(world, say.ChangeMeeting, "say when, in the future", meeting=meeting, action="move")
    past = MONDAY_NOON - HOUR
    is_refused(world, say.ChangeMeeting, "say when, in the future", meeting=meeting, action="move", at=past)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (say.Classify, {"severity": "storm"}),
        (say.Dismiss, {"reason": "x"}),
        (say.Resolve, {"summary": "x"}),
        (say.GiveEstimate, {"choice": "days"}),
        (say.PageSomebody, {"role": "pilot", "reason": "x"}),
    ],
)
def test_what_belongs_to_an_open_incident_is_refused_after_its_resolution(world, kind, what):
    world.says(say.Resolve, summary="calm")
    is_refused(world, kind, "is resolved: .* is not possible any more", **what)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (say.Close, {}),
        (say.Reopen, {"reason": "x"}),
        (say.FinishStep, {"step": "moor"}),
        (say.Resolve, {"summary": "x"}),
        (say.StateFact, {"name": "cause", "value": "x"}),
    ],
)
def test_nothing_but_notes_can_be_said_of_a_false_alarm(world, kind, what):
    world.says(say.Dismiss, reason="a sensor fault")
    is_refused(world, kind, "dismissed", **what)
    world.says(say.AddNote, text="the sensor was replaced")


# Once, however often it arrives

ACCEPTED = [
    (say.AddNote, {"text": "wind from the west"}),
    (say.GiveUpdate, {"text": "all moored"}),
    (say.FinishStep, {"step": "sound"}),
    (say.AssignRole, {"role": "pilot", "person": "rui"}),
    (say.PageSomebody, {"role": "clerk", "reason": "papers"}),
    (say.Classify, {"severity": "storm"}),
    (say.GiveEstimate, {"choice": "days"}),
    (say.StateFact, {"name": "cause", "value": "a squall"}),
    (say.SetAnchor, {"anchor": "occurred", "at": MONDAY_NOON - HOUR}),
    (say.AddTask, {"title": "count the ropes", "person": "eva", "within": "PT1H"}),
    (say.Resolve, {"summary": "calm"}),
    (say.DeclareUnresolvable, {"reason": "no crane", "proposed": MONDAY_NOON + HOUR}),
    (say.Dismiss, {"reason": "a sensor fault"}),
    (say.SendReport, {"report": "interim"}),
]


@pytest.mark.parametrize(("kind", "what"), ACCEPTED, ids=[kind.__name__ for kind, _ in ACCEPTED])
def test_a_command_that_arrives_twice_is_applied_once(world, kind, what):
    command = world.says(kind, **what)
    once = world.state
    world.happens(Commanded(command=command))
    assert world.state == once
    assert is_repeated(world.state, command).accepted


def test_the_memory_of_commands_is_bounded_and_forgets_the_oldest(world, monkeypatch):
    monkeypatch.setattr(door, "REMEMBERED_COMMANDS", 5)
    first = world.says(say.AddNote, text="first")
    for number in range(5):
        last = world.says(say.AddNote, text=f"{number}")
    assert len(world.state.seen) == 5
    assert is_repeated(world.state, first) is None
    assert is_repeated(world.state, last) is not None


def test_a_long_timeline_goes_to_the_archive_without_a_gap(world):
    for number in range(KEPT_ENTRIES + 50):
        world.says(say.AddNote, text=f"wave {number}")
    assert len(world.state.timeline) <= KEPT_ENTRIES
    numbers = [entry.number for entry in (*world.archived, *world.state.timeline)]
    assert numbers == list(range(1, world.state.entries + 1))


def test_what_was_said_before_the_timeline_was_archived_is_still_reported(world):
    world.says(say.GiveUpdate, by="eva", text="all moored")
    for number in range(KEPT_ENTRIES):
        world.says(say.AddNote, text=f"wave {number}")
    assert not any(entry.text == "all moored" for entry in world.state.timeline)
    assert world.report("interim")["Last word"].startswith("all moored")
    assert world.report("interim")["Who took part"] == "@ana, @eva"


def test_a_clock_that_runs_a_little_ahead_is_forgiven(world):
    world.says(say.SetAnchor, anchor="occurred", at=world.now + timedelta(minutes=4))
    assert world.state.status is Status.OPEN
