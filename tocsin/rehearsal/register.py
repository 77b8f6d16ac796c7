"""Which workflows there are, found out without the list that the time-skipping server does not keep."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.common.v1 import WorkflowExecution as Named
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import TypedSearchAttributes
from temporalio.converter import decode_typed_search_attributes
from temporalio.service import RPCError, RPCStatusCode

from tocsin.cli.gateway import TemporalIncidents
from tocsin.cli.incidents import Execution
from tocsin.domain import naming
from workflows import attributes

_BEGINNING = re.compile(r"TocsinIncident STARTS_WITH ['\"](?P<prefix>\w+)['\"]")


@dataclass(frozen=True)
class Listed:
    """As much of a listed workflow as is ever asked of one."""

    id: str
    status: WorkflowExecutionStatus
    typed_search_attributes: TypedSearchAttributes


@dataclass(frozen=True)
class Logged:
    """An incident that the archive has a record of."""

    incident: str
    key: str
    opened: datetime


class Register:
    """The incidents below `state`, which are logged before anything is done about them, and their workflows."""

    def __init__(self, client: Client, state: Path) -> None:
        self._client = client
        self._state = state

    def logged(self) -> list[Logged]:
        """Every incident, the oldest first."""
        records = (json.loads(path.read_text()) for path in self._state.glob("incidents/*/record.json"))
        found = (
            Logged(record["incident"], record["key"], datetime.fromisoformat(record["opened"]))
            for record in records
        )
        return sorted(found, key=lambda each: each.opened)

    async def executions(self) -> list[Execution]:
        """The newest run of each workflow."""
        found = [await self.look_up(workflow) for workflow in self._workflows()]
        return [execution for execution in found if execution is not None]

    async def look_up(self, workflow: str, run: str | None = None) -> Execution | None:
        """A run, or the newest one of a workflow; `None` when there is none."""
        info = await self._info(workflow, run)
        return _execution(info) if info else None

    async def listed(self, query: str) -> AsyncIterator[Listed]:
        """The workflows of the incidents whose id begins as the query says; those that run, where it asks for them."""
        prefix = found["prefix"] if (found := _BEGINNING.search(query)) else ""
        only_running = "ExecutionStatus = 'Running'" in query
        for workflow in self._workflows():
            info = await self._info(workflow)
            if info is None or (only_running and not _runs(info)):
                continue
            if (known := _attributes(info)).get(attributes.INCIDENT, "").startswith(prefix):
                yield Listed(workflow, WorkflowExecutionStatus(int(info.status)), known)

    def _workflows(self) -> list[str]:
        logged = self.logged()
        homes = [naming.incident_workflow(key) for key in dict.fromkeys(each.key for each in logged)]
        return homes + [naming.post_incident_workflow(each.incident) for each in logged]

    async def _info(self, workflow: str, run: str | None = None) -> WorkflowExecutionInfo | None:
        """Asked without the SDK's reading of the answer: it stumbles over a search attribute that this server unset."""
        name = Named(workflow_id=workflow, run_id=run or "")
        request = DescribeWorkflowExecutionRequest(namespace=self._client.namespace, execution=name)
        try:
            answer = await self._client.workflow_service.describe_workflow_execution(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None
        return answer.workflow_execution_info


class RehearsedIncidents(TemporalIncidents):
    """The incidents as the command line finds them, on a server that keeps no list."""

    def __init__(self, client: Client, register: Register) -> None:
        super().__init__(client)
        self._register = register

    async def search(self, prefix: str = "", *, only_running: bool = False) -> list[Execution]:
        """The newest runs of the incidents whose id begins with `prefix`."""
        found = await self._register.executions()
        return [
            each
            for each in found
            if (each.incident or "").startswith(prefix) and (each.is_running or not only_running)
        ]

    async def look_up(self, workflow: str, run: str | None = None) -> Execution | None:
        """A run, or the newest one of a workflow."""
        return await self._register.look_up(workflow, run)


def _runs(info: WorkflowExecutionInfo) -> bool:
    return int(info.status) == WorkflowExecutionStatus.RUNNING


def _execution(info: WorkflowExecutionInfo) -> Execution:
    known = _attributes(info)
    return Execution(
        workflow=info.execution.workflow_id,
        run=info.execution.run_id,
        incident=known.get(attributes.INCIDENT),
        is_running=_runs(info),
        started=info.start_time.ToDatetime().replace(tzinfo=UTC),
        status=known.get(attributes.STATUS, ""),
    )


def _attributes(info: WorkflowExecutionInfo) -> TypedSearchAttributes:
    """The search attributes that are set: one that was unset stands here without a value."""
    fields = info.search_attributes.indexed_fields
    known = {name: payload for name, payload in fields.items() if payload.data not in {b"", b"null"}}
    return decode_typed_search_attributes(SearchAttributes(indexed_fields=known))
