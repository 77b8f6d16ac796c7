"""The yardsticks: workflows that do nothing but send one text message.

`OneActivity` is the least that a durable first message costs: its activity is on the workflow's own task queue, where
the worker may start it without asking the server. `SameSteps` takes the steps of an incident up to its first message: a
local activity, where ours logs the incident, then an activity on a queue of the channel's own. `NoVendor` leaves out
the vendor's SDK and HTTP; it is Temporal alone.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from bench.bare_steps import Steps

QUEUE = "bench-bare"
SMS_QUEUE = "bench-bare-sms"
ATTEMPT = timedelta(seconds=20)


@workflow.defn
class OneActivity:
    """One activity, which sends."""

    @workflow.run
    async def run(self, name: str) -> None:
        """Send a text message that says `name`."""
        await workflow.execute_activity_method(Steps.send, name, start_to_close_timeout=ATTEMPT)


@workflow.defn
class SameSteps:
    """A local activity, then an activity on another queue, which sends."""

    @workflow.run
    async def run(self, name: str) -> None:
        """Take a step, then send a text message that says `name`."""
        name = await workflow.execute_local_activity_method(Steps.note, name, start_to_close_timeout=ATTEMPT)
        await workflow.execute_activity_method(
            Steps.send, name, task_queue=SMS_QUEUE, start_to_close_timeout=ATTEMPT
        )


@workflow.defn
class NoVendor:
    """One activity, which sends nothing."""

    @workflow.run
    async def run(self, name: str) -> float:
        """When the activity ran, in seconds since the epoch."""
        return await workflow.execute_activity_method(Steps.look_at_the_clock, start_to_close_timeout=ATTEMPT)
