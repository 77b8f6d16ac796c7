"""A storm: thousands of repeats of one alert, and thousands of new ones, together and as fast as they are taken.

How many incidents, signals and history events that makes, how long until the last page of a new one is at the vendor,
and how much memory the receiver took at most.
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle

from bench.inbox import by_incident, first_arrivals
from bench.line import request, send_over
from bench.monitor import Accepted
from bench.scale import Metrics, Scale
from bench.stand import Stand
from workflows.incident import IncidentWorkflow

ASKED_AT_ONCE = 16
COUNTED_WITHIN = 60.0
"""Seconds until the last repeat is in the history: a window's length, on a busy machine."""


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """One storm, once, in an order that is mixed and the same each time."""
    loud = stand.name("loud", 0)
    names = [loud] * scale.repeats + [stand.name("storm", each) for each in range(scale.distinct)]
    random.Random(0).shuffle(names)
    requests = {name: request(name) for name in set(names)}
    began = time.time()
    _, answers = await send_over(stand.stack.receiver_url, scale.callers, [requests[name] for name in names])
    accepted = time.time()
    incidents = {answered.incident for answered in answers}
    texts = await stand.inbox.all_about(incidents, by_incident, began, scale.settle)
    first = first_arrivals(texts, by_incident)
    return {
        "storm": {
            "incidents": len(incidents),
            "repeats": scale.repeats,
            "accepted_seconds": round(accepted - began, 2),
            **await _repeated(stand, answers),
            "largest_history": max(await _histories(stand, incidents)),
            "seconds_to_last_page": round(max(first.values(), default=began) - began, 2),
            "lost": len(incidents - first.keys()),
            "turned_away": sum(answered.turned_away for answered in answers),
            "receiver_mb": round(peak_memory(stand.stack.ports.receiver) / 2**20, 1),
        }
    }


async def _repeated(stand: Stand, answers: Sequence[Accepted]) -> dict[str, float]:
    """What became of the alert that repeats: how often its incident knows it to be said, by how many signals."""
    (loud, said), *_ = Counter(answered.incident for answered in answers).most_common(1)
    counted = await _counted(stand.incident(loud), said)
    history = await stand.incident(loud).fetch_history()
    signals = [
        event for event in history.events if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    named = [event.workflow_execution_signaled_event_attributes.signal_name for event in signals]
    return {"signals": named.count(IncidentWorkflow.alert.__name__), "uncounted": said - counted}


async def _counted(loud: WorkflowHandle[Any, Any], said: int) -> int:
    """How often its alerts were said, once that is all of it, or no more comes for long."""
    deadline = time.monotonic() + COUNTED_WITHIN
    while True:
        view = await loud.query(IncidentWorkflow.view)
        counted = max(alert.count for alert in view.alerts.values())
        if counted >= said or time.monotonic() > deadline:
            return counted
        await asyncio.sleep(0.5)


async def _histories(stand: Stand, incidents: Iterable[str]) -> list[int]:
    """The events of each incident so far."""
    places = asyncio.Semaphore(ASKED_AT_ONCE)

    async def length(incident: str) -> int:
        async with places:
            return (await stand.incident(incident).describe()).history_length

    return await asyncio.gather(*map(length, incidents))


def peak_memory(port: int) -> int:
    """The bytes that the receiver on this port had in memory at most. Raises `LookupError` when there is none."""
    wanted = ["serve", "--port", str(port)]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended, or is somebody else's
            arguments = (process / "cmdline").read_text().split("\0")
            if "serve" in arguments and arguments[arguments.index("serve") :][:3] == wanted:
                found = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
                return int(found[1]) * 1024 if found else 0
    raise LookupError(f"no receiver listens on port {port}")
