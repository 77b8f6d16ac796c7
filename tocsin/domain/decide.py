"""The one door to an incident's state: an event goes in, the next state comes out.

`decide` copies the state once, lets the event act on the copy, then settles what follows from it: steps that the
record completes, pages and messages whose time has come, obligations that are armed, kept, overdue or overtaken. The
same function serves the live workflow, a rehearsal and the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tocsin.domain import (
    alerts,
    answering,
    approvals,
    beginning,
    commanding,
    escalation,
    events,
    merging,
    multitudes,
    notices,
    obligations,
    outages,
    phases,
    tasks,
)
from tocsin.domain.case import Case, Draft
from tocsin.domain.commands import Command, CommandRefused
from tocsin.domain.state import Errand, IncidentState, Outcome, Target
from tocsin.domain.words import Anchor, Phase

REMEMBERED_COMMANDS = 2_000
"""How many command ids are remembered; a run of a workflow takes no more updates than that."""

KEPT_ENTRIES = 300
"""How many timeline entries stay in the state before the oldest half goes to the archive."""


def decide(case: Case, event: events.Event, now: datetime) -> IncidentState:
    """The state after `event` at `now`. Raises `CommandRefused` for a command that makes no sense now."""
    draft = Draft(plan=case.plan, calendar=case.calendar, state=case.state.model_copy(deep=True), now=now)
    _HANDLERS[type(event)](draft, event)
    _settle(draft)
    return draft.state


def _settle(draft: Draft) -> None:
    """Derive what follows; nothing does before the incident is logged, which is when its first phase is reached."""
    if draft.state.phase is None:
        return
    alerts.end_what_is_calm(draft)
    answering.ask_again_where_silent(draft)
    escalation.climb_what_is_due(draft)
    notices.retry_what_is_due(draft)
    notices.move_on_when_due(draft)
    _settle_promises(draft)
    _keep_old_entries(draft)


def _settle_promises(draft: Draft) -> None:
    """A step that is completed may keep a promise, and a kept promise may complete a step: until nothing more follows.

    Whatever follows from anything is on the timeline, so a round that adds no entry was the last.
    """
    before = -1
    while draft.state.entries != before:
        before = draft.state.entries
        phases.settle(draft)
        obligations.settle(draft)
        approvals.follow(draft)
        tasks.follow(draft)


def _keep_old_entries(draft: Draft) -> None:
    """Send the oldest half of a long timeline to the archive, so that the state stays small."""
    if len(draft.state.timeline) <= KEPT_ENTRIES:
        return
    errand = Errand(
        id="keep-entries", kind="keep_entries", entries=draft.state.timeline[KEPT_ENTRIES // 2].number
    )
    if errand.id not in draft.state.errands:
        draft.ask(errand)


def is_repeated(state: IncidentState, command: Command) -> Outcome | None:
    """What became of this command when it came before; `None` if it is new."""
    return state.seen.get(command.id)


def _commanded(draft: Draft, event: events.Commanded) -> None:
    if event.command.id in draft.state.seen:
        return
    commanding.carry_out(draft, event.command)
    answering.heard(draft, event.command.actor)
    merging.tell_the_merged(draft, event.command)
    remember(draft.state, event.command, Outcome(accepted=True))


def remember(state: IncidentState, command: Command, outcome: Outcome) -> None:
    """Note what became of a command, and forget the oldest beyond the bound."""
    state.seen[command.id] = outcome
    while len(state.seen) > REMEMBERED_COMMANDS:
        del state.seen[next(iter(state.seen))]


def refuse(case: Case, command: Command, refusal: CommandRefused, now: datetime) -> IncidentState:
    """The state after refusing a command that nobody waited for: remembered, and its author told, once."""
    if is_repeated(case.state, command) is not None:
        return case.state
    draft = Draft(plan=case.plan, calendar=case.calendar, state=case.state.model_copy(deep=True), now=now)
    remember(draft.state, command, Outcome(accepted=False, reason=str(refusal)))
    draft.record("refused", f"{command.kind.replace('_', ' ')} by @{command.actor}: {refusal}", command.actor)
    subject = f"Your {command.kind.replace('_', ' ')} was refused"
    if command.actor.is_person:
        target = Target(person=command.actor.key)
        notices.tell(draft, target, ("sms", "email"), "refusal", "refusal", None, subject, str(refusal))
    return draft.state


def _entries_kept(draft: Draft, event: events.EntriesKept) -> None:
    draft.state.errands.pop(event.errand, None)
    draft.state.timeline = [entry for entry in draft.state.timeline if entry.number > event.up_to]


def _sent(draft: Draft, event: events.Sent) -> None:
    if _errand_done(draft, event.message):
        notices.sent(draft, event)
        answering.has_reached(draft, draft.state.messages[event.message])


def _not_sent(draft: Draft, event: events.NotSent) -> None:
    if not _errand_done(draft, event.message):
        return
    channel = draft.state.messages[event.message].channel
    notices.not_sent(draft, event)
    if event.opted_out is not None:
        answering.opted_out(draft, event.opted_out, channel)


def _errand_done(draft: Draft, message: str) -> bool:
    """Take the errand off the list; whether it was still there: one that was handed over may be answered twice."""
    done = [errand.id for errand in draft.state.errands.values() if errand.message == message]
    for id in done:
        del draft.state.errands[id]
    return bool(done)


def _phase_reached(draft: Draft, event: events.PhaseReached) -> None:
    if draft.state.phase is None:
        draft.record(
            "declared", f"incident {draft.state.reference}: {draft.state.title}", draft.state.reporter
        )
        draft.set_anchor(Anchor.DECLARED, draft.now)
        outages.name_from_the_start(draft)
    phases.reach(draft, Phase(event.phase))


def _time_passed(draft: Draft, event: events.TimePassed) -> None:
    """Nothing happens by itself: what is due is found by settling."""


_HANDLERS: dict[type, Callable[[Draft, Any], None]] = {
    events.Alert: alerts.heard,
    events.Commanded: _commanded,
    events.Sent: _sent,
    events.NotSent: _not_sent,
    events.Delivery: notices.delivery_reported,
    events.RecipientsFound: beginning.recipients_found,
    events.Drafted: approvals.drafted,
    events.VendorPost: outages.posted,
    events.FeedRead: outages.feed_read,
    events.BroadcastReported: multitudes.reported,
    events.TakenIn: merging.taken_in,
    events.Forwarded: merging.forwarded,
    events.EntriesKept: _entries_kept,
    events.PhaseReached: _phase_reached,
    events.TimePassed: _time_passed,
}
