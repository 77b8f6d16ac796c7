"""The clocks of the policy: armed from anchors, kept by duties, judged at their due times.

`settle` runs after every event. It is written so that running it twice changes nothing: all it does follows from
the plan, the state and the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.domain import duties
from tocsin.domain.case import Case, Draft
from tocsin.domain.duties import BeforeDue, ObligationSpec
from tocsin.domain.escalation import open_page
from tocsin.domain.fulfilment import begin_duty, is_done
from tocsin.domain.state import DueChange, DutyState, Obligation, PageLevel, Target
from tocsin.domain.words import Anchor, Status, Verdict


def settle(draft: Draft, loosen: bool = False) -> None:
    """Arm what has become owed, move what has changed, begin, judge, and arm what comes next."""
    for spec in draft.plan.obligations:
        _arm_first(draft, spec)
    for obligation in _open(draft):
        _recompute(draft, obligation, loosen)
    _begin_and_judge(draft)
    for spec in draft.plan.obligations:
        _arm_next(draft, spec)
    _begin_and_judge(draft)


def _begin_and_judge(draft: Draft) -> None:
    for obligation in _open(draft):
        _begin(draft, obligation)
        _judge(draft, obligation)


def key_of(spec: ObligationSpec, occurrence: int) -> str:
    """The obligation's name on the ledger; recurring ones are numbered: `interim-report#2`."""
    return f"{spec.id}#{occurrence}" if spec.recurs else spec.id


def reason_not_applicable(case: Case, spec: ObligationSpec) -> str | None:
    """Why the promise does not concern this incident; `None` when it does."""
    if spec.requires == "customer" and case.state.customer is None:
        return "no customer is concerned"
    if spec.terms_for(case.state.severity).within is None:
        return f"the policy sets no such time for severity {case.state.severity}"
    return None


def _open(draft: Draft) -> list[Obligation]:
    return [obligation for obligation in draft.state.obligations.values() if obligation.is_open]


def _ended_by(case: Case, spec: ObligationSpec) -> datetime | None:
    """When an anchor was reached that ends the series."""
    found = case.when(spec.until) if spec.until else None
    return found[1] if found else None


def _arm_first(draft: Draft, spec: ObligationSpec) -> None:
    if key_of(spec, 1) in draft.state.obligations or reason_not_applicable(draft, spec):
        return
    if draft.state.status in {Status.DISMISSED, Status.CLOSED}:
        return
    terms = spec.terms_for(draft.state.severity)
    assert terms.from_ is not None
    assert terms.within is not None
    if found := draft.when(terms.from_):
        anchor, at = found
        _arm(draft, spec, 1, anchor, at, draft.due(at, terms.within))


def _arm(
    draft: Draft, spec: ObligationSpec, occurrence: int, anchor: Anchor, at: datetime, due: datetime
) -> Obligation:
    key = key_of(spec, occurrence)
    obligation = Obligation(
        key=key,
        spec=spec.id,
        occurrence=occurrence,
        anchor=anchor,
        anchored=at,
        due=due,
        begins=_beginning(draft, spec, at, due),
        duties=[DutyState(kind=duty.kind) for duty in spec.do],
    )
    draft.state.obligations[key] = obligation
    draft.record("owed", f"{spec.title} ({key}): due {due:%Y-%m-%d %H:%M:%S} UTC, counted from {anchor}")
    return obligation


def _beginning(draft: Draft, spec: ObligationSpec, at: datetime, due: datetime) -> datetime:
    if isinstance(spec.begin, BeforeDue):
        return max(at, due - draft.scaled(spec.begin.before_due))
    return at


def _recompute(draft: Draft, obligation: Obligation, loosen: bool) -> None:
    """Follow a corrected anchor or a new severity: tighter at once, looser only when that was decided."""
    spec = draft.plan.obligation(obligation.spec)
    terms = spec.terms_for(draft.state.severity)
    if obligation.occurrence > 1 or terms.within is None or terms.from_ is None:
        return
    found = draft.when(terms.from_)
    if found is None:
        return
    anchor, at = found
    due = draft.due(at, terms.within)
    corrected = anchor != obligation.anchor or at != obligation.anchored
    if due == obligation.due or (due > obligation.due and not corrected and not loosen):
        return
    reason = f"{anchor.replace('_', ' ')} is now {at:%Y-%m-%d %H:%M} UTC" if corrected else "reclassified"
    was = DueChange(due=obligation.due, replaced=draft.now, reason=reason)
    obligation.changes += (was,)
    obligation.anchor, obligation.anchored, obligation.due = anchor, at, due
    obligation.begins = _beginning(draft, spec, at, due)
    if obligation.verdict is Verdict.OVERDUE and due > draft.now:
        obligation.verdict, obligation.escalated = Verdict.PENDING, False
    draft.record("owed", f"{spec.title} ({obligation.key}): now due {due:%Y-%m-%d %H:%M:%S} UTC, {reason}")


def _begin(draft: Draft, obligation: Obligation) -> None:
    if obligation.begins > draft.now:
        return
    spec = draft.plan.obligation(obligation.spec)
    for index, duty in enumerate(spec.do):
        if obligation.duties[index].begun is None:
            obligation.duties[index].begun = draft.now
            begin_duty(draft, obligation, index, duty)


