"""A monitor as the receiver meets it: Alertmanager's payload, every alert in a group of its own."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx

from tocsin.embedded.stack import ROOT

EXAMPLE = ROOT / "tocsin" / "ingest" / "examples" / "alertmanager.json"
PATIENCE = 30.0


@dataclass(frozen=True)
class Accepted:
    """An alert that was answered: when it was sent (seconds since the epoch), how long that took, its incident."""

    began: float
    seconds: float
    incident: str


class Monitor:
    """One client of the receiver, with one connection that it keeps."""

    def __init__(self, receiver: str) -> None:
        self._http = httpx.AsyncClient(base_url=receiver, timeout=PATIENCE)

    async def alert(self, name: str) -> Accepted:
        """Send an alert that nobody has sent before. Raises `httpx.HTTPError` unless it is accepted."""
        content = json.dumps(payload(name))
        headers = {"Content-Type": "application/json"}
        began, start = time.time(), time.perf_counter()
        answer = await self._http.post("/v1/alertmanager", content=content, headers=headers)
        seconds = time.perf_counter() - start
        answer.raise_for_status()
        return Accepted(began, seconds, answer.json()["incident"])

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
