"""What an incident costs in history events, which are what a Temporal cluster or Temporal Cloud stores and bills.

One incident under the plan that the example alert selects, from the alert until nothing is owed any more, with a
responder who does everything at once: reports that are owed every few hours do not come due in it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle

from bench.responder import Responder
from bench.scale import Metrics, Scale
from bench.stand import Stand
from tocsin.domain.state import Actor, Message
from tocsin.domain.view import IncidentView
from workflows.casework import Casework

ENDS_WITHIN = 20.0
"""Seconds that the last workflow has to end by itself once everything was done; after that it is closed."""

QUIET_FOR = 1.0

KINDS = {
    "WORKFLOW_TASK": "workflow_task_events",
    "ACTIVITY_TASK": "activity_events",
    "MARKER": "local_activity_events",
    "TIMER": "timer_events",
    "WORKFLOW_EXECUTION_SIGNALED": "signal_events",
    "WORKFLOW_EXECUTION_UPDATE": "command_events",
    "UPSERT": "search_attribute_events",
}
"""How the type of an event begins, and what it is counted as; the rest are starts, ends and the hand-over."""


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """One incident, counted part by part."""
    accepted = await stand.monitor.alert(stand.name("whole", 0))
    await stand.inbox.expect(lambda text: text.incident == accepted.incident, accepted.began)
    await stand.inbox.quiet(QUIET_FOR)
    incident = stand.incident(accepted.incident)
    opening = await _events(incident)
    responder = await _responder(stand, incident)
    afterwards = await _carry_through(stand, responder, incident)
    first, second = await _events(incident), await _events(afterwards)
    return summary(opening, first, second, responder.spoken)


def summary(
    opening: list[HistoryEvent],
    incident: list[HistoryEvent],
    afterwards: list[HistoryEvent],
    commands: int,
) -> Metrics:
    """Events in all, by part and by kind, and the bytes of both histories."""
    both = [*incident, *afterwards]
    asked = next(n for n, event in enumerate(opening) if event.event_type == _ACTIVITY_SCHEDULED)
    return {
        "incident": {
            "history_events": len(both),
            "history_bytes": sum(event.ByteSize() for event in both),
            "opening_events": asked,
            "first_messages_events": len(opening) - asked,
            "commands": commands,
            "events_per_command": round((len(both) - len(opening)) / commands, 1),
            "after_resolution_events": len(afterwards),
            **_by_kind(both),
        }
    }


_ACTIVITY_SCHEDULED = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED


def _by_kind(events: Iterable[HistoryEvent]) -> dict[str, float]:
    counted = Counter(_kind(event) for event in events)
    return {kind: counted[kind] for kind in (*KINDS.values(), "other_events")}


def _kind(event: HistoryEvent) -> str:
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    return next((kind for begin, kind in KINDS.items() if name.startswith(begin)), "other_events")


async def _carry_through(
    stand: Stand, responder: Responder, incident: WorkflowHandle[Any, Any]
) -> WorkflowHandle[Any, Any]:
    """From the first page to the end of what follows; the workflow of the latter, which has ended."""
    await responder.resolve(incident)
    outcome = await incident.result()
    afterwards = stand.temporal.get_workflow_handle(outcome["goes_on_in"])
    await responder.finish(afterwards)
    await stand.inbox.quiet(QUIET_FOR)
    with suppress(TimeoutError):
        await asyncio.wait_for(afterwards.result(), ENDS_WITHIN)
    if (await afterwards.describe()).status is WorkflowExecutionStatus.RUNNING:
        await responder.close(afterwards)
        await afterwards.result()
    return afterwards


async def _responder(stand: Stand, incident: WorkflowHandle[Any, Any]) -> Responder:
    """Whoever was paged, with the plan that the incident runs."""
    messages: list[Message] = await incident.query(Casework.messages)
    view: IncidentView = await incident.query(Casework.view)
    paged = next(message.reached for message in messages if message.purpose == "page")
    return Responder(stand.library().plans[view.plan].plan, Actor(key=paged or "nobody"))


async def _events(handle: WorkflowHandle[Any, Any]) -> list[HistoryEvent]:
    return [event async for event in handle.fetch_history_events()]
