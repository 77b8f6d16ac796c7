"""The receiver before a real Temporal server: what a recording one cannot vouch for."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from twilio.request_validator import RequestValidator

from activities.directory import DirectoryActivities
from activities.email import EmailActivities
from activities.phone import PhoneActivities
from activities.records import Records
from activities.sms import SmsActivities
from tests.gates import MemoryOptOuts, OpenGate
from tests.ingest.harbour import write_plans
from tests.ingest.test_monitors import assert_problem, resolve
from tests.workflows import lighthouse
from tocsin.domain import naming
from tocsin.domain.state import Actor
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.starting import declare
from workflows.incident import IncidentWorkflow
from workflows.post_incident import PostIncidentWorkflow

pytestmark = pytest.mark.slow

SERVER = Path(sys.executable).with_name("temporal")
SETTINGS = Settings(public_url="https://tocsin.example", twilio_auth_token="token")


@pytest.fixture
async def server() -> AsyncIterator[WorkflowEnvironment]:
    attributes = [f"--search-attribute={name}={kind}" for name, kind in naming.SEARCH_ATTRIBUTES.items()]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(SERVER),
        dev_server_extra_args=attributes,
        data_converter=pydantic_data_converter,
    ) as env:
        yield env


def receiver(client: Client, library: PlanLibrary) -> httpx.AsyncClient:
    async def clients() -> Client:
        return client

    app = create_app(clients, library, SETTINGS)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver")


async def text(http: httpx.AsyncClient, body: str, sender: str = "+12025550101", sid: str = "SM1") -> str:
    form = {"From": sender, "Body": body, "MessageSid": sid}
    signed = RequestValidator("token").compute_signature("https://tocsin.example/v1/twilio/sms", form)
    answer = await http.post("/v1/twilio/sms", data=form, headers={"X-Twilio-Signature": signed})
    return answer.text


async def signals(client: Client, workflow: str) -> list[str]:
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        async for event in client.get_workflow_handle(workflow).fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    ]


async def test_without_any_worker_an_alert_is_kept_and_its_repeat_joins_it(
    server: WorkflowEnvironment, library: PlanLibrary, example: Any
) -> None:
    async with receiver(server.client, library) as http:
        first, again = [await http.post("/v1/alertmanager", json=example) for _ in range(2)]
        resolve(example)
        resolved = await http.post("/v1/alertmanager", json=example)

        assert (first.status_code, again.json()) == (202, first.json())
        assert resolved.status_code == 202
        assert await signals(server.client, first.json()["workflow"]) == ["alert", "alert", "alert"]
        assert_problem(await http.get("/readyz"), 503, "no-worker")


async def test_an_alert_that_is_resolved_opens_nothing_on_a_real_server(
    server: WorkflowEnvironment, library: PlanLibrary, example: Any
) -> None:
    resolve(example)
    async with receiver(server.client, library) as http:
        answer = await http.post("/v1/alertmanager", json=example)

    assert (answer.status_code, answer.json()["outcome"]) == (200, "nothing open")


async def test_a_namespace_that_is_missing_does_not_pass_for_an_incident_that_is_over(
    server: WorkflowEnvironment, library: PlanLibrary, example: Any
) -> None:
    address = server.client.service_client.config.target_host
    lost = await Client.connect(address, namespace="nowhere", data_converter=pydantic_data_converter)
    resolve(example)
    async with receiver(lost, library) as http:
        answer = await http.post("/v1/alertmanager", json=example)

    assert "nowhere" in assert_problem(answer, 503, "temporal-unavailable")["detail"]


async def test_a_server_that_has_gone_is_given_up_within_three_seconds(
    library: PlanLibrary, example: Any
) -> None:
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(SERVER), data_converter=pydantic_data_converter
    )
    await env.shutdown()
    began = monotonic()

    async with receiver(env.client, library) as http:
        answer = await http.post("/v1/alertmanager", json=example)

    assert_problem(answer, 503, "temporal-unavailable")
    assert monotonic() - began < 3


async def test_a_code_finds_its_incident_by_the_first_five_characters(
    server: WorkflowEnvironment, library: PlanLibrary
) -> None:
    reporter = Actor(key="dee")
    id = await declare(server.client, library, SETTINGS, plan="harbour", title="Fog", reporter=reporter)
    other = await declare(server.client, library, SETTINGS, plan="harbour", title="Ice", reporter=reporter)
    async with receiver(server.client, library) as http:
        while "Received" not in await text(http, f"{id[:5]}-1"):
            await asyncio.sleep(0.05)  # until the server's visibility has the new incident

    assert await signals(server.client, naming.incident_workflow(id)) == ["queued_command"]
    assert await signals(server.client, naming.incident_workflow(other)) == []


async def test_an_alert_wakes_the_keeper_who_answers_with_ack(
    server: WorkflowEnvironment, tmp_path: Path, example: Any
) -> None:
    library = lighthouse_library(tmp_path)
    example["commonLabels"] = {"lamp": "north", "alertname": "LampOut"}
    sms = lighthouse.FakeChannel("sms")
    async with receiver(server.client, library) as http, at_work(workers(server.client, sms)):
        answer = await http.post("/v1/alertmanager", json=example)
        while "Acknowledged" not in (reply := await text(http, "ACK")):
            assert "No page waits" in reply
            await asyncio.sleep(0.05)  # until the keeper has been paged and visibility knows the incident
        code = f"{naming.spoken(answer.json()['key'])}-1"
        repeated = [await text(http, "ACK"), await text(http, code)]
        anew = [await text(http, code, sid="SM2"), await text(http, f"{code[:5]}-9", sid="SM2")]
        incident = server.client.get_workflow_handle_for(IncidentWorkflow.run, answer.json()["workflow"])
        view = await incident.query(IncidentWorkflow.view)
        ready = await http.get("/readyz")

    assert f"You have already acknowledged {code}." in repeated[0]
    assert f"Acknowledged: {code}." in repeated[1]
    assert f"You have already acknowledged {code}." in anew[0]
    assert f"{code[:5]}-9: there is no page 9" in anew[1]
    assert ready.status_code == 200
    assert sms.to == ["+12025550101"]
    acknowledged = view.pages[0].acknowledged
    assert acknowledged is not None
    assert acknowledged.by == Actor(key="kit", via="sms", proof="proven")
    assert view.roles["keeper"] == "kit"


def lighthouse_library(folder: Path) -> PlanLibrary:
    home = folder / "plans" / "lighthouse"
    home.mkdir(parents=True)
    (home / "plan.yaml").write_text(lighthouse.PLAN)
    (home / "directory.yaml").write_text(lighthouse.DIRECTORY)
    return PlanLibrary(folder / "plans", folder / "state")


def workers(client: Client, sms: lighthouse.FakeChannel) -> list[Worker]:
    people, renderer, gate = lighthouse.MemoryDirectories(), lighthouse.PlainRenderer(), OpenGate()
    phone, email = lighthouse.FakeChannel("phone"), lighthouse.FakeChannel("email")
    threads = ThreadPoolExecutor(4)
    records = Records(lighthouse.MemoryArchive())
    directory = DirectoryActivities(people, lighthouse.Passwords())
    return [
        Worker(
            client,
            task_queue=naming.INCIDENT_QUEUE,
            workflows=[IncidentWorkflow, PostIncidentWorkflow],
            activities=[
                records.open,
                records.keep,
                records.archive,
                directory.identify,
                directory.find_recipients,
            ],
            activity_executor=threads,
        ),
        *(
            Worker(client, task_queue=queue, activities=[send], activity_executor=threads)
            for queue, send in (
                (naming.SMS_QUEUE, SmsActivities(sms, people, renderer, MemoryOptOuts(), gate).send),
                (naming.PHONE_QUEUE, PhoneActivities(phone, people, renderer, gate).call),
                (naming.EMAIL_QUEUE, EmailActivities(email, people, renderer, gate).send),
            )
        ),
    ]


@asynccontextmanager
async def at_work(workers: list[Worker]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for worker in workers:
            await stack.enter_async_context(worker)
        yield


async def test_a_person_and_a_payload_start_incidents_from_the_command_line(
    server: WorkflowEnvironment, tmp_path: Path, example: Any
) -> None:
    environment = {
        "TEMPORAL_ADDRESS": server.client.service_client.config.target_host,
        "TOCSIN_PLANS": str(write_plans(tmp_path / "plans")),
        "TOCSIN_STATE": str(tmp_path / "state"),
    }
    person = await run(
        environment,
        *("start", "--plan", "harbour", "--title", "Fog", "--customer", "acme", "--fact", "place=North"),
        *("--as", "dee"),
    )
    monitor = await run(environment, "start", "--from", "alertmanager", payload=json.dumps(example))
    refused = await run(environment, "start", "--plan", "harbour", "--title", "Fog", "--severity", "foggy")

    described = await server.client.get_workflow_handle(
        naming.incident_workflow(person[1].strip())
    ).describe()
    attributes = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert (person[0], attributes["TocsinSeverity"]) == (0, "slow")
    assert "dee (claimed)" in str(await described.static_details())
    assert (monitor[0], monitor[1].split(maxsplit=1)[1]) == (0, "opened or joined\n")
    assert (refused[0], refused[2]) == (1, 'plan harbour has no severity "foggy"; it has closed, slow\n')


async def run(environment: dict[str, str], *arguments: str, payload: str = "") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "starter", *arguments),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(payload.encode())
    return process.returncode or 0, out.decode(), err.decode()
