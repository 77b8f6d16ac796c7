"""An incident without Temporal: the pure twin of the workflows.

A `World` drives `decide` as `workflows.casework` does. Phases are reached when the one before is over, errands are
carried out as soon as they are asked for, and time passes from one alarm to the next. What the vendors do with a
message is a function per channel, so that a test can let them fail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tests.domain import harbour
from tocsin.domain import naming, phases
from tocsin.domain.alarms import Alarm, alarms
from tocsin.domain.approvals import to_be_drafted
from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.case import Case
from tocsin.domain.commands import Acknowledge, Close, Command, Decide
from tocsin.domain.decide import decide
from tocsin.domain.delivery import DeliveryReport, DeliveryState
from tocsin.domain.directory import Directory
from tocsin.domain.dispatching import dispatch_of
from tocsin.domain.events import (
    Alert,
    BroadcastReported,
    Commanded,
    Delivery,
    Drafted,
    EntriesKept,
    Event,
    Forwarded,
    NotSent,
    PhaseReached,
    RecipientsFound,
    Sent,
    TimePassed,
)
from tocsin.domain.messages import Dispatch, OpenedRecord
from tocsin.domain.opening import opened, reported_by
from tocsin.domain.plan import Plan
from tocsin.domain.reports import assemble
from tocsin.domain.state import (
    TOCSIN,
    Actor,
    BroadcastCounts,
    Entry,
    Errand,
    IncidentState,
    Message,
    Obligation,
    PlanPin,
    Witness,
)
from tocsin.domain.view import LedgerRow, ledger
from tocsin.domain.words import Phase, Status, Verdict

Vendor = Callable[["World", Message, str], Iterator[Event]]
"""What a vendor does with a message to whom the directory calls this: the events that come of it."""


def delivers(world: World, message: Message, reached: str) -> Iterator[Event]:
    """The vendor takes it and reports that it arrived."""
    yield from says_nothing(world, message, reached)
    arrived = DeliveryState.ANSWERED if message.channel == "phone" else DeliveryState.DELIVERED
    yield world.reported(message.id, arrived)


def says_nothing(world: World, message: Message, reached: str) -> Iterator[Event]:
    """The vendor takes it and is not heard of again."""
    yield Sent(message=message.id, reached=reached, vendor_id=f"vendor-{message.id}")


def fails(world: World, message: Message, reached: str) -> Iterator[Event]:
    """The vendor takes it and reports that it never arrives; nobody picks up the phone."""
    yield from says_nothing(world, message, reached)
    lost = DeliveryState.NO_ANSWER if message.channel == "phone" else DeliveryState.FAILED
    yield world.reported(message.id, lost, "30003")


def refuses(world: World, message: Message, reached: str) -> Iterator[Event]:
    """The vendor will never take it."""
    yield NotSent(message=message.id, again="never", detail="refused: no such number")


def is_down(world: World, message: Message, reached: str) -> Iterator[Event]:
    """The vendor cannot take it for now."""
    yield NotSent(message=message.id, again="for_now", detail="503 from the vendor")


class Letter(NamedTuple):
    """A message as it left, for tests to look at."""

    at: datetime
    channel: str
    to: str
    dispatch: Dispatch


@dataclass(repr=False)
class World:
    """One incident, its people, its vendors and its clock."""

    plan: Plan = field(default_factory=harbour.plan)
    directory: Directory = field(default_factory=harbour.directory)
    calendar: BusinessCalendar = harbour.CALENDAR
    now: datetime = harbour.MONDAY_NOON
    vendors: dict[str, Vendor] = field(
        default_factory=lambda: dict.fromkeys(("email", "sms", "phone"), delivers)
    )
    letters: list[Letter] = field(default_factory=list)
    archived: list[Entry] = field(default_factory=list)
    commands: int = 0
    forwarded: list[Errand] = field(default_factory=list)
    others_listen: bool = True
    _running: set[str] = field(default_factory=set)
    _state: IncidentState | None = None

    # What happens

    def alert(
        self,
        severity: str = "gale",
        customer: str | None = None,
        drill_speed: int | None = None,
        began: datetime | None = None,
        **more: Any,
    ) -> None:
        """A monitor speaks: the incident is logged, and its first phase begins."""
        alert = self.alerted(severity=severity, customer=customer, began=began or self.now, **more)
        self._state = opened(reported_by((alert,), drill_speed=drill_speed), self._record(alert.key))
        self.happens(alert)
        self.happens(PhaseReached(phase=Phase.IMMEDIATE_ACTION))

    def alerted(self, **words: Any) -> Alert:
        """What the monitor says now, in these words where it would have said others."""
        usual = Alert(
            key=naming.identify("harbour", "tests"),
            source="anemometer",
            group="{}",
            plan=PlanPin(name=self.plan.plan, hash="harbour-1"),
            title="The wind rises",
            severity="gale",
            alerts={"wind": True},
            began=self.now,
            received=self.now,
        )
        return usual.model_copy(update=words)

    def _record(self, key: str) -> OpenedRecord:
        return OpenedRecord(
            incident=key, follows=None, plan=self.plan, plan_hash="harbour-1", calendar=self.calendar
        )

    def says(self, kind: type[Command], by: str = "ana", **what: Any) -> Command:
        """Somebody commands. Raises `CommandRefused`."""
        command = self.command(kind, by, **what)
        self.happens(Commanded(command=command))
        return command

    def command(self, kind: type[Command], by: str = "ana", **what: Any) -> Command:
        """A command that has not been given yet, under an id of its own."""
        self.commands += 1
        return kind(id=f"command-{self.commands:04}", actor=Actor(key=by, via="cli"), **what)

    def acknowledges(self, by: str = "ana") -> None:
        """Somebody answers every open page."""
        self.says(Acknowledge, by)

    def happens(self, event: Event) -> None:
        """An event acts on the incident; then errands run and the story goes on, until nothing is left to do now."""
        self.becomes(decide(self.case, event, self.now))

    def becomes(self, state: IncidentState) -> None:
        """The incident has come to this state; what follows from it happens now."""
        self._state = state
        while events := list(self._run_errands()) or list(self._go_on()):
            for event in events:
                self._state = decide(self.case, event, self.now)

    def reported(self, message: str, state: DeliveryState, detail: str = "", reached: str = "") -> Delivery:
        """A vendor's word about a message, said now; `reached` is known of one that went in a digest."""
        report = DeliveryReport(vendor="twilio", vendor_id="", state=state, detail=detail, at=self.now)
        return Delivery(incident=self.state.id, message=message, report=report, reached=reached)

    # Time

    def passes(self, **time: float) -> None:
        """Time passes, alarm by alarm."""
        until = self.now + timedelta(**time)
        while (alarm := self.next_alarm()) is not None and alarm.at <= until:
            self.now = alarm.at
            self.happens(TimePassed())
        self.now = until

    def is_down_for(self, **time: float) -> None:
        """Time passes while nothing of ours runs; afterwards, everything is late at once."""
        self.now += timedelta(**time)
        self.happens(TimePassed())

    def next_alarm(self) -> Alarm | None:
        """The earliest timer that is set."""
        return min(alarms(self.case, self.now).values(), key=lambda alarm: alarm.at, default=None)

    # What follows from it

    def _run_errands(self) -> Iterator[Event]:
        """What comes of the errands that are new, each carried out once."""
        new = [errand for id, errand in self.state.errands.items() if id not in self._running]
        self._running = set(self.state.errands)
        for errand in new:
            yield from self._carry_out(errand)

    def _carry_out(self, errand: Errand) -> Iterator[Event]:
        if errand.kind == "send":
            yield from self._send(self.state.messages[errand.message or ""])
        elif errand.kind == "find_recipients":
            assert errand.audience is not None
            yield RecipientsFound(
                errand=errand.id, members=self.directory.recipients(errand.audience, self.now)
            )
        elif errand.kind == "draft":
            yield self._draft(errand)
        elif errand.kind == "forward":
            self.forwarded.append(errand)
            yield Forwarded(errand=errand.id, was_told=self.others_listen)
        elif errand.kind == "broadcast":
            yield BroadcastReported(broadcast=errand.broadcast or "", counts=BroadcastCounts())
        else:
            self.archived += [entry for entry in self.state.timeline if entry.number <= errand.entries]
            yield EntriesKept(errand=errand.id, up_to=errand.entries)

    def _draft(self, errand: Errand) -> Drafted:
        """The words are put down; their hash is that of what would go out, or of somebody's own words."""
        message = to_be_drafted(self.case, errand, self.now)
        dispatch = dispatch_of(self.case, message, f"incident-{self.state.key}", self.now)
        words = errand.text or dispatch.model_dump_json(include={"subject", "report", "target"})
        sha256 = hashlib.sha256(words.encode()).hexdigest()
        return Drafted(errand=errand.id, sha256=sha256)

    def decides(self, approval: int, by: str, approve: bool = True, reason: str = "") -> None:
        """Somebody decides, with the proof that the workflow would have checked: the directory knows their roles."""
        witness = Witness(
            person=by, roles=self.directory.roles_of(by), how="by the link sent to their address"
        )
        self.says(Decide, by, approval=approval, approve=approve, reason=reason, witness=witness)

    def _send(self, message: Message) -> Iterator[Event]:
        dispatch = dispatch_of(self.case, message, f"incident-{self.state.key}", self.now)
        found = self.directory.addressee(dispatch)
        if found is None or found[1].address(message.channel) is None:
            yield NotSent(message=message.id, again="never", detail=f"nobody for {dispatch.target}")
            return
        self.letters.append(Letter(self.now, message.channel, found[0], dispatch))
        yield from self.vendors[message.channel](self, message, found[0])

    def _go_on(self) -> Iterator[Event]:
        """What `workflows.incident.run` does next, and after a resolution `workflows.post_incident.run`."""
        state, phase = self.state, self.state.phase
        if phase is None:
            return
        if state.status is Status.RESOLVED and phase is not Phase.POST_INCIDENT:
            yield PhaseReached(phase=Phase.POST_INCIDENT)
        elif not phases.is_over(self.case, phase):
            return
        elif state.status is Status.OPEN and phase is not Phase.ONGOING_ASSESSMENT:
            yield PhaseReached(phase=list(Phase)[phase.number])
        elif state.status is Status.RESOLVED and not any(item.is_open for item in state.obligations.values()):
            yield Commanded(command=Close(id=f"close-{state.id}", actor=TOCSIN))

    # What there is to see

    @property
    def state(self) -> IncidentState:
        """The incident as it stands; only after the alert."""
        assert self._state is not None
        return self._state

    @property
    def case(self) -> Case:
        """The incident under its plan."""
        return Case(plan=self.plan, calendar=self.calendar, state=self.state)

    @property
    def reached(self) -> list[tuple[str, str]]:
        """Whom messages went to, and how, in order: `("sms", "ana")`."""
        return [(letter.channel, letter.to) for letter in self.letters]

    def sent(self, template: str) -> list[Letter]:
        """The messages of one kind, in order."""
        return [letter for letter in self.letters if letter.dispatch.template == template]

    def owed(self, key: str) -> Obligation:
        """An obligation that is armed."""
        return self.state.obligations[key]

    def verdict(self, key: str) -> Verdict:
        """What became of a promise, so far."""
        return self.row(key).verdict

    def row(self, key: str) -> LedgerRow:
        """A promise's line on the ledger."""
        return {row.key: row for row in ledger(self.case)}[key]

    def after(self, moment: datetime) -> timedelta:
        """How long after the incident was opened a moment is."""
        return moment - self.state.opened

    def log(self, kind: str) -> list[str]:
        """The timeline's texts of one kind."""
        return [entry.text for entry in self.state.timeline if entry.kind == kind]

    def report(self, id: str) -> dict[str, str]:
        """A report as it stands now, by heading."""
        return {line.heading: line.text for line in assemble(self.case, id, self.now).lines}
