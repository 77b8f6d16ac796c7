"""What stands between Temporal and the rehearsal: it sets the clock by each activity, and hears what is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from temporalio import activity
from temporalio.client import (
    Client,
    ListWorkflowsInput,
    OutboundInterceptor,
    WorkflowExecutionAsyncIterator,
)
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from tocsin.domain.messages import Dispatch, Dispatched
from tocsin.rehearsal.clock import Timekeeper
from tocsin.rehearsal.loosening import Loosening
from tocsin.rehearsal.register import Register

Heard = Callable[[Dispatch, Dispatched], None]
"""Is told of each message that a vendor took, before the incident knows."""


class Backstage(ClientInterceptor, WorkerInterceptor):
    """Makes a client, and the workers built with it, fit for a rehearsal."""

    def __init__(
        self, timekeeper: Timekeeper, register: Register, loosening: Loosening, heard: Heard
    ) -> None:
        self._timekeeper = timekeeper
        self._register = register
        self._loosening = loosening
        self._heard = heard

    def client_like(self, client: Client) -> Client:
        """A client of the same server with this in between."""
        config = client.config()
        config["interceptors"] = [self]
        return Client(**config)

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """List workflows, which the time-skipping server does not."""
        return _Listing(next, self._register)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Set the clock, hear what is sent, and hold time until it has come home."""
        return _Hearing(next, self._timekeeper, self._loosening, self._heard)


class _Listing(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, register: Register) -> None:
        super().__init__(next)
        self._register = register

    def list_workflows(self, input: ListWorkflowsInput) -> WorkflowExecutionAsyncIterator:
        """What the register knows: it can be gone through, and no more is asked of it."""
        return cast(WorkflowExecutionAsyncIterator, self._register.listed(input.query or ""))


class _Hearing(ActivityInboundInterceptor):
    def __init__(
        self, next: ActivityInboundInterceptor, timekeeper: Timekeeper, loosening: Loosening, heard: Heard
    ) -> None:
        super().__init__(next)
        self._timekeeper = timekeeper
        self._loosening = loosening
        self._heard = heard

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """A local activity has no time of the server's, and sends nothing; but every incident begins with one."""
        info = activity.info()
        if info.is_local:
            self._loosening.watch(info.workflow_id or "")
            return await self.next.execute_activity(input)
        self._timekeeper.clock.set(info.started_time)
        result = await self.next.execute_activity(input)
        if isinstance(result, Dispatched):
            self._heard(input.args[0], result)
            await self._timekeeper.background.settled()
        return result
