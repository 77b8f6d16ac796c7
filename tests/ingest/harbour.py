"""A harbour of our own: its plan and directory as files, and a Temporal that records what it was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from tocsin.domain import naming
from tocsin.domain.channel import ChannelName
from tocsin.domain.state import Acknowledgement, Actor, Message, Page, PageLevel, Target
from tocsin.domain.words import Phase, Status
from workflows.attributes import INCIDENT, PLAN

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

PLAN_FILE = """
plan: harbour
title: Harbour policy
organisation: Harbour Ltd
calendar: {timezone: Europe/London, holidays: GB-ENG}
severities:
  closed: {rank: 1, title: Closed}
  slow: {rank: 2, title: Slow}
roles:
  pilot: {title: Pilot}
facts:
  description: {title: What happened, owed_by: pilot}
  place: {title: Where, owed_by: pilot}
phases:
  immediate_action: {title: Immediate action}
  testing_and_monitoring: {title: Testing and monitoring}
  backup_and_meeting: {title: Backup and meeting}
  ongoing_assessment: {title: Ongoing assessment}
  post_incident: {title: Afterwards}
obligations:
  - id: summon
    title: A pilot is summoned
    clause: "1"
    from: aware
    within: PT1H
    do: [{page: {levels: [{role: pilot, via: [sms, phone], wait: PT5M}]}}]
intake:
  - source: alertmanager
    when: {service: "checkout-*"}
    severity: {critical: closed}
    otherwise: slow
    customer_label: customer
    facts: {description: "annotation:description", place: "label:environment"}
"""

DIRECTORY_FILE = """
people:
  kit: {name: Kit, phone: "+12025550101", email: kit@example.com}
  dee: {name: Dee, phone: "+12025550102", sms: "+12025550112", also: ["+12025550122"], email: dee@example.com}
  desk-early: {name: Early desk, phone: "+12025550120"}
  desk-late: {name: Late desk, phone: "+12025550120"}
roles: {pilot: [kit, dee]}
customers:
  acme: {name: Acme}
