"""The incidents of a Temporal server. Temporal's errors become those of the command line here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from tocsin import temporal
from tocsin.cli import backlog
from tocsin.cli.errors import Failed, Gone, NoWorker, Refused, Unavailable, Usage
from tocsin.cli.incidents import Execution, PendingSend, Queue
from tocsin.domain import naming
from tocsin.domain.events import Commanded
from tocsin.domain.messages import CommandReply
from tocsin.domain.performance import Performance
from tocsin.domain.reports import Report
from tocsin.domain.state import Entry, Message
from tocsin.domain.view import IncidentView, LedgerRow
from tocsin.keyring import UnreadablePayload
from tocsin.settings import SettingsError
from workflows import attributes
from workflows.casework import Casework

T = TypeVar("T")

ANSWER_WITHIN = timedelta(seconds=5)
"""How long somebody at a keyboard waits for a worker; after that a command is queued."""

QUESTION_WITHIN = timedelta(seconds=12)
"""How long a question may take: after a worker's crash Temporal offers it to that worker for ten seconds more."""

SEARCH_LIMIT = 1_000
"""Runs that one look at the list takes; more incidents than that are not shown by a prefix of one character."""

_NO_WORKER = (
    "no worker answered in time; start one (`make up`, or `python worker.py`), or look in the Temporal UI"
)
_SILENT = frozenset(
    {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.RESOURCE_EXHAUSTED}
)
_ENDED = frozenset({RPCStatusCode.NOT_FOUND, RPCStatusCode.ABORTED})
_COMPLETED_MEANWHILE = "AcceptedUpdateCompletedWorkflow"
"""The server's type of failure for an update whose workflow ended before it was done."""


async def connect() -> TemporalIncidents:
    """The incidents of the server that the environment names. Raises `Unavailable`, `Usage`."""
    try:
        return TemporalIncidents(await temporal.connect())
    except temporal.TemporalUnavailable as error:
        raise Unavailable(str(error)) from error
    except SettingsError as error:
        raise Usage(str(error)) from error


class TemporalIncidents:
    """Incidents, found by search attributes and asked through queries and updates."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def search(self, prefix: str = "", *, only_running: bool = False) -> list[Execution]:
        """Runs of the incidents whose id begins with `prefix`."""
        query = f'TocsinIncident STARTS_WITH "{prefix}"' if prefix else "TocsinIncident IS NOT NULL"
        if only_running:
            query += ' AND ExecutionStatus = "Running"'
        async with _answering():
            found = self.client.list_workflows(query, limit=SEARCH_LIMIT, rpc_timeout=ANSWER_WITHIN)
            return [_execution(each) async for each in found]

    async def look_up(self, workflow: str, run: str | None = None) -> Execution | None:
        """A run, or the newest one of a workflow, with its title."""
        try:
            async with _answering():
                handle = self.client.get_workflow_handle(workflow, run_id=run)
                found = await handle.describe(rpc_timeout=ANSWER_WITHIN)
                summary = await found.static_summary()
        except Gone:
            return None
        return _execution(found, summary or "")

    async def command(self, workflow: str, commanded: Commanded) -> CommandReply:
        """Send the update, whose id is the command's."""
        handle = self.client.get_workflow_handle(workflow)
        async with _answering():
            return await handle.execute_update(
                Casework.command, commanded, id=commanded.command.id, rpc_timeout=ANSWER_WITHIN
            )

    async def queue(self, workflow: str, commanded: Commanded) -> None:
        """Send the signal; the server keeps it until a worker is there."""
        handle = self.client.get_workflow_handle(workflow)
        async with _answering():
            await handle.signal(Casework.queued_command, commanded, rpc_timeout=ANSWER_WITHIN)

    async def view(self, execution: Execution) -> IncidentView:
        """The incident as it stands."""
        return await self._ask(
            execution, lambda handle: handle.query(Casework.view, rpc_timeout=QUESTION_WITHIN)
        )

    async def ledger(self, execution: Execution) -> list[LedgerRow]:
        """Every promise and its verdict."""
        return await self._ask(
            execution, lambda handle: handle.query(Casework.ledger, rpc_timeout=QUESTION_WITHIN)
        )

    async def performance(self, execution: Execution) -> Performance:
        """The times that it took so far, and what became of the promises."""
        return await self._ask(
            execution, lambda handle: handle.query(Casework.performance, rpc_timeout=QUESTION_WITHIN)
        )

    async def timeline(self, execution: Execution) -> list[Entry]:
        """What happened, oldest first."""
        return await self._ask(
            execution, lambda handle: handle.query(Casework.timeline, rpc_timeout=QUESTION_WITHIN)
        )

    async def messages(self, execution: Execution) -> list[Message]:
        """Every message and how far it has come."""
        return await self._ask(
            execution, lambda handle: handle.query(Casework.messages, rpc_timeout=QUESTION_WITHIN)
        )

    async def pending(self, execution: Execution) -> list[PendingSend]:
        """The messages that have not left yet."""
        async with _answering():
            return await backlog.pending(self.client, execution)

    async def queues(self) -> list[Queue]:
        """The task queues, each with what waits in it."""
        async with _answering():
            return [await backlog.queue(self.client, name) for name in naming.QUEUES]

    async def report(self, execution: Execution, report: str) -> Report:
        """A report as it stands."""
        return await self._ask(
            execution, lambda handle: handle.query(Casework.report, report, rpc_timeout=QUESTION_WITHIN)
        )

    async def _ask(
        self, execution: Execution, question: Callable[[WorkflowHandle[Any, Any]], Awaitable[T]]
    ) -> T:
        """Ask the very run: another one of the same workflow may have another incident."""
        async with _answering(QUESTION_WITHIN):
            return await question(self.client.get_workflow_handle(execution.workflow, run_id=execution.run))


