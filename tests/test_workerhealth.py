"""What a worker answers to whoever asks how it is."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from temporalio.service import RPCError, RPCStatusCode

from tests.workflows.house import FakeChannel
from tocsin.channels.breaker import Breaker
from tocsin.channels.metrics import VendorMetrics
from tocsin.domain import naming
from tocsin.embedded.processes import free_port
from tocsin.settings import Settings, SettingsError
from tocsin.waysout import Channels
from tocsin.workerhealth import WorkerHealth, served
from worker import parser, runtime_of, settings_of


@dataclass
class Temporal:
    """A server that is healthy, or away."""

    is_away: bool = False

    @property
    def service_client(self) -> Temporal:
        return self

    async def check_health(self, timeout: timedelta) -> bool:  # noqa: ASYNC109 — the SDK's signature
        if self.is_away:
            raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")
        return True


@dataclass
class Queue:
    """A worker of one queue."""

    task_queue: str
    is_running: bool = True


@pytest.fixture
def breakers() -> dict[str, Breaker]:
    return {name: Breaker(name) for name in ("sendgrid", "twilio", "twilio-2")}


@pytest.fixture
def metrics(breakers: dict[str, Breaker]) -> VendorMetrics:
    return VendorMetrics(breakers.values())


@pytest.fixture
def temporal() -> Temporal:
    return Temporal()


@pytest.fixture
def queues() -> list[Queue]:
    return [Queue("incidents"), Queue("sms")]


@pytest.fixture
async def http(
    temporal: Temporal, queues: list[Queue], breakers: dict[str, Breaker], metrics: VendorMetrics
) -> AsyncIterator[httpx.AsyncClient]:
    nobody: Any = FakeChannel("sms")
    channels = Channels(
        email=nobody,
        sms=nobody,
        phone=nobody,
        breakers={
            "email": (breakers["sendgrid"],),
            "sms": (breakers["twilio"], breakers["twilio-2"]),
        },
        registry=metrics.registry,
    )
    health = WorkerHealth(cast(Any, temporal), cast(Any, queues), channels)
    transport = httpx.ASGITransport(health.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as http:
        yield http


def shut(breaker: Breaker) -> None:
    for _ in range(3):
        breaker.failed("try_again")


async def test_a_worker_that_is_well_says_what_it_serves_and_by_whom(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "problems": [],
        "queues": ["incidents", "sms"],
        "channels": {"email": ["sendgrid"], "sms": ["twilio", "twilio-2"]},
        "vendors": {
            name: {"breaker": "closed", "last_failure": None} for name in ("sendgrid", "twilio", "twilio-2")
        },
    }


async def test_one_way_that_is_shut_is_shown_and_no_illness(
    http: httpx.AsyncClient, breakers: dict[str, Breaker]
) -> None:
    shut(breakers["twilio"])

    answer = await http.get("/healthz")

    assert answer.status_code == 200
    said = answer.json()["vendors"]["twilio"]
    assert (said["breaker"], said["last_failure"]["kind"]) == ("open", "try_again")


async def test_a_channel_without_any_way_is_an_illness_of_which_no_new_process_is_the_cure(
    http: httpx.AsyncClient, breakers: dict[str, Breaker]
) -> None:
    shut(breakers["twilio"])
    shut(breakers["twilio-2"])

    healthy, alive = await http.get("/healthz"), await http.get("/livez")

    assert (healthy.status_code, alive.status_code) == (503, 200)
    assert healthy.json()["problems"] == ["every way out by sms is shut: twilio, twilio-2"]


async def test_nobody_is_sent_elsewhere_for_a_slash_too_many(http: httpx.AsyncClient) -> None:
    answer = await http.get("/livez/", headers={"Host": "attacker.example"})

    assert (answer.status_code, answer.headers.get("location")) == (404, None)


async def test_without_temporal_it_is_ill(http: httpx.AsyncClient, temporal: Temporal) -> None:
    temporal.is_away = True

    for path in ("/healthz", "/livez"):
        answer = await http.get(path)
        assert answer.status_code == 503
        assert answer.json()["problems"] == ["Temporal does not answer: connection refused"]


async def test_a_queue_that_is_not_served_any_more_is_named(
    http: httpx.AsyncClient, queues: list[Queue]
) -> None:
    queues[1].is_running = False

    answer = await http.get("/livez")

    assert (answer.status_code, answer.json()["problems"]) == (503, ["not running: sms"])


async def test_the_metrics_count_what_vendors_were_asked_and_show_the_breakers(
    http: httpx.AsyncClient, breakers: dict[str, Breaker], metrics: VendorMetrics
) -> None:
    metrics.asked("twilio", "sms", "sent", 0.2)
    metrics.asked("twilio", "sms", "try_again", 5.0)
    shut(breakers["twilio"])

    answer = await http.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert samples["tocsin_vendor_requests_total", "sent", "sms", "twilio"] == 1
    assert samples["tocsin_vendor_requests_total", "sms", "try_again", "twilio"] == 1
    assert samples["tocsin_vendor_seconds_sum", "sms", "twilio"] == 5.2
    assert samples["tocsin_vendor_breaker_state", "twilio"] == 2
    assert samples["tocsin_vendor_breaker_state", "twilio-2"] == 0


@pytest.fixture
def health(temporal: Temporal, queues: list[Queue]) -> WorkerHealth:
    nobody: Any = FakeChannel("sms")
    return WorkerHealth(
        cast(Any, temporal), cast(Any, queues), Channels(email=nobody, sms=nobody, phone=nobody)
    )


async def test_it_is_served_where_it_is_told_and_a_taken_address_is_said_to_be_one(
    health: WorkerHealth,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SettingsError, match=rf"TOCSIN_WORKER_HTTP: cannot listen on {address}"):
            async with served(health, address):
                pass

    async with served(health, address), httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://{address}/livez")).status_code == 200


async def test_a_connection_that_is_kept_is_answered_without_waiting_for_the_clients_kernel(
    health: WorkerHealth,
) -> None:
    address = f"127.0.0.1:{free_port()}"
    took = []

    async with served(health, address), httpx.AsyncClient(trust_env=False) as http:
        for _ in range(10):
            asked = time.perf_counter()
            await http.get(f"http://{address}/livez")
            took.append(time.perf_counter() - asked)

    assert min(took[5:]) < 0.03, "each but the first few would take 40 ms"


def test_the_metrics_of_temporals_sdk_have_an_address_of_their_own() -> None:
    address = f"127.0.0.1:{free_port()}"

    runtime = runtime_of(Settings(temporal_metrics=address))

    assert runtime is not None
    assert httpx.get(f"http://{address}/metrics", trust_env=False).status_code == 200
    with pytest.raises(SettingsError, match="TOCSIN_TEMPORAL_METRICS"):
        runtime_of(Settings(temporal_metrics=address))


def test_unless_they_are_wanted_nothing_listens() -> None:
    assert runtime_of(Settings()) is None


def test_the_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_WORKER_HTTP", "0.0.0.0:8081")

    assert settings_of(parser().parse_args([])).worker_http == "0.0.0.0:8081"
    assert settings_of(parser().parse_args(["--health-port", "9"])).worker_http == "127.0.0.1:9"


def test_the_usage_names_every_queue_that_there_is() -> None:
    assert f"[--queues {','.join(naming.QUEUES)}]" in parser().format_usage()
