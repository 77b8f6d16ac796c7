"""An alert that fires again: after the resolution, and in the very moment of the hand-over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.workflows.house import Lighthouse, Refused
from tocsin.domain import commands as say
from tocsin.domain.events import Commanded, Latecomer
from tocsin.domain.words import Status

KIT = "+12025550101"


async def test_an_alert_after_the_resolution_opens_a_new_incident_that_names_the_old_and_pages(
    house: Lighthouse,
) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    await house.says(say.Resolve, summary="lit again")
    await house.outcome(house.incident)

    await house.alert()

    await house.until(lambda: house.sms.to == [KIT, KIT])
    new = await house.view()
    assert new.follows == house.key
    assert new.id != house.key
    assert new.status is Status.OPEN
    old = await house.view(house.after())
    assert old.status is Status.RESOLVED, "the old one still owes its reports"


async def test_a_repeat_joins_the_open_incident_and_pages_nobody_again(house: Lighthouse) -> None:
    first = await house.alert()
    await house.until(lambda: house.sms.to == [KIT])

    second = await house.alert()

    assert second.id == first.id
    await house.says(say.Acknowledge)
    view = await house.view()
    assert view.follows is None
    assert house.sms.to == [KIT]
    [row] = [row for row in (await house.ledger()).values() if row.key == "summon"]
    assert row.verdict == "met"


async def test_an_alert_during_the_hand_over_becomes_the_next_incident_and_pages(house: Lighthouse) -> None:
    house.sms.gate.clear()
    await house.alert()
    await house.says(say.Resolve, summary="lit again")
    assert (await house.view()).status is Status.RESOLVED, "it waits for the text message that is under way"

    await house.alert()
    house.sms.gate.set()

    await house.until(lambda: house.sms.to == [KIT, KIT])
    new = await house.view()
    assert new.follows == house.key
    assert new.status is Status.OPEN
    assert (await house.view(house.after())).status is Status.RESOLVED


async def test_a_reopened_incident_goes_on_under_its_old_id(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    await house.says(say.Acknowledge)
    await house.says(say.Resolve, summary="lit again")
    await house.outcome(house.incident)

    await house.says(say.Reopen, house.after(), reason="it went out again by itself")
    await house.outcome(house.after())

    view = await house.view()
    assert view.id == house.key
    assert view.status is Status.OPEN
    assert view.phase == "testing_and_monitoring"
    assert house.sms.to == [KIT], "it was acknowledged before; nobody is woken twice for it"
    await house.says(say.Resolve, summary="lit for good")
    await house.outcome(house.incident)
    assert "final-report" in await house.ledger(house.after())


async def test_a_reopening_is_undone_when_a_newer_incident_has_the_alert(real_house: Lighthouse) -> None:
    house = real_house
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    await house.says(say.Resolve, summary="lit again")
    await house.outcome(house.incident)
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT, KIT])

    await house.says(say.Reopen, house.after(), reason="it was the same fault")

    await house.eventually(house.after(), lambda view: view.status is Status.RESOLVED)
    assert (await house.view()).follows == house.key
    timeline = await house.after().query("timeline")
    assert any("a newer incident is open" in entry["text"] for entry in timeline)


async def test_a_command_to_an_incident_that_is_over_is_refused_with_the_reason(house: Lighthouse) -> None:
    await house.alert()
    await house.says(say.Resolve, summary="lit again")
    await house.outcome(house.incident)

    with pytest.raises(Refused, match="is resolved: classify is not possible any more"):
        await house.says(say.Classify, house.after(), severity="dim")


async def test_an_alert_that_fires_while_a_long_history_waits_to_continue_is_not_lost(
    house: Lighthouse,
) -> None:
    house.continue_after = 40
    house.sms.gate.clear()
    await house.alert()
    for number in range(12):
        await house.says(say.AddNote, text=f"note {number}")
    await house.says(say.Resolve, summary="lit again")
    await house.alert()
    house.sms.gate.set()

    await house.until(lambda: house.sms.to == [KIT, KIT])
    new = await house.view()
    assert new.follows == house.key
    assert new.status is Status.OPEN


async def test_a_latecomer_that_is_refused_tells_its_author_and_takes_nothing_down(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    await house.says(say.Resolve, summary="lit again")
    await house.outcome(house.incident)
    known = say.StateFact(id="a-known-fact", actor={"key": "kit"}, name="cause", value="a moth")
    unknown = say.StateFact(id="no-such-fact", actor={"key": "kit"}, name="why", value="?")

    for fact in (unknown, known):
        await house.after().signal("latecomer", Latecomer(event=Commanded(command=fact)))

    view = await house.eventually(house.after(), lambda view: "cause" in view.facts)
    assert view.status is Status.RESOLVED
    await house.until(lambda: any("was refused" in text.body for text in house.sms.sent))


async def test_a_repeat_that_was_said_before_the_end_opens_nothing_and_one_said_after_it_does(
    house: Lighthouse,
) -> None:
    house.sms.gate.clear()
    await house.alert()
    said = await house.now()
    await house.passes(minutes=1)
    await house.says(say.Resolve, summary="lit again")
    await house.hears_again(said)
    house.sms.gate.set()
    outcome = await house.outcome(house.incident)

    assert outcome["ended"] is not None
    old = await house.view(house.after())
    assert (old.alerts["lamp-1"].count, old.status) == (2, Status.RESOLVED)
    assert house.sms.to == [KIT], "nobody is woken for what was known"


async def test_a_repeat_that_was_said_after_the_end_is_a_new_fire(house: Lighthouse) -> None:
    house.sms.gate.clear()
    await house.alert()
    await house.says(say.Resolve, summary="lit again")
    await house.hears_again(await house.now() + timedelta(seconds=1))
    house.sms.gate.set()

    await house.until(lambda: house.sms.to == [KIT, KIT])
    assert (await house.view()).follows == house.key
