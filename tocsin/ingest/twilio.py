"""Twilio's callbacks: how far a text or a call has come, the key that was pressed, and the text that came back.

Source: twilio.com/docs/voice/twiml/gather, /docs/messaging/guides/webhook-request.
Reports that Temporal cannot take now are answered with 503. A person who waits is always answered in words.
"""

from __future__ import annotations

import html
import logging
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tocsin.callbacks import KEY_PATH, SMS_PATH, STATUS_PATH
from tocsin.channels import twiml
from tocsin.channels.deliveries import delivery_of_twilio_call, delivery_of_twilio_sms
from tocsin.domain import naming
from tocsin.domain.channel import Call
from tocsin.domain.commands import Acknowledge
from tocsin.domain.events import Commanded, Delivery
from tocsin.domain.state import Actor
from tocsin.ingest.bodies import Form
from tocsin.ingest.problems import Problem
from tocsin.ingest.reception import Reception
from tocsin.ingest.signed import TwilioSigned
from tocsin.ingest.texting import Texting
from tocsin.temporal import TemporalUnavailable
from workflows.incident import IncidentWorkflow

ACKNOWLEDGE_KEY = "1"

_log = logging.getLogger(__name__)


class TwilioCallbacks:
    """The endpoints for Twilio. Nothing is believed without Twilio's signature."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._signed = TwilioSigned(reception.settings)
        self._texting = Texting(reception)
        self.router = APIRouter(tags=["vendors"])
        for path, endpoint, summary in (
            (STATUS_PATH, self.status, "How far a text message or a call has come"),
            (KEY_PATH, self.key, "The key that was pressed during a call"),
            (SMS_PATH, self.sms, "A text message to us"),
        ):
            self.router.add_api_route(path, endpoint, methods=["POST"], summary=summary)

    async def status(self, request: Request) -> JSONResponse:
        """Tell the incident what became of its message."""
        form = await self._signed.form(request)
        workflow, incident, message = _queried(request, "workflow", "incident", "message")
        now = self._reception.clock()
        report = delivery_of_twilio_sms(form, now) or delivery_of_twilio_call(form, now)
        if report is None or not report.is_news:
            return JSONResponse({"outcome": "nothing to tell"})
        delivery = Delivery(incident=incident, message=message, report=report)
        told = await self._reception.tell(workflow, incident, IncidentWorkflow.delivery, delivery)
        return JSONResponse({"outcome": "told" if told else "nothing to tell"})

    async def key(self, request: Request) -> Response:
        """Acknowledge the page when the key is 1; else explain, and ask again."""
        form = await self._signed.form(request)
        workflow, incident, page, person = _queried(request, "workflow", "incident", "page", "person")
        if form.get("Digits") != ACKNOWLEDGE_KEY:
            return _xml(twiml.again(self._question(request, form, "Press 1 to acknowledge the page.")))
        command = Acknowledge(
            id=_command_id("call", form.get("CallSid", ""), ACKNOWLEDGE_KEY, incident, page),
            actor=Actor(key=person, via="phone", proof="proven"),
            incident=incident,
            page=_number(page),
        )
        try:
            told = await self._reception.tell(
                workflow, incident, IncidentWorkflow.queued_command, Commanded(command=command)
            )
        except TemporalUnavailable as error:
            _log.error("an acknowledgement by phone could not be passed on: %s", error)
            sorry = "Your answer could not be recorded. Press 1 to try again."
            return _xml(twiml.spoken(self._question(request, form, sorry)))
        code = naming.page_code(incident, command.page or 0)
        return _xml(twiml.thanks(_THANKS.format(code=_spelled(code)) if told else _OVER))

    async def sms(self, request: Request) -> Response:
        """Do what a text message asks for, and reply what became of it, unless Twilio replies itself."""
        form = await self._signed.form(request)
        said = (form.get(name, "") for name in ("From", "Body", "MessageSid", "OptOutType"))
        reply = await self._texting.answer(*said)
        message = f"<Message>{html.escape(reply, quote=False)}</Message>" if reply else ""
        return _xml(f"<Response>{message}</Response>")

    def _question(self, request: Request, form: Form, say: str) -> Call:
        url = self._signed.url(request)
        return Call(to=form.get("To", ""), say=say, answer_url=url, status_callback=url)


_THANKS = "Thank you. Your acknowledgement of page {code} has been received."
_OVER = "This incident is over. Nobody needs to answer any more. Goodbye."


def _spelled(code: str) -> str:
    """One character at a time, so that the voice does not make a word of it."""
    return " ".join(code.replace("-", " "))


def _command_id(*parts: str) -> str:
    """The same for a callback that comes twice, so that the command is applied once."""
    return naming.identify(*parts)


def _queried(request: Request, *names: str) -> tuple[str, ...]:
    missing = [name for name in names if not request.query_params.get(name)]
    if missing:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "incomplete-url", f"the URL lacks the parameters {', '.join(missing)}"
        )
    return tuple(request.query_params[name] for name in names)


def _number(page: str) -> int:
    if not (page.isascii() and page.isdecimal()):
        raise Problem(HTTPStatus.BAD_REQUEST, "incomplete-url", f'page "{page}" is not a number')
    return int(page)


def _xml(document: str) -> Response:
    return Response(document, media_type="application/xml")
