"""Reports on the telephone: what a caller to a Twilio number hears, and what they say.

Source: twilio.com/docs/voice/twiml/gather. Speech is asked for with `<Gather>`, whose words arrive while the caller is
on the line, so that they hear the reference; a recording's transcript comes minutes later, when nobody can be asked.
"""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tocsin import reporters
from tocsin.channels import twiml
from tocsin.declaration import Declaration
from tocsin.domain import naming
from tocsin.domain.directory import Directory
from tocsin.ingest.bodies import Form
from tocsin.ingest.reports.desk import Desk
from tocsin.ingest.reports.words import note, readable, titled
from tocsin.ingest.signed import TwilioSigned
from tocsin.reporters import Introduction
from tocsin.starting import Started
from tocsin.temporal import TemporalUnavailable

PHONE_PATH = "/v1/reports/phone/{plan}"
HEARD = "heard"
"""The parameter of the address to which Twilio sends what it heard."""

_GREETING = (
    "{organisation}, incident reports. After this message, say in one or two sentences what has happened and where. "
    "An incident is opened at once, and somebody is called. What has happened?"
)
_RECORDED = (
    "Thank you. Your report is recorded, and its reference is {reference}. Again: {reference}. Goodbye."
)
_NOT_UNDERSTOOD = (
    "We could not understand you. An incident is opened, and you will be called back. Its reference is {reference}. "
    "Again: {reference}. Goodbye."
)
_NOT_NOW = "Your report could not be recorded just now. Please stay on the line, and say it once more."

_OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""How Twilio says that a call has ended."""

_log = logging.getLogger(__name__)


class PhoneReports:
    """The endpoint for Twilio's voice calls to us, and for what became of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._signed = TwilioSigned(desk.reception.settings)
        self.router = APIRouter()
        self.router.add_api_route(PHONE_PATH, self.phone, methods=["POST"], summary="A phone call to us")

    async def phone(self, plan: str, request: Request) -> Response:
        """Ask the caller, open the incident, read its reference out. A call that broke off opens it, too."""
        form = await self._signed.form(request)
        directory = await self._desk.directory(plan)
        if form.get("CallStatus") in _OVER:
            await self._take(plan, directory, form)
            return _xml("<Response/>")
        if HEARD not in request.query_params:
            organisation = self._desk.reception.library.plans[plan].plan.organisation
            return _xml(twiml.question(_GREETING.format(organisation=organisation), self._heard_at(request)))
        try:
            started = await self._take(plan, directory, form)
        except TemporalUnavailable as error:
            _log.error("a report by phone could not be passed on, and is asked for again: %s", error)
            return _xml(twiml.question(_NOT_NOW, self._signed.url(request)))
        answer = _RECORDED if _speech(form) else _NOT_UNDERSTOOD
        return _xml(twiml.thanks(answer.format(reference=_spelled(naming.spoken(started.incident_key)))))

    async def _take(self, plan: str, directory: Directory, form: Form) -> Started:
        """Open the call's incident, once; what was said goes with it."""
        number, call = form.get("From", ""), form.get("CallSid", "")
        who = await asyncio.to_thread(reporters.by_number, directory, "phone", number)
        said = note(naming.identify("phone", call, _speech(form)), who.actor, _speech(form))
        return await self._desk.open(_declared(plan, call, who, _speech(form)), said)

    def _heard_at(self, request: Request) -> str:
        url = self._signed.url(request)
        return f"{url}{'&' if '?' in url else '?'}{HEARD}=1"


def _declared(plan: str, call: str, who: Introduction, speech: str) -> Declaration:
    return Declaration(
        plan=plan,
        title=titled(speech, f"Reported by phone, nothing understood: call back {who.name}"),
        customer=who.customer,
        reporter=who.actor,
        reported=who.reported,
        identity=("phone", call),
    )


def _speech(form: Form) -> str:
    """What Twilio understood, if anything."""
    return readable(form.get("SpeechResult", ""))


def _spelled(reference: str) -> str:
    """One character at a time, so that the voice does not make a word of it."""
    return ", ".join(reference)


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")
