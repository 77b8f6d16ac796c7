"""Everything of Tocsin behind its doors: whoever comes there with a report is received as in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.clauses.rows import PLANS
from tests.ingest.newsroom import Mail
from tocsin.domain import naming
from tocsin.domain.state import Entry
from tocsin.domain.view import IncidentView
from tocsin.ingest.app import ALERTMANAGER_PATH
from tocsin.library import PlanLibrary
from tocsin.rehearsal.clock import Clock, Timekeeper
from tocsin.rehearsal.house import House, begin_time, opened_house
from tocsin.rehearsal.people import People
from tocsin.rehearsal.register import RehearsedIncidents
from tocsin.rehearsal.timers import RehearsalWorkflow


@dataclass(frozen=True)
class Received:
    """One incident: the record as people see it, and what happened, entry by entry."""

    view: IncidentView
    timeline: list[Entry]

    def said(self, kind: str) -> list[str]:
        """What the timeline says under a kind."""
        return [entry.text for entry in self.timeline if entry.kind == kind]


@dataclass(frozen=True)
class Reception:
    """The doors of the house under a plan, and what is on the record behind them."""

    house: House
    plan: str

    async def alert(self, **labels: str) -> httpx.Response:
        """What a monitor says."""
        alert = {
            "status": "firing",
            "fingerprint": "1",
            "startsAt": self.house.timekeeper.clock().isoformat(),
            "labels": labels,
        }
        body = {"version": "4", "groupKey": "1", "alerts": [alert], "commonLabels": labels}
        return await self._post(ALERTMANAGER_PATH, json=body)

    async def mail(self, mail: Mail) -> httpx.Response:
        """What SendGrid's Inbound Parse hands in."""
        parts: list[Any] = [(name, (None, value)) for name, value in mail.fields.items()]
        parts += [(f"attachment{number}", file) for number, file in enumerate(mail.files, 1)]
        return await self._post(f"/v1/reports/email/{self.plan}", files=parts)

    async def ticket(self, **ticket: Any) -> httpx.Response:
        """What a ticket system hands in."""
        return await self._post(f"/v1/reports/ticket/{self.plan}", json=ticket)

    def call(self, number: str, *words: str) -> None:
        """Somebody dials our number, and says so much when they are asked."""
        self.house.sandbox.exchange.dial(number, words, f"{self.house.receiver}/v1/reports/phone/{self.plan}")

    async def passes(self, **time: float) -> None:
        """Time passes, and what happens meanwhile happens."""
        seconds = sum({"seconds": 1, "minutes": 60}[unit] * amount for unit, amount in time.items())
        await self.house.timekeeper.sleep(seconds)

    async def records(self) -> list[Received]:
        """What is on the record, the oldest incident first."""
        incidents = RehearsedIncidents(self.house.client, self.house.register)
        found = []
        for logged in self.house.register.logged():
            execution = await incidents.look_up(naming.incident_workflow(logged.key))
            assert execution is not None
            found.append(Received(await incidents.view(execution), await incidents.timeline(execution)))
        return found

    async def _post(self, path: str, **what: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, base_url=self.house.receiver) as http:
            return await http.post(path, **what)


def received(plan: str, folder: Path, story: Callable[[Reception], Awaitable[None]]) -> None:
    """Live through a story on a server of its own, whose time skips while nothing happens."""
    asyncio.run(_live(plan, folder, story))


async def _live(plan: str, folder: Path, story: Callable[[Reception], Awaitable[None]]) -> None:
    timekeeper = Timekeeper(Clock())
    people = People({}, timekeeper)
    async with opened_house(PlanLibrary(PLANS, folder), folder, people, timekeeper) as house:
        time = await begin_time(house)

        async def to_the_end() -> None:
            try:
                reception = Reception(house, plan)
                await reception.passes(seconds=1)
                await story(reception)
            finally:
                await time.signal(RehearsalWorkflow.end)

        living = house.timekeeper.background.spawn(to_the_end())
        await time.result()
        await living
