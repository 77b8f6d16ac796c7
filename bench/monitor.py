"""A monitor as the receiver meets it: Alertmanager's payload, every alert in a group of its own."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from tocsin.embedded.stack import ROOT

EXAMPLE = ROOT / "tocsin" / "ingest" / "examples" / "alertmanager.json"
PATIENCE = 30.0
AGAIN_AFTER = 0.5
"""Seconds until an alert that was turned away is sent again: what Alertmanager waits at first."""


@dataclass(frozen=True)
class Accepted:
    """An alert that was accepted: when it was sent (seconds since the epoch), how long that took, its incident."""

    began: float
    seconds: float
    incident: str
    turned_away: int
    """How often it was answered with 503 before."""


class Monitor:
    """One client of the receiver, with one connection that it keeps."""

    def __init__(self, receiver: str) -> None:
        self._http = httpx.AsyncClient(base_url=receiver, timeout=PATIENCE)

    async def alert(self, name: str) -> Accepted:
        """Send an alert that nobody has sent before, and again while the receiver is too busy, as Alertmanager does.

        Raises `httpx.HTTPError` when it is refused for good.
        """
        content = json.dumps(payload(name))
        began, start, turned_away = time.time(), time.perf_counter(), 0
        while (answer := await self._post(content)).status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            turned_away += 1
            await asyncio.sleep(AGAIN_AFTER)
        seconds = time.perf_counter() - start
        answer.raise_for_status()
        return Accepted(began, seconds, answer.json()["key"], turned_away)

    async def _post(self, content: str) -> httpx.Response:
        headers = {"Content-Type": "application/json"}
        return await self._http.post("/v1/alertmanager", content=content, headers=headers)

    async def connect(self) -> None:
        """Open the connection, so that no sample has to."""
        (await self._http.get("/healthz")).raise_for_status()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()


def payload(name: str) -> dict[str, Any]:
    """The example of the receiver's own documentation, with group and alerts renamed after `name`."""
    example: dict[str, Any] = json.loads(EXAMPLE.read_text())
    alerts = [
        {**alert, "fingerprint": f"{name}-{number}"} for number, alert in enumerate(example["alerts"], 1)
    ]
    return {**example, "groupKey": name, "alerts": alerts}
