"""What every endpoint works with, and the way from an endpoint to an incident."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from temporalio.client import Client

from tocsin.domain import naming
from tocsin.domain.base import Value
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.starting import signal_if_running, temporal_answers

ClientProvider = Callable[[], Awaitable[Client]]
"""Gives a connected client, or raises `TemporalUnavailable`."""


class LazyClient:
    """Connects when first asked, and again when that failed, so that the receiver starts without Temporal."""

    def __init__(self, connect: ClientProvider) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._lock = asyncio.Lock()

    async def __call__(self) -> Client:
        """The client. Raises `TemporalUnavailable`; an established connection heals by itself."""
        async with self._lock:
            if self._client is None:
                self._client = await self._connect()
        return self._client


@dataclass(frozen=True)
class Reception:
    """Temporal, the plans, the settings and the clock."""

    clients: ClientProvider
    library: PlanLibrary
    settings: Settings
    clock: Callable[[], datetime]

    async def client(self) -> Client:
        """A connected client. Raises `TemporalUnavailable`, soon."""
        async with temporal_answers():
            return await self.clients()

    async def tell(self, workflow: str, incident: str, signal: Callable[..., Any], argument: Value) -> bool:
        """Signal an incident, wherever it lives now; false when it is over. Raises `TemporalUnavailable`.

        `workflow` is where the message came from that is answered. After a resolution the incident goes on under
        another workflow id, and after a reopening under its first one again.
        """
        client = await self.client()
        homes = (workflow, naming.post_incident_workflow(incident), naming.incident_workflow(incident))
        for home in dict.fromkeys(homes):
            if await signal_if_running(client, home, signal, argument):
                return True
        return False
