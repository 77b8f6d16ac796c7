"""What has not left yet, as Temporal knows it without asking a worker: pending activities, and task queues."""

from __future__ import annotations

from datetime import UTC, timedelta

from temporalio.api.enums.v1 import PendingActivityState, RateLimitSource, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, FailureError

from tocsin.cli.incidents import Execution, PendingSend, Queue
from tocsin.domain import naming

PATIENCE = timedelta(seconds=5)

_OF_OURS = frozenset({RateLimitSource.RATE_LIMIT_SOURCE_API, RateLimitSource.RATE_LIMIT_SOURCE_WORKER})
"""Who has set a rate that is one: the server has a guard of its own for every queue."""

_KINDS_OF_TASKS = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)


async def pending(client: Client, execution: Execution) -> list[PendingSend]:
    """The messages that a run has asked a worker to send, and that have not left. Raises `RPCError`."""
    handle = client.get_workflow_handle(execution.workflow, run_id=execution.run)
    found = (await handle.describe(rpc_timeout=PATIENCE)).raw_description.pending_activities
    return [await _pending(client, each) for each in found if naming.is_message(each.activity_id)]


async def _pending(client: Client, activity: PendingActivityInfo) -> PendingSend:
    failure = None
    if activity.HasField("last_failure"):
        failure = await client.data_converter.decode_failure(activity.last_failure)
    waits = activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
    is_later = waits and activity.HasField("next_attempt_schedule_time")
    return PendingSend(
        message=activity.activity_id,
        attempt=activity.attempt,
        is_under_way=not waits,
        failed_as=(failure.type or "") if isinstance(failure, ApplicationError) else "",
        failure=failure.message if isinstance(failure, FailureError) else "",
        next_attempt=activity.next_attempt_schedule_time.ToDatetime(UTC) if is_later else None,
    )


async def queue(client: Client, name: str) -> Queue:
    """A task queue. Workflows and activities wait apart in it, under one name. Raises `RPCError`."""
    both = [await _described(client, name, kind) for kind in _KINDS_OF_TASKS]
    limit = both[-1].effective_rate_limit
    oldest = max(each.stats.approximate_backlog_age.ToTimedelta() for each in both)
    return Queue(
        queue=name,
        waiting=sum(each.stats.approximate_backlog_count for each in both),
        oldest_seconds=oldest.total_seconds(),
        leaves_per_second=sum(each.stats.tasks_dispatch_rate for each in both),
        rate=limit.requests_per_second if limit.rate_limit_source in _OF_OURS else None,
        workers=len({poller.identity for each in both for poller in each.pollers}),
    )


async def _described(client: Client, name: str, kind: TaskQueueType.ValueType) -> DescribeTaskQueueResponse:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=name),
        task_queue_type=kind,
        report_stats=True,
        report_config=True,
    )
    return await client.workflow_service.describe_task_queue(request, timeout=PATIENCE)
