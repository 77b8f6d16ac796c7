"""A receiver with the harbour's plan, a recording Temporal behind it, and the vendors' own signatures before it."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twilio.request_validator import RequestValidator

from tests.ingest.harbour import NOON, FakeTemporal, write_plans
from tests.ingest.newsroom import REPORT_TOKENS, Newsroom, Temporal, newsroom
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.optouts import OptOuts
from tocsin.settings import Settings

PUBLIC_URL = "https://tocsin.example/behind-a-proxy"
AUTH_TOKEN = "twilio-token"
EXAMPLE = Path("tocsin/ingest/examples/alertmanager.json")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> PlanLibrary:
    folder = tmp_path_factory.mktemp("harbour")
    return PlanLibrary(write_plans(folder / "plans"), folder / "state")


@pytest.fixture
def example() -> dict[str, Any]:
    root = Path(__file__).resolve().parents[2]
    payload: dict[str, Any] = json.loads((root / EXAMPLE).read_text())
    return payload


@dataclass
class Post:
    """The receiver over HTTP, as monitors and vendors reach it."""

    http: httpx.AsyncClient
    temporal: FakeTemporal
    key: ec.EllipticCurvePrivateKey
    opt_outs: OptOuts

    async def alert(self, payload: Any, **headers: str) -> httpx.Response:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.http.post(
            "/v1/alertmanager", content=body, headers={"content-type": "application/json", **headers}
        )

    async def twilio(self, url: str, form: dict[str, str], signature: str | None = None) -> httpx.Response:
        """Post a form as Twilio would to a URL under the public one."""
        signed = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC_URL + url, form)
        headers = {
            "X-Twilio-Signature": signed if signature is None else signature,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return await self.http.post(url, content=urlencode(form), headers=headers)

    async def sms(self, sender: str, body: str, sid: str = "SM1", **more: str) -> str:
        form = {"From": sender, "Body": body, "MessageSid": sid, **more}
        answer = await self.twilio("/v1/twilio/sms", form)
        assert answer.status_code == 200
        return answer.text.removeprefix("<Response><Message>").removesuffix("</Message></Response>")

    async def sendgrid(self, events: Any, tamper: bytes = b"") -> httpx.Response:
        body, timestamp = json.dumps(events).encode(), "1772366400"
        signature = self.key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }
        return await self.http.post("/v1/sendgrid/events", content=body + tamper, headers=headers)


@pytest.fixture
def temporal() -> FakeTemporal:
    return FakeTemporal()


@pytest.fixture
def vendor_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def settings(vendor_key: ec.EllipticCurvePrivateKey, tmp_path: Path) -> Settings:
    public = vendor_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Settings(
        public_url=PUBLIC_URL,
        twilio_auth_token=AUTH_TOKEN,
        sendgrid_events_public_key=base64.b64encode(public).decode(),
        state=tmp_path / "state",
    )


@pytest.fixture
async def post(
    library: PlanLibrary, settings: Settings, temporal: FakeTemporal, vendor_key: ec.EllipticCurvePrivateKey
) -> AsyncIterator[Post]:
    app = create_app(temporal, library, settings, clock=lambda: NOON)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere.example") as http:
        yield Post(http, temporal, vendor_key, OptOuts(settings.state))


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Newsroom]:
    """Where people's reports come in."""
    settings = Settings(
        public_url=PUBLIC_URL,
        twilio_auth_token=AUTH_TOKEN,
        ingest_tokens="monitor:alarm-bell-at-the-quay",
        report_tokens=REPORT_TOKENS,
        state=tmp_path / "state",
    )
    temporal = Temporal()
    app = create_app(temporal, newsroom(tmp_path), settings, clock=lambda: NOON)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere.example") as http:
        yield Newsroom(http, temporal, settings.state)
