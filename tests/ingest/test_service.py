"""The receiver as a service: what it says of itself, how it is measured, whom it cuts off, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from openapi_core import OpenAPI
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.ingest.harbour import NOON, FakeTemporal, unavailable
from tests.ingest.test_monitors import assert_problem
from tests.ingest.test_starter import ROOT, environment, starter
from tocsin.domain import naming
from tocsin.ingest.app import create_app
from tocsin.ingest.limits import HEADERS_BYTES, HEADERS_LIMIT, Limits
from tocsin.ingest.serving import PunctualProtocol, served
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sourcefiles import with_alertmanager
from tocsin.sources import HmacLock, Lock, Source

__all__ = ["environment"]

POST = b"POST /v1/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SOURCES = with_alertmanager(
    [
        Source(source="bell", format="alertmanager", lock=Lock(bearer=["red-light-to-port"])),
        Source(
            source="grafana",
            format="grafana",
            lock=Lock(hmac=HmacLock(secrets=["red-light-to-port"], header="X-Grafana-Alerting-Signature")),
        ),
        Source(source="pager", format="pagerduty", lock=Lock(routing_keys=["red-light-to-port"])),
    ]
)


@pytest.fixture
def app(library: PlanLibrary, temporal: FakeTemporal, tmp_path: Path) -> FastAPI:
    return create_app(temporal, library, Settings(state=tmp_path), lambda: NOON, SOURCES)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere.example") as http:
        yield http


# ---- what it says of itself ----


async def test_the_document_is_valid_and_has_every_endpoint_with_its_answers(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()

    OpenAPI.from_dict(document)
    for path in ("/v1/alertmanager", "/v1/sources/bell", "/v1/sources/grafana", "/v2/enqueue"):
        operation = document["paths"][path]["post"]
        assert operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        assert {"202", "400", "401", "403", "408", "413", "415", "422", "431", "503"} <= set(
            operation["responses"]
        )
    for methods in document["paths"].values():
        for operation in methods.values():
            assert "default" in operation["responses"]
            assert "HTTPValidationError" not in json.dumps(operation)


async def test_the_document_says_what_a_sender_must_show(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    asked = {
        path: methods["post"]["security"] for path, methods in document["paths"].items() if "/v1/s" in path
    }

    assert "The key is in the body" in document["paths"]["/v2/enqueue"]["post"]["description"]
    assert asked["/v1/sources/bell"] == [{"token": []}]
    assert asked["/v1/sources/grafana"] == [{"signature-x-grafana-alerting-signature": []}]
    assert document["components"]["securitySchemes"]["signature-x-grafana-alerting-signature"] == {
        "type": "apiKey",
        "in": "header",
        "name": "X-Grafana-Alerting-Signature",
    }


async def test_the_page_for_people_shows_every_endpoint_and_loads_nothing(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    document = (await http.get("/openapi.json")).json()

    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<script|src=|https?://", page.text)
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in page.text
    assert (await http.get("/redoc")).status_code == 404


# ---- numbers ----


async def numbers(http: httpx.AsyncClient) -> dict[str, float]:
    """The counters that are not nought."""
    lines = (await http.get("/metrics")).text.splitlines()
    counted = [line.rpartition(" ") for line in lines if "_total{" in line or "_count{" in line]
    return {name.removeprefix("tocsin_ingest_"): float(value) for name, _, value in counted}


async def test_what_became_of_requests_is_counted(
    http: httpx.AsyncClient, temporal: FakeTemporal, example: Any
) -> None:
    await http.post("/v1/alertmanager", json=example)
    await http.post("/v1/alertmanager", json=example | {"version": "3"})
    await http.post("/v1/sources/bell", json=example)
    await http.post("/v2/enqueue", json={"routing_key": "blue"})
    await http.get("/etc/passwd")
    temporal.failure = unavailable()
    await http.post("/v1/alertmanager", json=example | {"groupKey": "another"})

    assert await numbers(http) == {
        'requests_total{outcome="accepted",source="alertmanager"}': 1,
        'requests_total{outcome="refused",source="alertmanager"}': 1,
        'requests_total{outcome="unavailable",source="alertmanager"}': 1,
        'requests_total{outcome="refused",source="bell"}': 1,
        'requests_total{outcome="refused",source="pager"}': 1,
        'refusals_total{reason="wrong-shape",source="alertmanager"}': 1,
        'refusals_total{reason="temporal-unavailable",source="alertmanager"}': 1,
        'refusals_total{reason="unknown-token",source="bell"}': 1,
        'refusals_total{reason="unknown-routing-key",source="pager"}': 1,
        'refusals_total{reason="not-found",source="-"}': 1,
        'alerts_total{source="alertmanager",state="firing"}': 2,
        'seconds_count{source="alertmanager"}': 3,
        'seconds_count{source="bell"}': 1,
        'seconds_count{source="pager"}': 1,
    }


async def test_nothing_that_a_stranger_writes_becomes_a_label(http: httpx.AsyncClient) -> None:
    await http.request("BREW", "/v1/coffee-pot", headers={"x-coffee": "pot"}, content=b"pot")
    await http.post("/v1/sources/coffee", json={"source": "coffee"})

    assert "coffee" not in (await http.get("/metrics")).text


# ---- limits ----


async def test_too_many_headers_are_refused(http: httpx.AsyncClient, example: Any) -> None:
    many = {f"x-{number}": "1" for number in range(HEADERS_LIMIT)}
    long = {"x-long": "1" * HEADERS_BYTES}

    for headers in (many, long):
        assert_problem(
            await http.post("/v1/alertmanager", json=example, headers=headers), 431, "headers-too-large"
        )
    assert await numbers(http) == {'refusals_total{reason="headers-too-large",source="-"}': 2}


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[int]:
    """The app on a real socket; its port."""
    config = served(app)
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    config.port = 0
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def answer_to(port: int, *pieces: bytes, every: float = 0.0) -> tuple[int, bytes]:
    """What is answered to pieces of a request that arrive slowly, and until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):

        async def send() -> None:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(every)

        sending = asyncio.create_task(send())
        try:
            answer = await reader.read()
        finally:
            sending.cancel()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def trickle(body: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in body]


