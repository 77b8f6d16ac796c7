"""Tocsin in PagerDuty's place: what its document allows is taken, and what is answered is what its clients expect."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ingest.harbour import NOON, FakeTemporal, unavailable, write_plans
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sources import Lock, Source

from .contract import SPECS, BrokenContract, Contract
from .prose import Amendment
from .recorder import Exchange

ENQUEUE = ("paths", "/enqueue", "post", "responses")
PAYLOAD = ("components", "schemas", "Payload", "properties")
ERROR = ("components", "responses", "Error", "content", "application/json", "schema")

OURS = {
    "additionalProperties": True,
    "properties": {
        "status": {"type": "string"},
        "message": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "reason": {"type": "string"},
    },
    "required": ["status", "message", "errors", "reason"],
}
PAGERDUTY = Contract(
    "pagerduty_events_v2.json",
    "https://events.pagerduty.com",
    (
        Amendment((*PAYLOAD, "custom_details"), {"additionalProperties": True}, "they are the sender's own"),
        Amendment((*PAYLOAD, "timestamp"), {"format": "iso-8601"}, "its own example has +0000 for the zone"),
        Amendment(ERROR, OURS, "we say more, and always say why"),
        Amendment(
            (*ENQUEUE, "400"),
            {"content": {"application/json": {"schema": {"type": "object", **OURS}}}},
            "“See below for details”, and there is the body of every other error",
        ),
    ),
)

KEYS = ("0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210")


@pytest.fixture(scope="session", autouse=True)
def documents() -> None:
    """Skip where PagerDuty's document is not."""
    if not PAGERDUTY.is_here:
        pytest.skip(f"PagerDuty's OpenAPI document is not beside this checkout, in {SPECS}")


@pytest.fixture
def temporal() -> FakeTemporal:
    return FakeTemporal()


@pytest.fixture
async def client(temporal: FakeTemporal, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The receiver, with two sources that share PagerDuty's path and are told apart by their keys."""
    library = PlanLibrary(write_plans(tmp_path / "plans"), tmp_path / "state")
    sources = tuple(
        Source(
            source=name, format="pagerduty", plan="harbour", lock=Lock.model_validate({"routing_keys": key})
        )
        for name, key in zip(("quays", "locks"), KEYS, strict=True)
    )
    settings = Settings(state=tmp_path / "state")
    app = create_app(temporal, library, settings, clock=lambda: NOON, sources=sources)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://tocsin.example"
    ) as http:
        yield http


async def post(client: httpx.AsyncClient, event: Any) -> Exchange:
    """An event, and what came of it, as the contract reads them."""
    answer = await client.post("/v2/enqueue", json=event)
    return Exchange(
        "POST",
        "/v2/enqueue",
        {name.lower(): value for name, value in answer.request.headers.items()},
        answer.request.content,
        answer.status_code,
        dict(answer.headers),
        answer.content,
    )


def written(path: str = "/enqueue") -> Iterator[dict[str, Any]]:
    """The example events of PagerDuty's document."""
    content = PAGERDUTY.document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return (copy.deepcopy(example["value"]) for example in content["examples"].values())


@pytest.fixture
def event() -> dict[str, Any]:
    return next(written()) | {"routing_key": KEYS[0]}


async def test_the_documents_own_example_opens_an_incident_and_is_answered_as_the_document_has_it(
    client: httpx.AsyncClient, temporal: FakeTemporal, event: dict[str, Any]
) -> None:
    exchange = await post(client, event)

    PAGERDUTY.check_request(exchange)
    PAGERDUTY.check_answer(exchange)
    assert exchange.status == HTTPStatus.ACCEPTED
    assert json.loads(exchange.answer) == {
        "status": "success",
        "message": "Event processed",
        "dedup_key": event["dedup_key"],
    }
    (begun,) = temporal.started
    assert begun["start"].title == event["payload"]["summary"]


