"""Starting incidents, from a monitor's alert or a person's report: one atomic call each, durable without any worker.

Errors:

    TemporalUnavailable   Temporal did not take it; the same call may be made again, and nothing is doubled
    ReportRefused         a person's report names something that the plan does not know
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowExecutionStatus
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from tocsin import reporters
from tocsin.declaration import Declaration, ReportRefused, beginning
from tocsin.domain import naming
from tocsin.domain.alerts import CLOCKS_DIFFER_BY
from tocsin.domain.base import Value
from tocsin.domain.events import Alert, Commanded
from tocsin.domain.messages import IncidentOutcome, IncidentStart
from tocsin.domain.opening import reported_by
from tocsin.domain.state import Actor
from tocsin.domain.words import Status
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.temporal import TemporalUnavailable
from workflows import attributes
from workflows.incident import IncidentWorkflow

__all__ = [
    "PATIENCE",
    "Declaration",
    "ReportRefused",
    "Started",
    "declare",
    "raise_alert",
    "report",
    "signal_if_running",
    "temporal_answers",
    "utc_now",
]

PATIENCE = timedelta(seconds=2.5)
"""How long Temporal may take to accept something: whoever reported it must hear within three seconds."""

MILDEST_PRIORITY = 5
"""Temporal's priority keys run from 1 to 5; severities beyond share the last."""

SUMMARY_LENGTH = 200
FAIRNESS_KEY_BYTES = 64
"""Temporal's limit."""

Outcome = Literal["opened or joined", "counted", "nothing open", "over"]


class Started(Value):
    """Where an alert or a report went. Whether it opened the incident or joined one, Temporal does not say.

    `counted` means that it repeats what Temporal was told a moment ago: it is on the receiver's disk, and Temporal
    hears of it within seconds. `over` means that this very report opened an incident whose workflow has ended:
    resolved, perhaps closed.
    """

    incident_key: str
    workflow_id: str
    outcome: Outcome


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


async def raise_alert(
    client: Client, alert: Alert, settings: Settings, rank: int = MILDEST_PRIORITY
) -> Started:
    """Open the alert's incident or join the one that is open. Raises `TemporalUnavailable`.

    An alert that no longer fires opens nothing, nor does a repeat of what was said before the incident ended. `rank` is
    that of the alert's severity (1 is the worst): the worst incidents are worked on first when many start at once.
    """
    workflow = naming.incident_workflow(alert.key)
    if not alert.is_firing:
        is_open = await signal_if_running(client, workflow, IncidentWorkflow.alert, alert)
        outcome: Outcome = "opened or joined" if is_open else "nothing open"
        return Started(incident_key=alert.key, workflow_id=workflow, outcome=outcome)
    if alert.repeats and await _belongs_to_the_last(client, workflow, alert):
        return Started(incident_key=alert.key, workflow_id=workflow, outcome="nothing open")
    start = reported_by((alert,), drill_speed=settings.drill_speed)
    await _start(client, start, rank, IncidentWorkflow.alert, alert)
    return Started(incident_key=alert.key, workflow_id=workflow, outcome="opened or joined")


async def _belongs_to_the_last(client: Client, workflow: str, alert: Alert) -> bool:
    """Whether a repeat was said before the incident ended that ran last. Raises `TemporalUnavailable`."""
    async with temporal_answers():
        try:
            last = await client.get_workflow_handle(workflow).describe(rpc_timeout=PATIENCE)
            if last.status is not WorkflowExecutionStatus.COMPLETED:
                return False
            ran = client.get_workflow_handle(workflow, run_id=last.run_id, result_type=IncidentOutcome)
            outcome = await ran.result(follow_runs=False, rpc_timeout=PATIENCE)
        except RPCError as error:
            if not means_no_such_workflow(error):
                raise
            return False
    return outcome.ended is not None and alert.received <= outcome.ended - CLOCKS_DIFFER_BY


async def declare(
    client: Client,
    library: PlanLibrary,
    settings: Settings,
    *,
    plan: str,
    title: str,
    severity: str | None = None,
    customer: str | None = None,
    facts: Mapping[str, str] = MappingProxyType({}),
    reporter: Actor,
    clock: Callable[[], datetime] = utc_now,
) -> str:
    """Open an incident that a person reports; its id. Raises `ReportRefused`, `TemporalUnavailable`.

    Without a severity it is the plan's mildest until somebody classifies it. Anybody may report, also somebody whom
    the directory does not know: the record says who claimed to be speaking.
    """
    told = Declaration(
        plan=plan,
        title=title,
        severity=severity,
        customer=customer,
        facts=dict(facts),
        reporter=reporter,
        reported=reporters.by_word(library, plan, reporter.key),
    )
    return (await report(client, library, settings, told, clock=clock)).incident_key