@asynccontextmanager
async def _answering(within: timedelta = ANSWER_WITHIN) -> AsyncIterator[None]:
    """Wait no longer than `within`, and turn what Temporal raises into the errors of the command line.

    The limit is set here because the SDK's `rpc_timeout` bounds each attempt, not all of them together.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            yield
    except (RPCTimeoutOrCancelledError, TimeoutError) as error:
        _go_on_cancelling(error)
        raise NoWorker(_NO_WORKER) from error
    except WorkflowUpdateFailedError as error:
        raise _failed_update(error.cause) from error
    except UnreadablePayload as error:
        raise Usage(str(error)) from error
    except WorkflowQueryFailedError as error:
        raise Failed(f"the incident could not answer: {error}") from error
    except RPCError as error:
        raise _failed_call(error) from error


def _go_on_cancelling(error: Exception) -> None:
    """Ctrl-C cancels us, and the SDK says "timed out or cancelled": it must not pass for a worker's silence."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def _failed_update(cause: BaseException) -> Exception:
    if not isinstance(cause, ApplicationError):
        return Failed(f"the incident could not carry out the command: {cause}")
    if cause.type == "Refused":
        return Refused(cause.message)
    if cause.type == _COMPLETED_MEANWHILE:
        return Gone()
    if cause.type == "HandingOver":
        return NoWorker(cause.message)  # kept as a signal, the command goes where the incident goes
    return Failed(f"the incident could not carry out the command: {cause.message}")


def _failed_call(error: RPCError) -> Exception:
    if any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details):
        return Unavailable(
            f"{error.message}; create the namespace, or set TEMPORAL_NAMESPACE to one that exists"
        )
    if error.status in _ENDED:
        return Gone()
    if error.status in _SILENT:
        return NoWorker(_NO_WORKER)
    if error.status is RPCStatusCode.UNAVAILABLE:
        return Unavailable(f"Temporal does not answer any more: {error.message}")
    return Failed(f"Temporal could not do what it was asked ({error.status.name}): {error.message}")


def _execution(found: WorkflowExecution, summary: str = "") -> Execution:
    known = found.typed_search_attributes
    return Execution(
        workflow=found.id,
        run=found.run_id,
        incident=known.get(attributes.INCIDENT),
        is_running=found.status is WorkflowExecutionStatus.RUNNING,
        started=found.start_time,
        title=_title(summary),
        plan=known.get(attributes.PLAN, ""),
        severity=known.get(attributes.SEVERITY, ""),
        phase=known.get(attributes.PHASE, ""),
        status=known.get(attributes.STATUS, ""),
        next_deadline=known.get(attributes.NEXT_DEADLINE),
        is_overdue=known.get(attributes.OVERDUE, False),
    )


def _title(summary: str) -> str:
    """The incident's title out of a workflow's summary, such as `DRILL 7F3K2 · plan · title`."""
    drill = "DRILL " if summary.startswith("DRILL ") else ""
    return drill + summary.split(" · ", 2)[-1].removeprefix(drill)
