"""Mends a fault of the time-skipping server, in which time stops for good when certain workflows end.

The server holds its clock while a child that has ended tells its parent, and lets go when the parent has heard. A
parent that has closed before hears nothing, so the clock is held for ever. Here that is every workflow that takes
over an incident: its predecessor started it, and ended.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.testservice.v1 import UnlockTimeSkippingRequest
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistoryEventFilterType

_log = logging.getLogger(__name__)


class Loosening:
    """Watches the workflows of a rehearsal, and lets the clock go for each one whose end would hold it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._is_over = False

    def watch(self, workflow: str) -> None:
        """A workflow runs; it is watched until it ends, over all its runs."""
        if workflow not in self._watched and not self._is_over:
            task = self._watched[workflow] = asyncio.create_task(self._see_out(workflow))
            task.add_done_callback(partial(self._done, workflow))

    async def stop(self) -> None:
        """Watch no more: what fails or begins from now on is not part of the rehearsal."""
        self._is_over = True
        tasks = list(self._watched.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, workflow: str, task: asyncio.Task[None]) -> None:
        del self._watched[workflow]
        failed = None if task.cancelled() else task.exception()
        if failed is not None and not self._is_over:
            _log.error(
                "workflow %s is not watched any more; time may stand still when it ends",
                workflow,
                exc_info=failed,
            )

    async def _see_out(self, workflow: str) -> None:
        await _ended(self._client.get_workflow_handle(workflow))
        own = await self._describe(WorkflowExecution(workflow_id=workflow))
        if not own.HasField("parent_execution"):
            return
        parent = await self._describe(own.parent_execution)
        if int(parent.status) != WorkflowExecutionStatus.RUNNING:
            await self._client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())

    async def _describe(self, execution: WorkflowExecution) -> Any:
        request = DescribeWorkflowExecutionRequest(namespace=self._client.namespace, execution=execution)
        answer = await self._client.workflow_service.describe_workflow_execution(request)
        return answer.workflow_execution_info


async def _ended(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait for the end of a workflow's last run. The server gives up a long wait with an empty answer: ask again."""
    while True:
        events = handle.fetch_history_events(
            wait_new_event=True, event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT
        )
        last = [event.event_type async for event in events]
        if last and last[-1] != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
            return
