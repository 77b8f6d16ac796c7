"""One incident's flood does not hold up another's page: on a real server, with queues that may send only so fast."""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from tocsin.domain import naming
from tocsin.embedded.stack import ROOT, SERVER_SETTINGS
from workflows import limits

pytestmark = [pytest.mark.slow]

FLOOD = 300


@dataclass
class Vendor:
    """Takes whatever it is given, and remembers whose it was."""

    took: list[str] = field(default_factory=list)

    @activity.defn(name="send")
    async def send(self, incident: str) -> None:
        self.took.append(incident)

    async def until_it_took(self, number: int) -> None:
        async with asyncio.timeout(60):
            while len(self.took) < number:
                await asyncio.sleep(0.02)

    async def took_from(self, incident: str) -> int:
        """How many others it had taken before the first of this incident."""
        async with asyncio.timeout(60):
            while incident not in self.took:
                await asyncio.sleep(0.02)
        return self.took.index(incident)


@workflow.defn(sandboxed=False)
class Sends:
    """An incident that hands over so many messages at once, as our incidents do."""

    @workflow.run
    async def run(self, incident: str, purpose: str, messages: int, queue: str) -> None:
        sends = [
            workflow.execute_activity(
                "send",
                incident,
                task_queue=queue,
                start_to_close_timeout=limits.SEND_ATTEMPT,
                priority=limits.priority(purpose, incident),
            )
            for _ in range(messages)
        ]
        await asyncio.gather(*sends)


@dataclass
class Town:
    """A server, a vendor, and a queue to it that nobody else uses."""

    client: Client
    vendor: Vendor
    queue: str

    async def sends(self, incident: str, purpose: str, messages: int) -> None:
        await self.client.start_workflow(
            Sends.run,
            args=[incident, purpose, messages, self.queue],
            id=f"{self.queue}-{incident}",
            task_queue=naming.INCIDENT_QUEUE,
        )


@pytest.fixture
async def server() -> AsyncIterator[WorkflowEnvironment]:
    settings = [word for setting in SERVER_SETTINGS for word in ("--dynamic-config-value", setting)]
    temporal = str(Path(sys.executable).with_name("temporal"))
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=temporal, dev_server_extra_args=settings
    ) as env:
        yield env


@asynccontextmanager
async def town(client: Client, per_second: float) -> AsyncIterator[Town]:
    vendor, queue = Vendor(), f"sms-{uuid.uuid4().hex}"
    sender = Worker(
        client,
        task_queue=queue,
        activities=[vendor.send],
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_concurrent_activities=20,
        max_task_queue_activities_per_second=per_second,
    )
    story = Worker(
        client,
        task_queue=naming.INCIDENT_QUEUE,
        workflows=[Sends],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with sender, story:
        yield Town(client, vendor, queue)


@pytest.mark.parametrize("per_second", [1, 5])
@pytest.mark.parametrize("flood", ["page", "notice"])
async def test_a_page_leaves_next_however_many_messages_of_another_incident_wait(
    server: WorkflowEnvironment, flood: str, per_second: float
) -> None:
    async with town(server.client, per_second) as house:
        await house.sends("loud", flood, FLOOD)
        await house.vendor.until_it_took(3 * int(per_second))
        before, asked = len(house.vendor.took), time.monotonic()

        await house.sends("quiet", "page", 1)

        assert await house.vendor.took_from("quiet") - before <= 2
        assert time.monotonic() - asked < 2.5, "a page waits for its turn, which comes once a second"


def test_a_server_of_ones_own_is_set_up_as_the_embedded_one_is() -> None:
    deployed = YAML(typ="safe").load(ROOT / "deploy/dynamicconfig/tocsin.yaml")
    senders = [naming.SMS_QUEUE, naming.PHONE_QUEUE, naming.EMAIL_QUEUE]

    for setting in SERVER_SETTINGS:
        name, _, value = setting.partition("=")
        values = {json(each["value"]) for each in deployed[name]}
        queues = [each["constraints"]["taskQueueName"] for each in deployed[name] if "constraints" in each]
        assert values == {value}
        assert queues in ([], senders)


def json(value: object) -> str:
    return str(value).lower()
