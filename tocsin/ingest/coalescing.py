"""Repeats are put together before Temporal: the first word, and every change, is told at once; the rest is counted.

A repeat is answered once it is on the disk (`tocsin.ingest.spool`), and at the end of its window one signal carries the
count. It starts an incident as any alert does: it may be the firing that opens a new one, because the old one was
resolved a moment ago. So whatever was accepted is told, in the order in which it came: a change waits until what was
accepted before it is told, and a receiver that died is succeeded by one that tells what it had accepted.

Where repeats cannot be kept on the disk each is told at once. While Temporal is away, a window takes nothing more once
it should have ended: monitors hear 503, and come again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from weakref import WeakValueDictionary

from tocsin.domain import naming
from tocsin.domain.events import Alert
from tocsin.ingest.accepted import Accepted
from tocsin.ingest.monitors import Raise
from tocsin.ingest.repeatmetrics import RepeatMetrics
from tocsin.ingest.spool import Spool, SpoolUnusable
from tocsin.ingest.windows import Batch, Window, Windows
from tocsin.starting import Outcome, Started, temporal_answers
from tocsin.temporal import TemporalUnavailable

TICK = 0.25
"""Seconds between two looks at which windows have ended."""

TOLD_AT_ONCE = 16
"""Signals under way at a time when many windows end together: alerts that are new must get through beside them."""

AGAIN_AFTER = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds until Temporal is asked again to take what waits; the last one for good."""

FAREWELL = timedelta(seconds=5)
"""How long a receiver that is told to stop tries to tell what waits; what is left stays on the disk."""

_log = logging.getLogger(__name__)