drill: {email: drill@example.com, phone: "+12025550199"}
"""

KIT, DEE, DESK, STRANGER = "+12025550101", "+12025550112", "+12025550120", "+12025550999"
DEE_AT_HOME = "+12025550122"


def write_plans(folder: Path) -> Path:
    (folder / "harbour").mkdir(parents=True)
    (folder / "harbour" / "plan.yaml").write_text(PLAN_FILE)
    (folder / "harbour" / "directory.yaml").write_text(DIRECTORY_FILE)
    return folder


@dataclass
class Told:
    """A signal that arrived at a workflow, or an update, whose handler is called `command`."""

    workflow: str
    signal: str
    argument: Any


@dataclass
class Incident:
    """What the fake Temporal knows of a workflow; `refusal` is the reason for which it refuses every command."""

    workflow: str
    id: str
    plan: str = "harbour"
    severity: str = "closed"
    pages: list[Page] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    is_logged: bool = True
    is_over: bool = False
    refusal: str = ""

    def paged(
        self, person: str, is_open: bool = True, by: str | None = None, via: ChannelName = "sms"
    ) -> Incident:
        """One more page, sent to `person`; `by` is who has acknowledged it."""
        number = len(self.pages) + 1
        level = PageLevel(target=Target(role="pilot"), via=("sms",), wait="PT5M")
        page = Page(
            number=number,
            reason="Summon",
            levels=(level,),
            next_at=None,
            opened=NOON,
            ended=None if is_open else NOON,
            acknowledged=Acknowledgement(by=Actor(key=by), at=NOON) if by else None,
        )
        message = Message(
            id=f"{self.id}-m{number}",
            purpose="page",
            template="page",
            target=Target(role="pilot"),
            channel=via,
            page=number,
            reached=person,
            created=NOON,
        )
        self.pages.append(page)
        self.messages.append(message)
        return self


class FakeTemporal:
    """Records starts, signals and updates; `failure`, when set, is what every call ends in. Where it `is_idle`, no
    worker answers updates."""

    namespace = "default"

    def __init__(self) -> None:
        self.running: dict[str, Incident] = {}
        self.started: list[dict[str, Any]] = []
        self.told: list[Told] = []
        self.queries: list[str] = []
        self.failure: Exception | None = None
        self.is_idle = False
        self.pollers: list[str] = []
        self.workflow_service = self

    async def __call__(self) -> FakeTemporal:
        """As a provider of clients."""
        return self

    def runs(self, *incidents: Incident) -> None:
        self.running |= {incident.workflow: incident for incident in incidents}

    async def start_workflow(self, workflow: Callable[..., Any], start: Any, **how: Any) -> None:
        self._fail()
        self.started.append({"start": start, **how})

    def get_workflow_handle(self, workflow: str) -> FakeHandle:
        return FakeHandle(self, workflow)

    def get_workflow_handle_for(self, run: Callable[..., Any], workflow: str) -> FakeHandle:
        return FakeHandle(self, workflow)

    async def list_workflows(self, query: str, limit: int) -> AsyncIterator[Any]:
        self._fail()
        self.queries.append(query)
        for incident in list(self.running.values())[:limit]:
            prefix = query.partition("STARTS_WITH '")[2].rstrip("'")
            is_asked_for = not (incident.is_over and "ExecutionStatus = 'Running'" in query)
            if incident.id.startswith(prefix) and f"'{incident.plan}'" in query and is_asked_for:
                yield _execution(incident)

    async def describe_task_queue(self, request: Any, **_: Any) -> Any:
        self._fail()
        return SimpleNamespace(pollers=self.pollers if request.task_queue.name == "incidents" else [])

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class FakeHandle:
    """One workflow of the fake Temporal."""

    temporal: FakeTemporal
    workflow: str

    async def signal(self, signal: Callable[..., Any], argument: Any, rpc_timeout: Any) -> None:
        self.temporal._fail()
        self._incident()
        self.temporal.told.append(Told(self.workflow, signal.__name__, argument))

    async def execute_update(self, update: Callable[..., Any], argument: Any, id: str) -> None:
        self.temporal._fail()
        incident = self._incident()
        if self.temporal.is_idle:
            raise RPCError("no worker", RPCStatusCode.DEADLINE_EXCEEDED, b"")
        assert argument.command.id == id
        self.temporal.told.append(Told(self.workflow, update.__name__, argument))
        if incident.refusal:
            failure = ApplicationError(incident.refusal, type="Refused")
            raise WorkflowUpdateFailedError(failure) from failure

    async def describe(self, rpc_timeout: Any) -> Any:
        self.temporal._fail()
        return _execution(self._incident())

    def _incident(self) -> Incident:
        incident = self.temporal.running.get(self.workflow)
        if incident is None or incident.is_over:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")
        return incident

    async def query(self, question: Callable[..., Any]) -> Any:
        self.temporal._fail()
        incident = self.temporal.running.get(self.workflow)
        if incident is None:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")
        if not incident.is_logged:
            raise WorkflowQueryFailedError("no case yet")
        return incident.messages if question.__name__ == "messages" else _view(incident)


def _view(incident: Incident) -> SimpleNamespace:
    """What the receiver reads of an incident's view."""
    return SimpleNamespace(
        id=incident.id,
        reference=naming.spoken(incident.id),
        workflow=incident.workflow,
        plan=incident.plan,
        title="Fog in the north basin",
        status=Status.OPEN,
        phase=Phase.IMMEDIATE_ACTION,
        severity=incident.severity,
        severity_title=incident.severity.capitalize(),
        is_drill=False,
        customer=None,
        pages=tuple(incident.pages),
        at=NOON,
    )


def _execution(incident: Incident) -> SimpleNamespace:
    """A workflow as a list describes it."""
    status = WorkflowExecutionStatus.COMPLETED if incident.is_over else WorkflowExecutionStatus.RUNNING
    return SimpleNamespace(id=incident.workflow, status=status, typed_search_attributes=_attributes(incident))


def _attributes(incident: Incident) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [SearchAttributePair(INCIDENT, incident.id), SearchAttributePair(PLAN, incident.plan)]
    )


def unavailable() -> RPCError:
    return RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")
