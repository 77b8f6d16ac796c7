"""A message to a large audience: pin the list, hand it over share by share, report to the incident that asked for it.

Recipients are read inside the activities, and never enter the history. Where the message stands is in its journal
(`tocsin.broadcastjournal`): whatever dies, the next attempt goes on from there.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.broadcasts import BroadcastActivities
    from tocsin.domain import naming
    from tocsin.domain.broadcasts import (
        BroadcastOutcome,
        BroadcastStanding,
        BroadcastStart,
        Doing,
        PinList,
        PinnedList,
        SendShare,
        quarters,
    )
    from tocsin.domain.events import BroadcastReported
    from tocsin.domain.multitudes import in_words
    from tocsin.domain.state import BroadcastCounts
    from workflows import limits
    from workflows.signalling import tell_first


@workflow.defn(name="Broadcast")
class BroadcastWorkflow:
    """One message to everybody on a list."""

    @workflow.init
    def __init__(self, start: BroadcastStart) -> None:
        self._start = start
        self._progress = start.progress
        self._problem = ""
        self._doing: Doing = "pins the list"

    @workflow.run
    async def run(self, start: BroadcastStart) -> BroadcastOutcome:
        """Send it, however long that takes."""
        if self._progress.sha256 is None:
            await self.pin()
        while self._counts.left and not self._problem:
            await self.send_share()
            if self._counts.left:
                await self.report_now_and_then()
                await self.continue_if_long()
        await self.report_the_end()
        return BroadcastOutcome(counts=self._counts, problem=self._problem)

    # Steps

    async def pin(self) -> None:
        """Have the list put down as it is now."""
        dispatch = self._start.dispatch
        pinned: PinnedList = await workflow.execute_activity_method(
            BroadcastActivities.pin,
            PinList(
                broadcast=self._start.broadcast,
                plan=dispatch.plan.name,
                list=self._start.list,
                channel=dispatch.channel,
                dispatch=dispatch,
            ),
            start_to_close_timeout=limits.LIST_ATTEMPT,
            heartbeat_timeout=limits.BROADCAST_HEARTBEAT,
            retry_policy=limits.BROADCAST_RETRY,
            priority=self._priority,
            summary=f"reads the list {self._start.list}",
        )
        self._problem = pinned.problem
        self._progress = self._progress.model_copy(update={"sha256": pinned.sha256, "counts": pinned.counts})
        self._become("sends")

    async def send_share(self) -> None:
        """Have some of those written to who are left. What the vendor will never take ends the broadcast."""
        assert self._progress.sha256 is not None
        try:
            share = await workflow.execute_activity_method(
                BroadcastActivities.send,
                SendShare(
                    broadcast=self._start.broadcast,
                    sha256=self._progress.sha256,
                    dispatch=self._start.dispatch,
                ),
                start_to_close_timeout=limits.SHARE_ATTEMPT,
                heartbeat_timeout=limits.BROADCAST_HEARTBEAT,
                retry_policy=limits.BROADCAST_RETRY,
                priority=self._priority,
                summary=f"{self._counts.left:,} of {self._counts.recipients:,} are left",
            )
        except ActivityError as error:
            if not isinstance(error.cause, ApplicationError):
                raise
            self._problem = error.cause.message
        else:
            self._progress = self._progress.model_copy(update={"counts": share.counts})
        self._become("sends")

    async def report_now_and_then(self) -> None:
        """Tell the incident after each quarter: more often would fill its history, and ours."""
        reached = quarters(self._counts)
        if reached > self._progress.reported:
            self._progress = self._progress.model_copy(update={"reported": reached})
            await self._tell(self._report())

    async def report_the_end(self) -> None:
        """Tell the incident how it ended. While it moves from one workflow to another it is looked for again."""
        self._become("reports")
        for _ in range(limits.HOMES_TRIED):
            if await self._tell(self._report(done=True)):
                break
            await workflow.sleep(limits.SUCCESSOR_WAIT, summary="the incident may be moving house")
        else:
            workflow.logger.warning("%s is over, and so is its incident", self._start.broadcast)
        self._become("is over")

    async def continue_if_long(self) -> None:
        """Continue as new where history has grown long."""
        info, limit = workflow.info(), self._start.continue_after
        is_long = limit is not None and info.get_current_history_length() >= limit
        if is_long or info.is_continue_as_new_suggested():
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(self._start.model_copy(update={"progress": self._progress}))

    # Helpers

    @property
    def _counts(self) -> BroadcastCounts:
        return self._progress.counts

    @property
    def _priority(self) -> Priority:
        return limits.priority("notice", self._start.dispatch.incident or self._start.broadcast)

    def _become(self, doing: Doing) -> None:
        self._doing = doing
        problem = f"\n\n**{self._problem}**" if self._problem else ""
        workflow.set_current_details(f"{in_words(self._counts)}{problem}")

    def _report(self, done: bool = False) -> BroadcastReported:
        return BroadcastReported(
            broadcast=self._start.broadcast, counts=self._counts, done=done, problem=self._problem
        )

    async def _tell(self, report: BroadcastReported) -> bool:
        """Tell the incident, wherever it lives now; false when it lives nowhere.

        What follows its resolution has a name of its own, under which nobody else can be; the first one is free then.
        """
        dispatch = self._start.dispatch
        if not dispatch.incident:
            return True
        homes = (
            naming.post_incident_workflow(dispatch.incident),
            dispatch.workflow,
            naming.incident_workflow(dispatch.incident),
        )
        return await tell_first(dict.fromkeys(homes), "broadcast_reported", report)

    @workflow.query
    def standing(self) -> BroadcastStanding:
        """The broadcast as it stands."""
        dispatch = self._start.dispatch
        return BroadcastStanding(
            broadcast=self._start.broadcast,
            list=self._start.list,
            channel=dispatch.channel,
            audience=str(dispatch.target),
            counts=self._counts,
            doing=self._doing,
            problem=self._problem,
        )