class Coalescing:
    """A way to Temporal that spares it repeats; `tell` is the straight one. Until `at_work`, everything goes that way.

    `lengths` are the windows of the sources, by their names; a source without one has its repeats told at once.
    """

    def __init__(
        self,
        tell: Raise,
        spool: Spool,
        lengths: Mapping[str, timedelta],
        metrics: RepeatMetrics,
        windows: Windows | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._lengths = {source: length.total_seconds() for source, length in lengths.items()}
        self._metrics = metrics
        self._windows = Windows() if windows is None else windows
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._is_at_work = False
        self._has_ended = asyncio.Event()
        self._is_temporal_away = False
        self._accepted = Accepted(spool, self._windows.kept)
        metrics.watch(lambda: self._accepted.words, lambda: self._accepted.is_usable)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Tell what an earlier receiver had accepted, put repeats together, and tell what waits before leaving."""
        await self._take_over()
        self._is_at_work = True
        telling = asyncio.create_task(self._tell_in_time(), name="coalescing")
        try:
            yield
        finally:
            self._is_at_work = False
            self._has_ended.set()
            await self._say_farewell(telling)

    async def __call__(self, alert: Alert, rank: int) -> Started:
        """Accept an alert: Temporal has it, or it repeats what Temporal has, and is on the disk.

        Raises `TemporalUnavailable`.
        """
        length = self._lengths.get(alert.source, 0)
        if not (self._is_at_work and length):
            return await self._tell(alert, rank)
        async with temporal_answers():
            if window := self._repeated(alert):
                return await self._keep(window, alert, rank)
            async with self._lock(alert.key):
                window = self._repeated(alert)  # the first word may have got through while this one waited
                if window is None:
                    return await self._tell_now(alert, rank, length)
            return await self._keep(window, alert, rank)

    def _repeated(self, alert: Alert) -> Window | None:
        if not self._accepted.is_usable:
            return None
        return self._windows.repeated(alert, self._clock(), self._is_temporal_away)

    # A repeat

    async def _keep(self, window: Window, alert: Alert, rank: int) -> Started:
        """Accept a repeat: on the disk, or, where that refuses it, with Temporal. Raises `TemporalUnavailable`."""
        batch = self._accepted.batch(alert, rank)
        window.add(batch)
        try:
            await self._accepted.keep(batch)
        except SpoolUnusable:
            async with self._lock(alert.key):
                return await self._tell_what_waits(alert.key) or _started(alert, "opened or joined")
        self._metrics.put_together(batch.words)
        return _started(alert, "counted")

    # What Temporal hears. The lock of the key is held.

    async def _tell_now(self, alert: Alert, rank: int, length: float) -> Started:
        """A first word or a change; before it, or with it, what waits. Raises `TemporalUnavailable`."""
        window = self._windows.get(alert.key)
        if window is not None:
            window.forget(alert)
        if window is not None and window.waiting is not None and window.waiting.is_covered_by(alert):
            whole = window.waiting.then(Batch(alert, rank, frozenset()))
            started = await self._tell_taken(window, whole)
        else:
            await self._tell_what_waits(alert.key)
            started = await self._tell(alert, rank)
        self._is_temporal_away = False
        self._windows.told(alert, length, self._clock())
        return started

    async def _tell_what_waits(self, key: str) -> Started | None:
        """What waits under a key; `None` when nothing does. Raises `TemporalUnavailable`, and then it waits on."""
        window = self._windows.get(key)
        if window is None or window.waiting is None:
            return None
        only_repeats = window.waiting.alert.model_copy(update={"repeats": True})
        return await self._tell_taken(window, replace(window.waiting, alert=only_repeats))

    async def _tell_taken(self, window: Window, whole: Batch) -> Started:
        """Tell `whole`, in which everything is that waits. Raises `TemporalUnavailable`, and then it waits on."""
        window.take()
        try:
            started = await self._tell(whole.alert, whole.rank)
        except BaseException:
            window.give_back()  # also for whoever is cancelled: what was accepted must not go with them
            self._metrics.signalled("put off")
            raise
        self._windows.restart(whole.alert.key, self._clock())
        self._metrics.signalled("told")
        self._accepted.strike_out(whole.numbers)
        return started

    def _lock(self, key: str) -> asyncio.Lock:
        """One at a time speaks to Temporal about a key, so that it hears everything in order."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    # When windows end

    async def _tell_in_time(self) -> None:
        while not await self._ends_within(TICK):
            await self.tell_what_is_due()

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._has_ended.wait()
        except TimeoutError:
            return False

    async def tell_what_is_due(self) -> None:
        """Tell Temporal what has waited for a window's length, or what it did not take before."""
        await self._tell_all(self._windows.due(self._clock()))

    async def _tell_all(self, keys: Sequence[str]) -> None:
        """Some at a time; it ends when Temporal is away for all of them, which will not be better with the next."""
        for first in range(0, len(keys), TOLD_AT_ONCE):
            is_away = await asyncio.gather(
                *(self._finds_nobody(key) for key in keys[first : first + TOLD_AT_ONCE])
            )
            self._is_temporal_away = all(is_away)
            if self._is_temporal_away:
                return

    async def _finds_nobody(self, key: str) -> bool:
        """Tell what waits under a key, later if it cannot be told now; whether that is because Temporal is away."""
        async with self._lock(key):
            try:
                await self._tell_what_waits(key)
            except TemporalUnavailable as error:
                self._put_off(key, error)
                return True
            except Exception as error:  # noqa: BLE001 — a defect, which would end the telling of every other key
                self._put_off(key, error)
        return False

    def _put_off(self, key: str, error: Exception) -> None:
        window = self._windows[key]
        window.failures += 1
        window.ends = self._clock() + AGAIN_AFTER[min(window.failures, len(AGAIN_AFTER)) - 1]
        _log.error(
            "repeats for %s wait on the disk, and are told later: %s",
            naming.incident_workflow(key),
            error,
            exc_info=not isinstance(error, TemporalUnavailable),
        )

    async def _say_farewell(self, telling: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(FAREWELL.total_seconds()):
                await telling
                await self._tell_all([batch.alert.key for batch in self._windows.kept()])
        except TimeoutError:
            _log.error("Temporal did not take everything before the end")
        await self._accepted.close()

    async def _take_over(self) -> None:
        now = self._clock()
        for batch in await self._accepted.inherit():
            self._windows.resume(batch, self._lengths.get(batch.alert.source, 0), now)


def _started(alert: Alert, outcome: Outcome) -> Started:
    return Started(incident_key=alert.key, workflow_id=naming.incident_workflow(alert.key), outcome=outcome)
