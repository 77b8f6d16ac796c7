"""People's reports before a real Temporal server, with workers at work."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.ingest.newsroom import Mail
from tests.ingest.test_on_temporal import SERVER, lighthouse_library
from tests.workflows import house as at_work
from tocsin.domain import naming
from tocsin.domain.commands import Close, Resolve
from tocsin.domain.events import Commanded
from tocsin.domain.state import Actor
from tocsin.ingest.app import create_app
from tocsin.settings import Settings
from workflows.casework import Casework

pytestmark = pytest.mark.slow

KIT = Actor(key="kit")


@dataclass
class Receiver:
    """A receiver before a real server."""

    client: Client
    http: httpx.AsyncClient

    async def mail(self, mail: Mail) -> httpx.Response:
        parts = [(name, (None, value)) for name, value in mail.fields.items()]
        parts += [("attachment1", file) for file in mail.files]
        return await self.http.post("/v1/reports/email/lighthouse", files=parts)

    async def ticket(self, **ticket: Any) -> httpx.Response:
        said = {"id": "SUP-1", "subject": "No light", "requester": {"email": "jo@x.example"}, **ticket}
        return await self.http.post("/v1/reports/ticket/lighthouse", json=said)

    async def notes(self, workflow: str) -> list[tuple[str, str]]:
        entries = await self.client.get_workflow_handle(workflow).query(Casework.timeline)
        return [(str(entry.by), entry.text) for entry in entries if entry.kind == "note"]

    async def do(self, workflow: str, command: Any) -> None:
        handle = self.client.get_workflow_handle(workflow)
        await handle.execute_update(Casework.command, Commanded(command=command))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Receiver]:
    attributes = [f"--search-attribute={name}={kind}" for name, kind in naming.SEARCH_ATTRIBUTES.items()]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(SERVER),
        dev_server_extra_args=attributes,
        data_converter=pydantic_data_converter,
    ) as env:

        async def clients() -> Client:
            return env.client

        app = create_app(clients, lighthouse_library(tmp_path), Settings(state=tmp_path / "state"))
        transport = httpx.ASGITransport(app)
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://receiver") as http,
            at_work.workers_of(at_work.Lighthouse(env)),
        ):
            yield Receiver(env.client, http)


async def test_a_mail_is_on_the_record_once_with_what_came_with_it_and_after_it(house: Receiver) -> None:
    mail = Mail(text="The lamp is out.", files=[("lamp.log", b"dark")])
    first, again = await house.mail(mail), await house.mail(mail)
    assert first.json() == again.json()
    workflow, reference = first.json()["workflow"], first.json()["reference"]
    handle = house.client.get_workflow_handle(workflow)

    async with asyncio.timeout(20):
        while not (view := await handle.query(Casework.view)).evidence:
            await asyncio.sleep(0.05)  # signals are worked on after they were accepted
        answer = await answered_once_listed(house, reference)

    assert answer.json()["incident"] == first.json()["incident"]
    assert (view.reporter, view.reported.kind, view.reported.channel) == (
        Actor(key="kit", via="email"),
        "employee",
        "email",
    )
    assert [kept.name for kept in view.evidence] == ["lamp.log"]
    assert await house.notes(workflow) == [
        ("kit (claimed)", "Attached: lamp.log\n\nThe lamp is out."),
        ("stakeholder (claimed)", "It flickers."),
    ]


async def answered_once_listed(house: Receiver, reference: str) -> httpx.Response:
    """An answer that names the incident, sent when the server's list has it."""
    while True:
        listed = [
            each async for each in house.client.list_workflows(f"TocsinIncident STARTS_WITH '{reference}'")
        ]
        if listed:
            break
        await asyncio.sleep(0.05)
    mail = Mail(
        sender="Jo <jo@x.example>",
        subject=f"Re: [{reference}] Lamp",
        text="It flickers.",
        headers="Message-ID: <2@x.example>\n",
    )
    return await house.mail(mail)


async def test_a_ticket_follows_its_incident_until_that_is_closed(house: Receiver) -> None:
    first = await house.ticket(body="None at all.")
    key, workflow = first.json()["incident"], first.json()["workflow"]
    await house.do(workflow, Resolve(id="resolve-1", actor=KIT, summary="lit"))
    await house.client.get_workflow_handle(workflow).result()
    after = naming.post_incident_workflow(key)

    again = await house.ticket(body="None at all.")
    more = await house.ticket(body="Out again.")
    async with asyncio.timeout(20):
        while len(await house.notes(after)) < 2:
            await asyncio.sleep(0.05)

    assert (again.json()["outcome"], more.json()["outcome"]) == ("over", "over")
    assert await house.notes(after) == [
        ("stakeholder (claimed)", "Ticket SUP-1: None at all."),
        ("stakeholder (claimed)", "Ticket SUP-1: Out again."),
    ]
    await house.do(after, Close(id="close-001", actor=KIT, anyway=True))
    await house.client.get_workflow_handle(after).result()
    assert (await house.ticket(body="And again.")).status_code == 409


async def test_somebody_elses_report_is_declared_with_who_took_it_down(
    house: Receiver, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from tocsin.cli.main import entry; entry()"),
        *("declare", "--plan", "lighthouse", "--title", "No light", "-o", "json"),
        *("--reported-by", "a fisherman", "--channel", "phone", "--criterion", "ships_near"),
        *("--knew", "2026-01-01 00:00", "--occurred", "2026-01-01 00:00"),
        env={
            "TEMPORAL_ADDRESS": house.client.service_client.config.target_host,
            "TOCSIN_PLANS": str(tmp_path / "plans"),
            "TOCSIN_STATE": str(tmp_path / "state"),
            "TOCSIN_ACTOR": "kit",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    workflow = naming.incident_workflow(json.loads(out)["incident"])

    async with asyncio.timeout(20):
        while not (notes := await house.notes(workflow)):
            await asyncio.sleep(0.05)
    view = await house.client.get_workflow_handle(workflow).query(Casework.view)

    assert notes == [("kit (claimed)", "Put on the record for a fisherman, whose report came by phone")]
    assert (view.severity, view.reported.contact, view.reported.channel) == ("dark", "a fisherman", "phone")
    assert view.anchors["occurred"].at.isoformat() == "2026-01-01T00:00:00+00:00"
