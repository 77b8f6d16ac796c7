"""A source whose format is a mapping, behind its lock: what its sender hears, and what Temporal is told."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from tests.ingest.harbour import NOON, FakeTemporal
from tocsin.domain.naming import identify
from tocsin.ingest.app import create_app
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.mapped import read
from tocsin.ingest.problems import Problem
from tocsin.library import PlanLibrary
from tocsin.mappingfiles import load
from tocsin.settings import Settings
from tocsin.sourcefiles import load_sources
from tocsin.sources import Source
from tocsin.yamlfile import YamlError

SHIPPED = Path(__file__).parents[3] / "tocsin" / "ingest" / "examples" / "sources"
SECRET = "sesame-open-wide"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The shipped sources, for the harbour's plan, with a secret for each."""
    folder = tmp_path / "sources"
    shutil.copytree(SHIPPED, folder)
    for name in ("sentry", "datadog"):
        file = folder / f"{name}.yaml"
        file.write_text(file.read_text().replace("plan: allcode", "plan: harbour"))
        (folder / f"{name}.secret").write_text(SECRET)
    return folder


@pytest.fixture
def http(
    sources: Path, library: PlanLibrary, settings: Settings, temporal: FakeTemporal
) -> httpx.AsyncClient:
    app = create_app(temporal, library, settings, lambda: NOON, sources=load_sources(sources, library.plans))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x")


def examples(name: str) -> dict[str, Any]:
    return {each.example: each for each, _ in load(SHIPPED / "mappings" / f"{name}.yaml").examples}


async def post_as_sentry(http: httpx.AsyncClient, example: str, key: str = SECRET) -> httpx.Response:
    sent = examples("sentry")[example]
    body = json.dumps(sent.payload).encode()
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    headers = {**sent.headers, "Sentry-Hook-Signature": signature, "Content-Type": "application/json"}
    return await http.post("/v1/sources/sentry", content=body, headers=headers)


async def test_a_metric_alert_of_sentry_opens_an_incident(
    http: httpx.AsyncClient, temporal: FakeTemporal
) -> None:
    answer = await post_as_sentry(http, "a metric alert turns critical")

    assert answer.status_code == 202
    [started] = temporal.started
    [alert] = started["start_signal_args"]
    assert started["id"] == f"incident-{identify('harbour', 'sentry', 'metric 7')}"
    assert (alert.title, alert.alerts) == ("Critical: Checkout fails", {"metric 7": True})


async def test_its_end_opens_none(http: httpx.AsyncClient, temporal: FakeTemporal) -> None:
    answer = await post_as_sentry(http, "the metric alert is over")

    assert (answer.status_code, answer.json()["outcome"]) == (200, "nothing open")
    assert temporal.started == []


async def test_what_is_ignored_is_answered_as_received(
    http: httpx.AsyncClient, temporal: FakeTemporal
) -> None:
    answer = await post_as_sentry(http, "a new issue is no alert")

    assert answer.status_code == 200
    assert temporal.started == temporal.told == []


async def test_a_stranger_without_the_secret_is_not_heard(
    http: httpx.AsyncClient, temporal: FakeTemporal
) -> None:
    answer = await post_as_sentry(http, "a metric alert turns critical", key="open")

    assert answer.status_code == 403
    assert temporal.started == []


async def test_datadog_brings_its_token(http: httpx.AsyncClient, temporal: FakeTemporal) -> None:
    payload = json.loads((SHIPPED / "payloads" / "datadog-triggered.json").read_text())

    answer = await http.post(
        "/v1/sources/datadog", json=payload, headers={"Authorization": f"Bearer {SECRET}"}
    )

    assert answer.status_code == 202
    [started] = temporal.started
    assert started["start_signal_args"][0].group == "4213 host:web-3,service:checkout"


async def test_what_no_rule_reads_is_refused_with_the_reason(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/v1/sources/datadog", json={"id": "1"}, headers={"Authorization": f"Bearer {SECRET}"}
    )

    assert answer.status_code == 422
    assert answer.json()["reason"] == "no-rule"


def test_the_template_for_datadog_has_what_its_mapping_asks_for() -> None:
    template = json.loads((SHIPPED / "payloads" / "datadog-template.json").read_text())

    assert template.keys() == examples("datadog")["a monitor fires"].payload.keys()
    assert all(value.startswith("$") for value in template.values())


def test_the_receiver_does_not_start_with_a_mapping_that_makes_no_sense(
    sources: Path, library: PlanLibrary, settings: Settings, temporal: FakeTemporal
) -> None:
    mapping = sources / "mappings" / "sentry.yaml"
    mapping.write_text(mapping.read_text().replace("payload.action", "playload.action", 1))

    with pytest.raises(YamlError, match='there is no "playload" here'):
        create_app(temporal, library, settings, lambda: NOON, sources=load_sources(sources, library.plans))


json_values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(),
    lambda inside: some.lists(inside, max_size=4) | some.dictionaries(some.text(), inside, max_size=4),
    max_leaves=20,
)
spoilt = some.sampled_from(
    ["data", "metric_alert", "alert_rule", "projects", "action", "event", "tags", "issue", "project"]
)


def spoil(value: Any, key: str, by: Any) -> Any:
    """The payload with everything under a key replaced."""
    if isinstance(value, dict):
        return {name: by if name == key else spoil(each, key, by) for name, each in value.items()}
    return [spoil(each, key, by) for each in value] if isinstance(value, list) else value


def outcome(body: bytes, headers: dict[str, str], source: Source) -> object:
    """`read`, or the status of the refusal; nothing else may come out."""
    try:
        read(Delivered(body, headers, NOON), source)
    except Problem as problem:
        return problem.status
    return "read"


@given(example=some.sampled_from(list(examples("sentry").values())), key=spoilt, by=json_values)
@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_payload_holds_it_is_read_or_refused(example: Any, key: str, by: Any) -> None:
    source = Source(source="sentry", format="mapping", mapping=SHIPPED / "mappings" / "sentry.yaml")
    body = json.dumps(spoil(example.payload, key, by)).encode()

    assert outcome(body, example.headers, source) in {"read", HTTPStatus.UNPROCESSABLE_ENTITY}


@given(body=some.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@hypothesis_settings(max_examples=200, deadline=None)
def test_whatever_is_sent_it_is_read_or_refused(body: bytes) -> None:
    source = Source(source="datadog", format="mapping", mapping=SHIPPED / "mappings" / "datadog.yaml")

    assert outcome(body, {}, source) in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
