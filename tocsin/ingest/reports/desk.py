"""The desk at which reports are taken: opens incidents, adds to them what is said later, keeps what is handed in."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import IO

from starlette.responses import JSONResponse
from temporalio.client import Client

from tocsin.declaration import Declaration
from tocsin.domain import naming
from tocsin.domain.commands import AddEvidence, AddNote, Command
from tocsin.domain.directory import Directory
from tocsin.domain.events import Commanded
from tocsin.domain.state import Actor
from tocsin.evidence import EvidenceError, EvidenceStore
from tocsin.ingest.problems import Problem, unavailable
from tocsin.ingest.reception import Reception
from tocsin.starting import ReportRefused, Started, report, temporal_answers
from workflows.attributes import INCIDENT
from workflows.incident import IncidentWorkflow

ENOUGH = 100
"""Runs that are looked through for a reference: reopened incidents have several."""

_log = logging.getLogger(__name__)


class Desk:
    """Takes reports. What it cannot take now is answered with 503, so that it comes again whole."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self._evidence = EvidenceStore(reception.settings.state)

    async def directory(self, plan: str) -> Directory:
        """The directory of the plan that the address names. Raises `Problem` (404)."""
        library = self.reception.library
        if plan not in library.plans:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "no-plan",
                f"there is no plan of that name; there are {', '.join(library.plans)}",
            )
        return await asyncio.to_thread(library.directory, plan)

    async def open(self, told: Declaration, note: AddNote | None) -> Started:
        """Open the incident, or join the one that this report has opened; `note` is not said to one that is over.

        Raises `Problem` (422) and `TemporalUnavailable`.
        """
        first = Commanded(command=note) if note else None
        client, at = await self.reception.client(), self.reception
        try:
            started = await report(client, at.library, at.settings, told, first, at.clock)
        except ReportRefused as refusal:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "refused", str(refusal)) from refusal
        _log.info("report by %s: %s, %s", told.reported.channel, started.workflow_id, started.outcome)
        return started

    async def tell(self, incident: str, command: Command) -> bool:
        """Say something to an incident, wherever it lives now; false when it is over. Raises `TemporalUnavailable`."""
        workflow = naming.incident_workflow(incident)
        return await self.reception.tell(
            workflow, incident, IncidentWorkflow.queued_command, Commanded(command=command)
        )

    async def keep(self, incident: str, actor: Actor, source: IO[bytes], name: str, origin: str) -> None:
        """Keep a file as evidence. Raises `Problem` (503) when it cannot be, and `TemporalUnavailable`."""
        try:
            content = await asyncio.to_thread(self._evidence.keep, source, "an attachment")
        except EvidenceError as error:
            _log.error("a report on incident %s is asked for again: %s", naming.spoken(incident), error)
            raise unavailable("an attachment could not be kept; try again", "evidence-not-kept") from error
        command = AddEvidence(
            id=naming.identify("evidence", incident, content.sha256, name),
            actor=actor,
            sha256=content.sha256,
            size=content.size,
            name=name,
            origin=origin,
        )
        if not await self.tell(incident, command):
            _log.warning(
                "incident %s was over before its evidence was on the record", naming.spoken(incident)
            )

    async def find(self, plan: str, reference: str) -> tuple[str, bool] | None:
        """The incident of a plan whose id begins so, and whether it goes on; `None` for none, or more than one.

        Raises `TemporalUnavailable`.
        """
        of_plan = f"TocsinPlan = '{plan}' AND TocsinIncident STARTS_WITH '{reference}'"
        client = await self.reception.client()
        for condition, goes_on in (("ExecutionStatus = 'Running' AND ", True), ("", False)):
            found = await _incidents(client, condition + of_plan)
            if len(found) == 1:
                return found.pop(), goes_on
        return None


def accepted(started: Started) -> JSONResponse:
    """What whoever handed in a report is answered: the incident, and the reference that people say."""
    return JSONResponse(
        {
            "incident": started.incident_key,
            "reference": naming.spoken(started.incident_key),
            "workflow": started.workflow_id,
            "outcome": started.outcome,
        },
        HTTPStatus.ACCEPTED,
    )


async def _incidents(client: Client, query: str) -> set[str]:
    async with temporal_answers():
        found = client.list_workflows(query, limit=ENOUGH)
        return {str(execution.typed_search_attributes[INCIDENT]) async for execution in found}
