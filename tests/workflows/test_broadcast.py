"""A message to a multitude: what its workflow does, what it costs, and what the incident hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from tests.workflows.crowd import Harbour
from tests.workflows.house import Lighthouse, workers_of
from tests.workflows.lighthouse import HASH, NOON
from tests.workflows.test_continuation import runs_of
from tocsin.domain import commands as say
from tocsin.domain import naming
from tocsin.domain.broadcasts import BroadcastOutcome, BroadcastStart
from tocsin.domain.channel import AccountRefused, OutcomeUnknown, Refused, TryAgain
from tocsin.domain.messages import Dispatch
from tocsin.domain.state import BroadcastState, PlanPin, Target
from workflows.broadcast import BroadcastWorkflow

ALONE = "ABCDEFGH12"
MOST_EVENTS = 120


def dispatch(**changes: Any) -> Dispatch:
    """A message that nobody's incident asked for."""
    about = {
        "message": ALONE,
        "workflow": "",
        "incident": "",
        "reference": ALONE[:5],
        "plan": PlanPin(name="lighthouse", hash=HASH),
        "channel": "email",
        "template": "broadcast",
        "purpose": "notice",
        "target": Target(audience="ships"),
        "is_drill": False,
        "is_for_outsiders": True,
        "subject": "Fog",
        "text": "There is fog.",
        "title": "Fog",
        "severity": "",
        "status": "",
        "phase": "",
        "customer": None,
        "created": NOON,
    }
    return Dispatch.model_validate({**about, **changes})


@pytest.fixture
async def house(env: WorkflowEnvironment) -> AsyncIterator[Lighthouse]:
    """A lighthouse whose plan warns every ship."""
    house = Lighthouse(env, archive=Harbour())
    async with workers_of(house):
        yield house


async def send(house: Lighthouse, **start: Any) -> WorkflowHandle[Any, Any]:
    """Begin a broadcast of its own."""
    return await house.client.start_workflow(
        BroadcastWorkflow.run,
        BroadcastStart(broadcast=ALONE, list="ships.csv", dispatch=dispatch(), **start),
        id=naming.broadcast_workflow(ALONE),
        task_queue=naming.BROADCAST_QUEUE,
    )


async def outcome(handle: WorkflowHandle[Any, Any]) -> BroadcastOutcome:
    return BroadcastOutcome.model_validate(await handle.result())


async def broadcast_of(house: Lighthouse) -> BroadcastState:
    """The incident's broadcast, once it knows that it is over."""
    view = await house.eventually(
        house.incident, lambda view: any(each.done is not None for each in view.broadcasts)
    )
    return view.broadcasts[0]


# ---- by itself ----


async def test_a_hundred_thousand_take_fewer_than_a_hundred_and_twenty_events(house: Lighthouse) -> None:
    house.crowd.recipients, house.crowd.malformed = 100_000, 7

    handle = await send(house)

    ended = await outcome(handle)
    assert (ended.counts.accepted, ended.counts.left, ended.problem) == (99_993, 0, "")
    history = await handle.fetch_history()
    assert len(history.events) < MOST_EVENTS


async def test_a_history_that_grows_long_goes_on_in_a_new_one_and_pins_nothing_again(
    house: Lighthouse,
) -> None:
    house.crowd.recipients = 50_000

    handle = await send(house, continue_after=12)

    assert (await outcome(handle)).counts.accepted == 50_000
    assert len(house.crowd.pinned) == 1
    assert len(house.crowd.shares) == 5


async def test_a_vendor_that_is_away_is_waited_for_and_its_retry_after_is_kept(house: Lighthouse) -> None:
    house.crowd.failures = [
        TryAgain("busy", timedelta(minutes=3)),
        OutcomeUnknown("no answer"),
        *[TryAgain("away") for _ in range(40)],
    ]
    began = await house.now()

    ended = await outcome(await send(house))

    assert ended.counts.accepted == 3
    assert await house.now() - began > timedelta(minutes=30), "it was tried for as long as it took"


async def test_an_account_that_is_not_served_is_waited_for_too(house: Lighthouse) -> None:
    house.crowd.failures = [AccountRefused("no such key", "401")]

    assert (await outcome(await send(house))).counts.accepted == 3


async def test_a_message_that_the_vendor_will_never_take_ends_it_with_the_reason(house: Lighthouse) -> None:
    house.crowd.failures = [Refused("the subject is required", "400")]

    ended = await outcome(await send(house))

    assert ended.problem == "the subject is required"
    assert ended.counts.left == 3


async def test_who_asks_is_told_how_far_it_has_come(house: Lighthouse) -> None:
    handle = await send(house)
    await handle.result()

    standing = await handle.query(BroadcastWorkflow.standing)

    assert (standing.doing, standing.counts.accepted, standing.list) == ("is over", 3, "ships.csv")


# ---- for an incident ----


async def test_every_ship_is_warned_and_the_promise_is_met_once_they_all_have_been(house: Lighthouse) -> None:
    house.crowd.recipients = 3

    await house.alert()

    broadcast = await broadcast_of(house)
    assert broadcast.counts.accepted == 3
    assert (await house.ledger())["warn-ships"].verdict == "met"
    (request,) = house.crowd.pinned
    assert (request.list, request.broadcast) == ("ships.csv", broadcast.id)
    assert request.dispatch.subject == "Every ship is warned"


async def test_the_incident_hears_of_each_quarter_and_no_more(house: Lighthouse) -> None:
    house.crowd.recipients = 100_000

    await house.alert()
    await broadcast_of(house)

    history = await house.incident.fetch_history()
    heard = [
        event
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        and event.workflow_execution_signaled_event_attributes.signal_name == "broadcast_reported"
    ]
    assert len(heard) == 4, "after a quarter, half, three quarters, and at the end"


async def test_a_list_with_nobody_is_told_and_keeps_no_promise(house: Lighthouse) -> None:
    house.crowd.recipients, house.crowd.problem = 0, "the list ships.csv has nobody"

    await house.alert()

    assert (await broadcast_of(house)).problem == "the list ships.csv has nobody"
    assert (await house.ledger())["warn-ships"].verdict != "met"
    assert house.crowd.shares == []


async def test_the_end_is_told_to_an_incident_that_has_moved_meanwhile(house: Lighthouse) -> None:
    house.crowd.gate.clear()
    await house.alert()
    await house.until(lambda: len(house.crowd.shares) == 1)
    await house.says(say.Resolve, summary="lit again")
    await house.outcome(house.incident)

    house.crowd.gate.set()

    after = house.after()
    view = await house.eventually(after, lambda view: view.broadcasts[0].done is not None)
    assert view.broadcasts[0].counts.accepted == 3


async def test_a_new_run_of_the_incident_begins_no_broadcast_a_second_time(env: WorkflowEnvironment) -> None:
    house = Lighthouse(env, archive=Harbour(), continue_after=40)
    async with workers_of(house):
        house.crowd.gate.clear()
        await house.alert()
        await house.until(lambda: len(house.crowd.shares) == 1)
        for number in range(20):
            await house.says(say.AddNote, text=f"note {number}")
        assert await runs_of(house.client, house.incident) > 1

        house.crowd.gate.set()

        assert (await broadcast_of(house)).counts.accepted == 3
    assert len(house.crowd.pinned) == 1
