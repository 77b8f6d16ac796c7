"""Two alerts, one cause: the incidents are merged, and what was promised under each is kept."""

from __future__ import annotations

from dataclasses import replace

from tests.workflows.house import Lighthouse
from tocsin.domain import commands as say
from tocsin.domain.state import Entry
from tocsin.domain.words import Status


async def test_a_merged_incident_hears_of_the_resolution_and_keeps_its_own_promises(
    house: Lighthouse,
) -> None:
    other = replace(house, key="FBELL00001")
    await house.alert()
    await other.alert()
    await house.until(lambda: len(house.sms.to) == 2)

    await other.says(say.Merge, into=house.key, key=house.key, reason="the same power cut")
    await house.says(say.Acknowledge)
    await house.says(say.GiveUpdate, text="the generator is being fetched")
    taken = await house.eventually(house.incident, lambda view: bool(view.merged))
    assert [merged.id for merged in taken.merged] == [other.key]
    assert (await other.view()).merged_into.id == house.key

    await house.says(say.Resolve, summary="the lamp and the bell have power again")
    await other.outcome(other.incident)

    merged = await other.view(other.after())
    assert merged.status is Status.RESOLVED
    timeline = await other.after().query("timeline", result_type=list[Entry])
    said = [entry.text for entry in timeline]
    assert "the generator is being fetched" in said
    assert "the lamp and the bell have power again" in said
    assert (await other.ledger(other.after()))["summon"].verdict == "met"


async def test_an_incident_cannot_be_merged_into_one_that_is_not_there(house: Lighthouse) -> None:
    await house.alert()
    await house.says(say.Merge, into="N0WHERE000", key="N0WHERE000")
    view = await house.eventually(house.incident, lambda view: view.merged_into is None)
    assert view.status is Status.OPEN
