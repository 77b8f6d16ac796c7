"""Somebody must answer: pages climb, fail, are acknowledged, and end."""

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.domain import harbour
from tests.domain.world import World, fails, is_down, refuses
from tocsin.domain import commands as say
from tocsin.domain.calendar import PersonalHours
from tocsin.domain.commands import CommandRefused
from tocsin.domain.escalation import REMEMBERED_TRIES
from tocsin.domain.events import Sent
from tocsin.domain.words import Status, Verdict

PAGE_ONLY = harbour.plan_without("interim-report", "owners", "secured", "coastguard", "rounds")


def test_nobody_answers_so_the_page_climbs_from_sms_to_call_to_the_next_level_and_round_again():
    world = World()
    world.alert()
    assert world.reached == [("sms", "ana")]

    world.passes(minutes=5)
    assert world.reached[1:] == [("phone", "ana")]
    world.passes(minutes=5)
    assert world.reached[2:] == [("phone", "rui")]
    world.passes(minutes=9, seconds=59)
    assert len(world.reached) == 3
    world.passes(seconds=1)

    assert world.reached[3:] == [("sms", "ana")]
    assert "page 1: nobody answered; round 2 begins" in world.log("page")


@pytest.mark.parametrize(("hours", "first"), [("06:00-22:00", "ana"), ("22:00-24:00", "rui")])
def test_of_those_who_hold_a_role_whoever_is_at_work_is_paged_first(hours, first):
    """It is morning. Nobody says when rui works, so he always does."""
    people = harbour.directory().people
    at_work = people["ana"].model_copy(update={"hours": PersonalHours(timezone="Europe/Lisbon", hours=hours)})
    directory = harbour.directory().model_copy(
        update={"people": {**people, "ana": at_work}, "roles": {"pilot": ("ana", "rui")}}
    )
    world = World(directory=directory)
    world.alert()
    assert world.reached[0] == ("sms", first)


def test_whoever_answers_another_page_has_not_taken_the_incident():
    world = World()
    world.alert()
    world.says(say.PageSomebody, person="eva", reason="The archive is locked")
    world.says(say.Acknowledge, by="eva", page=2)

    assert world.state.steps["answer"].status == "open"
    world.acknowledges()
    assert (world.state.steps["answer"].status, world.state.steps["answer"].by.key) == ("done", "ana")


def test_an_acknowledgement_ends_the_page_keeps_the_promise_and_gives_the_role():
    world = World()
    world.alert()
    world.passes(minutes=12)
    world.acknowledges(by="rui")

    assert world.verdict("summon") is Verdict.MET
    assert world.row("summon").reason == "acknowledged by @rui (claimed)"
    assert world.state.roles == {"watch_officer": "rui"}
    pages = len(world.sent("page"))
    world.passes(hours=3)
    assert len(world.sent("page")) == pages, "an answered page must not ring again"


def test_whoever_holds_the_role_already_keeps_it():
    world = World()
    world.alert()
    world.says(say.AssignRole, role="watch_officer", person="eva")
    world.acknowledges(by="rui")
    assert world.state.roles == {"watch_officer": "eva"}


def test_a_role_that_was_given_to_somebody_is_paged_as_that_person():
    world = World()
    world.alert()
    world.says(say.AssignRole, role="pilot", person="eva")
    world.passes(minutes=5)
    assert world.reached[-1] == ("phone", "eva")


def test_a_message_that_fails_climbs_at_once_but_the_last_rung_waits():
    world = World(plan=PAGE_ONLY)
    world.vendors.update(sms=fails, phone=fails)
    world.alert()
    assert world.reached == [("sms", "ana"), ("phone", "ana"), ("phone", "rui")], (
        "no rung is waited for in vain"
    )

    world.passes(minutes=9)
    assert len(world.reached) == 3, "a dead vendor must not spin the ladder"
    world.passes(minutes=1)
    assert len(world.reached) == 6


@pytest.mark.parametrize("vendor", [is_down, refuses])
def test_a_vendor_that_does_not_take_the_page_makes_it_climb_at_once(vendor):
    world = World()
    world.vendors["sms"] = vendor
    world.alert()
    assert world.reached == [("sms", "ana"), ("phone", "ana")]


def test_a_late_failure_of_an_old_rung_moves_nothing():
    world = World()
    world.alert()
    world.passes(minutes=5)
    first = world.letters[0].dispatch.message
    tried = list(world.reached)
    for event in fails(world, world.state.messages[first], "ana"):
        world.happens(event)
    assert world.reached == tried


def test_an_acknowledgement_that_races_a_resolution_opens_nothing_again():
    world = World()
    world.alert()
    world.says(say.Resolve, summary="calm")
    with pytest.raises(CommandRefused, match="no page waits"):
        world.acknowledges()
    with pytest.raises(CommandRefused, match="page 1 has ended"):
        world.says(say.Acknowledge, page=1)
    assert world.state.status is Status.RESOLVED
    assert not any(page.is_open for page in world.state.pages.values())


