"""How an incident ends, and ends after all not."""

from __future__ import annotations

from tocsin.domain import clocks, escalation, phases, verdicts
from tocsin.domain import commands as said
from tocsin.domain.case import Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.sense import listed, not_before_it_began, not_in_the_future
from tocsin.domain.words import Anchor, Status


def resolve(draft: Draft, command: said.Resolve) -> None:
    """The incident is over. Raises `CommandRefused`."""
    not_in_the_future(draft, command)
    ended = command.at or draft.now
    not_before_it_began(draft, ended)
    draft.state.status, draft.state.ended = Status.RESOLVED, draft.now
    draft.record("resolved", command.summary, command.actor)
    if Anchor.MITIGATED not in draft.state.anchors:
        draft.set_anchor(Anchor.MITIGATED, ended, command.actor)
    draft.set_anchor(Anchor.RESOLVED, ended, command.actor)
    phases.skip_the_rest(draft, "the incident was resolved")
    escalation.end_open_pages(draft, "the incident was resolved")


def unresolvable(draft: Draft, command: said.DeclareUnresolvable) -> None:
    """It cannot be resolved in time; a date is proposed. Raises `CommandRefused`."""
    if command.proposed <= draft.now:
        raise CommandRefused("the proposed date for the resolution must lie in the future")
    when = f"{command.proposed:%Y-%m-%d %H:%M} UTC"
    draft.record("unresolvable", f"{command.reason}; resolution proposed for {when}", command.actor)
    if Anchor.UNRESOLVABLE not in draft.state.anchors:
        draft.set_anchor(Anchor.UNRESOLVABLE, draft.now, command.actor)
    draft.set_anchor(Anchor.PROPOSED, command.proposed, command.actor, command.reason, stated=True)


def dismiss(draft: Draft, command: said.Dismiss) -> None:
    """It was a false alarm. Raises `CommandRefused`."""
    draft.state.status, draft.state.ended = Status.DISMISSED, draft.now
    draft.record("dismissed", f"false alarm: {command.reason}", command.actor)
    phases.skip_the_rest(draft, "the incident was dismissed")
    escalation.end_open_pages(draft, "the incident was dismissed")


def reopen(draft: Draft, command: said.Reopen) -> None:
    """It was resolved too early. Raises `CommandRefused`."""
    if draft.state.status is not Status.RESOLVED:
        raise CommandRefused(f"incident {draft.state.reference} is {draft.state.status}, not resolved")
    draft.state.status, draft.state.ended = Status.OPEN, None
    draft.record("reopened", command.reason, command.actor)
    phases.go_back(draft)
    clocks.withdraw(draft, (Anchor.RESOLVED, Anchor.MITIGATED), "the incident was reopened")


def close(draft: Draft, command: said.Close) -> None:
    """Nothing more is owed, or what is shall be missed. Raises `CommandRefused`."""
    if draft.state.status is not Status.RESOLVED:
        raise CommandRefused("resolve the incident first, or dismiss it as a false alarm")
    owed = [item.key for item in draft.state.obligations.values() if item.is_open]
    steps = [step.id for step in phases.open_steps(draft)]
    if (owed or steps) and not command.anyway:
        raise CommandRefused(f"still open: {listed(owed + steps)}; close anyway, and they are missed")
    verdicts.miss_all(draft, f"the incident was closed by @{command.actor}")
    escalation.end_open_pages(draft, "the incident was closed")
    for step in phases.open_steps(draft):
        phases.finish(draft, step, command.actor, skip=True, reason="the incident was closed")
    draft.state.status = Status.CLOSED
    closed = "closed with what was still owed" if owed or steps else "nothing more is owed"
    draft.record("closed", command.reason or closed, command.actor)
