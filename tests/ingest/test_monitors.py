from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from tests.ingest.conftest import Post
from tests.ingest.harbour import NOON, FakeTemporal, Incident, unavailable
from tocsin.domain.naming import identify
from tocsin.ingest.app import create_app
from tocsin.ingest.batches import AT_ONCE
from tocsin.ingest.bodies import BODY_LIMIT
from tocsin.ingest.reception import LazyClient
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError
from tocsin.sources import Lock, Secret, Source
from tocsin.temporal import TemporalUnavailable


def assert_problem(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"urn:tocsin:problem:{reason}"
    assert (problem["reason"], problem["status"]) == (reason, status)
    return problem


async def test_an_alert_that_fires_starts_its_incident_in_one_call(post: Post, example: Any) -> None:
    answer = await post.alert(example)

    key = identify("harbour", "alertmanager", example["groupKey"])
    assert answer.status_code == 202
    assert answer.json() == {"key": key, "workflow": f"incident-{key}", "outcome": "opened or joined"}
    [started] = post.temporal.started
    assert started["id"] == f"incident-{key}"
    assert started["task_queue"] == "incidents"
    assert started["id_conflict_policy"] is WorkflowIDConflictPolicy.USE_EXISTING
    assert started["start_signal"] == "alert"
    [alert] = started["start_signal_args"]
    assert (started["start"].key, alert.key, alert.received) == (key, key, NOON)
    assert started["priority"].priority_key == 1
    assert {pair.key.name: pair.value for pair in started["search_attributes"]} == {
        "TocsinIncident": key,
        "TocsinPlan": "harbour",
        "TocsinSeverity": "closed",
        "TocsinStatus": "open",
    }
    assert post.temporal.told == []


async def test_in_a_drill_the_incident_is_marked_as_one(
    library: PlanLibrary, settings: Settings, temporal: FakeTemporal, example: Any
) -> None:
    app = create_app(temporal, library, settings.model_copy(update={"drill_speed": 60}), lambda: NOON)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        await http.post("/v1/alertmanager", json=example)

    [started] = temporal.started
    assert (started["start"].is_drill, started["start"].drill_speed) == (True, 60)
    assert started["static_summary"].startswith("DRILL ")


async def test_an_alert_that_is_resolved_tells_the_open_incident(post: Post, example: Any) -> None:
    resolve(example)
    key = identify("harbour", "alertmanager", example["groupKey"])
    post.temporal.runs(Incident(f"incident-{key}", key))

    answer = await post.alert(example)

    assert answer.status_code == 202
    [told] = post.temporal.told
    assert (told.workflow, told.signal, told.argument.is_firing) == (f"incident-{key}", "alert", False)
    assert post.temporal.started == []


async def test_an_alert_that_is_resolved_opens_nothing(post: Post, example: Any) -> None:
    resolve(example)

    answer = await post.alert(example)

    assert (answer.status_code, answer.json()["outcome"]) == (200, "nothing open")
    assert post.temporal.started == []


def resolve(payload: dict[str, Any]) -> None:
    payload["status"] = "resolved"
    for alert in payload["alerts"]:
        alert["status"] = "resolved"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"version": "4"', b'{"a": NaN'])
async def test_a_body_that_is_not_json_is_refused(post: Post, body: bytes) -> None:
    assert_problem(await post.alert(body), 400, "not-json")
    assert post.temporal.started == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"version": "3"}, "version"),
        ({"groupKey": ""}, "groupKey"),
        ({"alerts": []}, "alerts"),
        ({"commonLabels": {"a": 1}}, "commonLabels.a"),
        ({"alerts": [{"status": "on", "fingerprint": "f", "startsAt": "2026-11-24T12:00:00Z"}]}, "alerts.0.status"),
        ({"alerts": [{"status": "firing", "fingerprint": "f", "startsAt": "2026-11-24T12:00"}]}, "alerts.0.startsAt"),
        ({"alerts": [{"status": "firing", "startsAt": "2026-11-24T12:00:00Z"}]}, "alerts.0.fingerprint"),
    ],
)  # fmt: skip
async def test_a_field_of_the_wrong_shape_is_named(
    post: Post, example: dict[str, Any], wrong: dict[str, Any], field: str
) -> None:
    problem = assert_problem(await post.alert(example | wrong), 400, "wrong-shape")

    assert [each["field"] for each in problem["errors"]] == [field]
    assert problem["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"4"'])
async def test_json_that_is_no_object_is_of_the_wrong_shape(post: Post, body: bytes) -> None:
    assert "the body" in assert_problem(await post.alert(body), 400, "wrong-shape")["detail"]


async def test_keys_that_are_unknown_are_left_alone(post: Post, example: dict[str, Any]) -> None:
    assert (await post.alert(example | {"orgId": 1, "panelURL": ""})).status_code == 202


async def test_labels_that_match_no_plan_are_refused(post: Post, example: dict[str, Any]) -> None:
    example["commonLabels"] = {"service": "lighthouse"}

    problem = assert_problem(await post.alert(example), 422, "no-plan")

    assert "labels match no plan" in problem["detail"]


async def test_a_body_that_says_that_it_is_too_long_is_refused_unread(post: Post) -> None:
    assert_problem(await post.alert(b" " * (BODY_LIMIT + 1)), 413, "body-too-long")


async def test_a_body_that_does_not_say_how_long_it_is_is_refused_while_it_arrives(post: Post) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    answer = await post.http.post(
        "/v1/alertmanager", content=endless(), headers={"content-type": "application/json"}
    )

    assert_problem(answer, 413, "body-too-long")
    assert sent <= BODY_LIMIT + 2 * 65536


@pytest.mark.parametrize("type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_what_is_not_called_json_is_not_read(post: Post, example: Any, type: str) -> None:
    """A page in somebody's browser may post a form or plain text anywhere, but not JSON."""
    answer = await post.alert(example, **{"content-type": type})

    assert_problem(answer, 415, "wrong-content-type")
    assert answer.headers["accept"] == "application/json"


async def test_json_may_name_its_character_set(post: Post, example: Any) -> None:
    answer = await post.alert(example, **{"content-type": "Application/JSON; charset=utf-8"})

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 300 + b"]" * 300,
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"9" * 100_000,
        b'{"a": "\\ud800"}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_what_would_burst_a_parser_is_refused(post: Post, body: bytes) -> None:
    assert_problem(await post.alert(body), 400, "not-json")


async def test_of_a_key_that_comes_twice_the_last_one_counts(post: Post, example: Any) -> None:
    body = json.dumps(example).replace('"version": "4"', '"version": "3", "version": "4"')

    assert (await post.alert(body.encode())).status_code == 202


# ---- several groups in one request ----


@pytest.fixture
async def bells(
    library: PlanLibrary, settings: Settings, temporal: FakeTemporal
) -> AsyncIterator[httpx.AsyncClient]:
    """A receiver whose one source is grouped by the label `bell`."""
    lock = Lock(bearer=[Secret(value=SecretStr("red-light-to-port"))])
    source = Source(source="bells", format="alertmanager", lock=lock, group_by=("bell",))
    app = create_app(temporal, library, settings, lambda: NOON, [source])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://x",
        headers={"Authorization": "Bearer red-light-to-port"},
    ) as http:
        yield http


def ringing(**services: str) -> dict[str, Any]:
    """One group of Alertmanager's that holds an alert of each bell."""
    began = "2026-11-24T11:00:00Z"
    alerts = [
        {
            "status": "firing",
            "fingerprint": bell,
            "startsAt": began,
            "labels": {"bell": bell, "service": service},
        }
        for bell, service in services.items()
    ]
    return {"version": "4", "groupKey": "all", "alerts": alerts}


async def test_a_request_may_open_several_incidents(bells: httpx.AsyncClient, temporal: FakeTemporal) -> None:
    answer = await bells.post("/v1/sources/bells", json=ringing(north="checkout-1", south="checkout-2"))

    groups = ['{bell="north"}', '{bell="south"}']
    assert answer.status_code == 202
    assert [each["key"] for each in answer.json()["incidents"]] == [
        identify("harbour", "bells", group) for group in groups
    ]
    assert [started["start_signal_args"][0].group for started in temporal.started] == groups


async def test_a_group_that_no_plan_wants_is_named_and_the_others_are_taken(
    bells: httpx.AsyncClient, temporal: FakeTemporal
) -> None:
    answer = await bells.post("/v1/sources/bells", json=ringing(north="lighthouse", south="checkout-2"))

    problem = assert_problem(answer, 422, "no-plan")
    assert problem["unwanted"] == ['{bell="north"}']
    assert [each["key"] for each in problem["taken"]] == [identify("harbour", "bells", '{bell="south"}')]
    assert "Of 2 groups 1 were taken" in problem["detail"]
    assert len(temporal.started) == 1


async def test_unless_temporal_has_every_group_the_sender_is_asked_to_come_again(
    bells: httpx.AsyncClient, temporal: FakeTemporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, calls = temporal.start_workflow, []

    async def every_second_time(*arguments: Any, **how: Any) -> None:
        calls.append(how["id"])
        if len(calls) == 2:
            raise unavailable()
        await start(*arguments, **how)

    monkeypatch.setattr(temporal, "start_workflow", every_second_time)
    payload = ringing(north="checkout-1", south="checkout-2")

    first = await bells.post("/v1/sources/bells", json=payload)
    again = await bells.post("/v1/sources/bells", json=payload)

    assert_problem(first, 503, "temporal-unavailable")
    assert first.headers["retry-after"] == "5"
    assert again.status_code == 202
    assert len({started["id"] for started in temporal.started}) == 2


STORM = {f"bell-{number}": f"checkout-{number}" for number in range(10 * AT_ONCE)}


async def test_a_storm_in_one_request_is_taken_by_a_temporal_that_few_may_ask_at_a_time(
    bells: httpx.AsyncClient, temporal: FakeTemporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, under_way = temporal.start_workflow, set()

    async def narrow(*arguments: Any, **how: Any) -> None:
        under_way.add(how["id"])
        try:
            await asyncio.sleep(0)  # whoever else may begin does so now
            if len(under_way) > AT_ONCE:
                raise RPCError("too many at once", RPCStatusCode.RESOURCE_EXHAUSTED, b"")
            await start(*arguments, **how)
        finally:
            under_way.remove(how["id"])

    monkeypatch.setattr(temporal, "start_workflow", narrow)

    answer = await bells.post("/v1/sources/bells", json=ringing(**STORM))

    assert answer.status_code == 202
    assert len(answer.json()["incidents"]) == len(STORM)
    assert len({started["id"] for started in temporal.started}) == len(STORM)


async def test_once_temporal_is_away_for_one_of_a_storm_no_others_are_begun(
    bells: httpx.AsyncClient, temporal: FakeTemporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    async def silence(*_: Any, **how: Any) -> None:
        begun.append(how["id"])
        await asyncio.Event().wait()

    monkeypatch.setattr(temporal, "start_workflow", silence)
    before = monotonic()

    answer = await bells.post("/v1/sources/bells", json=ringing(**STORM))

    assert_problem(answer, 503, "temporal-unavailable")
    assert len(begun) == AT_ONCE
    assert monotonic() - before < 4


@pytest.mark.parametrize(
    "status",
    [
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.NOT_FOUND,  # of the namespace
    ],
)
async def test_while_temporal_is_away_a_monitor_is_asked_to_come_again(
    post: Post, example: Any, status: RPCStatusCode
) -> None:
    post.temporal.failure = RPCError("not now", status, b"")

    answer = await post.alert(example)

    assert_problem(answer, 503, "temporal-unavailable")
    assert answer.headers["retry-after"] == "5"


async def test_a_temporal_that_is_silent_is_given_up_within_three_seconds(
    library: PlanLibrary, settings: Settings, example: Any
) -> None:
    async def silence() -> Any:
        await asyncio.Event().wait()

    app = create_app(LazyClient(silence), library, settings)
    began = monotonic()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        answers = await asyncio.gather(*(http.post("/v1/alertmanager", json=example) for _ in range(5)))

    assert monotonic() - began < 3
    for answer in answers:
        assert_problem(answer, 503, "temporal-unavailable")


async def test_the_receiver_connects_once_temporal_is_up(
    library: PlanLibrary, settings: Settings, temporal: FakeTemporal, example: Any
) -> None:
    attempts = []

    async def connect() -> Any:
        attempts.append(1)
        if len(attempts) < 2:
            raise TemporalUnavailable("Temporal does not answer")
        return temporal

    app = create_app(LazyClient(connect), library, settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        statuses = [(await http.post("/v1/alertmanager", json=example)).status_code for _ in range(3)]

    assert statuses == [503, 202, 202]
    assert len(attempts) == 2


@pytest.fixture
def settings_with_tokens(settings: Settings) -> Settings:
    return Settings.model_validate(
        settings.model_dump()
        | {
            "ingest_tokens": "prometheus:abc-123-long-enough, prometheus:new-456-long-enough,other:sésame-ouvre-toi"
        }
    )


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (b"Bearer abc-123-long-enough", 202),
        (b"bearer new-456-long-enough", 202),
        ("Bearer sésame-ouvre-toi".encode(), 401),  # headers are latin-1
        (b"Bearer abc-123-long-enoug", 401),
        (b"Bearer ", 401),
        (b"Bearer", 401),
        (b"Basic abc-123-long-enough", 401),
        (b"\xff\xfe", 401),
        (b"", 401),
    ],
)
async def test_only_a_known_token_may_report_alerts(
    library: PlanLibrary,
    settings_with_tokens: Settings,
    temporal: FakeTemporal,
    example: Any,
    authorization: bytes,
    status: int,
) -> None:
    app = create_app(temporal, library, settings_with_tokens, lambda: NOON)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        answer = await http.post(
            "/v1/alertmanager",
            content=json.dumps(example),
            headers={b"content-type": b"application/json"}
            | ({b"authorization": authorization} if authorization else {}),
        )

    assert answer.status_code == status
    assert len(temporal.started) == (status == 202)
    if status == 401:
        assert_problem(answer, 401, "unknown-token")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "abc" not in answer.text


@pytest.mark.parametrize("tokens", ["abc-123", "prometheus:", ":abc", "a:b,c"])
def test_tokens_without_a_name_are_refused_at_once(
    library: PlanLibrary, temporal: FakeTemporal, tokens: str
) -> None:
    with pytest.raises(SettingsError, match="TOCSIN_INGEST_TOKENS: write name:token"):
        create_app(temporal, library, Settings(ingest_tokens=tokens))


@pytest.mark.parametrize("variable", ["ingest_tokens", "report_tokens", "codec_tokens"])
def test_tokens_that_could_be_guessed_are_refused_at_once(
    library: PlanLibrary, temporal: FakeTemporal, tmp_path: Path, variable: str
) -> None:
    settings = Settings(state=tmp_path, **{variable: f"prometheus:{'x' * 16},bell:fifteen-letters"})

    with pytest.raises(
        SettingsError, match=f"TOCSIN_{variable.upper()}: the token of bell is too short"
    ) as refused:
        create_app(temporal, library, settings)
    assert "fifteen" not in str(refused.value)


async def test_what_does_not_exist_and_the_wrong_method_are_problems_too(post: Post) -> None:
    assert_problem(await post.http.post("/v1/nothing"), 404, "not-found")
    answer = await post.http.get("/v1/alertmanager")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


async def test_nobody_is_sent_elsewhere_for_a_slash_too_many(post: Post, example: Any) -> None:
    for path in ("/v1/alertmanager/", "/healthz/", "/v1/a/secret-of-a-link/"):
        answer = await post.http.post(path, json=example, headers={"Host": "attacker.example"})

        assert_problem(answer, 404, "not-found")
        assert "location" not in answer.headers
    assert 'reason="not-found",source="-"} 3.0' in (await post.http.get("/metrics")).text
    assert post.temporal.started == []


async def test_the_receiver_is_alive_without_temporal_but_not_ready(post: Post) -> None:
    post.temporal.failure = unavailable()

    assert (await post.http.get("/healthz")).status_code == 200
    assert_problem(await post.http.get("/readyz"), 503, "temporal-unavailable")


async def test_a_probe_hears_within_a_second_that_temporal_hangs(
    library: PlanLibrary, settings: Settings
) -> None:
    async def hangs() -> Any:
        await asyncio.Event().wait()

    app = create_app(hangs, library, settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        problem = assert_problem(await http.get("/readyz"), 503, "temporal-unavailable")

    assert "no answer within 1 s" in problem["detail"]


async def test_the_receiver_is_ready_once_a_worker_polls_for_incidents(post: Post) -> None:
    assert_problem(await post.http.get("/readyz"), 503, "no-worker")

    post.temporal.pollers = ["worker@host"]

    assert (await post.http.get("/readyz")).status_code == 200
