"""The lighthouse under test: real workflows and activities, fake channels, and the words to tell a story with."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.broadcasts import BroadcastActivities
from activities.directory import DirectoryActivities
from activities.email import EmailActivities
from activities.feeds import NoFeeds
from activities.histories import Histories
from activities.phone import PhoneActivities
from activities.records import Records
from activities.sms import SmsActivities
from tests.gates import MemoryOptOuts, OpenGate
from tests.workflows.crowd import FakeBroadcaster
from tests.workflows.lighthouse import (
    HASH,
    FakeChannel,
    MemoryArchive,
    MemoryDirectories,
    Passwords,
    PlainRenderer,
)
from tocsin.domain import commands, naming
from tocsin.domain.delivery import DeliveryReport, DeliveryState
from tocsin.domain.events import Alert, Commanded, Delivery
from tocsin.domain.messages import CommandReply, IncidentStart
from tocsin.domain.opening import reported_by
from tocsin.domain.state import Actor, Message, PlanPin
from tocsin.domain.view import IncidentView, LedgerRow
from tocsin.lenience import LenientRunner
from workflows.broadcast import BroadcastWorkflow
from workflows.incident import IncidentWorkflow
from workflows.post_incident import PostIncidentWorkflow


@dataclass
class Lighthouse:
    """The house under test: what it was told, what it sent, and its clock."""

    env: WorkflowEnvironment
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    sms: FakeChannel = field(default_factory=lambda: FakeChannel("sms"))
    phone: FakeChannel = field(default_factory=lambda: FakeChannel("phone"))
    email: FakeChannel = field(default_factory=lambda: FakeChannel("email"))
    feeds: Any = field(default_factory=NoFeeds)
    crowd: FakeBroadcaster = field(default_factory=FakeBroadcaster)
    key: str = "K7F3K2XYZ9"
    continue_after: int | None = None

    @property
    def client(self) -> Client:
        return self.env.client

    @property
    def incident(self) -> WorkflowHandle[Any, Any]:
        """The workflow that is open under the key."""
        return self.client.get_workflow_handle(naming.incident_workflow(self.key))

    def after(self, incident: str | None = None) -> WorkflowHandle[Any, Any]:
        """The workflow of what is still owed."""
        return self.client.get_workflow_handle(naming.post_incident_workflow(incident or self.key))

    async def now(self) -> datetime:
        """The server's time, which skips."""
        return await self.env.get_current_time()

    async def alert(self, firing: bool = True, **changes: Any) -> WorkflowHandle[Any, Any]:
        """The monitor speaks, exactly as the receiver passes it on."""
        alert = self.alerted(await self.now(), firing)
        start = self.start_of(alert).model_copy(update=changes)
        return await self.client.start_workflow(
            IncidentWorkflow.run,
            start,
            id=naming.incident_workflow(self.key),
            task_queue=naming.INCIDENT_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="alert",
            start_signal_args=[alert],
        )

    def alerted(self, now: datetime, firing: bool = True) -> Alert:
        """What the monitor says at that moment."""
        return Alert(
            key=self.key,
            source="alertmanager",
            group="lamp",
            plan=PlanPin(name="lighthouse", hash=HASH),
            title="The lamp is out",
            severity="dark",
            alerts={"lamp-1": firing},
            began=now,
            received=now,
        )

    async def hears_again(self, said: datetime) -> None:
        """A repeat is told that was said at that moment."""
        repeat = self.alerted(said).model_copy(update={"repeats": True})
        await self.incident.signal("alert", repeat)

    def start_of(self, alert: Alert) -> IncidentStart:
        """How the receiver would start it."""
        return reported_by((alert,)).model_copy(update={"continue_after": self.continue_after})

    async def says(
        self, command: type[commands.Command], handle: WorkflowHandle[Any, Any] | None = None, **words: Any
    ) -> CommandReply:
        """A person's command, as the CLI sends it; raises `Refused` with the reason."""
        words.setdefault("id", uuid.uuid4().hex)
        words.setdefault("actor", Actor(key="kit"))
        try:
            return await (handle or self.incident).execute_update(
                "command", Commanded(command=command(**words)), id=words["id"], result_type=CommandReply
            )
        except WorkflowUpdateFailedError as error:
            raise Refused(str(error.cause)) from error

    async def deliver_everything(self, handle: WorkflowHandle[Any, Any] | None = None) -> None:
        """The vendors report that all that was sent has arrived."""
        handle = handle or self.incident
        for message in await handle.query("messages", result_type=list[Message]):
            if message.channel == "email" and message.sent and not message.delivered:
                report = DeliveryReport(
                    vendor="sendgrid",
                    vendor_id=message.vendor_id or "",
                    state=DeliveryState.DELIVERED,
                    at=await self.now(),
                )
                incident = message.id.rpartition("-m")[0]
                delivery = Delivery(incident=incident, message=message.id, report=report)
                await handle.signal("delivery", delivery)

    async def view(self, handle: WorkflowHandle[Any, Any] | None = None) -> IncidentView:
        """The incident as the CLI shows it."""
        return await (handle or self.incident).query("view", result_type=IncidentView)

    async def ledger(self, handle: WorkflowHandle[Any, Any] | None = None) -> dict[str, LedgerRow]:
        """The ledger by key."""
        rows = await (handle or self.incident).query("ledger", result_type=list[LedgerRow])
        return {row.key: row for row in rows}

    async def passes(self, **duration: float) -> None:
        """Time passes, on the server's clock."""
        await self.env.sleep(timedelta(**duration))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait, in real time, for what the workers are about to do."""
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.02)

    async def outcome(self, handle: WorkflowHandle[Any, Any]) -> Any:
        """What a workflow returned, once it has ended; unlike `result`, it makes no time pass."""
        # Asked without the SDK's reading of the answer: it stumbles over a search attribute that this server unset.
        execution = WorkflowExecution(workflow_id=handle.id)
        request = DescribeWorkflowExecutionRequest(namespace=self.client.namespace, execution=execution)
        async with asyncio.timeout(20):
            while True:
                answer = await self.client.workflow_service.describe_workflow_execution(request)
                if answer.workflow_execution_info.status != WorkflowExecutionStatus.RUNNING:
                    return await handle.result()
                await asyncio.sleep(0.05)

    async def eventually(
        self, handle: WorkflowHandle[Any, Any], condition: Callable[[IncidentView], bool]
    ) -> IncidentView:
        """Wait, in real time, until the incident looks like this."""
        async with asyncio.timeout(20):
            while not condition(view := await self.view(handle)):
                await asyncio.sleep(0.05)
        return view


class Refused(Exception):
    """A command was refused; the text is the reason."""


def workers_of(house: Lighthouse) -> AsyncExitStack:
    """The workers of a house; a context of their own, so that a test may stop and start them."""
    return _Workers(house)


class _Workers(AsyncExitStack):
    def __init__(self, house: Lighthouse) -> None:
        super().__init__()
        self._house = house

    async def __aenter__(self) -> _Workers:
        await super().__aenter__()
        executor = self.enter_context(ThreadPoolExecutor(8))
        for worker in _build(self._house, executor):
            await self.enter_async_context(worker)
        return self


def _build(house: Lighthouse, executor: ThreadPoolExecutor) -> list[Worker]:
    directories, renderer, gate = MemoryDirectories(), PlainRenderer(), OpenGate()
    broadcasts = BroadcastActivities(house.crowd)
    records, lookup = Records(house.archive), DirectoryActivities(directories, Passwords())
    activities = {
        naming.INCIDENT_QUEUE: [
            records.open,
            records.keep,
            records.archive,
            Histories(house.archive).save,
            lookup.find_recipients,
            lookup.identify,
            lookup.prove,
            house.feeds.read,
        ],
        naming.EMAIL_QUEUE: [EmailActivities(house.email, directories, renderer, gate).send],
        naming.SMS_QUEUE: [SmsActivities(house.sms, directories, renderer, MemoryOptOuts(), gate).send],
        naming.PHONE_QUEUE: [PhoneActivities(house.phone, directories, renderer, gate).call],
        naming.BROADCAST_QUEUE: [broadcasts.pin, broadcasts.send],
    }
    stories: dict[str, list[type]] = {
        naming.INCIDENT_QUEUE: [IncidentWorkflow, PostIncidentWorkflow],
        naming.BROADCAST_QUEUE: [BroadcastWorkflow],
    }
    sandboxed = SandboxedWorkflowRunner()
    runner: WorkflowRunner = LenientRunner(sandboxed) if house.env.supports_time_skipping else sandboxed
    return [
        Worker(
            house.client,
            task_queue=queue,
            workflows=stories.get(queue, []),
            workflow_runner=runner,
            activities=activities[queue],
            activity_executor=executor,
        )
        for queue in naming.QUEUES
    ]
