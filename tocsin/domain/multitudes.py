"""Messages to large audiences, which are kept in lists rather than in the directory.

The incident knows that such a message goes out, and how many were reached; to whom it goes is known to its own workflow
alone, and there only to the activities.
"""

from __future__ import annotations

from datetime import datetime

from tocsin.domain import naming, notices, vendors
from tocsin.domain.case import Draft
from tocsin.domain.channel import ChannelName
from tocsin.domain.events import BroadcastReported
from tocsin.domain.state import BroadcastCounts, BroadcastState, Errand, Obligation


def reach(draft: Draft, obligation: Obligation, index: int, wording: str | None = None) -> None:
    """Begin to tell the audience of a notice or report: whoever is in the directory, or everybody on a list."""
    duty = draft.plan.obligation(obligation.spec).do[index]
    telling = duty.telling
    assert telling is not None
    if draft.plan.audiences[telling.audience].list is None:
        notices.find_recipients(draft, telling.audience, obligation.key, index)
        return
    broadcast = BroadcastState(
        id=naming.broadcast_id(draft.state.id, len(draft.state.broadcasts) + 1),
        obligation=obligation.key,
        audience=telling.audience,
        purpose=telling.purpose,
        template=telling.template,
        channel=_channel(draft, telling.via),
        subject=notices.subject_of(draft, obligation, duty),
        wording=wording,
        started=draft.now,
    )
    draft.state.broadcasts[broadcast.id] = broadcast
    obligation.duties[index].refs += (broadcast.id,)
    draft.record(
        "broadcast", f"{broadcast.id}: {broadcast.subject}, by {broadcast.channel} to {telling.audience}"
    )
    draft.ask(Errand(id=f"broadcast-{broadcast.id}", kind="broadcast", broadcast=broadcast.id))


def _channel(draft: Draft, via: tuple[ChannelName, ...]) -> ChannelName:
    """The first that is open and can be written to; nobody can ring so many people."""
    return next(channel for channel in (*vendors.open_channels(draft, via), "email") if channel != "phone")


def reported(draft: Draft, event: BroadcastReported) -> None:
    """Its workflow was started, or says how far it has come; a report that comes after the last one changes nothing."""
    draft.state.errands.pop(f"broadcast-{event.broadcast}", None)
    broadcast = draft.state.broadcasts.get(event.broadcast)
    if broadcast is None or broadcast.done is not None:
        return
    if event.done or event.counts.left <= broadcast.counts.left or not broadcast.counts.recipients:
        broadcast.counts, broadcast.problem = event.counts, event.problem
    if event.done:
        broadcast.done = draft.now
        problem = f"; {event.problem}" if event.problem else ""
        draft.record("broadcast", f"{broadcast.id}: {in_words(event.counts)}{problem}")


def in_words(counts: BroadcastCounts) -> str:
    """Such as `taken by the vendor for 99,812 of 100,000; 120 malformed, 68 suppressed`."""
    kinds = {
        "malformed": counts.malformed,
        "suppressed": counts.suppressed,
        "refused": counts.refused,
        "left": counts.left,
        "that may have got it twice": counts.may_be_doubled,
    }
    others = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    taken = f"taken by the vendor for {counts.accepted:,} of {counts.recipients:,}"
    return f"{taken}; {others}" if others else taken


def got_through(draft: Draft, ref: str) -> datetime | None:
    """When enough of the list had been written to, as the plan has it; `None` while that is not so."""
    broadcast = draft.state.broadcasts[ref]
    return broadcast.done if _is_enough(draft, broadcast) and not broadcast.problem else None


def _is_enough(draft: Draft, broadcast: BroadcastState) -> bool:
    counts, enough = broadcast.counts, draft.plan.audiences[broadcast.audience].enough
    return counts.accepted > 0 and not counts.left and counts.accepted >= enough * counts.recipients


def shortfall(draft: Draft, ref: str) -> str:
    """How a broadcast that is over fell short: what stopped it, or that too few were reached."""
    broadcast = draft.state.broadcasts[ref]
    if broadcast.problem:
        return broadcast.problem
    enough = draft.plan.audiences[broadcast.audience].enough
    return f"{in_words(broadcast.counts)}, and the plan wants {enough:.0%}"


def came_to_nothing(draft: Draft, ref: str) -> bool:
    """Whether it is over and did not get through."""
    return draft.state.broadcasts[ref].done is not None and got_through(draft, ref) is None
