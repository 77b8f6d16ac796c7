"""The same alert while hundreds of incidents are open and worked on: does a page wait for anybody?

The work: on-call people have acknowledged, and give commands at a steady rate, one in each incident by turns: three
that put something on the record and one that sends a report. The mails of all the incidents leave meanwhile as fast
as `TOCSIN_EMAILS_PER_SECOND` lets them by default; so many incidents have more of them than the measurement takes.
Beside it, turn about and under the same load, a bare workflow with one activity.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from bench.bare import OneActivity
from bench.burst import alerts_at_once
from bench.first_message import Taken, alert, bare, take_turns
from bench.percentiles import median, median_ratio, spread
from bench.responder import give
from bench.scale import Metrics, Scale
from bench.stand import Stand
from tocsin.domain import commands as say
from tocsin.domain.state import Actor

COMMANDS_PER_SECOND = 4.0

PAUSE = 0.1, 0.4
"""Between two samples, in seconds: by chance, so that they fall into no step with the work."""

COMMANDS: tuple[tuple[Any, dict[str, str]], ...] = (
    (say.AddNote, {"text": "The load balancer still sends traffic to the old nodes"}),
    (say.GiveUpdate, {"text": "The certificate is being renewed"}),
    (say.StateFact, {"name": "company_impact", "value": "No payments since the alert"}),
    (say.SendReport, {"report": "interim"}),
)
"""In the words of the plan that the example alert selects."""


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """Open the incidents, keep working on them, and send alerts one at a time meanwhile."""
    work = Work(stand, await _opened(stand, scale))
    async with work.going_on():
        began, done = time.time(), work.done
        taken = await _sample(stand, scale)
        seconds = time.time() - began
        commands = (work.done - done) / seconds
        mails = await stand.inbox.count_mails(began) / seconds
    return summary(taken, scale.busy, commands, mails)


def summary(taken: Taken, incidents: int, commands: float, mails: float) -> Metrics:
    """The percentiles under load, the load itself, and how a page compares with the yardstick under it.

    `commands` and `mails` are what was really done in a second.
    """
    ours, theirs = taken["first_message"], taken["bare"]
    return {
        "page": {
            **{f"busy_{name}": value for name, value in spread(ours).items()},
            "busy_bare_p50_ms": round(median(theirs) * 1_000, 2),
            "busy_p50_ratio": round(median_ratio(ours, theirs), 3),
            "busy_incidents": incidents,
            "busy_commands_per_second": round(commands, 1),
            "busy_mails_per_second": round(mails, 1),
        }
    }


async def _opened(stand: Stand, scale: Scale) -> list[str]:
    """So many open incidents, by id; each has been paged for."""
    names = [stand.name("busy", number) for number in range(scale.busy)]
    return sorted((await alerts_at_once(stand, names, scale.clients, scale.settle)).incidents)


async def _sample(stand: Stand, scale: Scale) -> Taken:
    chance = random.Random(0)

    async def rest() -> None:
        await asyncio.sleep(chance.uniform(*PAUSE))

    kinds = {"busy-alert": alert, "busy-bare": bare("bare", OneActivity)}
    return await take_turns(stand, scale, kinds, rest)


class Work:
    """Responders who work on incidents; `done` counts the commands that were answered."""

    def __init__(self, stand: Stand, incidents: Sequence[str]) -> None:
        self._stand = stand
        self._incidents = incidents
        self.done = 0

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Have every page acknowledged; then they work until the end of the block. What is refused ends it."""
        for incident in self._incidents:
            await self._say(incident, say.Acknowledge, {})
        async with asyncio.TaskGroup() as group:
            work = group.create_task(self._steadily())
            yield
            work.cancel()

    async def _steadily(self) -> None:
        """At the same pace however long an answer takes, as people do who do not wait for one another."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in count():
                await asyncio.sleep(max(0.0, began + number / COMMANDS_PER_SECOND - time.monotonic()))
                turn, place = divmod(number, len(self._incidents))
                command, words = COMMANDS[(turn + place) % len(COMMANDS)]
                group.create_task(self._say(self._incidents[place], command, words))

    async def _say(self, incident: str, command: Any, words: dict[str, str]) -> None:
        await give(self._stand.incident(incident), Actor(key="dana"), command, **words)
        self.done += 1
