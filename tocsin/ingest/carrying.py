"""Having a person's command carried out while they wait, so that they are told what became of it."""

from __future__ import annotations

import logging
from typing import Literal

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from tocsin.domain import naming
from tocsin.domain.commands import Command, CommandRefused
from tocsin.domain.events import Commanded
from tocsin.ingest.reception import Reception
from tocsin.starting import means_no_such_workflow, temporal_answers
from tocsin.temporal import TemporalUnavailable
from workflows.incident import IncidentWorkflow

Outcome = Literal["done", "kept", "over"]
"""`done` says that it is carried out; `kept` that it is safe, and will be, for nobody was at work; `over` that the
incident has ended, and nothing was changed."""

_log = logging.getLogger(__name__)


async def carry_out(reception: Reception, workflow: str, incident: str, command: Command) -> Outcome:
    """Tell an incident that was last seen in `workflow`, wherever it lives now; a command counts once under its id.

    Raises `CommandRefused` with the reason, and `TemporalUnavailable` when it is unknown whether it arrived: it may be
    sent again under the same id.
    """
    commanded = Commanded(command=command)
    client = await reception.client()
    for home in _homes(workflow, incident):
        outcome = await _now(client, home, commanded)
        if outcome == "done":
            return "done"
        if outcome == "later":
            break
    told = await reception.tell(workflow, incident, IncidentWorkflow.queued_command, commanded)
    return "kept" if told else "over"


def _homes(workflow: str, incident: str) -> dict[str, None]:
    """Where it may live, the surest first: the id of an incident that was resolved may be another one's by now."""
    return dict.fromkeys(
        (naming.post_incident_workflow(incident), workflow, naming.incident_workflow(incident))
    )


async def _now(client: Client, workflow: str, commanded: Commanded) -> Literal["done", "later", "not here"]:
    """As an update, which is answered. Raises `CommandRefused`."""
    handle = client.get_workflow_handle_for(IncidentWorkflow.run, workflow)
    try:
        async with temporal_answers():
            try:
                await handle.execute_update(IncidentWorkflow.command, commanded, id=commanded.command.id)
            except RPCError as error:
                if not means_no_such_workflow(error):
                    raise
                return "not here"
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == "Refused":
            raise CommandRefused(error.cause.message) from error
        _log.info("a command goes the longer way: %s", error.cause)
        return "later"
    except TemporalUnavailable as error:
        _log.info("a command goes the longer way: %s", error)
        return "later"
    return "done"
