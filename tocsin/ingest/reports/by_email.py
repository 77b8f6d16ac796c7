"""Reports by email, which SendGrid's Inbound Parse hands in."""

from __future__ import annotations

import asyncio
import io
import logging
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from tocsin import reporters
from tocsin.declaration import Declaration
from tocsin.domain import naming
from tocsin.domain.commands import AddNote
from tocsin.domain.directory import Directory
from tocsin.ingest.reports.desk import Desk, accepted
from tocsin.ingest.reports.gate import Gate
from tocsin.ingest.reports.mails import InboundMail, mail_in
from tocsin.ingest.reports.words import NOTE_LENGTH, note, titled
from tocsin.reporters import Introduction
from tocsin.starting import Started

EMAIL_PATH = "/v1/reports/email/{plan}"

NAMES_LENGTH = 2_000
"""Characters for the names of attachments in a note; their files are all kept."""

_log = logging.getLogger(__name__)


class EmailReports:
    """The endpoint for Inbound Parse."""

    def __init__(self, desk: Desk, gate: Gate) -> None:
        self._desk = desk
        self._gate = gate
        self.router = APIRouter()
        self.router.add_api_route(EMAIL_PATH, self.email, methods=["POST"], summary="An email to us")

    async def email(self, plan: str, request: Request) -> JSONResponse:
        """Open the mail's incident, or add to the one whose mail it answers; what nobody wrote is let pass."""
        self._gate.admit(request)
        directory = await self._desk.directory(plan)
        async with mail_in(request) as mail:
            if mail.automatic:
                _log.info("an email opens nothing: %s", mail.automatic)
                return JSONResponse({"outcome": "ignored", "reason": mail.automatic}, HTTPStatus.OK)
            who = await asyncio.to_thread(self._sender, directory, mail)
            started = await self._take(plan, mail, who)
            await self._keep(started.incident_key, mail, who)
        return accepted(started)

    def _sender(self, directory: Directory, mail: InboundMail) -> Introduction:
        knew = mail.known_since(self._desk.reception.clock())
        return reporters.by_address(directory, "email", mail.sender, mail.introduction, knew)

    async def _take(self, plan: str, mail: InboundMail, who: Introduction) -> Started:
        """A note on the incident whose mail this answers; where that is over or unknown, an incident of its own."""
        found = await self._desk.find(plan, mail.answers) if mail.answers else None
        if found and await self._answered(found[0], mail, who):
            workflow = naming.incident_workflow(found[0])
            return Started(incident_key=found[0], workflow_id=workflow, outcome="opened or joined")
        return await self._desk.open(
            _declared(plan, mail, who, found[0] if found else None), _said(mail, who)
        )

    async def _answered(self, incident: str, mail: InboundMail, who: Introduction) -> bool:
        said = _said(mail, who, incident)
        return said is None or await self._desk.tell(incident, said)

    async def _keep(self, incident: str, mail: InboundMail, who: Introduction) -> None:
        """Keep the attachments, and a text that its note had no room for. Raises `Problem` (503)."""
        origin = f"email from {who.name}"
        if len(_words(mail)) > NOTE_LENGTH:
            whole = io.BytesIO(mail.text.encode())
            await self._desk.keep(incident, who.actor, whole, "email.txt", origin)
        for enclosure in mail.enclosures:
            await self._desk.keep(incident, who.actor, enclosure.file, enclosure.name, origin)


def _declared(plan: str, mail: InboundMail, who: Introduction, follows: str | None) -> Declaration:
    return Declaration(
        plan=plan,
        title=titled(mail.subject, mail.text.partition("\n")[0], "An email without words"),
        customer=who.customer,
        reporter=who.actor,
        reported=who.reported,
        follows=follows,
        identity=mail.identity,
    )


def _said(mail: InboundMail, who: Introduction, incident: str | None = None) -> AddNote | None:
    return note(naming.identify(*mail.identity, incident or ""), who.actor, _words(mail), incident)


def _words(mail: InboundMail) -> str:
    """The names of attachments first: a note that is cut must not lose them."""
    names = ", ".join(enclosure.name for enclosure in mail.enclosures)
    attached = f"Attached: {names[:NAMES_LENGTH]}" if names else ""
    return "\n\n".join(filter(None, (attached, mail.text)))
