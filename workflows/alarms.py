"""Durable timers that follow the incident's state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from tocsin.domain.alarms import Alarm


class Alarms:
    """One timer for each alarm that the state asks for; those it no longer asks for are cancelled."""

    def __init__(self, ring: Callable[[], None], ended: Callable[[asyncio.Task[None]], None]) -> None:
        self._ring = ring
        self._ended = ended
        self._waiting: dict[str, tuple[Alarm, asyncio.Task[None]]] = {}

    def set(self, wanted: Mapping[str, Alarm]) -> None:
        """Start, move and cancel timers until exactly the wanted ones run."""
        for key, (alarm, task) in list(self._waiting.items()):
            if wanted.get(key) != alarm or task.done():
                task.cancel()
                del self._waiting[key]
        for key, alarm in wanted.items():
            if key not in self._waiting:
                task = asyncio.create_task(self._wait(alarm))
                task.add_done_callback(self._ended)
                self._waiting[key] = (alarm, task)

    async def _wait(self, alarm: Alarm) -> None:
        await workflow.sleep(max(alarm.at - workflow.now(), timedelta(0)), summary=alarm.summary)
        del self._waiting[alarm.key]
        self._ring()
