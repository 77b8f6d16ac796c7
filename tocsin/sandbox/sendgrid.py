"""SendGrid's v3 mail API: takes mail, then reports through the event webhook what became of it."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tocsin.sandbox.callbacks import EventFeed
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.mail_fields import Complaint
from tocsin.sandbox.mail_rules import MAX_MAIL_BYTES, complaints
from tocsin.sandbox.models import Message
from tocsin.sandbox.store import Store
from tocsin.sandbox.tasks import Background

KEPT_WHOLE = 25
"""How many mails of one request keep their words in full; the others are many, and read alike."""

KEPT_CHARACTERS = 200
"""Of the words of the others."""

_OUTCOMES: dict[str, dict[str, str]] = {
    "delivered": {"response": "250 2.0.0 OK"},
    "bounce": {"reason": "550 5.1.1 The email account does not exist", "status": "5.1.1", "type": "bounce"},
    "dropped": {"reason": "Bounced Address", "status": "5.0.0"},
}
"""What an event carries beside the fields that all events have."""


class Mail:
    """Takes mail and carries it to its end: `processed` then `delivered` or `bounce`, or `dropped` at once."""

    def __init__(self, config: SandboxConfig, store: Store, feed: EventFeed, background: Background) -> None:
        self._authorization = f"Bearer {config.api_key}".encode()
        self._delay = config.delivery_delay
        self._store = store
        self._feed = feed
        self._background = background

    def routes(self) -> list[Route]:
        """The part of the API that sends mail."""
        return [Route("/v3/mail/send", self.send, methods=["POST"])]

    async def send(self, request: Request) -> Response:
        """`POST /v3/mail/send`: 202 with `X-Message-Id`, or SendGrid's errors."""
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), self._authorization):
            return _refused(
                401, Complaint(None, "The provided authorization grant is invalid, expired, or revoked")
            )
        body = await request.body()
        if len(body) > MAX_MAIL_BYTES:
            return _refused(
                413, Complaint(None, "The JSON payload you have included in your request is too large.")
            )
        return self._take(body)

    def resume(self, message: Message) -> None:
        """Carry on with mail that was under way when the sandbox last stopped."""
        self._background.spawn(self._deliver(message))

    def _take(self, body: bytes) -> Response:
        try:
            mail = json.loads(body)
        except ValueError:
            return _refused(400, Complaint(None, "Bad Request"))
        found = complaints(mail)
        if found:
            return _refused(400, *found)
        if _only_checked(mail):
            return Response(status_code=200)
        vendor_id = secrets.token_urlsafe(16)
        for message in _messages(mail, vendor_id, self._store.now()):
            self._store.add(message)
            self._background.spawn(self._deliver(message))
        return Response(status_code=202, headers={"X-Message-Id": vendor_id})

    async def _deliver(self, message: Message) -> None:
        behaviour = self._store.behaviour(message.to, "email")
        if behaviour == "dropped":
            self._become(message, "dropped")
            return
        if message.status != "processed":
            self._become(message, "processed")
        if self._delay:
            await self._background.sleep(self._delay)
        self._become(message, "bounce" if behaviour == "bounce" else "delivered")

    def _become(self, message: Message, event: str) -> None:
        outcome = _OUTCOMES.get(event, {})
        self._store.change(message, status=event, error_message=outcome.get("reason"))
        self._feed.add(message, _event(message, event, outcome, self._store.now()))


def _event(message: Message, event: str, outcome: Mapping[str, str], at: float) -> dict[str, Any]:
    """One entry of the event webhook; custom arguments stand beside SendGrid's own fields, which win."""
    return {
        **message.correlation,
        **({"category": message.categories} if message.categories else {}),
        "email": message.to,
        "timestamp": int(at),
        "smtp-id": message.message_id,
        "event": event,
        "sg_event_id": secrets.token_urlsafe(16),
        "sg_message_id": message.id,
        **outcome,
    }


def _messages(mail: Mapping[str, Any], vendor_id: str, at: float) -> Iterator[Message]:
    """One message per recipient, whether to, cc or bcc: each is delivered, and reported, on its own."""
    parts = {part["type"]: part["value"] for part in mail.get("content") or ()}
    plain, rich = parts.get("text/plain", ""), parts.get("text/html", "")
    number = 0
    for envelope in mail["personalizations"]:
        if number == KEPT_WHOLE:
            plain, rich = plain[:KEPT_CHARACTERS], ""
        put_in = envelope.get("substitutions") or {}
        headers = _headers(mail, envelope, vendor_id)
        for address in (*envelope["to"], *(envelope.get("cc") or ()), *(envelope.get("bcc") or ())):
            yield Message(
                id=f"{vendor_id}.recvd-sandbox-{number}.0",
                vendor_id=vendor_id,
                kind="email",
                to=address["email"],
                sender=(envelope.get("from") or mail["from"])["email"],
                at=at,
                status="accepted",
                subject=_with(put_in, envelope.get("subject") or mail.get("subject") or ""),
                text=_with(put_in, plain),
                html=_with(put_in, rich),
                attachments=mail.get("attachments") or [],
                correlation=envelope.get("custom_args") or mail.get("custom_args") or {},
                categories=mail.get("categories") or [],
                headers=headers,
            )
            number += 1


def _with(put_in: Mapping[str, str], text: str) -> str:
    """`text` with what SendGrid puts in for one recipient."""
    for tag, value in put_in.items():
        text = text.replace(tag, value)
    return text


def _headers(mail: Mapping[str, Any], envelope: Mapping[str, Any], vendor_id: str) -> dict[str, str]:
    """The sender's own headers, under which `Message-ID` is found however it was spelled."""
    given = {**(mail.get("headers") or {}), **(envelope.get("headers") or {})}
    headers = {"Message-ID" if name.lower() == "message-id" else name: value for name, value in given.items()}
    headers.setdefault("Message-ID", f"<{vendor_id}@sandbox.invalid>")
    return headers


def _only_checked(mail: Mapping[str, Any]) -> bool:
    """Whether SendGrid's own sandbox mode is on: the mail is checked, nothing is sent."""
    settings = mail.get("mail_settings") or {}
    return bool((settings.get("sandbox_mode") or {}).get("enable"))


def _refused(status: int, *found: Complaint) -> JSONResponse:
    return JSONResponse({"errors": [complaint.as_json() for complaint in found]}, status)