def test_resolved_before_anybody_answered_is_not_applicable_in_time_and_missed_afterwards():
    early, late = World(plan=PAGE_ONLY), World(plan=PAGE_ONLY)
    for world, minutes in ((early, 30), (late, 90)):
        world.alert()
        world.passes(minutes=minutes)
        world.says(say.Resolve, summary="calm")

    assert early.verdict("summon") is Verdict.NOT_APPLICABLE
    assert early.row("summon").reason == "the incident ended before anybody acknowledged"
    assert late.verdict("summon") is Verdict.MISSED


def test_somebody_can_be_paged_by_name():
    world = World()
    world.alert()
    world.acknowledges()
    world.says(say.PageSomebody, person="eva", reason="the cargo list, please")
    assert world.reached[-1] == ("sms", "eva")
    world.passes(minutes=5)
    assert world.reached[-1] == ("phone", "eva")


def keeps_it(world, message, reached):
    """The message is held back: it has not left yet, and nobody says when it will."""
    return iter(())


def leaves(world, message):
    world.happens(Sent(message=message, reached="ana", vendor_id="vendor-late"))


def held_back_page():
    world = World()
    world.vendors["sms"] = keeps_it
    world.alert()
    return world


def test_an_answer_is_waited_for_from_when_the_page_left_however_long_it_was_held_back():
    world = held_back_page()
    world.passes(minutes=4)
    leaves(world, world.state.pages[1].trying[0])

    world.passes(minutes=4, seconds=59)
    assert world.reached == [("sms", "ana")]
    world.passes(seconds=1)
    assert world.reached == [("sms", "ana"), ("phone", "ana")]


def test_a_page_that_does_not_leave_at_all_climbs_as_if_it_had():
    world = held_back_page()
    world.passes(minutes=5)
    assert world.reached == [("sms", "ana"), ("phone", "ana")]


def test_a_page_that_leaves_after_it_has_climbed_delays_nothing():
    world = held_back_page()
    first = world.state.pages[1].trying[0]
    world.passes(minutes=6)
    leaves(world, first)
    world.passes(minutes=4)
    assert world.reached[2:] == [("phone", "rui")]


def test_a_moment_on_the_way_is_not_worth_another_timer():
    world = held_back_page()
    due = world.state.pages[1].next_at
    world.passes(seconds=2)
    leaves(world, world.state.pages[1].trying[0])
    assert world.state.pages[1].next_at == due


def test_of_two_channels_at_once_the_first_that_leaves_begins_the_wait():
    one_by_one = "{role: pilot, via: [sms, phone], wait: PT5M}"
    world = World(plan=harbour.plan_with(one_by_one, one_by_one.replace("wait", "at_once: true, wait")))
    world.vendors["phone"] = keeps_it
    world.alert()
    due = world.state.pages[1].next_at
    world.passes(minutes=4)
    leaves(world, world.state.pages[1].trying[1])
    assert world.state.pages[1].next_at == due


def test_an_answered_page_that_leaves_late_waits_for_nobody():
    world = held_back_page()
    world.passes(minutes=1)
    world.acknowledges()
    leaves(world, world.state.pages[1].trying[0])
    assert world.state.pages[1].next_at is None


def test_everybody_who_is_paged_at_once_is_answered_by_one_acknowledgement():
    world = World()
    world.alert()
    world.says(say.PageSomebody, role="clerk", reason="papers")
    world.acknowledges(by="eva")
    assert not any(page.is_open for page in world.state.pages.values())


def test_a_page_that_nobody_answers_slows_down_and_never_ends():
    world = World(plan=PAGE_ONLY)
    world.alert()
    world.passes(days=3)
    tries = [letter.at for letter in world.sent("page") if letter.dispatch.page == 1]
    gaps = [after - before for before, after in pairwise(tries)]
    assert max(gaps[:20]) <= timedelta(minutes=10)
    assert set(gaps[-20:]) == {timedelta(hours=1)}


def test_a_page_that_rings_all_night_does_not_outgrow_the_state():
    world = World(plan=PAGE_ONLY)
    world.alert()
    world.passes(days=8)
    assert len(world.sent("page")) > 200
    assert len(world.state.messages) <= 2 * (REMEMBERED_TRIES + 1), (
        "of each of the two pages, the newest tries"
    )
    assert len(world.state.model_dump_json()) < 200_000


def test_a_drill_divides_every_wait():
    world = World()
    world.alert(drill_speed=60)
    world.passes(seconds=10)
    assert world.reached == [("sms", "ana"), ("phone", "ana"), ("phone", "rui")]
    assert world.after(world.owed("summon").due) == timedelta(minutes=1)
    assert world.state.is_drill
