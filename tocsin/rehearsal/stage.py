"""Where scenarios are rehearsed: the real workflows, activities, vendors' SDKs and receiver, with weeks in seconds."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import WorkflowHandle

from tocsin import yamlfile
from tocsin.library import PlanLibrary
from tocsin.rehearsal.clock import Clock, Timekeeper
from tocsin.rehearsal.house import House, begin_time, opened_house
from tocsin.rehearsal.people import People
from tocsin.rehearsal.playing import Player, RehearsalFailed
from tocsin.rehearsal.register import RehearsedIncidents
from tocsin.rehearsal.result import Result
from tocsin.rehearsal.reviewing import review
from tocsin.rehearsal.script import Script, prepare
from tocsin.rehearsal.timers import RehearsalWorkflow
from tocsin.yamlfile import Document

STANDSTILL = timedelta(minutes=1)
"""In real time, without any activity: longer than the slowest paper takes to print on a busy machine."""


class Stage:
    """Rehearses scenarios under the plans of one library; what they leave behind is below `folder`."""

    def __init__(self, library: PlanLibrary, folder: Path) -> None:
        self._library = library
        self._folder = folder
        self._played = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, plans: Path, folder: Path | None = None) -> AsyncIterator[Self]:
        """A stage for the plans below `plans`; without a `folder`, what it leaves behind goes when it closes.

        Raises `YamlError` with all that is wrong with the plans.
        """
        with tempfile.TemporaryDirectory(prefix="tocsin-rehearsal-") as throwaway:
            folder = folder or Path(throwaway)
            yield cls(PlanLibrary(plans, folder), folder)

    def read(self, scenario: Path | str) -> Script:
        """Make a scenario ready, from its file or from its text. Raises `YamlError` with everything that is wrong."""
        return prepare(_document(scenario), self._library, datetime.now(UTC))

    async def rehearse(self, scenario: Path | str | Script) -> Result:
        """Play a scenario to its end, on a time-skipping server of its own.

        Raises `YamlError`, `NoTestServer`, and `RehearsalFailed` when it cannot be played.
        """
        script = scenario if isinstance(scenario, Script) else self.read(scenario)
        self._played += 1
        state = self._folder / f"{self._played}-{script.scenario.scenario}"
        timekeeper = Timekeeper(Clock())
        people = People(script.scenario.people, timekeeper)
        async with opened_house(self._library, state, people, timekeeper) as house:
            player = self._player(script, house, people)
            await _play(player, house)
            return await review(player, house, state)

    def _player(self, script: Script, house: House, people: People) -> Player:
        return Player(
            script=script,
            timekeeper=house.timekeeper,
            people=people,
            sandbox=house.sandbox,
            receiver=house.receiver,
            client=house.client,
            incidents=RehearsedIncidents(house.client, house.register),
            register=house.register,
            library=self._library,
            settings=house.settings,
        )


async def _play(player: Player, house: House) -> None:
    """Play while time skips. Raises `RehearsalFailed` when it comes to a standstill."""
    time = await begin_time(house)
    playing = house.timekeeper.background.spawn(_to_the_end(player, house, time))
    await (
        house.timekeeper.background.settled()
    )  # with no timer set, time would skip to the end of all time-outs
    await house.env.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
    while not playing.done():
        before = house.timekeeper.clock.readings
        await asyncio.wait([playing], timeout=STANDSTILL.total_seconds())
        if not playing.done() and house.timekeeper.clock.readings == before:
            raise RehearsalFailed(_standstill(house.timekeeper.clock()))
    await playing


async def _to_the_end(player: Player, house: House, time: WorkflowHandle[RehearsalWorkflow, None]) -> None:
    """When the play ends, however it does, time skips no more: what would come next is not part of it."""
    try:
        await player.play()
    finally:
        await house.loosening.stop()  # else whatever ends now would let time skip again
        await house.env.client.test_service.lock_time_skipping(LockTimeSkippingRequest())
        await time.signal(RehearsalWorkflow.end)


def _standstill(at: datetime) -> str:
    return (
        f"nothing has happened for {STANDSTILL.total_seconds():.0f} s, and it is {at:%d %B %Y %H:%M} UTC in the "
        "rehearsal; a workflow or an activity that cannot go on says why in the log"
    )


def _document(scenario: Path | str) -> Document:
    return (
        yamlfile.read(scenario) if isinstance(scenario, Path) else yamlfile.read_text(scenario, "<scenario>")
    )
