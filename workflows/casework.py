"""What an incident's workflows have in common: a case that events happen to, timers and errands that follow from its
state, and the handlers through which monitors, people and vendors speak to it.

An event goes through `decide`, which is pure; then timers, errands, search attributes and the operators' summary
are made to agree with the new state. There is no other way to change an incident.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.directory import DirectoryActivities
    from activities.records import Records
    from tocsin.domain import naming
    from tocsin.domain.alarms import alarms
    from tocsin.domain.case import Case
    from tocsin.domain.commands import (
        AssignRole,
        Command,
        CommandRefused,
        HandingOver,
        HandOver,
        PageSomebody,
    )
    from tocsin.domain.decide import decide, is_repeated, refuse
    from tocsin.domain.events import (
        Alert,
        BroadcastReported,
        Commanded,
        Delivery,
        Event,
        Latecomer,
        PhaseReached,
        TakenIn,
        TimePassed,
        fires,
    )
    from tocsin.domain.messages import CommandReply, Identify, OpenedRecord, OpenRecord
    from tocsin.domain.operators import details
    from tocsin.domain.performance import Performance, measure
    from tocsin.domain.reports import Report, assemble
    from tocsin.domain.state import Entry, IncidentState, Message
    from tocsin.domain.vendors import watches
    from tocsin.domain.view import IncidentView, LedgerRow, ledger, view
    from tocsin.domain.words import Phase
    from workflows import limits
    from workflows.alarms import Alarms
    from workflows.attributes import Attributes
    from workflows.errands import Errands
    from workflows.signalling import tell_first
    from workflows.watches import Watches
    from workflows.witnessing import supposing_its_proof, without_witness, witnessed


class Casework:
    """An incident at work. Subclasses tell the story in `run`; this holds the mechanics."""

    def __init__(self, continue_after: int | None) -> None:
        self._case: Case | None = None
        self._continue_after = continue_after
        self._waiting: list[Event] = []
        self._is_handed_over = False
        self._failure: BaseException | None = None
        self._alarms = Alarms(lambda: self.happen(TimePassed()), self._note_failure)
        self._watches = Watches(self.happen, self._note_failure)
        self._errands = Errands(lambda: self.case, self.happen, self._note_failure)
        self._attributes = Attributes()

    @property
    def case(self) -> Case:
        """The incident; only once it has been opened."""
        assert self._case is not None
        return self._case

    # What happens to the incident

    def happen(self, event: Event) -> None:
        """Let an event act on the incident; before the incident is opened, it waits."""
        if self._case is None or not self.takes(event):
            self._waiting.append(event)
            return
        self._become(replace(self._case, state=decide(self._case, event, workflow.now())))

    def takes(self, event: Event) -> bool:
        """Whether this workflow acts on the event now; what it does not take waits in `_waiting`."""
        return not self._is_handed_over

    def _become(self, case: Case) -> None:
        self._case = case
        self._errands.run(case.state.errands)
        self._alarms.set(alarms(case, workflow.now()))
        self._watches.set(watches(case))
        self._publish()

    async def open_record(self, record: OpenRecord) -> OpenedRecord:
        """Log the incident and bring its plan and calendar, in a local activity: they are pinned in history."""
        return await workflow.execute_local_activity_method(
            Records.open,
            record,
            start_to_close_timeout=limits.LOCAL_ATTEMPT,
            retry_policy=limits.LOCAL_RETRY,
            summary="log the incident, bring its plan",
        )

    def open(self, case: Case) -> None:
        """Begin, or go on after continuing as new, and catch up with what arrived before."""
        self._become(case)
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            try:
                self.happen(event)
            except CommandRefused as refusal:
                assert isinstance(event, Commanded)
                self._refuse(event.command, refusal)

    def reach(self, phase: Phase) -> None:
        """Come to a phase of the policy."""
        self.happen(PhaseReached(phase=phase.value))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true of the incident; a history grown long continues as new meanwhile."""
        await self.wait(lambda: condition() or self._history_is_long())
        if not condition():
            await self.wait_until_idle()
            self.go_on()

    async def wait(self, condition: Callable[[], bool], at_most: timedelta | None = None) -> None:
        """Wait for a condition. What went wrong beside the story fails the workflow task, which is tried again: a fault
        in a timer or an errand must not pass in silence. Raises `TimeoutError`."""

        def is_met() -> bool:
            if self._failure is not None:
                raise self._failure
            return condition()

        await workflow.wait_condition(is_met, timeout=at_most)

    async def wait_until_idle(self) -> None:
        """Wait until nothing is being sent, and nobody's command is being carried out."""
        await self.wait(lambda: self._errands.are_idle and workflow.all_handlers_finished())

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failure = failure

    def _history_is_long(self) -> bool:
        info = workflow.info()
        limit = self._continue_after
        return info.is_continue_as_new_suggested() or (
            limit is not None and info.get_current_history_length() >= limit
        )

    def go_on(self) -> None:
        """Continue as new from the state alone."""
        raise NotImplementedError

    # Handing over

    def hand_over_state(self) -> IncidentState:
        """The state for a successor; what happens from now on is kept, and forwarded to it."""
        self._is_handed_over = True
        return self.case.state

    async def forward_latecomers(self, successor: str) -> None:
        """Pass on what arrived during the hand-over, until nothing more does; alerts that fire are not among it."""
        await self.wait(workflow.all_handlers_finished)
        while late := [event for event in self._waiting if not self.opens_another(event)]:
            self._waiting = [event for event in self._waiting if self.opens_another(event)]
            for event in late:
                await self.pass_on(successor, "latecomer", Latecomer(event=event))
            await self.wait(workflow.all_handlers_finished)

    def opens_another(self, event: Event) -> bool:
        """Whether it is no business of this incident, but opens another."""
        return fires(event)

    def take_back(self) -> None:
        """The hand-over came to nothing: go on, and catch up with what arrived meanwhile."""
        self._is_handed_over = False
        self.open(self.case)

    # What operators see

    def _publish(self) -> None:
        if self.case.state.phase is None:
            return  # what the starter set still holds, and saves an event
        workflow.set_current_details(details(self.case, workflow.now()))
        self._attributes.publish(self.case)

    # Handlers

    @workflow.signal
    def alert(self, alert: Alert) -> None:
        """A monitor speaks."""
        self.happen(alert)

    @workflow.signal
    async def delivery(self, delivery: Delivery) -> None:
        """A vendor reports how far a message has come; one of an earlier incident goes to where that one lives on."""
        await workflow.wait_condition(lambda: self._case is not None)
        if delivery.incident == self.case.state.id:
            self.happen(delivery)
        else:
            successor = naming.post_incident_workflow(delivery.incident)
            await self.pass_on(successor, "delivery", delivery)

    async def pass_on(self, workflow_id: str, signal: str, message: object) -> None:
        """Signal another workflow; one that has ended has nothing left to learn."""
        if not await tell_first([workflow_id], signal, message):
            workflow.logger.warning("%s for %s dropped: it has ended", signal, workflow_id)

    @workflow.signal
    async def broadcast_reported(self, report: BroadcastReported) -> None:
        """A message to a large audience has come so far; one of an earlier incident goes to where that one lives on."""
        await workflow.wait_condition(lambda: self._case is not None)
        incident = naming.incident_of(report.broadcast)
        if incident == self.case.state.id:
            self.happen(report)
        else:
            await self.pass_on(naming.post_incident_workflow(incident), "broadcast_reported", report)

    @workflow.signal
    async def taken_in(self, other: TakenIn) -> None:
        """Another incident was merged into this one."""
        await workflow.wait_condition(lambda: self._case is not None)
        self.happen(other)

    @workflow.signal
    async def latecomer(self, late: Latecomer) -> None:
        """Something that arrived for the incident while it was being handed over."""
        if isinstance(late.event, Commanded):
            await self.queued_command(late.event)
        else:
            self.happen(late.event)

    @workflow.update
    async def command(self, commanded: Commanded) -> CommandReply:
        """A person's command. Fails with an `ApplicationError` of type `Refused` or `HandingOver` that says why."""
        await workflow.wait_condition(lambda: self._case is not None)
        try:
            return await self._carry_out(commanded.command)
        except CommandRefused as refusal:
            raise _failure_for(refusal) from refusal

    @command.validator
    def check_command(self, commanded: Commanded) -> None:
        """Refuse what makes no sense now, leaving no trace in history."""
        if self._case is None:
            return
        try:
            self._check(without_witness(commanded.command))
        except CommandRefused as refusal:
            raise _failure_for(refusal) from refusal

    @workflow.signal
    async def queued_command(self, commanded: Commanded) -> None:
        """The same command when no worker answered in time: durable at once, applied once; a refusal is told."""
        await workflow.wait_condition(lambda: self._case is not None)
        if self._is_handed_over:
            self._waiting.append(Commanded(command=without_witness(commanded.command)))
            return
        try:
            await self._carry_out(commanded.command)
        except CommandRefused as refusal:
            self._refuse(commanded.command, refusal)

    def _refuse(self, command: Command, refusal: CommandRefused) -> None:
        """Remember the refusal of a command that nobody waits for, and tell its author."""
        self._become(replace(self.case, state=refuse(self.case, command, refusal, workflow.now())))

    async def _carry_out(self, said: Command) -> CommandReply:
        command = without_witness(said)
        self._check(command)
        if is_repeated(self.case.state, command) is None:
            await self._know_everybody_in(command)
            command = await witnessed(lambda: self.case, command)
            self._check(command)  # much may have happened while the directory was asked
        before = self.case.state.entries
        self.happen(Commanded(command=command))
        return self._reply(before)

    def _check(self, command: Command) -> None:
        state = self.case.state
        if self._is_handed_over:
            raise HandingOver(f"incident {state.reference} is just being handed over; say it again")
        if command.incident is not None and command.incident != state.id:
            raise CommandRefused(f"this is incident {state.reference}, not {naming.spoken(command.incident)}")
        known = is_repeated(state, command)
        if known is not None and not known.accepted:
            raise CommandRefused(known.reason)
        if known is None:
            supposed = supposing_its_proof(self.case, command)
            decide(self.case, Commanded(command=supposed), workflow.now())

    async def _know_everybody_in(self, command: Command) -> None:
        """Refuse a command from, or about, somebody whom the directory does not know."""
        named = [command.actor.key] if command.actor.via == "cli" else []
        if isinstance(command, AssignRole | HandOver | PageSomebody) and command.person:
            named.append(command.person)
        for person in named:
            known = await workflow.execute_local_activity_method(
                DirectoryActivities.identify,
                Identify(plan=self.case.state.plan.name, person=person),
                start_to_close_timeout=limits.LOCAL_ATTEMPT,
                retry_policy=limits.LOCAL_RETRY,
                summary=f"{command.kind.replace('_', ' ')}: is {person} in the directory?",
            )
            if known is None:
                raise CommandRefused(f'the directory of plan {self.case.plan.plan} has no person "{person}"')

    def _reply(self, before: int) -> CommandReply:
        state = self.case.state
        return CommandReply(
            reference=state.reference,
            status=state.status.value,
            phase=state.phase.label if state.phase else "",
            severity=state.severity,
            recorded=tuple(entry.text for entry in state.timeline if entry.number > before),
        )

    # Questions

    @workflow.query
    def view(self) -> IncidentView:
        """The incident as it stands."""
        return view(self.case, workflow.info().workflow_id, workflow.now())

    @workflow.query
    def ledger(self) -> list[LedgerRow]:
        """Every promise, its clock and its verdict."""
        return list(ledger(self.case))

    @workflow.query
    def performance(self) -> Performance:
        """The times that it took so far, and what became of the promises."""
        return measure(self.case.state, self.case.plan)

    @workflow.query
    def timeline(self) -> list[Entry]:
        """What happened, oldest first; entries before the first one are in the archive."""
        return self.case.state.timeline

    @workflow.query
    def messages(self) -> list[Message]:
        """Every message and how far it has come."""
        return list(self.case.state.messages.values())

    @workflow.query
    def report(self, report: str) -> Report:
        """One of the plan's reports as it stands. Raises `LookupError` for one that the plan does not have."""
        if report not in self.case.plan.reports:
            known = ", ".join(self.case.plan.reports)
            raise LookupError(f'the plan has no report "{report}"; its reports are {known}')
        return assemble(self.case, report, workflow.now())


def _failure_for(refusal: CommandRefused) -> ApplicationError:
    """What the caller of an update gets: they decide by the type, people read the message."""
    return ApplicationError(
        str(refusal), type="HandingOver" if isinstance(refusal, HandingOver) else "Refused"
    )