async def report(
    client: Client,
    library: PlanLibrary,
    settings: Settings,
    told: Declaration,
    first: Commanded | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Started:
    """Open the incident that a person reports, with the first thing that is said to it, in one call.

    The repetition of a report opens nothing: it joins the incident, or finds it over, and then `first` was not said.
    Raises `ReportRefused`, `TemporalUnavailable`.
    """
    start = beginning(told, library, clock(), settings.drill_speed)
    rank = library.plans[told.plan].plan.severities[start.severity].rank
    signal = IncidentWorkflow.queued_command if first else None
    outcome: Outcome = "opened or joined"
    try:
        await _start(client, start, rank, signal, first, WorkflowIDReusePolicy.REJECT_DUPLICATE)
    except WorkflowAlreadyStartedError:
        outcome = "over"
    workflow = naming.incident_workflow(start.key)
    return Started(incident_key=start.key, workflow_id=workflow, outcome=outcome)


@asynccontextmanager
async def temporal_answers(within: timedelta = PATIENCE) -> AsyncIterator[None]:
    """Turn every way in which Temporal fails to answer into `TemporalUnavailable`, after `within` at the latest.

    The limit is set here because the SDK's `rpc_timeout` bounds each attempt and not all of them together.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            yield
    except (
        TimeoutError,
        RPCTimeoutOrCancelledError,
    ) as error:  # the SDK's own is neither a time-out nor an RPCError
        raise TemporalUnavailable(
            f"Temporal gave no answer within {within.total_seconds():g} s; nothing is lost if it is tried again"
        ) from error
    except RPCError as error:
        raise TemporalUnavailable(
            f"Temporal answered {error.status.name}: {error.message}; try again, and if it stays so check that the "
            "server is up and knows the namespace and the search attributes"
        ) from error


async def signal_if_running(
    client: Client, workflow: str, signal: Callable[..., Any], argument: Value
) -> bool:
    """Signal a workflow; false when none runs under that id. Raises `TemporalUnavailable`."""
    async with temporal_answers():
        try:
            await client.get_workflow_handle(workflow).signal(signal, argument, rpc_timeout=PATIENCE)
        except RPCError as error:
            if not means_no_such_workflow(error):
                raise
            return False
    return True


async def _start(
    client: Client,
    start: IncidentStart,
    rank: int,
    signal: Callable[..., Any] | None = None,
    argument: Value | None = None,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.ALLOW_DUPLICATE,
) -> None:
    async with temporal_answers():
        await client.start_workflow(
            IncidentWorkflow.run,
            start,
            id=naming.incident_workflow(start.key),
            task_queue=naming.INCIDENT_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse,
            start_signal=signal.__name__ if signal else None,
            start_signal_args=[argument] if signal else [],
            static_summary=_summary(start),
            static_details=_details(start),
            search_attributes=_search_attributes(start),
            priority=_priority(start, rank),
            rpc_timeout=PATIENCE,
        )


def _summary(start: IncidentStart) -> str:
    drill = "DRILL " if start.is_drill else ""
    return f"{drill}{naming.spoken(start.key)} · {start.plan.name} · {start.title}"[:SUMMARY_LENGTH]


def _details(start: IncidentStart) -> str:
    by = f"monitor {start.source}" if start.reporter.via == "monitor" else f"@{start.reporter}"
    return (
        f"Reported by {by} at {start.received:%Y-%m-%d %H:%M:%S} UTC, as severity **{start.severity}** "
        f"under version `{start.plan.hash[:12]}` of plan **{start.plan.name}**."
    )


def _search_attributes(start: IncidentStart) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(attributes.INCIDENT, start.key),
            SearchAttributePair(attributes.PLAN, start.plan.name),
            SearchAttributePair(attributes.SEVERITY, start.severity),
            SearchAttributePair(attributes.STATUS, Status.OPEN.value),
        ]
    )


def _priority(start: IncidentStart, rank: int) -> Priority:
    """Worst first; among equals plans take turns, so that a storm under one does not hold up the others."""
    fairness_key = start.plan.name[:FAIRNESS_KEY_BYTES]
    return Priority(priority_key=min(rank, MILDEST_PRIORITY), fairness_key=fairness_key)


def means_no_such_workflow(error: RPCError) -> bool:
    """A namespace that is not there must not pass for a workflow that is over."""
    is_namespace = any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details)
    return error.status is RPCStatusCode.NOT_FOUND and not is_namespace
