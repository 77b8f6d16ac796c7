"""Strangers write what they like: whatever comes is taken or refused, and nothing of it breaks the receiver."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.harbour import NOON
from tests.ingest.newsroom import AUTH_TOKEN, PUBLIC_URL, REPORT_TOKENS, Mail, Newsroom, Temporal, newsroom
from tocsin.domain.events import Commanded
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.settings import Settings

ANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

HEADER_LIKE = st.text(
    alphabet=st.sampled_from("abcé\x00\r\n :;<>@[]=?_-\"',\\\ud7ff\U0001f525"), max_size=80
) | st.sampled_from(
    [
        "Message-ID: <a@b>\nMessage-ID:",
        "Auto-Submitted: no; x",
        "Content-Type: multipart/mixed",
        "Subject: =?utf-8?q?=ff?=",
        "References: " + "<7f3k2xyz90-m1@t>" * 3,
        "In-Reply-To: <7f3k2xyz90-m" + "9" * 50,
        "[7F3K2]",
        "Known since: 9999-12-31T23:59-14:00",
    ]
)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("2026-11-24T10:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def library(tmp_path: Path) -> PlanLibrary:
    return newsroom(tmp_path)


async def received(library: PlanLibrary, state: Path, send: Any) -> tuple[httpx.Response, Newsroom]:
    """What a receiver of its own answers, and what it did."""
    house = Settings(
        public_url=PUBLIC_URL, twilio_auth_token=AUTH_TOKEN, report_tokens=REPORT_TOKENS, state=state
    )
    temporal = Temporal()
    app = create_app(temporal, library, house, clock=lambda: NOON)
    transport = httpx.ASGITransport(app)  # raises what the app does not answer
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        room = Newsroom(http, temporal, state)
        return await send(room), room


def assert_taken_or_refused(answer: httpx.Response, room: Newsroom) -> None:
    assert answer.status_code < 500, answer.text
    for started in room.temporal.started:
        assert 0 < len(started["start"].title) <= 200
        assert started["start"].model_dump_json()
    for command in room.said:
        assert Commanded.model_validate_json(Commanded(command=command).model_dump_json())
    if answer.status_code == 202:
        assert room.temporal.started


@ANY
@given(
    sender=HEADER_LIKE,
    subject=HEADER_LIKE,
    text=HEADER_LIKE,
    headers=HEADER_LIKE,
    page=HEADER_LIKE,
    envelope=HEADER_LIKE | JSON_LIKE.map(json.dumps),
    charsets=HEADER_LIKE | st.dictionaries(st.just("text"), HEADER_LIKE).map(json.dumps),
    file=st.none() | st.tuples(HEADER_LIKE, st.binary(max_size=50)),
)
def test_a_mail_of_any_shape_is_taken(library: PlanLibrary, tmp_path: Path, file: Any, **odd: str) -> None:
    more = {"html": odd["page"], "envelope": odd["envelope"], "charsets": odd["charsets"]}
    mail = Mail(
        sender=odd["sender"],
        subject=odd["subject"],
        text=odd["text"],
        headers=odd["headers"],
        more={name: value.encode() for name, value in more.items()},
        files=[file] if file else [],
    )

    answer, room = asyncio.run(received(library, tmp_path / "state", lambda room: room.mail(mail)))

    assert_taken_or_refused(answer, room)
    assert answer.status_code in {200, 202}


@ANY
@given(
    body=st.binary(max_size=200), boundary=st.sampled_from(["x", '"x"', "", "x" * 300, "x; charset=utf-7"])
)
def test_bytes_that_are_no_mail_are_refused(
    library: PlanLibrary, tmp_path: Path, body: bytes, boundary: str
) -> None:
    async def send(room: Newsroom) -> httpx.Response:
        kind = f"multipart/form-data; boundary={boundary}"
        framed = b'--x\r\nContent-Disposition: form-data; name="text"' + body + b"\r\n--x--\r\n"
        url = "/v1/reports/email/harbour?token=letter-box-at-the-door"
        return await room.http.post(url, content=framed, headers={"Content-Type": kind})

    assert_taken_or_refused(*asyncio.run(received(library, tmp_path / "state", send)))


@ANY
@given(
    ticket=JSON_LIKE
    | st.fixed_dictionaries(
        {"id": JSON_LIKE | st.text(), "subject": JSON_LIKE | st.text(), "requester": JSON_LIKE | st.just({})},
        optional={
            name: JSON_LIKE | st.text()
            for name in ("body", "knew_since", "severity", "customer", "facts", "other")
        },
    )
)
def test_a_ticket_of_any_shape_is_taken_or_refused(library: PlanLibrary, tmp_path: Path, ticket: Any) -> None:
    body = json.dumps(ticket).encode("utf-8", "replace")

    assert_taken_or_refused(
        *asyncio.run(received(library, tmp_path / "state", lambda room: room.ticket(body)))
    )


@ANY
@given(
    speech=HEADER_LIKE,
    number=HEADER_LIKE,
    status=st.sampled_from(["ringing", "in-progress", "completed", ""]),
    query=st.sampled_from(["", "heard=1", "heard=", "x=%00"]),
)
def test_a_call_of_any_shape_is_taken(
    library: PlanLibrary, tmp_path: Path, speech: str, number: str, status: str, query: str
) -> None:
    form = {"SpeechResult": speech, "From": number, "CallStatus": status, "CallSid": "CA1"}

    answer, room = asyncio.run(received(library, tmp_path / "state", lambda room: room.call(form, query)))

    assert answer.status_code == 200
    for started in room.temporal.started:
        assert 0 < len(started["start"].title) <= 200
