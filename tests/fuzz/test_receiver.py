"""Strangers at the receiver's doors, with every key: nothing that they send breaks it.

Mail, tickets and telephone calls of any shape are met in tests/ingest/test_reports_of_any_kind.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import strategies as st

from tests.fuzz.insider import ROUTING_KEY, SOURCES, Insider, receiver
from tests.fuzz.samples import PLAIN, SAMPLES, Sample
from tests.fuzz.strangers import ODD_TEXTS, ROUNDS, bodies, let, mutants, written
from tests.fuzz.test_formats import HEADERS
from tests.ingest.harbour import Incident
from tests.ingest.newsroom import PUBLIC_URL, Temporal
from tests.ingest.test_vendors import ID, KEY, STATUS, event
from tocsin.callbacks import broadcast_status_url
from tocsin.ingest.problems import PROBLEM_TYPE, TYPE_PREFIX
from tocsin.library import PlanLibrary
from tocsin.sources import Source

SPOKEN_TO = [source for source in SOURCES if source.format != "sns"]
"""At SNS's door a certificate might be fetched; who gets past it is in test_signatures."""

FORM = {"content-type": "application/x-www-form-urlencoded"}
BROADCAST = broadcast_status_url(PUBLIC_URL, ID, 12).removeprefix(PUBLIC_URL)
CALLBACKS = [
    STATUS,
    KEY,
    BROADCAST,
    "/v1/twilio/sms",
    "/v1/twilio/status?digest=d",
    "/v1/twilio/key?digest=7F3K2XYZ90&asked=1&language=en",
    "/v1/twilio/key?workflow=&incident=%00&person=kit&page=99999999999999999999",
]
FIELDS = ["From", "To", "Body", "MessageSid", "MessageStatus", "ErrorCode", "OptOutType", "CallSid"]
FIELDS += ["CallStatus", "AnsweredBy", "Digits", "SpeechResult", "Confidence", "CallDuration", "SmsStatus"]
WORDS = [
    "+12025550101",
    "ACK 7F3K2",
    "7F3K2-1 accept",
    "STOP",
    "START",
    "delivered",
    "failed",
    "completed",
    "1",
    "*",
]
VALUES = st.text(max_size=40) | st.sampled_from([*WORDS, *ODD_TEXTS])
EMAIL = {"email": "Kit@Müller.example"}
EVENTS = [
    [event("delivered"), event("bounce", reason="full", type="blocked", **EMAIL), event("open")],
    [{**event("dropped", reason="Invalid", **EMAIL), "tocsin_broadcast": ID, "tocsin_row": "7"}],
    [event("bounce", **EMAIL), {**event("delivered"), "tocsin_broadcast": ID, "tocsin_row": "7"}],
]


class Doors:
    """The receiver, as one who has every key reaches it."""

    def __init__(self, library: PlanLibrary, state: Path, runner: asyncio.Runner) -> None:
        self.temporal = Temporal()
        self.temporal.runs(Incident(f"incident-{ID}", ID).paged("kit"))
        self._runner = runner
        transport = httpx.ASGITransport(Insider(receiver(self.temporal, library, state)))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://elsewhere.example")

    def post(self, url: str, body: bytes, headers: Mapping[str, str] = PLAIN) -> httpx.Response:
        raw = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers.items()]
        return self._runner.run(self._http.post(url, content=body, headers=raw))


@pytest.fixture
def doors(library: PlanLibrary, tmp_path: Path) -> Iterator[Doors]:
    with asyncio.Runner() as runner:
        yield Doors(library, tmp_path, runner)


def assert_answered(answer: httpx.Response, *fine: int) -> None:
    """Taken, or refused in words that a program understands."""
    assert "Traceback" not in answer.text
    if answer.status_code in fine:
        return
    assert 400 <= answer.status_code < 500, answer.text
    if answer.headers["content-type"] == PROBLEM_TYPE:
        assert answer.json()["status"] == answer.status_code
    assert answer.json()["type"].startswith(TYPE_PREFIX)


@pytest.mark.parametrize("many", ROUNDS)
@pytest.mark.parametrize("source", SPOKEN_TO, ids=lambda source: source.source)
def test_a_monitor_may_send_anything(doors: Doors, source: Source, many: int) -> None:
    def strangers(sample: Sample) -> st.SearchStrategy[tuple[bytes, dict[str, str]]]:
        payloads = [_with_the_key(payload) for payload in sample.payloads]
        near = mutants(payloads).map(sample.sent).map(written)
        headers = HEADERS.map(lambda other: {**sample.headers, **other})
        return st.tuples(bodies(payloads) | near, st.just(dict(sample.headers)) | headers)

    def come(stranger: tuple[bytes, dict[str, str]]) -> None:
        assert_answered(doors.post(source.path, *stranger), 200, 202)

    let(st.one_of(*map(strangers, SAMPLES[source.format])), many, come)
    assert doors.temporal.started, "some of it was an alert"


def _with_the_key(payload: Any) -> Any:
    return {**payload, "routing_key": ROUTING_KEY} if "routing_key" in payload else payload


@pytest.mark.parametrize("many", ROUNDS)
@pytest.mark.parametrize("url", CALLBACKS)
def test_twilio_may_send_any_form(doors: Doors, url: str, many: int) -> None:
    forms = st.dictionaries(st.sampled_from(FIELDS) | VALUES, VALUES, max_size=6)
    sent = forms.map(lambda form: urlencode(form, errors="replace").encode()) | st.binary(max_size=100)

    def come(body: bytes) -> None:
        assert_answered(doors.post(url, body, FORM), 200)

    let(sent, many, come)


@pytest.mark.parametrize("many", ROUNDS)
def test_sendgrid_may_send_any_events(doors: Doors, many: int) -> None:
    let(bodies(EVENTS), many, lambda body: assert_answered(doors.post("/v1/sendgrid/events", body), 200))


@pytest.mark.parametrize(
    "strange",
    [{"event": []}, {"timestamp": 10**30}, {"tocsin_row": "9" * 5000}],
    ids=["event", "time", "row"],
)
def test_an_event_that_makes_no_sense_does_not_keep_others_from_being_heard(
    doors: Doors, strange: dict[str, Any]
) -> None:
    nonsense = {**event("delivered"), "tocsin_broadcast": ID, **strange}

    answer = doors.post("/v1/sendgrid/events", json.dumps([nonsense, event("delivered")]).encode())

    assert answer.status_code == 200
    assert doors.temporal.told


def test_what_is_near_to_what_is_expected_gets_through(doors: Doors) -> None:
    """Else the tests above would show no more than that locks are shut."""
    for source in SPOKEN_TO:
        sample = SAMPLES[source.format][0]
        body = written(sample.sent(_with_the_key(sample.payloads[0])))
        assert doors.post(source.path, body, sample.headers).status_code == 202
    form = urlencode({"MessageSid": "SM1", "MessageStatus": "delivered"}).encode()
    assert doors.post(STATUS, form, FORM).json() == {"outcome": "told"}
    assert doors.post("/v1/sendgrid/events", json.dumps(EVENTS[0]).encode()).json() == {"told": 2}
