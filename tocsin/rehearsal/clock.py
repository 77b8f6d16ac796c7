"""One clock for everything: the time-skipping server's, and naps that end when it says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from temporalio import activity

from tocsin.domain.base import Moment, Value
from tocsin.sandbox.tasks import Background, Rest


class Clock:
    """What the server's clock says, from what it said when an activity last began.

    Time skips only while no activity is pending, so between the beginning of one and its end it runs like any clock;
    nothing of ours reads the time at any other moment. Called from every thread.
    """

    def __init__(self) -> None:
        self._read = datetime.now(UTC), time.monotonic()
        self.readings = 0

    def set(self, now: datetime) -> None:
        """The server says that it is `now`."""
        self._read = now, time.monotonic()
        self.readings += 1

    def __call__(self) -> datetime:
        """The time, UTC."""
        moment, at = self._read
        return moment + timedelta(seconds=time.monotonic() - at)

    def seconds(self) -> float:
        """The time in seconds since the epoch."""
        return self().timestamp()


class Nap(Value):
    """Somebody sleeps until then; `number` is who."""

    number: int
    until: Moment


class Timekeeper:
    """Lets the sandbox's phones, the people and the script sleep on the server's clock.

    A nap is a durable timer of the rehearsal's own workflow. When it ends, an activity wakes the sleeper, and is
    pending until whatever the sleeper then does has come home: meanwhile the server's clock does not skip.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.background = Background(self.sleep)
        self._set_timer: Callable[[Nap], Awaitable[None]] | None = None
        self._naps: dict[int, tuple[Rest, asyncio.Future[None]]] = {}
        self._number = 0

    def begin(self, set_timer: Callable[[Nap], Awaitable[None]]) -> None:
        """From now on timers can be set."""
        self._set_timer = set_timer

    async def sleep(self, seconds: float) -> None:
        """Let so many seconds pass on the server's clock."""
        await self.sleep_until(self.clock() + timedelta(seconds=seconds))

    async def sleep_until(self, moment: datetime) -> None:
        """Let time pass until `moment` on the server's clock; once the rehearsal is over, until all is taken down."""
        assert self._set_timer is not None, "nobody sleeps before the rehearsal has begun"
        self._number += 1
        number = self._number
        rest, woken = Rest(self.background), asyncio.get_running_loop().create_future()
        self._naps[number] = rest, woken
        await self._set_timer(Nap(number=number, until=moment))
        rest.begin()
        try:
            await woken
        finally:
            rest.end()
            self._naps.pop(number, None)

    @activity.defn(name="wake")
    async def wake(self, number: int) -> None:
        """End a nap, and wait until what follows from it has been done; one that was broken off is left alone."""
        nap = self._naps.pop(number, None)
        if nap is not None:
            rest, woken = nap
            rest.end()
            woken.set_result(None)
        await self.background.settled()
