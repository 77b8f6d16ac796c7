"""What an incident still owes when it is over: reports, the post-mortem review, cleanup, the archive."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.histories import Histories
    from activities.records import Records
    from tocsin.domain import naming, phases
    from tocsin.domain.case import Case
    from tocsin.domain.commands import Close, Resolve
    from tocsin.domain.events import Commanded
    from tocsin.domain.messages import (
        ArchiveIncident,
        IncidentOutcome,
        OpenRecord,
        PostIncidentStart,
        SaveHistories,
    )
    from tocsin.domain.opening import going_on
    from tocsin.domain.operators import summary
    from tocsin.domain.state import TOCSIN
    from tocsin.domain.words import Phase, Status
    from workflows import limits
    from workflows.casework import Casework


@workflow.defn(name="PostIncident")
class PostIncidentWorkflow(Casework):
    """What follows a resolution: it ends when nothing more is owed, when somebody closes it, or on a reopening."""

    @workflow.init
    def __init__(self, start: PostIncidentStart) -> None:
        super().__init__(start.continue_after)
        self._start = start

    @workflow.run
    async def run(self, start: PostIncidentStart) -> IncidentOutcome:
        """The final report, the review, the cleanup — then the archive."""
        await self.take_over()
        await self.keep_what_was_promised()
        if self.case.state.is_open:
            return await self.hand_back()
        return await self.archive()

    async def take_over(self) -> None:
        """Go on from the state that the incident handed over."""
        state = self._start.state
        record = await self.open_record(
            OpenRecord(
                key=state.key,
                plan=state.plan,
                opened_by=state.id,
                opened=state.opened,
                title=state.title,
                incident=state.id,
            )
        )
        self.open(Case(plan=record.plan, calendar=record.calendar, state=state))
        if state.status is Status.RESOLVED:
            self.reach(Phase.POST_INCIDENT)

    async def keep_what_was_promised(self) -> None:
        """Reports, review and cleanup run from their own clocks; this waits until none is owed any more."""
        await self.until(lambda: self.is_finished or self.case.state.is_open)

    @property
    def is_finished(self) -> bool:
        """Whether it was closed or dismissed, or owes nothing: no obligation, no step."""
        if self.case.state.status is not Status.RESOLVED:
            return not self.case.state.is_open
        owed = any(item.is_open for item in self.case.state.obligations.values())
        return not owed and phases.is_over(self.case, Phase.POST_INCIDENT)

    async def archive(self) -> IncidentOutcome:
        """Close, and put the whole record into the archive."""
        if self.case.state.status is Status.RESOLVED:
            close = Close(id=f"close-{self.case.state.id}", actor=TOCSIN, reason="nothing more is owed")
            self.happen(Commanded(command=close))
        archived = None
        while archived is not self.case.state:  # whatever is said while it is written belongs to it
            await self.wait_until_idle()
            archived = self.case.state
            await self.save_histories()
            await workflow.execute_activity_method(
                Records.archive,
                ArchiveIncident(state=archived),
                start_to_close_timeout=limits.ARCHIVE_ATTEMPT,
                retry_policy=limits.LOCAL_RETRY,
                summary="archive the incident",
            )
        return IncidentOutcome(incident=archived.id, status=archived.status.value)

    async def save_histories(self) -> None:
        """Save what Temporal will forget; where that cannot be done the rest is archived, and `tocsin verify` tells."""
        state = self.case.state
        try:
            await workflow.execute_activity_method(
                Histories.save,
                SaveHistories(incident=state.id, key=state.key),
                start_to_close_timeout=limits.ARCHIVE_ATTEMPT,
                retry_policy=limits.HISTORY_RETRY,
                summary="save the workflows' histories",
            )
        except ActivityError as error:
            workflow.logger.error("incident %s is archived without histories: %s", state.id, error.cause)

    async def hand_back(self) -> IncidentOutcome:
        """It was reopened: the incident goes on under its old id — unless the next incident has taken that."""
        await self.wait_until_idle()
        state = self.hand_over_state()
        id = naming.incident_workflow(state.key)
        try:
            await workflow.start_child_workflow(
                "Incident",
                going_on(state, self._start.continue_after),
                id=id,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=summary(self.case),
                static_details="Reopened after a resolution that came too early.",
            )
        except WorkflowAlreadyStartedError:
            self.take_back()
            return await self.stay_resolved()
        await self.forward_latecomers(id)
        return IncidentOutcome(incident=state.id, status=state.status.value, goes_on_in=id)

    async def stay_resolved(self) -> IncidentOutcome:
        """The alert has opened a newer incident meanwhile; this one cannot go on beside it."""
        why = "not reopened: a newer incident is open under the same alert"
        resolve = Resolve(id=f"resolve-{workflow.uuid4()}", actor=TOCSIN, summary=why)
        self.happen(Commanded(command=resolve))
        self.go_on()
        raise AssertionError("continued as new")

    def go_on(self) -> None:
        """Continue as new from the state alone."""
        workflow.continue_as_new(self._start.model_copy(update={"state": self.case.state}))
