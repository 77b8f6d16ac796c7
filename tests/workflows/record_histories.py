"""Record the histories that `test_replay` replays: `python -m tests.workflows.record_histories [STORY …]`, all unless
some are named, as the functions here are."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.newsletter import Harbour as Newsroom
from tests.workflows.crowd import Harbour
from tests.workflows.house import Lighthouse, workers_of
from tests.workflows.test_broadcast import broadcast_of, outcome, send
from tests.workflows.test_publication import Office
from tocsin.domain import commands as say
from tocsin.domain import naming
from tocsin.domain.readership import workflow_of
from tocsin.embedded.stack import add_search_attributes

FOLDER = Path(__file__).parent / "histories"


async def keep(name: str, handle: WorkflowHandle, run_id: str | None = None) -> None:
    """Write one run's history under a name that says what it contains."""
    one_run = handle._client.get_workflow_handle(handle.id, run_id=run_id)
    history = await one_run.fetch_history()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(history.to_json() + "\n")
    print(f"{name}: {len(history.events)} events")


async def whole_incident(house: Lighthouse) -> None:
    """Nobody answers the text message, the call is answered, the fleet gets its reports, the record is archived."""
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 1)
    await house.passes(minutes=5, seconds=1)
    await house.until(lambda: len(house.phone.sent) == 1)
    await house.says(say.Acknowledge)
    for step in ("lamp", "watch", "meet"):
        await house.says(say.FinishStep, step=step)
    await house.passes(hours=3, minutes=45)
    await house.until(lambda: len(house.email.sent) == 1)
    await house.deliver_everything()
    await house.says(say.StateFact, name="cause", value="a moth in the works")
    await house.says(say.Resolve, summary="The moth was let out")
    await house.outcome(house.incident)
    await keep("escalated-acknowledged-and-resolved-in-one-run", house.incident)
    await house.says(say.FinishStep, house.after(), step="clean")
    await house.says(say.SendReport, house.after(), report="final")
    await house.until(lambda: len(house.email.sent) == 2)
    await house.deliver_everything(house.after())
    await house.outcome(house.after())
    await keep("final-report-sent-and-archived", house.after())


async def long_escalation(house: Lighthouse) -> None:
    """A run that goes on from the state of one before it, between two rungs of a page."""
    house.continue_after = 40
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 1)
    await house.passes(minutes=5, seconds=1)
    await house.until(lambda: len(house.phone.sent) == 1)
    for number in range(12):
        await house.says(say.AddNote, text=f"note {number}")
    run_id = (await house.incident.describe()).run_id
    await house.passes(minutes=5)
    await house.until(lambda: len(house.phone.sent) == 2)
    await house.says(say.Acknowledge, actor={"key": "dee"})
    await keep("continued-as-new-in-the-middle-of-an-escalation", house.incident, run_id)


async def fired_again(house: Lighthouse) -> None:
    """The alert fires in the moment of the hand-over: the run ends by going on as the next incident."""
    house.sms.gate.clear()
    first = await house.alert()
    await house.says(say.Resolve, summary="lit again")
    await house.alert()
    house.sms.gate.set()
    await house.until(lambda: len(house.sms.sent) == 2)
    await keep("resolved-while-the-alert-fired-again", house.incident, first.result_run_id)


async def whole_list(house: Lighthouse) -> None:
    """Fifty thousand ships are warned in five shares, and the incident hears of each quarter and of the end."""
    house.crowd.recipients = 50_000
    await house.alert()
    broadcast = await broadcast_of(house)
    handle = house.client.get_workflow_handle(naming.broadcast_workflow(broadcast.id))
    await house.outcome(handle)
    await keep("list-written-to-in-shares-and-each-quarter-told", handle)


async def long_list(house: Lighthouse) -> None:
    """A run that goes on from the journal of one before it, for nobody's incident."""
    house.crowd.recipients = 50_000
    handle = await send(house, continue_after=12)
    await outcome(handle)
    await keep("list-that-a-new-run-goes-on-with", handle)


async def whole_publication(office: Office) -> None:
    """Three are asked, one acknowledges, the others are reminded, and a newer version is published."""
    pin = await office.publishes()
    await office.mails(3)
    await office.acknowledges("kit")
    await office.passes(days=3)
    await office.mails(5)
    await office.publishes(office.harbour.edits())
    await office.result(pin)
    await keep(
        "plan-acknowledged-reminded-of-and-superseded",
        office.env.client.get_workflow_handle(workflow_of(pin)),
    )


@asynccontextmanager
async def lighthouse(env: WorkflowEnvironment) -> AsyncIterator[Lighthouse]:
    """Where incidents happen."""
    house = Lighthouse(env)
    async with workers_of(house):
        yield house


@asynccontextmanager
async def harbour(env: WorkflowEnvironment) -> AsyncIterator[Lighthouse]:
    """The same, with every ship on a list."""
    house = Lighthouse(env, archive=Harbour())
    async with workers_of(house):
        yield house


@asynccontextmanager
async def newsroom(env: WorkflowEnvironment) -> AsyncIterator[Office]:
    """Where plans are published."""
    with TemporaryDirectory() as folder:
        office = Office(env, Newsroom(Path(folder)))
        async with office.workers():
            yield office


SCENES = {
    whole_incident: lighthouse,
    long_escalation: lighthouse,
    fired_again: lighthouse,
    whole_list: harbour,
    long_list: harbour,
    whole_publication: newsroom,
}
"""Where each story is told."""


@asynccontextmanager
async def server() -> AsyncIterator[WorkflowEnvironment]:
    """A server that skips time and knows our search attributes."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(Path(sys.executable).with_name("temporal-test-server")),
        data_converter=pydantic_data_converter,
    ) as env:
        await add_search_attributes(env.client, naming.SEARCH_ATTRIBUTES)
        yield env


async def main(wanted: Collection[str]) -> None:
    """Each story on a server of its own."""
    for story, scene in SCENES.items():
        if story.__name__ in wanted:
            async with server() as env, scene(env) as place:
                await story(place)


if __name__ == "__main__":
    told = {story.__name__ for story in SCENES}
    if unknown := set(sys.argv[1:]) - told:
        sys.exit(f"there is no story {', '.join(unknown)}; there are {', '.join(sorted(told))}")
    asyncio.run(main(sys.argv[1:] or told))
    sys.stdout.flush()
    os._exit(0)
