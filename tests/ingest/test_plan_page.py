"""The page behind a reader's link: it shows the policy's promises, and only its button acknowledges."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from tests.ingest.harbour import unavailable
from tests.newsletter import NOON, Harbour
from tocsin.domain.proving import Claim
from tocsin.domain.publication import Acknowledged, Acknowledging
from tocsin.domain.readership import acknowledgement_matter, workflow_of
from tocsin.ingest.app import create_app
from tocsin.proofs import Proofs


@dataclass
class FakeTemporal:
    """A Temporal that has one publication. `is_idle` when no worker answers updates; `failure` ends every call."""

    workflow: str
    is_idle: bool = False
    is_there: bool = True
    refusal: ApplicationError | None = None
    failure: Exception | None = None
    told: list[tuple[str, Acknowledging]] = field(default_factory=list)

    async def __call__(self) -> FakeTemporal:
        return self

    def get_workflow_handle(self, workflow: str) -> FakeTemporal:
        self.asked_for = workflow
        return self

    def get_workflow_handle_for(self, run: Callable[..., Any], workflow: str) -> FakeTemporal:
        return self.get_workflow_handle(workflow)

    async def execute_update(self, update: Callable[..., Any], said: Acknowledging) -> Acknowledged:
        self._must_be_there()
        if self.is_idle:
            raise RPCError("no worker", RPCStatusCode.DEADLINE_EXCEEDED, b"")
        if self.refusal is not None:
            raise WorkflowUpdateFailedError(self.refusal)
        self.told.append(("update", said))
        return Acknowledged(version="0" * 64, who=said.person, at=NOON, how="by the link")

    async def signal(self, signal: Callable[..., Any], said: Acknowledging, rpc_timeout: timedelta) -> None:
        self._must_be_there()
        self.told.append((signal.__name__, said))

    def _must_be_there(self) -> None:
        if self.failure is not None:
            raise self.failure
        if not self.is_there or self.asked_for != self.workflow:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")


@dataclass
class Reader:
    """Kit, with the link that was mailed to him."""

    http: httpx.AsyncClient
    harbour: Harbour
    temporal: FakeTemporal

    def link(self, **changes: Any) -> str:
        pin = self.harbour.pin
        claim = Claim(
            matter=acknowledgement_matter(pin),
            workflow=workflow_of(pin),
            person="kit",
            expires=NOON + timedelta(days=14),
        )
        proofs = Proofs.of(self.harbour.settings, lambda: NOON)
        return f"/v1/plans/{proofs.link(claim.model_copy(update=changes))}"

    async def opens(self, link: str | None = None) -> httpx.Response:
        return await self.http.get(link or self.link())

    async def presses(self, link: str | None = None) -> httpx.Response:
        return await self.http.post(link or self.link())


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncIterator[Reader]:
    harbour = Harbour(tmp_path)
    temporal = FakeTemporal(workflow_of(harbour.pin))
    app = create_app(temporal, harbour.library, harbour.settings, clock=lambda: NOON)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t.example") as http:
        yield Reader(http, harbour, temporal)


def assert_says(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.text


async def test_the_page_shows_every_promise_with_its_clause_and_time(reader: Reader) -> None:
    answer = await reader.opens()

    pin = reader.harbour.pin
    assert_says(answer, 200, "Harbour policy", pin.hash[:12], pin.hash, "You are", "kit", "I have read it")
    assert_says(
        answer, 200, "A pilot is summoned", "within 1 hour of aware", "Tuesday 08 December 2026, 12:00 GMT"
    )
    assert answer.headers["cache-control"] == "no-store"


async def test_looking_at_it_acknowledges_nothing(reader: Reader) -> None:
    await reader.opens()

    assert reader.temporal.told == []


async def test_a_press_acknowledges(reader: Reader) -> None:
    link = reader.link()

    assert_says(await reader.presses(link), 200, "Acknowledged", "on the record")
    [(way, said)] = reader.temporal.told
    assert (way, said.person) == ("update", "kit")
    assert said.proof == link.rpartition("/")[2]


async def test_without_a_worker_it_is_kept_and_says_so(reader: Reader) -> None:
    reader.temporal.is_idle = True

    assert_says(await reader.presses(), 202, "it is kept")
    assert [way for way, _ in reader.temporal.told] == ["queued_acknowledgement"]


async def test_what_does_not_count_is_said_with_the_reason(reader: Reader) -> None:
    reader.temporal.refusal = ApplicationError("the directory has no <kit>", type="Refused")

    assert_says(await reader.presses(), 409, "the directory has no &lt;kit&gt;.")


async def test_when_the_asking_is_over_the_page_says_so(reader: Reader) -> None:
    reader.temporal.is_there = False

    assert_says(await reader.presses(), 410, "This is over")


async def test_whoever_presses_again_when_all_is_over_hears_that_it_is_on_the_record(reader: Reader) -> None:
    reader.temporal.is_there = False
    reader.harbour.register.acknowledge(reader.harbour.pin, "kit", NOON, "by the link")

    assert_says(await reader.presses(), 200, "Acknowledged already")


async def test_without_temporal_the_page_asks_to_press_again(reader: Reader) -> None:
    reader.temporal.failure = unavailable()

    assert_says(await reader.opens(), 200, "I have read it")
    assert_says(await reader.presses(), 503, "Press the button again")


@pytest.mark.parametrize("purpose", ["approval", None])
async def test_a_link_that_is_not_for_this_is_forbidden(reader: Reader, purpose: str | None) -> None:
    matter = acknowledgement_matter(reader.harbour.pin)
    link = (
        reader.link(matter=matter.model_copy(update={"purpose": purpose})) if purpose else "/v1/plans/x.y.z"
    )

    assert_says(await reader.opens(link), 403, "not one of ours")
    assert_says(await reader.presses(link), 403, "not one of ours")
    assert reader.temporal.told == []


async def test_an_expired_link_is_gone(reader: Reader) -> None:
    link = reader.link(expires=NOON)

    assert_says(await reader.opens(link), 410, "Too late")
    assert_says(await reader.presses(link), 410, "Too late")


async def test_a_version_that_is_not_here_is_not_acknowledged_unseen(reader: Reader) -> None:
    matter = acknowledgement_matter(reader.harbour.pin).model_copy(update={"subject": "0" * 64})
    link = reader.link(matter=matter)

    assert_says(await reader.opens(link), 503, "nothing can be acknowledged unseen")
    assert_says(await reader.presses(link), 503)
    assert reader.temporal.told == []
