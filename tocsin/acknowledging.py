"""The way to a publication: publishing a version, acknowledging it, asking how far that has come.

AlreadyPublished        the version was published, and that is over; nobody is asked again unless that is wanted
NotAcknowledged         the acknowledgement does not count; the text says why
└── NobodyAsks          the version is not published, or nobody is asked about it any more
TemporalUnavailable     Temporal does not answer; the same call may be made again, and nothing is doubled
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Protocol

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from tocsin.domain import naming
from tocsin.domain.publication import Acknowledged, Acknowledging, PublicationView, PublishPlan
from tocsin.domain.readership import summary, version_of, workflow_of
from tocsin.domain.state import Actor, PlanPin
from tocsin.starting import means_no_such_workflow, signal_if_running, temporal_answers
from tocsin.temporal import TemporalUnavailable
from workflows.publication import PlanPublication

ANSWER_WITHIN = timedelta(seconds=5)
"""How long somebody waits for a worker; after that an acknowledgement is kept as a signal."""

QUESTION_WITHIN = timedelta(seconds=12)
"""How long a question may take: after a worker's crash Temporal offers it to that worker for ten seconds more."""

_FAILED = WorkflowExecutionStatus.FAILED


class AlreadyPublished(Exception):
    """The version was published, and nobody is asked about it any more."""


class NotAcknowledged(Exception):
    """The acknowledgement does not count; the text says why."""


class NobodyAsks(NotAcknowledged):
    """The version is not published, or nobody is asked about it any more."""


class Publications(Protocol):
    """The publications of one Temporal namespace. Everything may raise `TemporalUnavailable`."""

    async def publish(self, plan: PlanPin, by: Actor, *, again: bool = False) -> None:
        """Have a version acknowledged; one that is being asked about is left alone. Raises `AlreadyPublished`.

        `again` asks those anew who had not acknowledged when the time was over.
        """

    async def view(self, plan: PlanPin) -> PublicationView | None:
        """How far it has come; `None` when the version is not published, or no worker answers."""

    async def acknowledge(self, plan: PlanPin, said: Acknowledging) -> Acknowledged | None:
        """Pass an acknowledgement on; `None` when it is kept until a worker is there. Raises `NotAcknowledged`."""


class TemporalPublications:
    """Those that a server has."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def publish(self, plan: PlanPin, by: Actor, *, again: bool = False) -> None:
        """Start the workflow of a version, unless it runs."""
        policy = WorkflowIDReusePolicy
        try:
            async with temporal_answers():
                await self._client.start_workflow(
                    PlanPublication.run,
                    PublishPlan(plan=plan, by=by),
                    id=workflow_of(plan),
                    task_queue=naming.INCIDENT_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=policy.ALLOW_DUPLICATE if again else policy.ALLOW_DUPLICATE_FAILED_ONLY,
                    static_summary=summary(plan),
                )
        except WorkflowAlreadyStartedError as error:
            raise AlreadyPublished(
                f"version {version_of(plan.hash)} of plan {plan.name} was published before; nobody is asked any more"
            ) from error

    async def view(self, plan: PlanPin) -> PublicationView | None:
        """Ask the workflow, also one that has ended."""
        handle = self._client.get_workflow_handle_for(PlanPublication.run, workflow_of(plan))
        try:
            async with temporal_answers(QUESTION_WITHIN):
                view = await handle.query(PlanPublication.view)
                if view.published is None and (await handle.describe()).status is _FAILED:
                    await handle.result()
        except (TemporalUnavailable, WorkflowQueryFailedError, RPCTimeoutOrCancelledError) as error:
            _go_on_cancelling(error)
            return None
        except WorkflowFailureError as error:
            return PublicationView(plan=plan, problem=getattr(error.cause, "message", str(error.cause)))
        return view

    async def acknowledge(self, plan: PlanPin, said: Acknowledging) -> Acknowledged | None:
        """Send the update; where no worker answers, the signal."""
        try:
            return await self._update(plan, said)
        except TemporalUnavailable:
            workflow = workflow_of(plan)
            if not await signal_if_running(
                self._client, workflow, PlanPublication.queued_acknowledgement, said
            ):
                raise _nobody_asks(plan) from None
            return None

    async def _update(self, plan: PlanPin, said: Acknowledging) -> Acknowledged:
        handle = self._client.get_workflow_handle_for(PlanPublication.run, workflow_of(plan))
        try:
            async with temporal_answers(ANSWER_WITHIN):
                try:
                    return await handle.execute_update(PlanPublication.acknowledge, said)
                except RPCError as error:
                    if means_no_such_workflow(error):
                        raise _nobody_asks(plan) from error
                    raise
        except RPCTimeoutOrCancelledError as error:
            _go_on_cancelling(error)
            raise TemporalUnavailable("no worker answered in time") from error
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if not isinstance(cause, ApplicationError):
                raise TemporalUnavailable(f"the acknowledgement was not carried out: {cause}") from error
            if cause.type == "Refused":
                raise NotAcknowledged(cause.message) from error
            raise _nobody_asks(plan) from error


def _go_on_cancelling(error: Exception) -> None:
    """Ctrl-C cancels us, and the SDK says "timed out or cancelled": it must not pass for a worker's silence."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def _nobody_asks(plan: PlanPin) -> NobodyAsks:
    return NobodyAsks(
        f"version {version_of(plan.hash)} of plan {plan.name} is not published, or the time to acknowledge it is over"
    )
