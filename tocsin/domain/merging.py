"""Two incidents that are one: the work goes on in one of them, and what both have promised is kept.

The merged incident keeps its own clocks, ledger and audiences. What people say of the other — how things stand, what is
known, that it is resolved — is said of it as well.
"""

from __future__ import annotations

from typing import Literal

from tocsin.domain import answering, naming
from tocsin.domain import commands as said
from tocsin.domain.case import Draft
from tocsin.domain.commands import Command, CommandRefused
from tocsin.domain.events import Commanded, Forwarded, TakenIn
from tocsin.domain.state import Errand, MergedIncident
from tocsin.domain.words import Status

HEARD_BY_BOTH = (
    said.GiveUpdate,
    said.StateFact,
    said.GiveEstimate,
    said.SetAnchor,
    said.Resolve,
    said.DeclareUnresolvable,
    said.Dismiss,
    said.Reopen,
)
"""What is said of one incident and true of those that were merged into it."""


def merge(draft: Draft, command: said.Merge) -> None:
    """The work on this incident goes on in another one. Raises `CommandRefused`."""
    state = draft.state
    if command.into == state.id:
        raise CommandRefused("an incident cannot be merged into itself")
    if state.merged_into is not None:
        raise CommandRefused(f"it was merged into {naming.spoken(state.merged_into.id)} already")
    if command.into in state.merged:
        raise CommandRefused(f"{naming.spoken(command.into)} was merged into this one; merge others into it")
    state.merged_into = MergedIncident(id=command.into, key=command.key, at=draft.now, by=command.actor)
    because = f" — {command.reason}" if command.reason else ""
    draft.record("merged", f"merged into {naming.spoken(command.into)}{because}", command.actor)
    for page in state.pages.values():
        if page.is_open and page.is_summons:
            answering.acknowledge(draft, page, command.actor)
    taken_in = TakenIn(incident=state.id, key=state.key, title=state.title, by=command.actor)
    _tell(draft, f"merge-{command.into}", state.merged_into, "taken_in", taken_in)


def _tell(
    draft: Draft,
    errand: str,
    other: MergedIncident,
    signal: Literal["taken_in", "queued_command"],
    message: TakenIn | Commanded,
) -> None:
    """Have a signal sent to the other incident, wherever it lives by then."""
    draft.ask(
        Errand(
            id=errand,
            kind="forward",
            signal=signal,
            workflow=naming.incident_workflow(other.key),
            incident=other.id,
            text=message.model_dump_json(),
        )
    )


def taken_in(draft: Draft, event: TakenIn) -> None:
    """Another incident was merged into this one; it is told of what is said from now on."""
    if event.incident in draft.state.merged or event.incident == draft.state.id:
        return
    draft.state.merged[event.incident] = MergedIncident(
        id=event.incident, key=event.key, title=event.title, at=draft.now, by=event.by
    )
    what = f"{naming.spoken(event.incident)} was merged into this incident: {event.title}"
    draft.record("merged", what, event.by)


def tell_the_merged(draft: Draft, command: Command) -> None:
    """Have a command that concerns them carried out on the incidents that were merged into this one."""
    if not isinstance(command, HEARD_BY_BOTH):
        return
    for other in draft.state.merged.values():
        # Under the same id: what comes back to where it was said first has been heard there.
        theirs = command.model_copy(update={"incident": other.id})
        errand = f"tell-{command.id}-{other.id}"
        _tell(draft, errand, other, "queued_command", Commanded(command=theirs))


def forwarded(draft: Draft, event: Forwarded) -> None:
    """The other incident was told, or is over."""
    errand = draft.state.errands.pop(event.errand, None)
    if errand is None or event.was_told:
        return
    other = naming.spoken(errand.incident or "")
    draft.record("merged", f"{other} could not be told: it is over")
    if errand.signal == "taken_in" and draft.state.status is Status.OPEN:
        draft.state.merged_into = None
