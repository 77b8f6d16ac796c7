"""Verdicts: how a promise is settled on the ledger, and what ends with it."""

from __future__ import annotations

from tocsin.domain import escalation
from tocsin.domain.case import Draft
from tocsin.domain.state import Judgement, Obligation
from tocsin.domain.words import Verdict


def still_owed(draft: Draft) -> list[Obligation]:
    """Every armed promise that no verdict has settled."""
    return [obligation for obligation in draft.state.obligations.values() if obligation.is_open]


def settle_as(draft: Draft, obligation: Obligation, verdict: Verdict, reason: str) -> None:
    """Write a verdict. Pages on the promise's account end with it; those of a missed one go on, because it is still
    needed, but for those about a decision: it comes too late."""
    obligation.verdict, obligation.reason, obligation.settled = verdict, reason, draft.now
    title = draft.plan.obligation(obligation.spec).title
    because = f" — {reason}" if reason else ""
    draft.record("verdict", f"{title} ({obligation.key}): {verdict}{because}")
    for approval in draft.state.approvals.values():
        if approval.is_open and approval.obligation == obligation.key:
            approval.decision, approval.decided, approval.reason = "overtaken", draft.now, reason
            if approval.page is not None:
                escalation.end_page(draft, draft.state.pages[approval.page], f"{title}: {verdict}")
    if verdict is not Verdict.MISSED:
        escalation.end_open_pages(draft, f"{title}: {verdict}", of=obligation.key)


def take_back(draft: Draft, obligation: Obligation, reason: str) -> None:
    """What was kept is not any more: the verdict stays on the ledger, and the promise is owed again."""
    obligation.judgements += (
        Judgement(
            verdict=obligation.verdict,
            due=obligation.due,
            settled=obligation.settled,
            replaced=draft.now,
            reason=reason,
        ),
    )
    obligation.verdict, obligation.settled, obligation.reason = Verdict.PENDING, None, ""
    title = draft.plan.obligation(obligation.spec).title
    draft.record("verdict", f"{title} ({obligation.key}): owed again, {reason}")


def miss_all(draft: Draft, reason: str) -> None:
    """The incident closes: what is still owed is missed."""
    for obligation in still_owed(draft):
        settle_as(draft, obligation, Verdict.MISSED, reason)
