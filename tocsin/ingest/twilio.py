"""Twilio's callbacks: how far a text or a call has come, the key that was pressed, and the text that came back.

Source: twilio.com/docs/voice/twiml/gather, /docs/messaging/guides/webhook-request.
Reports that Temporal cannot take now are answered with 503. A person who waits is always answered in words.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tocsin.callbacks import KEY_PATH, SMS_PATH, STATUS_PATH
from tocsin.channels.deliveries import delivery_of_twilio_call, delivery_of_twilio_sms
from tocsin.domain.delivery import DeliveryReport
from tocsin.domain.events import Delivery
from tocsin.ingest.keys import Called, Keys
from tocsin.ingest.problems import Problem
from tocsin.ingest.reception import Reception
from tocsin.ingest.signed import TwilioSigned
from tocsin.ingest.texting import Texting
from tocsin.ingest.together import Together
from workflows.incident import IncidentWorkflow


class TwilioCallbacks:
    """The endpoints for Twilio. Nothing is believed without Twilio's signature."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._signed = TwilioSigned(reception.settings)
        self._texting = Texting(reception)
        self._keys = Keys(reception)
        self._together = Together(reception)
        self.router = APIRouter(tags=["vendors"])
        for path, endpoint, summary in (
            (STATUS_PATH, self.status, "How far a text message or a call has come"),
            (KEY_PATH, self.key, "The key that was pressed during a call"),
            (SMS_PATH, self.sms, "A text message to us"),
        ):
            self.router.add_api_route(path, endpoint, methods=["POST"], summary=summary)

    async def status(self, request: Request) -> JSONResponse:
        """Tell the incident what became of its message; of a digest, every incident in it."""
        form = await self._signed.form(request)
        digest = request.query_params.get("digest")
        about = None if digest else _queried(request, "workflow", "incident", "message")
        now = self._reception.clock()
        report = delivery_of_twilio_sms(form, now) or delivery_of_twilio_call(form, now)
        if report is None or not report.is_news:
            return JSONResponse({"outcome": "nothing to tell"})
        told = await (self._tell(about, report) if about else self._together.tell(digest or "", report))
        return JSONResponse({"outcome": "told" if told else "nothing to tell"})

    async def _tell(self, about: Sequence[str], report: DeliveryReport) -> bool:
        workflow, incident, message = about
        delivery = Delivery(incident=incident, message=message, report=report)
        return await self._reception.tell(workflow, incident, IncidentWorkflow.delivery, delivery)

    async def key(self, request: Request) -> Response:
        """Do what the key stands for, and say what became of it."""
        form = await self._signed.form(request)
        query = request.query_params
        if digest := query.get("digest"):
            asked = _number("asked", query.get("asked", "1"))
            return _xml(await self._together.answer(digest, query.get("language", ""), asked, form))
        return _xml(await self._keys.answer(_called(request), form))

    async def sms(self, request: Request) -> Response:
        """Do what a text message asks for, and reply what became of it, unless Twilio replies itself."""
        form = await self._signed.form(request)
        said = (form.get(name, "") for name in ("From", "Body", "MessageSid", "OptOutType"))
        reply = await self._texting.answer(*said)
        message = f"<Message>{html.escape(reply, quote=False)}</Message>" if reply else ""
        return _xml(f"<Response>{message}</Response>")


def _called(request: Request) -> Called:
    """Who pressed a key, and what they were called about. Raises `Problem` (400)."""
    workflow, incident, person = _queried(request, "workflow", "incident", "person")
    query = request.query_params
    return Called(
        workflow=workflow,
        incident=incident,
        person=person,
        page=_number("page", query["page"]) if query.get("page") else None,
        message=query.get("message", ""),
        plan=query.get("plan", ""),
        language=query.get("language", ""),
        asked=_number("asked", query.get("asked", "1")),
    )


def _queried(request: Request, *names: str) -> tuple[str, ...]:
    missing = [name for name in names if not request.query_params.get(name)]
    if missing:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "incomplete-url", f"the URL lacks the parameters {', '.join(missing)}"
        )
    return tuple(request.query_params[name] for name in names)


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Problem(HTTPStatus.BAD_REQUEST, "incomplete-url", f'{name} "{text}" is not a number')
    return int(text)


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")
