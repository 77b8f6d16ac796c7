"""A receiver at which strangers have every key: what they send is signed for them on the way."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from twilio.request_validator import RequestValidator

from tests.ingest.harbour import NOON, FakeTemporal
from tests.ingest.newsroom import AUTH_TOKEN, PUBLIC_URL
from tocsin.ingest.app import create_app
from tocsin.ingest.sendgrid import SIGNATURE_HEADER, TIMESTAMP_HEADER
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sources import ALERTMANAGER, Lock, Secret, Source

TOKEN, ROUTING_KEY = "8d1f0b6c5e3a49279c41d7aa20be66f3", "0123456789abcdef0123456789abcdef"
SECRET = (Secret(value=TOKEN),)

SOURCES: Sequence[Source] = (
    ALERTMANAGER,
    Source(source="grafana", format="grafana", lock=Lock(bearer=SECRET), group_by=("host",)),
    Source(source="pagerduty", format="pagerduty", lock=Lock(routing_keys=(Secret(value=ROUTING_KEY),))),
    Source(source="cloudevents", format="cloudevents", lock=Lock(bearer=SECRET)),
    Source(source="aws-health", format="aws-health", lock=Lock(bearer=SECRET)),
    Source(source="sns", format="sns", lock=Lock(topics=("arn:aws:sns:eu-west-1:123456789012:alarms",))),
)

_KEY = ec.generate_private_key(ec.SECP256R1())
_PUBLIC = _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_SAID_AT = "1772366400"


def receiver(temporal: FakeTemporal, library: PlanLibrary, state: Path) -> FastAPI:
    """The receiver with a source of most formats, every one of them locked."""
    settings = Settings(
        public_url=PUBLIC_URL,
        twilio_auth_token=AUTH_TOKEN,
        sendgrid_events_public_key=base64.b64encode(_PUBLIC).decode(),
        ingest_tokens=f"monitor:{TOKEN}",
        report_tokens=f"mail:{TOKEN}",
        state=state,
    )
    return create_app(temporal, library, settings, clock=lambda: NOON, sources=tuple(SOURCES))


class Insider:
    """An ASGI middleware that signs every request as AWS, Twilio, SendGrid or a monitor would: with our own keys."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on with every header that any lock asks for."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        headers = MutableHeaders(scope=scope)
        headers["Authorization"] = f"Bearer {TOKEN}"
        headers["X-Twilio-Signature"] = _as_twilio(scope, body)
        signature = _KEY.sign(_SAID_AT.encode() + body, ec.ECDSA(SHA256()))
        headers[SIGNATURE_HEADER] = base64.b64encode(signature).decode()
        headers[TIMESTAMP_HEADER] = _SAID_AT
        arrived = False

        async def again() -> Message:
            nonlocal arrived
            if arrived:
                return await receive()
            arrived = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


async def _whole(receive: Receive) -> bytes:
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return body


def _as_twilio(scope: Scope, body: bytes) -> str:
    query = scope["query_string"].decode("latin-1")
    url = PUBLIC_URL + scope["path"] + (f"?{query}" if query else "")
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return str(RequestValidator(AUTH_TOKEN).compute_signature(url, form))
