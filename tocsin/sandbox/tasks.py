"""Work that goes on after the vendor has answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

Sleep = Callable[[float], Awaitable[None]]
"""Lets so many seconds pass."""

log = logging.getLogger("tocsin.sandbox")


class Background:
    """Keeps running tasks alive, logs those that fail, ends them all when the sandbox stops.

    `sleep` is how its tasks let time pass.
    """

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self.sleep = sleep
        self._tasks: set[asyncio.Task[Any]] = set()
        self._resting = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` on its own."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        self.note_quiet()
        return task

    async def settled(self) -> None:
        """Wait until nothing is under way: every task has ended, or rests until somebody outside does something."""
        await self._quiet.wait()

    async def stop(self) -> None:
        """Cancel what still runs and wait until it has ended."""
        running = list(self._tasks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def note_quiet(self, resting: int = 0) -> None:
        """Look whether anything is still under way; `resting` more tasks rest than before."""
        self._resting += resting
        if len(self._tasks) > self._resting:
            self._quiet.clear()
        else:
            self._quiet.set()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self.note_quiet()
        if not task.cancelled() and task.exception():
            log.error("a background task of the sandbox failed", exc_info=task.exception())


class Rest:
    """Where one task of a `Background` waits for somebody outside.

    Whoever wakes the task ends its rest, before it runs: in between, nobody may believe that all is settled.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._is_resting = False

    def begin(self) -> None:
        """The task is about to wait."""
        if not self._is_resting:
            self._is_resting = True
            self._background.note_quiet(+1)

    def end(self) -> None:
        """The task has something to do; when it was not waiting, nothing changes."""
        if self._is_resting:
            self._is_resting = False
            self._background.note_quiet(-1)
