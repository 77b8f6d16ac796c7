"""Callbacks of two accounts at Twilio: each is believed by its own token, and nobody else is."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from twilio.request_validator import RequestValidator

from tests.ingest.conftest import PUBLIC_URL
from tests.ingest.harbour import NOON, FakeTemporal, Incident
from tests.ingest.test_monitors import assert_problem
from tocsin.callbacks import status_url
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.settings import Settings

ID = "7F3K2XYZ90"
URL = status_url(PUBLIC_URL, f"incident-{ID}", ID, f"{ID}-m1")
DELIVERED = {"MessageSid": "SM1", "MessageStatus": "delivered"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        public_url=PUBLIC_URL,
        twilio_auth_token="first",
        twilio_2_account_sid="AC2",
        twilio_2_auth_token="second",
        twilio_2_from="+15005550002",
        state=tmp_path / "state",
    )


async def reported(
    library: PlanLibrary, settings: Settings, temporal: FakeTemporal, token: str
) -> httpx.Response:
    """The answer to a status callback that somebody with this token has signed."""
    app = create_app(temporal, library, settings, clock=lambda: NOON)
    signature = RequestValidator(token).compute_signature(URL, DELIVERED)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside.example") as http:
        return await http.post(
            URL.removeprefix(PUBLIC_URL), data=DELIVERED, headers={"X-Twilio-Signature": signature}
        )


@pytest.mark.parametrize("token", ["first", "second"])
async def test_what_either_account_signs_is_believed(
    library: PlanLibrary, settings: Settings, temporal: FakeTemporal, token: str
) -> None:
    temporal.runs(Incident(f"incident-{ID}", ID))

    answer = await reported(library, settings, temporal, token)

    assert (answer.status_code, answer.json()) == (200, {"outcome": "told"})


@pytest.mark.parametrize("token", ["third", ""])
async def test_what_anybody_else_signs_is_not(
    library: PlanLibrary, settings: Settings, temporal: FakeTemporal, token: str
) -> None:
    temporal.runs(Incident(f"incident-{ID}", ID))

    assert_problem(await reported(library, settings, temporal, token), 403, "not-signed-by-twilio")
    assert temporal.told == []
