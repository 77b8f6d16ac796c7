"""What is still under way when a rehearsal ends: nobody is woken any more, and nobody complains."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.rehearsal.conftest import PLANS
from tocsin.library import PlanLibrary
from tocsin.rehearsal.clock import Clock, Timekeeper
from tocsin.rehearsal.house import House, begin_time, opened_house
from tocsin.rehearsal.people import People
from tocsin.rehearsal.timers import RehearsalWorkflow

Log = pytest.LogCaptureFixture


@asynccontextmanager
async def ended(folder: Path) -> AsyncIterator[House]:
    """A house whose rehearsal is over, and that still stands."""
    timekeeper = Timekeeper(Clock())
    library = PlanLibrary(PLANS, folder)
    async with opened_house(library, folder, People({}, timekeeper), timekeeper) as house:
        time = await begin_time(house)
        await time.signal(RehearsalWorkflow.end)
        await time.result()
        yield house


def watching(house: House, workflow: str) -> set[asyncio.Task[None]]:
    """What the house does to watch a workflow."""
    before = asyncio.all_tasks()
    house.loosening.watch(workflow)
    return asyncio.all_tasks() - before


def complaints(log: Log) -> list[str]:
    return [record.getMessage() for record in log.records if record.levelno >= logging.WARNING]


async def test_whoever_falls_asleep_after_the_end_sleeps_until_the_house_is_taken_down(
    tmp_path: Path, caplog: Log
):
    async with ended(tmp_path) as house:
        sleeper = house.timekeeper.background.spawn(house.timekeeper.sleep(1))
        await house.timekeeper.background.settled()
        assert not sleeper.done()

    assert sleeper.cancelled()
    assert complaints(caplog) == []


async def test_after_the_end_nothing_is_watched(tmp_path: Path, caplog: Log):
    async with ended(tmp_path) as house:
        await house.loosening.stop()
        assert watching(house, "rehearsal") == set()

    assert complaints(caplog) == []


async def test_a_watch_that_fails_is_told_while_it_matters(tmp_path: Path, caplog: Log):
    async with ended(tmp_path) as house:
        await asyncio.wait(watching(house, "nobody"))

    assert complaints(caplog) == [
        "workflow nobody is not watched any more; time may stand still when it ends",
    ]