async def test_a_body_that_trickles_is_cut_off(app: FastAPI) -> None:
    hasty = Limits(app.build_middleware_stack(), body_seconds=0.3)
    head = POST + b"Content-Length: 1000\r\n\r\n"
    async with listening(hasty) as port:
        began = monotonic()
        status, problem = await answer_to(port, head, *trickle(b"{" + b" " * 999), every=0.05)

    assert (status, json.loads(problem)["reason"]) == (408, "body-too-slow")
    assert monotonic() - began < 2


async def test_headers_that_trickle_are_cut_off(
    app: FastAPI, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PunctualProtocol, "head_seconds", 0.3)
    async with listening(app) as port:
        status, problem = await answer_to(port, *trickle(POST), every=0.05)

    assert (status, json.loads(problem)["reason"]) == (408, "headers-too-slow")
    assert await numbers(http) == {'refusals_total{reason="headers-too-slow",source="-"}': 1}


async def test_whoever_goes_on_sending_after_the_answer_is_cut_off_too(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PunctualProtocol, "head_seconds", 0.3)
    head = POST.replace(b"/v1/alertmanager", b"/v1/sources/bell") + b"Content-Length: 1000\r\n\r\n"
    async with listening(app) as port:
        began = monotonic()
        status, _ = await answer_to(port, head, *trickle(b" " * 1000), every=0.05)

    assert status == 401
    assert monotonic() - began < 2


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"1" * 2 * HEADERS_BYTES,
        POST + b"Transfer-Encoding: chunked\r\n\r\nnot a number\r\n",
    ],
)
async def test_what_is_no_http_is_answered_with_a_problem(
    app: FastAPI, http: httpx.AsyncClient, nonsense: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(app) as port:
        status, problem = await answer_to(port, nonsense)

    assert (status, json.loads(problem)["reason"]) == (400, "not-http")
    assert (await numbers(http))['refusals_total{reason="not-http",source="-"}'] == 1
    assert "Traceback" not in caplog.text


# ---- beginning ----

INSECURE = ("--insecure-loopback",)


@pytest.mark.parametrize(
    ("variables", "options", "said"),
    [
        ({}, (), "not secured: alertmanager; set TOCSIN_INGEST_TOKENS"),
        ({}, (), "not secured: reports from people; set TOCSIN_REPORT_TOKENS"),
        ({}, ("--host", "0.0.0.0", *INSECURE), "not secured: alertmanager"),
        ({}, ("--host", "receiver.internal", *INSECURE), "not secured: alertmanager"),
        ({"TOCSIN_PUBLIC_URL": "https://tocsin.example"}, INSECURE, "not secured: alertmanager"),
        (
            {"TOCSIN_INGEST_TOKENS": "m:s3cret-of-the-bell", "TOCSIN_SOURCES": "{sources}"},
            (),
            "not secured: bell; write what",
        ),
    ],
)
def test_the_receiver_does_not_start_where_anybody_could_report(
    environment: dict[str, str],
    tmp_path: Path,
    variables: dict[str, str],
    options: tuple[str, ...],
    said: str,
) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "bell.yaml").write_text("source: bell\nformat: alertmanager\n")
    given = {name: value.format(sources=folder) for name, value in variables.items()}

    ended = starter(environment | given, "serve", "--port", "0", *options)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "s3cret" not in ended.stderr


