"""The feed of a vendor that is down is watched, on a real server: attempts that find nothing leave no history there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from activities.feeds import FeedActivities
from tests.newsstand import Newsstand, at, item, opened
from tests.workflows import lighthouse
from tests.workflows.house import Lighthouse, workers_of
from tests.workflows.lighthouse import MemoryArchive
from tocsin.domain import commands as say
from tocsin.domain.messages import OpenedRecord, OpenRecord
from tocsin.domain.plan import Plan
from tocsin.feeds import HttpFeeds
from tocsin.yamlfile import parse

KEPT_INFORMED = """
  - id: word
    title: The fleet is kept informed
    clause: "4"
    from: aware
    within: PT1H
    every: PT4H
    until: resolved
    do: [{notify: {audience: fleet}}]
vendors:
  lampworks: {title: Lampworks, feed: {url: URL, format: rss, every: PT1S}}
intake:"""


@dataclass
class Shelf(MemoryArchive):
    """An archive whose plan has a vendor with a feed."""

    url: str = ""

    def open(self, record: OpenRecord) -> OpenedRecord:
        """Log the incident under that plan."""
        text = lighthouse.PLAN.replace("\nintake:", KEPT_INFORMED.replace("URL", self.url))
        return super().open(record).model_copy(update={"plan": parse(text, Plan)})


@pytest.fixture
def stand() -> Iterator[Newsstand]:
    with opened() as stand:
        yield stand


@pytest.fixture
async def house(real_env: WorkflowEnvironment, stand: Newsstand) -> AsyncIterator[Lighthouse]:
    """A lighthouse whose lamps come from a vendor; the fleet has had its first notice."""
    house = Lighthouse(real_env, archive=Shelf(url=stand.url), feeds=FeedActivities(HttpFeeds()))
    async with workers_of(house):
        yield house


async def informed(house: Lighthouse) -> None:
    """The lamp is out, and the fleet has been told so."""
    await house.alert()
    await house.until(lambda: len(house.email.sent) == 1)
    await house.deliver_everything()


async def is_down(house: Lighthouse) -> None:
    await house.says(say.NameVendor, vendor="lampworks", is_down=True)


async def asked(stand: Newsstand, times: int) -> None:
    """Wait until the feed was read so many times more."""
    await asyncio.to_thread(stand.waits_until_asked, stand.asked + times)


async def pending(house: Lighthouse) -> int:
    description = await house.incident.describe()
    return len(description.raw_description.pending_activities)


async def timeline(house: Lighthouse, kind: str) -> list[str]:
    return [entry["text"] for entry in await house.incident.query("timeline") if entry["kind"] == kind]


def news(guid: str, title: str = "New lamps") -> str:
    return item(guid, at(datetime.now(UTC)), title, "They are on their way.")


async def test_what_a_vendor_posts_reaches_the_fleet_and_waiting_for_it_costs_nothing(
    house: Lighthouse, stand: Newsstand
) -> None:
    await informed(house)
    await is_down(house)
    await asked(stand, 1)
    before = len((await house.incident.fetch_history()).events)
    await asked(stand, 4)
    assert len((await house.incident.fetch_history()).events) == before, (
        "nothing new, and nothing in the history"
    )
    assert stand.unchanged >= 3

    stand.prints(news("lamps-1"))
    await house.until(lambda: len(house.email.sent) == 2)

    update = house.email.sent[1]
    assert (update.to, update.subject) == ("fleet@example.org", "Update from Lampworks")
    assert "They are on their way." in update.text
    assert len(await timeline(house, "update")) == 1
    await asked(stand, 2)
    assert len(house.email.sent) == 2, "it is told once"


async def test_nobody_looks_any_more_once_the_vendor_is_up(house: Lighthouse, stand: Newsstand) -> None:
    await informed(house)
    await is_down(house)
    await asked(stand, 1)
    assert await pending(house) == 1

    await house.says(say.NameVendor, vendor="lampworks", is_down=False)

    assert await pending(house) == 0
    await house.says(say.AddNote, text="the story goes on")
    assert (await house.incident.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_watch_keeps_no_incident_from_ending(house: Lighthouse, stand: Newsstand) -> None:
    await informed(house)
    await is_down(house)
    await asked(stand, 1)

    await house.says(say.Resolve, summary="lit again")

    assert (await house.outcome(house.incident))["status"] == "resolved"


async def test_a_run_that_continues_as_new_goes_on_where_the_watch_was(
    house: Lighthouse, stand: Newsstand
) -> None:
    house.continue_after = 60
    await informed(house)
    await is_down(house)
    stand.prints(news("lamps-1"))
    await house.until(lambda: len(house.email.sent) == 2)
    first = (await house.incident.describe()).run_id
    for number in range(20):
        await house.says(say.AddNote, text=f"note {number}")
    assert (await house.incident.describe()).run_id != first

    await asked(stand, 2)
    stand.prints(news("lamps-2", "More lamps"), news("lamps-1"))
    await house.until(lambda: len(house.email.sent) == 3)

    assert [text.partition(" — ")[0] for text in await timeline(house, "update")] == [
        "Lampworks: New lamps",
        "Lampworks: More lamps",
    ]


async def test_a_broken_feed_is_on_the_record_once_and_read_again_when_it_is_whole(
    house: Lighthouse, stand: Newsstand
) -> None:
    await informed(house)
    stand.status = 503
    await is_down(house)
    await asked(stand, 4)
    [_, problem] = await timeline(house, "vendor")
    assert problem == f"the feed of Lampworks cannot be read, and is tried again: {stand.url} answered 503"

    stand.status = 200
    stand.prints(news("lamps-1"))

    await house.until(lambda: len(house.email.sent) == 2)


async def test_an_old_post_is_no_news(house: Lighthouse, stand: Newsstand) -> None:
    stand.prints(item("lamps-0", at(datetime.now(UTC) - timedelta(days=3))))
    await informed(house)
    await is_down(house)
    await asked(stand, 2)
    assert await timeline(house, "update") == []


async def test_where_time_is_skipped_a_watch_holds_nothing_up(env: WorkflowEnvironment) -> None:
    house = Lighthouse(env, archive=Shelf(url="http://127.0.0.1:9/all.rss"))
    async with workers_of(house):
        await informed(house)
        await is_down(house)
        await house.passes(hours=5)
        await house.until(lambda: len(house.email.sent) >= 2)
        assert await timeline(house, "update") == []
