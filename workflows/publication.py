"""A version of a plan, from its publication until everybody whom the plan names has acknowledged it.

They are asked by email, again and again until they answer or the time is over. Who has not is on the record, in the
result, and on the workflow's page all along.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.publication import PublicationEmails, PublicationRecords
    from tocsin.domain import naming, readership
    from tocsin.domain.publication import (
        Acknowledged,
        Acknowledging,
        AskReader,
        PublicationState,
        PublicationView,
        PublishPlan,
        Reader,
        RecordAcknowledgement,
        RecordEnding,
        RecordPublication,
    )
    from tocsin.domain.state import PlanPin
    from workflows import limits
    from workflows.signalling import was_told


@workflow.defn(name="PlanPublication")
class PlanPublication:
    """Has one version acknowledged. A newer version that is published ends it."""

    @workflow.init
    def __init__(self, start: PublishPlan) -> None:
        self._start = start
        self._state = start.state
        self._superseded_by: str | None = None
        self._is_ending = False

    @workflow.run
    async def run(self, start: PublishPlan) -> PublicationView:
        """Publish, ask, remind, and say who has not acknowledged."""
        await self.publish()
        while not self.is_over:
            await self.find_readers()
            await self.ask()
            await self.wait_for_the_next_round()
        await self.end()
        return self.view()

    @property
    def state(self) -> PublicationState:
        """The publication; only once it is on the record."""
        assert self._state is not None
        return self._state

    @property
    def is_over(self) -> bool:
        """Whether nobody is asked any more."""
        return readership.ending(self.state, workflow.now()) is not None

    async def publish(self) -> None:
        """Put it on the record, and end the asking about earlier versions. Fails with a `NotPublishable`."""
        if self._state is not None:
            return
        at = workflow.info().start_time
        try:
            published = await workflow.execute_local_activity_method(
                PublicationRecords.publish,
                RecordPublication(plan=self._start.plan, by=self._start.by, at=at),
                start_to_close_timeout=limits.LOCAL_ATTEMPT,
                retry_policy=limits.LOCAL_RETRY,
                summary="put the publication on the record",
            )
        except ActivityError as error:
            raise error.cause or error from error
        self._state = readership.begin(self._start, published, at)
        self._state.superseded_by = self._superseded_by or self._state.superseded_by
        for version in published.earlier:
            await self._overtake(PlanPin(name=self._start.plan.name, hash=version))

    async def _overtake(self, earlier: PlanPin) -> None:
        """Tell an earlier version that it is not asked about any more; one that has ended need not know."""
        handle = workflow.get_external_workflow_handle_for(
            PlanPublication.run, readership.workflow_of(earlier)
        )
        await was_told(handle.signal(PlanPublication.superseded, self._start.plan))

    async def find_readers(self) -> None:
        """Read the directory anew: some have joined since, some have left."""
        found = await workflow.execute_local_activity_method(
            PublicationRecords.readership,
            self.state.plan,
            start_to_close_timeout=limits.LOCAL_ATTEMPT,
            retry_policy=limits.LOCAL_RETRY,
            summary="who must acknowledge it, who has",
        )
        readership.read_anew(self.state, found)
        self._show()

    async def ask(self) -> None:
        """Write to everybody who has not acknowledged and was not written to in this round."""
        while not self.is_over and (keys := readership.to_ask(self.state)):
            await asyncio.gather(*(self._ask(key) for key in keys[: limits.READERS_AT_ONCE]))
            self._show()
            await self.continue_if_long()

    async def _ask(self, key: str) -> None:
        reader, round = self.state.readers[key], self.state.round
        reader.round = round
        try:
            await workflow.execute_activity_method(
                PublicationEmails.ask,
                AskReader(
                    plan=self.state.plan,
                    reader=Reader(key=key, target=reader.target),
                    round=round,
                    published=self.state.published,
                    due=self.state.due,
                ),
                task_queue=naming.EMAIL_QUEUE,
                start_to_close_timeout=limits.SEND_ATTEMPT,
                retry_policy=limits.send_retry("reminder"),
                priority=limits.priority("reminder", self.state.plan.name),
                summary=f"asks {key}, round {round}",
            )
        except ActivityError as error:
            reader.failure = _why_not_asked(error)
            workflow.logger.warning("%s was not asked to acknowledge: %s", key, error.cause)
        else:
            reader.times, reader.failure = reader.times + 1, ""

    async def wait_for_the_next_round(self) -> None:
        """Wait until the others are to be asked again, or nobody is any more."""
        left = readership.next_round(self.state) - workflow.now()
        try:
            await workflow.wait_condition(
                lambda: self.is_over,
                timeout=max(left, timedelta(0)),
                timeout_summary=f"round {self.state.round + 1}: whoever has not acknowledged is asked again",
            )
        except TimeoutError:
            self.state.round = readership.round_at(self.state, workflow.now())

    async def continue_if_long(self) -> None:
        """Continue as new where history has grown long."""
        info, limit = workflow.info(), self._start.continue_after
        is_long = limit is not None and info.get_current_history_length() >= limit
        if is_long or info.is_continue_as_new_suggested():
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(self._start.model_copy(update={"state": self.state}))

    async def end(self) -> None:
        """Put on the record who has not acknowledged, once nobody's acknowledgement is on its way any more."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._is_ending = True
        why = readership.ending(self.state, workflow.now())
        assert why is not None
        lacking = self.state.lacking
        await workflow.execute_local_activity_method(
            PublicationRecords.end,
            RecordEnding(plan=self.state.plan, at=workflow.now(), why=why, lacking=lacking),
            start_to_close_timeout=limits.LOCAL_ATTEMPT,
            retry_policy=limits.LOCAL_RETRY,
            summary="put the end on the record",
        )
        self._show()
        if lacking:
            workflow.logger.warning("%s: not acknowledged by %s", why, ", ".join(lacking))

    def _show(self) -> None:
        workflow.set_current_details(readership.details(self.state, workflow.now()))

    # Handlers

    @workflow.signal
    def superseded(self, by: PlanPin) -> None:
        """A newer version was published."""
        self._superseded_by = by.hash
        if self._state is not None:
            self._state.superseded_by = by.hash

    @workflow.update
    async def acknowledge(self, said: Acknowledging) -> Acknowledged:
        """Somebody has read it. Fails with an `ApplicationError` of type `Refused` or `Over` that says why."""
        await workflow.wait_condition(lambda: self._state is not None)
        return await self._acknowledge(said)

    @acknowledge.validator
    def check_acknowledgement(self, said: Acknowledging) -> None:
        """Refuse what comes too late, leaving no trace in history."""
        if self._is_ending:
            raise ApplicationError("nobody is asked to acknowledge this version any more", type="Over")

    @workflow.signal
    async def queued_acknowledgement(self, said: Acknowledging) -> None:
        """The same when no worker answered in time; whoever it does not count for is asked again."""
        await workflow.wait_condition(lambda: self._state is not None)
        try:
            await self._acknowledge(said)
        except ApplicationError as refusal:
            workflow.logger.warning("the acknowledgement of %s does not count: %s", said.person, refusal)

    async def _acknowledge(self, said: Acknowledging) -> Acknowledged:
        """Have the proof checked and the acknowledgement recorded; whoever says it twice gets the first one."""
        finding = await workflow.execute_local_activity_method(
            PublicationRecords.acknowledge,
            RecordAcknowledgement(
                plan=self.state.plan, person=said.person, proof=said.proof, at=workflow.now()
            ),
            start_to_close_timeout=limits.LOCAL_ATTEMPT,
            retry_policy=limits.LOCAL_RETRY,
            summary=f"is it {said.person} who acknowledges?",
        )
        if finding.acknowledged is None:
            raise ApplicationError(finding.reason, type="Refused")
        if said.person in self.state.readers:
            self.state.readers[said.person].acknowledged = finding.acknowledged
            self._show()
        return finding.acknowledged

    @workflow.query
    def view(self) -> PublicationView:
        """The publication as it stands."""
        if self._state is None:
            return PublicationView(plan=self._start.plan)
        return readership.view_of(self._state, workflow.now())


def _why_not_asked(error: ActivityError) -> str:
    """In words of our own: what a vendor answers may have an address in it."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "Unreachable":
        return cause.message
    return "the last message could not be sent"
