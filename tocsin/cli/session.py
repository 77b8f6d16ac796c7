"""Finding the incident that somebody means, and telling it something: it may move to another workflow meanwhile.

An incident lives in `incident-<key>` until it is resolved, then in `post-incident-<id>`; `reopen` takes it back. Lists
run a second or so behind, so they are only believed about what an incident is called; whether a workflow still
runs is asked of the workflow itself before anybody is told that an incident is closed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from tocsin.cli.errors import Ambiguous, Closed, Gone, NotFound, Refused, Unavailable, Usage
from tocsin.cli.incidents import Execution, Incidents
from tocsin.domain import naming
from tocsin.domain.base import Value
from tocsin.domain.commands import Command
from tocsin.domain.events import Commanded
from tocsin.domain.messages import CommandReply

RETRIES = (0.2, 0.4, 0.6, 0.8)
"""Seconds between looks for an incident that is not found: 2 s in all, for what was declared a moment ago."""

QUEUED = "no worker answered; it is kept and will be applied — you will be told if it is refused"
_WORKFLOW = re.compile(r"(?:post-)?incident-(?P<id>.+)", re.IGNORECASE)
_REFERENCE = re.compile(rf"[0-9A-HJKMNP-TV-Z]{{1,{naming.ID_LENGTH}}}")


class Sent(Value):
    """What became of a command that was not refused: it was applied, or is kept until a worker is there."""

    outcome: Literal["accepted", "queued"]
    id: str
    incident: str
    reply: CommandReply | None = None


def read_reference(typed: str) -> str:
    """The prefix of an id that somebody typed; a whole workflow id will do. Raises `Usage`."""
    workflow = _WORKFLOW.fullmatch(typed.strip())
    reference = naming.as_typed(workflow["id"] if workflow else typed)
    if not _REFERENCE.fullmatch(reference):
        raise Usage(
            f'"{typed}" is not the id of an incident; write its first characters, such as 7F3K2 '
            "(`tocsin list` shows them)"
        )
    return reference


async def resolve(incidents: Incidents, typed: str) -> Execution:
    """The run that has the incident which `typed` stands for: the running one, else the newest.

    Where a prefix fits several incidents and one of them still runs, that one is meant.
    Raises `Usage`, `NotFound`, and `Ambiguous` with the candidates.
    """
    reference = read_reference(typed)
    found = await _search_patiently(incidents, reference)
    by_incident = _by_incident(found)
    if reference in by_incident:
        return by_incident[reference]
    running = [execution for execution in by_incident.values() if execution.is_running]
    candidates = running or list(by_incident.values())
    if len(candidates) > 1:
        raise await _ambiguous(incidents, reference, candidates)
    return candidates[0]


def _by_incident(executions: Iterable[Execution]) -> dict[str, Execution]:
    """For each incident the run that has it now."""
    best_last = sorted(executions, key=_likelihood)
    return {execution.incident: execution for execution in best_last if execution.incident}


def _likelihood(execution: Execution) -> tuple[bool, bool, datetime]:
    """Running before ended. Then what follows a resolution: until its first task, the next incident under the same
    alert is listed with the id of the old one. Then the newest."""
    is_after = execution.workflow == naming.post_incident_workflow(execution.incident or "")
    return execution.is_running, execution.is_running and is_after, execution.started


async def _search_patiently(incidents: Incidents, reference: str) -> list[Execution]:
    for pause in (*RETRIES, None):
        found = await incidents.search(reference) or await _by_whole_id(incidents, reference)
        if found:
            return found
        if pause is not None:
            await asyncio.sleep(pause)
    raise NotFound(
        f'no incident begins with "{reference}"; `tocsin list --all` shows those that Temporal still has, '
        "older ones are in the archive",
        reference=reference,
    )


async def _by_whole_id(incidents: Incidents, reference: str) -> list[Execution]:
    """Ask the workflows themselves: somebody may have copied the id of one that no list has yet."""
    if len(reference) < naming.ID_LENGTH:
        return []
    found = [await incidents.look_up(workflow) for workflow in _homes(reference)]
    return [
        execution.model_copy(update={"incident": reference})
        for execution in found
        if execution is not None and execution.incident in {None, reference}
    ]


def _homes(incident: str) -> tuple[str, str]:
    return naming.incident_workflow(incident), naming.post_incident_workflow(incident)


async def _ambiguous(incidents: Incidents, reference: str, candidates: list[Execution]) -> Ambiguous:
    known = [await incidents.look_up(each.workflow, each.run) or each for each in candidates]
    lines = [f"  {each.incident}  {each.status:<9}  {each.title}" for each in known]
    return Ambiguous(
        "\n".join(
            [f'"{reference}" stands for {len(known)} incidents; type more of the one you mean:', *lines]
        ),
        candidates=[
            {"id": each.incident, "status": each.status, "title": each.title, "workflow": each.workflow}
            for each in known
        ],
    )


def overview(executions: Iterable[Execution]) -> list[Execution]:
    """One run for each incident; those that still run first, then by their next deadline, then the newest."""
    newest_first = sorted(_by_incident(executions).values(), key=lambda each: each.started, reverse=True)
    return sorted(newest_first, key=_urgency)


def _urgency(execution: Execution) -> tuple[bool, bool, bool, float]:
    deadline = execution.next_deadline.timestamp() if execution.next_deadline else float("inf")
    return not execution.is_running, execution.status != "open", not execution.is_overdue, deadline


async def send(incidents: Incidents, typed: str, command: Command) -> Sent:
    """Have a command applied, or kept for when a worker is there; after a hand-over it follows the incident, once.

    The command is bound to the incident that was found, so that one which has just begun under the same alert
    cannot take it. Raises `Refused`, `Closed`, `Failed`, `Unavailable`, and what `resolve` raises.
    """
    found = await resolve(incidents, typed)
    assert found.incident is not None
    commanded = Commanded(command=command.model_copy(update={"incident": found.incident}))
    if not found.is_running:
        found = await _home_of(incidents, found)
    try:
        return await _deliver(incidents, found.workflow, commanded)
    except (Gone, Refused) as first:
        moved = await _moved(incidents, found, first)
    try:
        return await _deliver(incidents, moved.workflow, commanded)
    except Gone:
        raise _closed(found) from None


async def _moved(incidents: Incidents, found: Execution, why: Gone | Refused) -> Execution:
    """Where the incident is now. A refusal stands unless the incident has left the workflow that refused."""
    try:
        home = await _home_of(incidents, found)
    except Closed:
        raise why if isinstance(why, Refused) else _closed(found) from None
    if isinstance(why, Refused) and home.workflow == found.workflow:
        raise why
    return home


async def _home_of(incidents: Incidents, known: Execution) -> Execution:
    """The workflow that has the incident at this moment, from the workflows themselves. Raises `Closed`."""
    incident = known.incident or ""
    listed = [each.workflow for each in await incidents.search(incident)]
    for workflow in dict.fromkeys([naming.post_incident_workflow(incident), known.workflow, *listed]):
        execution = await incidents.look_up(workflow)
        if execution is not None and execution.is_running and execution.incident in {None, incident}:
            return execution.model_copy(update={"incident": incident})
    raise _closed(known)


def _closed(execution: Execution) -> Closed:
    reference = naming.spoken(execution.incident or "")
    return Closed(
        f"incident {reference} is closed: nothing can be changed any more; `tocsin show {reference}` still works",
        incident=execution.incident,
    )


async def _deliver(incidents: Incidents, workflow: str, commanded: Commanded) -> Sent:
    command = commanded.command
    assert command.incident is not None
    try:
        reply = await incidents.command(workflow, commanded)
    except Unavailable:
        await _queue(incidents, workflow, commanded)
        return Sent(outcome="queued", id=command.id, incident=command.incident)
    return Sent(outcome="accepted", id=command.id, incident=command.incident, reply=reply)


async def _queue(incidents: Incidents, workflow: str, commanded: Commanded) -> None:
    try:
        await incidents.queue(workflow, commanded)
    except Unavailable as silent:
        id = commanded.command.id
        raise Unavailable(
            f"{silent}\nWhether the command arrived is unknown. Repeat it with --id {id}: it is applied once.",
            id=id,
        ) from silent
