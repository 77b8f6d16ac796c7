"""Two incidents that are one: one is worked on, and what both have promised is kept."""

import json

import pytest

from tests.domain.world import World
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.domain.events import Commanded, TakenIn
from tocsin.domain.nextactions import next_actions
from tocsin.domain.state import Actor
from tocsin.domain.words import Status, Verdict

OTHER = "7F3K2ABCDE"


@pytest.fixture
def world() -> World:
    world = World()
    world.alert(customer="orca")
    return world


def merged(world: World) -> World:
    world.says(say.Merge, by="kim", into=OTHER, key="other-key", reason="The same storm")
    return world


def with_another(world: World) -> World:
    world.happens(TakenIn(incident=OTHER, key="other-key", title="A mast is down", by=Actor(key="kim")))
    return world


def test_the_other_is_told_that_it_has_one_more_to_answer_for(world):
    merged(world)
    [errand] = world.forwarded
    assert (errand.signal, errand.workflow, errand.incident) == ("taken_in", "incident-other-key", OTHER)
    assert json.loads(errand.text)["incident"] == world.state.id
    assert world.log("merged") == ["merged into 7F3K2 — The same storm"]


def test_whoever_merges_has_answered_and_nobody_is_woken_for_it_any_more(world):
    merged(world)
    pages = len(world.sent("page"))
    world.passes(minutes=59)
    assert len(world.sent("page")) == pages
    assert world.verdict("summon") is Verdict.MET
    assert not any(action.command.startswith("tocsin resolve") for action in next_actions(world.case))


def test_what_it_promised_is_kept_all_the_same(world):
    merged(world)
    world.passes(hours=5)
    assert world.verdict("interim-report#1") is Verdict.MET
    assert [letter.to for letter in world.sent("interim")] == ["mess"]


def test_what_is_said_of_the_one_is_said_of_the_other(world):
    with_another(world)
    world.says(say.GiveUpdate, by="ana", text="The masts are up again")
    world.says(say.AddNote, by="ana", text="Only for us")
    world.says(say.Resolve, by="ana", summary="The wind has dropped")

    told = [json.loads(errand.text)["command"] for errand in world.forwarded]
    assert [command["kind"] for command in told] == ["update", "resolve"]
    assert {command["incident"] for command in told} == {OTHER}
    assert {command["actor"]["key"] for command in told} == {"ana"}
    assert len({command["id"] for command in told}) == 2


def test_what_was_said_here_and_comes_back_round_a_ring_of_mergers_ends_here(world):
    with_another(world)
    said = world.says(say.GiveUpdate, by="ana", text="The masts are up again")
    [errand] = world.forwarded
    returned = json.loads(errand.text)["command"]
    assert returned["id"] == said.id, "so that it is known when it comes back"

    world.happens(Commanded(command=said.model_copy(update={"incident": world.state.id})))
    assert len(world.forwarded) == 1
    assert world.log("update") == ["The masts are up again"]


def test_an_incident_that_is_over_cannot_be_merged_into(world):
    world.others_listen = False
    merged(world)
    assert world.log("merged")[-1] == "7F3K2 could not be told: it is over"
    assert world.state.merged_into is None
    assert world.state.status is Status.OPEN


def test_being_taken_in_twice_is_once(world):
    with_another(with_another(world))
    assert world.log("merged") == ["7F3K2 was merged into this incident: A mast is down"]


@pytest.mark.parametrize(
    ("before", "into", "why"),
    [
        (lambda world: world, None, "an incident cannot be merged into itself"),
        (merged, OTHER, "it was merged into 7F3K2 already"),
        (with_another, OTHER, "7F3K2 was merged into this one; merge others into it"),
    ],
)
def test_a_merger_that_makes_no_sense_says_why(world, before, into, why):
    before(world)
    with pytest.raises(CommandRefused, match=why):
        world.says(say.Merge, by="kim", into=into or world.state.id, key="a-key")
