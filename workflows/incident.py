"""An incident, from the alert to the hand-over, as the policy tells it.

Pages, notices and deadlines do not appear below: they run beside the phases, each from its own clock, and follow from
the incident's state (`workflows.casework`). What follows resolution is `workflows.post_incident`.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from tocsin.domain import naming, phases
    from tocsin.domain.alerts import was_said_before_the_end
    from tocsin.domain.case import Case
    from tocsin.domain.events import Alert, Event, fires
    from tocsin.domain.messages import IncidentOutcome, IncidentStart, OpenRecord, PostIncidentStart
    from tocsin.domain.opening import opened, reported_by
    from tocsin.domain.operators import summary
    from tocsin.domain.words import Phase
    from workflows import limits
    from workflows.casework import Casework
    from workflows.post_incident import PostIncidentWorkflow


@workflow.defn(name="Incident")
class IncidentWorkflow(Casework):
    """One incident: four phases, in each of which it may be resolved."""

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        super().__init__(start.continue_after)
        self._start = start
        self._waiting.extend(start.alerts)

    @workflow.run
    async def run(self, start: IncidentStart) -> IncidentOutcome:
        """The policy, from the first log entry to what is still owed when the incident is over."""
        await self.log_first()
        await self.immediate_action()
        await self.testing_and_monitoring()
        await self.backup_and_meeting()
        await self.ongoing_assessment()
        return await self.hand_over()

    async def log_first(self) -> None:
        """The incident is on the record before anything is done about it."""
        start, info = self._start, workflow.info()
        record = await self.open_record(
            OpenRecord(
                key=start.key,
                plan=start.plan,
                opened_by=info.run_id,
                opened=start.received,
                title=start.title,
                incident=start.state.id if start.state else None,
            )
        )
        state = start.state or opened(start, record)
        self.open(Case(plan=record.plan, calendar=record.calendar, state=state))

    async def immediate_action(self) -> None:
        """Phase 1: somebody is summoned, the severity is settled, and the response plan that it selects is run."""
        self.reach(Phase.IMMEDIATE_ACTION)
        await self.until(lambda: self.is_over(Phase.IMMEDIATE_ACTION))

    async def testing_and_monitoring(self) -> None:
        """Phase 2: what was done is watched and written down, and those concerned are told."""
        self.reach_unless_ended(Phase.TESTING_AND_MONITORING)
        await self.until(lambda: self.is_over(Phase.TESTING_AND_MONITORING))

    async def backup_and_meeting(self) -> None:
        """Phase 3: how long will it last? Continuity measures run, and the team meets."""
        self.reach_unless_ended(Phase.BACKUP_AND_MEETING)
        await self.until(lambda: self.is_over(Phase.BACKUP_AND_MEETING))

    async def ongoing_assessment(self) -> None:
        """Phase 4: assessed again and again, until it is resolved or was a false alarm."""
        self.reach_unless_ended(Phase.ONGOING_ASSESSMENT)
        await self.until(lambda: self.has_ended)

    async def hand_over(self) -> IncidentOutcome:
        """What is still owed goes to its own workflow, which frees this one's id for the next alert."""
        await self.finish_sending()
        successor = await self.start_what_follows()
        await self.forward_latecomers(successor)
        if firing := self.alerts_that_fire_again():
            workflow.continue_as_new(self.next_incident(firing))
        state = self.case.state
        return IncidentOutcome(
            incident=state.id, status=state.status.value, goes_on_in=successor, ended=state.ended
        )

    # How far it is

    @property
    def has_ended(self) -> bool:
        """Whether it was resolved or dismissed."""
        return not self.case.state.is_open

    def is_over(self, phase: Phase) -> bool:
        """Whether a phase has nothing left to do, or the incident has ended."""
        return self.has_ended or phases.is_over(self.case, phase)

    def reach_unless_ended(self, phase: Phase) -> None:
        """Come to the next phase; an incident that has ended skips it."""
        if not self.has_ended:
            self.reach(phase)

    # Handing over

    def takes(self, event: Event) -> bool:
        """Alerts that fire after the end wait for the next incident; once handed over, everything else is forwarded."""
        return super().takes(event) and not (self.opens_another(event) and self.has_ended)

    def opens_another(self, event: Event) -> bool:
        """An alert that fires after the end, but for a repeat of what was said before it."""
        return isinstance(event, Alert) and fires(event) and not was_said_before_the_end(self.case, event)

    async def finish_sending(self) -> None:
        """Give what is under way a moment to finish; what does not is taken up by the successor."""
        try:
            await self.wait(lambda: self._errands.are_idle, at_most=limits.HAND_OVER_PATIENCE)
        except TimeoutError:
            workflow.logger.warning("handed over with %d sends under way", len(self.case.state.errands))

    async def start_what_follows(self) -> str:
        """Start the successor with the whole state; it outlives this workflow."""
        state = self.hand_over_state()
        id = naming.post_incident_workflow(state.id)
        while True:
            try:
                await workflow.start_child_workflow(
                    PostIncidentWorkflow.run,
                    PostIncidentStart(state=state, continue_after=self._start.continue_after),
                    id=id,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    static_summary=summary(self.case),
                    static_details="What is still owed after the resolution: reports, the review, cleanup.",
                )
            except WorkflowAlreadyStartedError:
                # After a reopening, the one of the first resolution may still be ending.
                await workflow.sleep(limits.SUCCESSOR_WAIT)
            else:
                return id

    def alerts_that_fire_again(self) -> tuple[Alert, ...]:
        """The alerts that came after this incident had ended: they open the next one."""
        alerts = (event for event in self._waiting if isinstance(event, Alert))
        return tuple(alert for alert in alerts if self.opens_another(alert))

    def next_incident(self, alerts: tuple[Alert, ...]) -> IncidentStart:
        """A new incident under the same key, which names this one."""
        return reported_by(alerts, follows=self.case.state.id, like=self._start)

    def go_on(self) -> None:
        """Continue as new from the state, and the alerts that wait for the next incident."""
        waiting = {"state": self.case.state, "alerts": self.alerts_that_fire_again()}
        workflow.continue_as_new(self._start.model_copy(update=waiting))
