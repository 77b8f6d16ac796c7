"""Twilio's Messages API: takes SMS, reports what became of them, and lets a person reply."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tocsin.sandbox import twiml
from tocsin.sandbox.callbacks import Courier, UndeliveredError, twilio_post
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.models import Message
from tocsin.sandbox.segments import segments
from tocsin.sandbox.sms_rules import outbound, refuse
from tocsin.sandbox.store import Store
from tocsin.sandbox.tasks import Background
from tocsin.sandbox.twilio import (
    ACCOUNT,
    API_VERSION,
    DateFilter,
    Gate,
    TwilioError,
    one,
    page,
    read_form,
    rfc2822,
)

FAILURES: dict[str, tuple[int, str]] = {
    "undelivered": (30003, "Unreachable destination handset"),
    "landline": (30006, "Landline or unreachable carrier"),
}
"""Behaviours of a number that keep an SMS from arriving, with the code and text that Twilio reports."""

OPT_OUT = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
OPT_IN = frozenset({"START", "UNSTOP", "YES"})
HELP = frozenset({"HELP", "INFO"})
STOPPED = "stopped"
"""The behaviour of a number whose owner replied with a word of `OPT_OUT`."""


class Texts:
    """Takes SMS over HTTP and carries them to `delivered` or `undelivered`; sends people's replies back."""

    def __init__(
        self, config: SandboxConfig, store: Store, courier: Courier, background: Background, gate: Gate
    ) -> None:
        self._config = config
        self._store = store
        self._courier = courier
        self._background = background
        self._gate = gate

    def routes(self) -> list[Route]:
        """Create, list and fetch."""
        guard = self._gate.guard
        return [
            Route(f"{ACCOUNT}/Messages.json", guard(self._create), methods=["POST"]),
            Route(f"{ACCOUNT}/Messages.json", guard(self._list), methods=["GET"]),
            Route(f"{ACCOUNT}/Messages/{{sid}}.json", guard(self._fetch), methods=["GET"]),
        ]

    def reply(self, person: str, body: str, to: str = "") -> Message:
        """A person texts back: to `to`, else to whoever texted last, else to the sandbox's own number."""
        sid = "SM" + secrets.token_hex(16)
        message = Message(
            id=sid,
            vendor_id=sid,
            kind="sms",
            direction="inbound",
            to=to or self._last_sender(person),
            sender=person,
            at=self._store.now(),
            status="received",
            text=body,
            segments=segments(body),
        )
        self._store.add(message)
        self._heed_opt_out(person, body)
        if self._config.inbound_sms_url:
            self._background.spawn(self._hand_in(message))
        return message

    def resume(self, message: Message) -> None:
        """Carry on with an SMS that was under way when the sandbox last stopped."""
        self._background.spawn(self._deliver(message))

    async def _create(self, request: Request) -> Response:
        form = await read_form(request)
        refuse(form, stopped=self._store.behaviour(one(form, "To"), "sms") == STOPPED)
        message = outbound(form, self._config.number, self._store.now())
        self._store.add(message)
        accepted = self._render(message)
        self._background.spawn(self._deliver(message))
        return JSONResponse(accepted, 201)

    async def _list(self, request: Request) -> Response:
        dates = DateFilter(request, "DateSent")
        sender = request.query_params.get("From")
        found = (
            message
            for message in self._store.newest("sms", request.query_params.get("To"))
            if (not sender or message.sender == sender) and dates.passes(message.sent_at or message.at)
        )
        return page(request, found, "messages", self._render)

    async def _fetch(self, request: Request) -> Response:
        message = self._store.get(request.path_params["sid"])
        if message is None or message.kind != "sms":
            raise TwilioError(20404, f"The requested resource {request.url.path} was not found", status=404)
        return JSONResponse(self._render(message))

    async def _deliver(self, message: Message) -> None:
        """Take an SMS through its states, one `delivery_delay` apart."""
        if message.status != "sent":
            self._report(message)
            await self._pass_time()
            self._store.change(message, status="sent", sent_at=self._store.now())
            self._report(message)
        await self._pass_time()
        self._arrive(message)
        self._report(message)

    def _arrive(self, message: Message) -> None:
        failure = FAILURES.get(self._store.behaviour(message.to, "sms"))
        if failure:
            code, text = failure
            self._store.change(message, status="undelivered", error_code=code, error_message=text)
        else:
            self._store.change(message, status="delivered")

    async def _pass_time(self) -> None:
        if self._config.delivery_delay:
            await self._background.sleep(self._config.delivery_delay)

    def _report(self, message: Message) -> None:
        if not message.status_callback:
            return
        fields = {
            "MessageSid": message.id,
            "SmsSid": message.id,
            "MessageStatus": message.status,
            "SmsStatus": message.status,
            "To": message.to,
            "From": message.sender,
            "AccountSid": self._config.account_sid,
            "ApiVersion": API_VERSION,
        }
        if message.error_code:
            fields["ErrorCode"] = str(message.error_code)
        post = twilio_post(self._config.auth_token, message.status_callback, fields, message.status)
        self._courier.send(message, post)

    async def _hand_in(self, message: Message) -> None:
        """Post an inbound SMS to the product, and text what its TwiML answers back to the person."""
        fields = {
            "MessageSid": message.id,
            "SmsSid": message.id,
            "SmsMessageSid": message.id,
            "AccountSid": self._config.account_sid,
            "From": message.sender,
            "To": message.to,
            "Body": message.text,
            "NumMedia": "0",
            "NumSegments": str(message.segments),
            "SmsStatus": "received",
            "ApiVersion": API_VERSION,
        }
        if meant := _opt_out_type(message.text):
            fields["OptOutType"] = meant
        post = twilio_post(self._config.auth_token, self._config.inbound_sms_url, fields, "inbound")
        try:
            answer = await self._courier.deliver(post, [message])
            texts = twiml.replies(answer)
        except (UndeliveredError, twiml.TwimlError) as error:
            self._store.change(message, error_message=str(error))
            return
        for text in texts:
            self._answer(message, text)

    def _answer(self, message: Message, text: str) -> None:
        form = {"To": [message.sender], "From": [message.to], "Body": [text]}
        answer = outbound(form, message.to, self._store.now())
        self._store.add(answer)
        self._background.spawn(self._deliver(answer))

    def _last_sender(self, person: str) -> str:
        return next((sent.sender for sent in self._store.newest("sms", person)), self._config.number)

    def _heed_opt_out(self, person: str, body: str) -> None:
        meant = _opt_out_type(body)
        if meant == "STOP":
            self._store.set_behaviour(person, STOPPED)
        elif meant == "START" and self._store.behaviour(person, "sms") == STOPPED:
            self._store.set_behaviour(person, "normal")

    def _render(self, message: Message) -> dict[str, Any]:
        uri = f"/{API_VERSION}/Accounts/{self._config.account_sid}/Messages/{message.id}"
        return {
            "account_sid": self._config.account_sid,
            "api_version": API_VERSION,
            "body": message.text,
            "date_created": rfc2822(message.at),
            "date_sent": rfc2822(message.sent_at),
            "date_updated": rfc2822(message.sent_at or message.at),
            "direction": "inbound" if message.direction == "inbound" else "outbound-api",
            "error_code": message.error_code,
            "error_message": message.error_message,
            "from": message.sender,
            "messaging_service_sid": message.service_sid,
            "num_media": "0",
            "num_segments": str(message.segments),
            "price": None,
            "price_unit": "USD",
            "sid": message.id,
            "status": message.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": message.to,
            "uri": f"{uri}.json",
        }


def _opt_out_type(body: str) -> str:
    """What Twilio takes a text for where it manages opt-outs, which only a word alone is; else empty."""
    word = body.strip().upper()
    words = {"STOP": OPT_OUT, "START": OPT_IN, "HELP": HELP}
    return next((meant for meant, known in words.items() if word in known), "")
