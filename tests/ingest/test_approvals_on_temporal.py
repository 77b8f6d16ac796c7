"""Words on their whole way: drafted, shown to the director, approved behind her link, and sent exactly so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.domain import observatory
from tests.ingest.test_on_temporal import server  # noqa: F401 — a fixture
from tests.workflows.lighthouse import FakeChannel
from tocsin.domain import naming
from tocsin.domain.channel import Email
from tocsin.domain.state import Actor
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.proofs import Proofs
from tocsin.settings import Settings
from tocsin.starting import declare
from tocsin.waysout import Channels
from tocsin.wordings import WordingStore
from tocsin.workers import build_workers

pytestmark = pytest.mark.slow


@dataclass
class Dome:
    """The observatory at work, and what left it."""

    client: Client
    settings: Settings
    library: PlanLibrary
    email: FakeChannel
    http: httpx.AsyncClient

    async def drips(self) -> str:
        actor = Actor(key="edmond")
        return await declare(
            self.client, self.library, self.settings, plan="observatory", title="It drips", reporter=actor
        )

    async def mail_to(self, address: str) -> Email:
        async with asyncio.timeout(20):
            while not (found := [mail for mail in self.email.sent if mail.to == address]):
                await asyncio.sleep(0.05)
        return found[-1]

    def link_in(self, mail: Email) -> str:
        found = re.search(r"(http\S+/v1/approvals/\S+)", mail.text)
        assert found is not None
        return found[1].removeprefix(self.settings.public_url)


@pytest.fixture
async def dome(server: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Dome]:  # noqa: F811
    home = tmp_path / "plans" / "observatory"
    home.mkdir(parents=True)
    (home / "plan.yaml").write_text(observatory.PLAN)
    (home / "directory.yaml").write_text(observatory.DIRECTORY)
    settings = Settings(
        plans=tmp_path / "plans",
        state=tmp_path / "state",
        public_url="https://tocsin.example",
        signing_keys="k1:" + "s" * 32,
        emails_per_second=100,
    )
    library, email = PlanLibrary(settings.plans, settings.state), FakeChannel("email")
    channels = Channels(email=email, sms=FakeChannel("sms"), phone=FakeChannel("phone"))
    async with AsyncExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(20))
        for worker in build_workers(server.client, settings, library, channels, executor):
            await stack.enter_async_context(worker)

        async def clients() -> Client:
            return server.client

        transport = httpx.ASGITransport(create_app(clients, library, settings))
        http = await stack.enter_async_context(
            httpx.AsyncClient(transport=transport, base_url=settings.public_url)
        )
        yield Dome(server.client, settings, library, email, http)


async def test_the_lenders_get_the_very_words_that_the_director_saw(dome: Dome) -> None:
    incident = await dome.drips()
    link = dome.link_in(await dome.mail_to("caroline@example.com"))
    shown = await dome.http.get(link)
    assert (shown.status_code, "It drips" in shown.text) == (200, True)
    assert [mail for mail in dome.email.sent if mail.to == "paris@example.org"] == []

    pressed = await dome.http.post(link, data={"decision": "approve"})
    assert (pressed.status_code, "<h1>Approved</h1>" in pressed.text) == (200, True)

    told = await dome.mail_to("paris@example.org")
    [kept] = (dome.settings.state / "wordings").iterdir()
    words = WordingStore(dome.settings.state).find(kept.stem)
    assert told.subject == words.subject
    assert words.plain in told.text
    assert (await dome.http.post(link, data={"decision": "approve"})).status_code == 409
    handle = dome.client.get_workflow_handle(naming.incident_workflow(incident))
    timeline = " ".join(entry["text"] for entry in await handle.query("timeline"))
    assert "approved by @caroline by the link sent to caroline's address" in timeline
    assert link.rpartition("/")[2] not in str(await handle.query("view")) + timeline


async def test_a_token_that_is_made_elsewhere_opens_nothing(dome: Dome) -> None:
    await dome.drips()
    link = dome.link_in(await dome.mail_to("caroline@example.com"))
    claim = Proofs.of(dome.settings).read_link(link.rpartition("/")[2])
    elsewhere = Proofs.of(
        dome.settings.model_copy(
            update={"signing_keys": Settings(signing_keys="k1:" + "x" * 32).signing_keys}
        )
    )

    answer = await dome.http.post(f"/v1/approvals/{elsewhere.link(claim)}", data={"decision": "approve"})

    assert answer.status_code == 403
    assert [mail for mail in dome.email.sent if mail.to == "paris@example.org"] == []
