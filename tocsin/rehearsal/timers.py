"""The workflow that keeps a rehearsal's time: it sets timers for those who sleep, and wakes them."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from tocsin.rehearsal.clock import Nap, Timekeeper

QUEUE = "rehearsal"
WAKING = timedelta(minutes=5)
"""How long what follows from a wake-up may take, in real time."""


@workflow.defn(name="Rehearsal")
class RehearsalWorkflow:
    """Runs as long as the rehearsal, and has a timer for everybody who sleeps."""

    def __init__(self) -> None:
        self._is_over = False

    @workflow.run
    async def run(self) -> None:
        """Wait until the script has been played."""
        await workflow.wait_condition(lambda: self._is_over)

    @workflow.signal(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def nap(self, nap: Nap) -> None:
        """Wake a sleeper at their time."""
        await workflow.sleep(max(nap.until - workflow.now(), timedelta(0)))
        await workflow.execute_activity_method(
            Timekeeper.wake,
            nap.number,
            start_to_close_timeout=WAKING,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )

    @workflow.signal
    def end(self) -> None:
        """The script has been played."""
        self._is_over = True
