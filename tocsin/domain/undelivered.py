"""What did not arrive after all, in words for the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain import fulfilment, multitudes, notices
from tocsin.domain.case import Draft
from tocsin.domain.state import DutyState, Message, Obligation


def in_vain(draft: Draft, obligation: Obligation) -> str:
    """What of a promise has come to nothing so far, and why; empty while all of it may still get through."""
    lost = [state for state in obligation.duties if fulfilment.came_to_nothing(draft, state)]
    return "; ".join(why for state in lost for why in _failures(draft, state))


def _failures(draft: Draft, state: DutyState) -> Iterator[str]:
    for audience in state.lacking:
        yield f"the directory has nobody for {audience}"
    for ref in state.refs:
        if fulfilment.is_lost(draft, ref):
            yield _why(draft, ref)


def _why(draft: Draft, ref: str) -> str:
    if ref in draft.state.broadcasts:
        return multitudes.shortfall(draft, ref)
    message = notices.last_of(draft.state, ref)
    detail = f": {message.detail}" if message.detail else ""
    return f"not delivered to {notices.whom(message)} by {message.channel}{detail}"


def came_back(draft: Draft, state: DutyState) -> Message | None:
    """What had kept a duty and was returned since: a mail server may take a mail and return it later."""
    if state.kind not in {"notify", "report"} or state.done is None:
        return None
    messages = [ref for ref in state.refs if ref in draft.state.messages]
    lost = [ref for ref in messages if notices.got_through(draft.state, ref) is None]
    return next((message for ref in lost if (message := notices.returned(draft.state, ref))), None)