@pytest.mark.parametrize("left_out", ["dedup_key", "client", "client_url", "links", "images"])
async def test_whatever_the_document_does_not_require_may_be_left_out(
    client: httpx.AsyncClient, event: dict[str, Any], left_out: str
) -> None:
    del event[left_out]

    exchange = await post(client, event)

    PAGERDUTY.check_request(exchange)
    PAGERDUTY.check_answer(exchange)
    assert exchange.status == HTTPStatus.ACCEPTED


@pytest.mark.parametrize("severity", ["critical", "error", "warning", "info"])
async def test_every_severity_of_the_document_is_known(
    client: httpx.AsyncClient, event: dict[str, Any], severity: str
) -> None:
    event["payload"] = {"summary": "Awash", "source": "quay", "severity": severity}

    exchange = await post(client, event)

    PAGERDUTY.check_request(exchange)
    assert exchange.status == HTTPStatus.ACCEPTED


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
async def test_what_ends_needs_its_key_alone_and_opens_nothing(
    client: httpx.AsyncClient, temporal: FakeTemporal, action: str
) -> None:
    exchange = await post(
        client, {"routing_key": KEYS[0], "event_action": action, "dedup_key": "srv01/mysql"}
    )

    PAGERDUTY.check_request(exchange)
    PAGERDUTY.check_answer(exchange)
    assert exchange.status == HTTPStatus.ACCEPTED
    assert not temporal.started


async def test_the_routing_key_says_which_source_it_is(
    client: httpx.AsyncClient, temporal: FakeTemporal, event: dict[str, Any]
) -> None:
    for key in KEYS:
        await post(client, event | {"routing_key": key})

    assert [begun["start"].source for begun in temporal.started] == ["quays", "locks"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"routing_key": "00000000000000000000000000000000"},
        {"routing_key": None},
        {"event_action": "escalate"},
        {"payload": {}},
        {"payload": {"summary": "Awash", "source": "quay", "severity": "dire"}},
        {"payload": None},
        {"payload": {"summary": "Awash", "source": "quay", "severity": "info", "custom_details": {"x": "x" * 600_000}}},
    ],
    ids=["another's key", "no key", "an action", "no fields", "a severity", "no payload", "too long"],
)  # fmt: skip
async def test_an_event_that_is_not_taken_is_refused_as_the_document_has_it(
    client: httpx.AsyncClient, temporal: FakeTemporal, event: dict[str, Any], wrong: dict[str, Any]
) -> None:
    exchange = await post(client, event | wrong)

    PAGERDUTY.check_answer(exchange)
    assert exchange.status == HTTPStatus.BAD_REQUEST
    assert json.loads(exchange.answer)["status"] == "invalid event"
    assert not any(key.encode() in exchange.answer for key in KEYS)
    assert not temporal.started


async def test_while_temporal_is_away_clients_are_told_to_come_again(
    client: httpx.AsyncClient, temporal: FakeTemporal, event: dict[str, Any]
) -> None:
    temporal.failure = unavailable()

    exchange = await post(client, event)

    PAGERDUTY.check_answer(exchange)
    assert exchange.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(exchange.answer_headers["retry-after"]) > 0


async def test_a_change_wakes_nobody_and_is_not_kept_which_is_said(
    client: httpx.AsyncClient, temporal: FakeTemporal
) -> None:
    for change in written("/change/enqueue"):
        answer = await client.post("/v2/change/enqueue", json=change)

        assert answer.status_code == HTTPStatus.NOT_FOUND
    assert not temporal.started


def test_the_contract_bites() -> None:
    said = {"status": "invalid event", "message": "no", "errors": [7], "reason": "wrong-shape"}
    exchange = Exchange(
        "POST", "/v2/enqueue", {}, b"{}", 400, {"content-type": "application/json"}, json.dumps(said).encode()
    )

    with pytest.raises(BrokenContract):
        PAGERDUTY.check_answer(exchange)
