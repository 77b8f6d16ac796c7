"""What a decision works on: the plan, the pinned calendar, its own copy of the state, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from tocsin.domain import naming
from tocsin.domain.calendar import BusinessCalendar, compress
from tocsin.domain.durations import Allowance
from tocsin.domain.plan import Plan, Step
from tocsin.domain.state import TOCSIN, Actor, AnchorTime, Entry, Errand, IncidentState, Message
from tocsin.domain.words import Anchor, Phase


@dataclass(frozen=True)
class Case:
    """One incident with the plan and calendar that it runs under."""

    plan: Plan
    calendar: BusinessCalendar
    state: IncidentState

    def scaled(self, duration: timedelta) -> timedelta:
        """`duration` on this incident's clock: divided in a drill."""
        return duration / self.state.drill_speed

    def due(self, anchor: datetime, allowance: Allowance) -> datetime:
        """When `allowance` after `anchor` is over, in business time and on this incident's clock."""
        return compress(anchor, self.calendar.due(anchor, allowance), self.state.drill_speed)

    def steps_of(self, phase: Phase) -> tuple[Step, ...]:
        """The steps of a phase for the incident's severity, estimate and criteria."""
        estimate = self.plan.estimate
        answer = self.state.facts.get(estimate.fact) if estimate else None
        steps = self.plan.steps_of(phase, self.state.severity, answer.value if answer else None)
        criteria = set(self.state.criteria)
        return tuple(step for step in steps if not step.only_for or criteria & set(step.only_for))

    def when(self, anchors: tuple[Anchor, ...]) -> tuple[Anchor, datetime] | None:
        """The earliest of these anchors that is known, with its time."""
        known = [(self.state.anchors[name].at, name) for name in anchors if name in self.state.anchors]
        return min(known)[::-1] if known else None


@dataclass(frozen=True)
class Draft(Case):
    """A case while it is being decided: `state` is a copy that the decision may edit, `now` its only clock."""

    now: datetime

    def record(self, kind: str, text: str, by: Actor = TOCSIN) -> None:
        """Put a line on the timeline."""
        self.state.entries += 1
        entry = Entry(number=self.state.entries, at=self.now, by=by, kind=kind, text=text)
        self.state.timeline.append(entry)
        if kind == "update":
            self.state.last_update = entry
        if by.is_person and by.key not in self.state.spoke:
            self.state.spoke += (by.key,)

    def set_anchor(
        self, anchor: Anchor, at: datetime, by: Actor = TOCSIN, reason: str = "", stated: bool = False
    ) -> None:
        """Put an anchor's time on the record, or correct it; `stated` when somebody gave the time itself."""
        known = self.state.anchors.get(anchor)
        if known is not None and known.at == at:
            return
        self.state.anchors[anchor] = AnchorTime(at=at, recorded=self.now, by=by, reason=reason, stated=stated)
        verb = "corrected to" if known else "at"
        because = f" — {reason}" if reason else ""
        self.record("anchor", f"{anchor.replace('_', ' ')} {verb} {at:%Y-%m-%d %H:%M:%S} UTC{because}", by)

    def ask(self, errand: Errand) -> None:
        """Have work done outside; its result comes back as an event."""
        self.state.errands[errand.id] = errand

    def next_message_id(self) -> str:
        """A name for the next message, never used before in this incident."""
        self.state.messages_made += 1
        return naming.message_id(self.state.id, self.state.messages_made)

    def send(self, message: Message) -> Message:
        """Put a message on the record and have it sent."""
        self.state.messages[message.id] = message
        self.ask(Errand(id=f"send-{message.id}-{message.attempt}", kind="send", message=message.id))
        return message