def test_a_mistake_in_a_source_keeps_the_receiver_from_starting(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "bell.yaml").write_text("source: bell\nformat: alertmanager\nplan: harbor\n")

    ended = starter(environment | {"TOCSIN_SOURCES": str(folder)}, "serve", "--port", "0")

    assert ended.returncode == 2
    assert f'{folder}/bell.yaml:3:7: plan: there is no plan "harbor"' in ended.stderr


# ---- ending ----


@pytest.fixture
async def server() -> AsyncIterator[WorkflowEnvironment]:
    attributes = [f"--search-attribute={name}={kind}" for name, kind in naming.SEARCH_ATTRIBUTES.items()]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.executable).with_name("temporal")),
        dev_server_extra_args=attributes,
        data_converter=pydantic_data_converter,
    ) as env:
        yield env


@contextmanager
def receiver(environment: dict[str, str], address: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A receiver of its own, and its port; it is dead on leaving."""
    command = [sys.executable, "-m", "starter", "serve", "--port", "0", "--insecure-loopback"]
    with subprocess.Popen(
        command, env=environment | {"TEMPORAL_ADDRESS": address}, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, int(process.stdout.readline().strip().rpartition(":")[2])
        finally:
            process.kill()


@pytest.mark.slow
async def test_a_receiver_that_is_told_to_stop_answers_what_is_under_way(
    environment: dict[str, str], server: WorkflowEnvironment, example: Any
) -> None:
    client: Client = server.client
    with receiver(environment, client.service_client.config.target_host) as (process, port):
        bodies = [json.dumps(example | {"groupKey": f"group {number}"}).encode() for number in range(20)]

        begun = [await asyncio.open_connection("127.0.0.1", port) for _ in bodies]
        for (_, writer), body in zip(begun, bodies, strict=True):
            writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body[:100])
            await writer.drain()
        await until_heard(port)
        process.send_signal(signal.SIGTERM)
        await until_closed(port)
        for (_, writer), body in zip(begun, bodies, strict=True):
            writer.write(body[100:])
        answers = [await reader.read() for reader, _ in begun]
        for _, writer in begun:
            writer.close()

        assert {answer.split()[1] for answer in answers} == {b"202"}
        opened = {json.loads(answer.partition(b"\r\n\r\n")[2])["workflow"] for answer in answers}
        assert len(opened) == 20
        for workflow in opened:
            assert await client.get_workflow_handle(workflow).describe()
        assert await asyncio.to_thread(process.wait, 20) == 0


async def until_heard(port: int) -> None:
    """Until whatever was sent before has been read: connections are served in the order in which they came."""
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200


async def until_closed(port: int) -> None:
    """Until nobody new is let in."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return
        writer.close()
        await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_sender_that_trickles_a_byte_a_second_does_not_keep_its_place(
    environment: dict[str, str],
) -> None:
    with receiver(environment, "127.0.0.1:1") as (_, port):
        began = monotonic()
        in_the_body, in_the_head = await asyncio.gather(
            answer_to(port, POST + b"Content-Length: 1000\r\n\r\n", *trickle(b"{" * 1000), every=1),
            answer_to(port, *trickle(POST), every=1),
        )

    assert (in_the_body[0], in_the_head[0]) == (408, 408)
    assert monotonic() - began < 15
