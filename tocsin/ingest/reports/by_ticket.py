"""Reports through a ticket system: JSON under a bearer token."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse

from tocsin import reporters
from tocsin.declaration import Declaration
from tocsin.domain import naming
from tocsin.domain.commands import AddNote
from tocsin.domain.directory import Directory
from tocsin.ingest.bodies import body_of, read_json, refuse_other_types
from tocsin.ingest.formats import JSON
from tocsin.ingest.problems import Problem
from tocsin.ingest.reports.desk import Desk, accepted
from tocsin.ingest.reports.gate import Gate
from tocsin.ingest.reports.words import note, readable, titled
from tocsin.reporters import Introduction

TICKET_PATH = "/v1/reports/ticket/{plan}"


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Times beyond cannot be put into UTC, or mean that there is none."""


class _Foreign(BaseModel):
    """What is unknown is left alone: the format is somebody else's."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Requester(_Foreign):
    """Whoever wrote the ticket."""

    name: str = ""
    email: str = ""

    @property
    def words(self) -> str:
        """What they say of themselves."""
        return f"{self.name} <{self.email}>" if self.name and self.email else self.name or self.email


class Ticket(_Foreign):
    """A ticket, under the id that the ticket system gave it; `severity`, `customer` and `facts` in the plan's words."""

    id: Annotated[str, Field(min_length=1, max_length=200)]
    subject: Annotated[str, Field(pattern=r"\S")]
    body: str = ""
    requester: Requester
    knew_since: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)] | None = None
    severity: str | None = None
    customer: str | None = None
    facts: dict[str, Annotated[str, Field(max_length=10_000)]] = {}


_TICKET = TypeAdapter(Ticket)


class TicketReports:
    """The endpoint for ticket systems."""

    def __init__(self, desk: Desk, gate: Gate) -> None:
        self._desk = desk
        self._gate = gate
        self.router = APIRouter()
        self.router.add_api_route(TICKET_PATH, self.ticket, methods=["POST"], summary="A support ticket")

    async def ticket(self, plan: str, request: Request) -> JSONResponse:
        """Open the ticket's incident; a ticket that is known adds what it says now, once."""
        self._gate.admit(request)
        refuse_other_types(request.headers.get("content-type", ""), JSON)
        directory = await self._desk.directory(plan)
        ticket = read_json(_TICKET, await body_of(request))
        who = await asyncio.to_thread(_requester, directory, ticket)
        said = _said(plan, ticket, who)
        started = await self._desk.open(_declared(plan, ticket, who), said)
        if started.outcome == "over":
            await self._say_later(started.incident_key, said)
        return accepted(started)

    async def _say_later(self, incident: str, said: AddNote | None) -> None:
        """Tell the incident what it still owes for. Raises `Problem` (409) when it is closed."""
        if said is not None and not await self._desk.tell(incident, said):
            raise Problem(
                HTTPStatus.CONFLICT,
                "incident-closed",
                f"incident {naming.spoken(incident)} of this ticket is closed; report what is new under another id",
            )


def _requester(directory: Directory, ticket: Ticket) -> Introduction:
    asked = ticket.requester
    return reporters.by_address(directory, "ticket", asked.email, asked.words, ticket.knew_since)


def _declared(plan: str, ticket: Ticket, who: Introduction) -> Declaration:
    return Declaration(
        plan=plan,
        title=titled(ticket.subject, f"ticket {ticket.id}"),
        severity=ticket.severity,
        customer=ticket.customer or who.customer,
        facts=ticket.facts,
        reporter=who.actor,
        reported=who.reported,
        identity=("ticket", ticket.id),
    )


def _said(plan: str, ticket: Ticket, who: Introduction) -> AddNote | None:
    id = naming.identify("ticket", plan, ticket.id, ticket.body)
    text = readable(ticket.body)
    return note(id, who.actor, f"Ticket {ticket.id}: {text}" if text else "")
