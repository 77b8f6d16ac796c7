"""A bad day: one account is dead, and every fifth request to the other vendors fails. Is a page lost, and how late?

| | the first account at Twilio | the second, and SendGrid |
| --- | --- | --- |
| well | serves | serve |
| bad | killed: connections are refused | 20 % of requests: 429 with `Retry-After: 1`, or 500, by halves |

Alerts come at a steady rate, in blocks that are well and bad by turns, so that each bad block is compared with what the
same processes did just before. A page has arrived when a text or a call about its incident is at either account. After
a bad block the first account comes back; that it is used again only after a while is part of the comparison.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.accounts import TwoAccounts
from bench.inbox import LOOK_AT_MANY_EVERY, PATIENCE, Inbox, Text, by_incident, first_arrivals
from bench.percentiles import spread
from bench.scale import Metrics, Scale
from bench.stand import Stand

ALERTS_PER_SECOND = 4.0

TOO_MANY, OUT_OF_ORDER = 0.1, 1 / 9
"""Of the requests that the first fault spares, the second hits a ninth: a tenth of all."""


@dataclass(frozen=True)
class Block:
    """Alerts at a steady rate: the seconds until each had its page, how many had none, how many messages came twice."""

    waits: tuple[float, ...]
    lost: int
    doubled: int


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """Blocks that are well and bad, turn about."""
    assert isinstance(stand.stack, TwoAccounts), "this needs the stand with two accounts"
    scene = Scene(stand, stand.stack, scale.settle)
    try:
        await scene.block("warm-up", scale.warm_up)
        well, bad = [], []
        for number in range(scale.blocks):
            well.append(await scene.block(f"well-{number}", scale.block))
            async with scene.bad_day():
                bad.append(await scene.block(f"bad-{number}", scale.block))
    finally:
        await scene.close()
    return summary(well, bad)


def summary(well: Sequence[Block], bad: Sequence[Block]) -> Metrics:
    """What was lost and doubled on bad days, and how much later pages were than on good ones."""
    ours, usual = (spread([wait for block in blocks for wait in block.waits]) for blocks in (bad, well))
    return {
        "faults": {
            "pages": sum(len(block.waits) + block.lost for block in bad),
            "lost": sum(block.lost for block in bad),
            "doubled": sum(block.doubled for block in bad),
            **ours,
            **{f"well_{name}": value for name, value in usual.items()},
            **{f"added_{name}": round(ours[name] - usual[name], 2) for name in ours},
            "well_lost": sum(block.lost for block in well),
            "well_doubled": sum(block.doubled for block in well),
        }
    }


class Scene:
    """Both accounts, and what happens to them."""

    def __init__(self, stand: Stand, stack: TwoAccounts, settle: float) -> None:
        self._stand = stand
        self._settle = settle
        self._stack = stack
        self._first = Inbox(stack.first_url)
        self._alive = [self._first, stand.inbox]

    async def close(self) -> None:
        """Close the connection to the first account."""
        await self._first.close()

    @asynccontextmanager
    async def bad_day(self) -> AsyncIterator[None]:
        """The first account is dead, and all others fail now and then, until the end of the block."""
        self._alive = [self._stand.inbox]
        self._stack.kill_first_account()
        for vendor in ("twilio", "sendgrid"):
            await self._stand.inbox.break_down(vendor=vendor, kind="429", probability=TOO_MANY, seed=1)
            await self._stand.inbox.break_down(vendor=vendor, kind="500", probability=OUT_OF_ORDER, seed=2)
        yield
        await self._stand.inbox.recover()
        await asyncio.to_thread(self._stack.start_first_account)
        self._alive = [self._first, self._stand.inbox]

    async def block(self, what: str, alerts: int) -> Block:
        """Send the alerts, one every so often, and wait for their pages."""
        began = time.time()
        async with asyncio.TaskGroup() as group:
            sent = [
                group.create_task(self._alert(self._stand.name(what, number), number / ALERTS_PER_SECOND))
                for number in range(alerts)
            ]
        incidents = dict(task.result() for task in sent)
        return judged(incidents, await self._arrived(incidents.keys(), began))

    async def _alert(self, name: str, after: float) -> tuple[str, float]:
        """The incident, and when the alert was sent."""
        await asyncio.sleep(after)
        accepted = await self._stand.monitor.alert(name)
        return accepted.incident, accepted.began

    async def _arrived(self, incidents: Iterable[str], began: float) -> list[Text]:
        """Every text and call, once each incident has one, or is missing for too long, and no more come."""
        wanted, seen, last = set(incidents), -1, 0.0
        while True:
            texts = await self._texts(began)
            if len(texts) != seen:
                seen, last = len(texts), time.monotonic()
            is_complete = wanted <= {text.incident for text in texts}
            if time.monotonic() - last > (self._settle if is_complete else PATIENCE):
                return texts
            await asyncio.sleep(LOOK_AT_MANY_EVERY)

    async def _texts(self, since: float) -> list[Text]:
        return [
            text for inbox in self._alive for text in (*await inbox.texts(since), *await inbox.calls(since))
        ]


def judged(sent: dict[str, float], arrived: Sequence[Text]) -> Block:
    """What became of alerts, given when each incident's was sent, and everything that arrived since."""
    ours = [text for text in arrived if text.incident in sent]
    first = first_arrivals(ours, by_incident)
    times = Counter(text.message for text in ours)
    return Block(
        waits=tuple(at - sent[incident] for incident, at in first.items()),
        lost=len(sent.keys() - first.keys()),
        doubled=sum(count - 1 for count in times.values()),
    )
