"""Before a promise falls due, those who still owe something for it are asked; a page tries somebody else each round."""

from datetime import timedelta

from tests.domain import harbour
from tests.domain.world import World, says_nothing
from tocsin.domain import commands as say
from tocsin.domain.directory import Directory
from tocsin.domain.plan import ReportField


def reminding(**changes: object) -> World:
    """The interim report asks an hour and a quarter of an hour before it is due."""
    specs = [
        spec.model_copy(update={"remind": (timedelta(hours=1), timedelta(minutes=15))})
        if spec.id == "interim-report"
        else spec
        for spec in harbour.plan().obligations
    ]
    world = World(plan=harbour.plan().model_copy(update={"obligations": tuple(specs), **changes}))
    world.alert()
    world.acknowledges()
    return world


def test_whoever_owes_a_fact_is_reminded_before_the_report_is_due():
    world = reminding()
    world.passes(hours=2, minutes=59)
    assert [letter.dispatch.text for letter in world.sent("reminder")] == []

    world.passes(minutes=1)

    [letter] = world.sent("reminder")
    assert (letter.channel, letter.to) == ("sms", "ana")
    assert letter.dispatch.text.startswith("Cause")
    assert letter.dispatch.subject.startswith("Owed by you for: The crews get an interim report, due")


def test_nobody_is_reminded_of_what_is_known():
    world = reminding()
    for fact in harbour.plan().facts:
        world.says(say.StateFact, name=fact, value="known")

    world.passes(hours=3, minutes=10)

    assert [letter.dispatch.text for letter in world.sent("reminder")] == []


def test_when_it_began_is_asked_for_like_any_fact():
    interim = harbour.plan().reports["interim"]
    began = ReportField(heading="It began", source="anchor:occurred")
    reports = {**harbour.plan().reports, "interim": interim.model_copy(update={"fields": (began,)})}
    world = reminding(reports=reports)

    world.passes(hours=3)
    assert [letter.dispatch.text for letter in world.sent("reminder")] == ["It began"]

    world.says(say.SetAnchor, anchor="occurred", at=harbour.MONDAY_NOON)
    world.passes(minutes=50)
    assert len(world.sent("reminder")) == 1


def test_the_next_round_of_a_page_tries_the_next_holder_of_the_role():
    directory = harbour.directory().model_dump() | {
        "roles": {**harbour.directory().roles, "pilot": ("ana", "eva")}
    }
    world = World(directory=Directory.model_validate(directory))
    world.vendors["phone"] = world.vendors["sms"] = says_nothing
    world.alert()

    world.passes(minutes=21)

    assert [to for channel, to in world.reached if channel == "sms"] == ["ana", "eva"]