def send_now(draft: Draft, obligation: Obligation) -> None:
    """Begin what would have begun later."""
    obligation.begins = draft.now
    _begin(draft, obligation)


def _judge(draft: Draft, obligation: Obligation) -> None:
    spec = draft.plan.obligation(obligation.spec)
    for state, duty in zip(obligation.duties, spec.do, strict=True):
        if state.begun is not None and state.done is None:
            state.done = is_done(draft, state, duty)
    if all(state.done is not None for state in obligation.duties):
        _keep(draft, obligation, spec)
    elif draft.state.status is Status.DISMISSED:
        _settle_as(draft, obligation, Verdict.NOT_APPLICABLE, "dismissed as a false alarm")
    elif _is_overtaken(draft, obligation, spec):
        _settle_as(
            draft, obligation, Verdict.NOT_APPLICABLE, f"{_end_in_words(spec, draft)} before it fell due"
        )
    elif obligation.due <= draft.now:
        _be_late(draft, obligation, spec)


def _keep(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> None:
    kept = max(state.done for state in obligation.duties if state.done is not None)
    verdict = Verdict.MET if kept <= obligation.due else Verdict.LATE
    _settle_as(draft, obligation, verdict, "; ".join(state.note for state in obligation.duties if state.note))
    obligation.settled = kept
    if spec.marks is not None and spec.marks not in draft.state.anchors:
        draft.set_anchor(spec.marks, kept)


def _is_overtaken(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> bool:
    """A recurring promise that had not begun when its series ended is no longer owed."""
    ended = _ended_by(draft, spec)
    has_begun = any(state.begun is not None for state in obligation.duties)
    return ended is not None and not has_begun and ended <= obligation.due


def _end_in_words(spec: ObligationSpec, draft: Draft) -> str:
    found = draft.when(spec.until or ())
    return found[0].replace("_", " ") if found else "ended"


def _be_late(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> None:
    if obligation.verdict is Verdict.PENDING:
        obligation.verdict = Verdict.OVERDUE
        draft.record(
            "overdue", f"{spec.title} ({obligation.key}) was due {obligation.due:%Y-%m-%d %H:%M:%S} UTC"
        )
    if spec.when_late is not None and not obligation.escalated:
        obligation.escalated = True
        level = PageLevel(
            target=Target(role=spec.when_late),
            via=("sms", "phone"),
            wait=duties.Level.model_fields["wait"].default,
        )
        open_page(draft, (level,), reason=f"Overdue: {spec.title}")
    if spec.grace is not None and draft.due(obligation.due, spec.grace) <= draft.now:
        _settle_as(draft, obligation, Verdict.MISSED, "not done when the plan's grace ended")


def _settle_as(draft: Draft, obligation: Obligation, verdict: Verdict, reason: str) -> None:
    obligation.verdict, obligation.reason, obligation.settled = verdict, reason, draft.now
    title = draft.plan.obligation(obligation.spec).title
    because = f" — {reason}" if reason else ""
    draft.record("verdict", f"{title} ({obligation.key}): {verdict}{because}")


def close_open(draft: Draft, reason: str) -> None:
    """The incident closes: what is still owed is missed."""
    for obligation in _open(draft):
        _settle_as(draft, obligation, Verdict.MISSED, reason)


def set_aside(draft: Draft, anchor: Anchor, reason: str) -> None:
    """An anchor was withdrawn: promises counted from it keep their line on the ledger under another name, and are
    owed afresh when the anchor comes again."""
    for key, obligation in list(draft.state.obligations.items()):
        if obligation.anchor is not anchor:
            continue
        if obligation.is_open:
            _settle_as(draft, obligation, Verdict.NOT_APPLICABLE, reason)
        del draft.state.obligations[key]
        obligation.key = f"{key}~{1 + sum(other.startswith(f'{key}~') for other in draft.state.obligations)}"
        draft.state.obligations[obligation.key] = obligation


def _arm_next(draft: Draft, spec: ObligationSpec) -> None:
    """A recurring promise is owed again once its time has come or it has been kept."""
    every = spec.terms_for(draft.state.severity).every
    series = [
        item for item in draft.state.obligations.values() if item.spec == spec.id and "~" not in item.key
    ]
    if every is None or not series or _ended_by(draft, spec) or not draft.state.is_open:
        return
    latest, interval = series[-1], draft.scaled(every)
    while not latest.is_open or latest.due <= draft.now:
        due = latest.due + interval
        latest = _arm(draft, spec, latest.occurrence + 1, latest.anchor, latest.due, due)
        if due + interval > draft.now:
            return
        _settle_as(draft, latest, Verdict.MISSED, "its whole interval passed while nothing could run")


def next_moment(case: Case, obligation: Obligation, now: datetime) -> datetime | None:
    """When the obligation next needs attention: its beginning, a reminder, its due time, or the end of its grace."""
    return min((moment for moment in _moments(case, obligation) if moment > now), default=None)


def _moments(case: Case, obligation: Obligation) -> Iterator[datetime]:
    if not obligation.is_open:
        return
    spec = case.plan.obligation(obligation.spec)
    yield obligation.begins
    yield obligation.due
    if spec.grace is not None:
        yield case.due(obligation.due, spec.grace)
