"""The clocks of promises: started by anchors, moved by corrections and new severities, wound again where they recur."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from tocsin.domain.case import Case, Draft
from tocsin.domain.duties import BeforeDue, ObligationSpec, Terms
from tocsin.domain.state import DueChange, DutyState, Judgement, Obligation
from tocsin.domain.verdicts import settle_as
from tocsin.domain.words import Anchor, Status, Verdict


class Clock(NamedTuple):
    """What a promise is counted from, and when it is due; `severity` is the one whose terms these are."""

    severity: str
    anchor: Anchor
    at: datetime
    due: datetime


def key_of(spec: ObligationSpec, occurrence: int) -> str:
    """The obligation's name on the ledger; recurring ones are numbered: `interim-report#2`."""
    return f"{spec.id}#{occurrence}" if spec.recurs else spec.id


def reason_not_applicable(case: Case, spec: ObligationSpec) -> str | None:
    """Why the promise does not concern this incident; `None` when it does."""
    if "customer" in spec.requires and case.state.customer is None:
        return "no customer is concerned"
    if "late_report" in spec.requires and not was_reported_late(case):
        return "it was not reported late by an employee"
    if spec.only_for and not set(spec.only_for) & set(case.state.criteria):
        return "it concerns only incidents with: " + ", ".join(
            case.plan.criteria[name].title for name in spec.only_for
        )
    if spec.terms_for(case.state.severity).within is None:
        return f"the policy sets no such time for severity {case.state.severity}"
    return None


def was_reported_late(case: Case) -> bool:
    """Whether an employee told us later than the plan allows after they knew."""
    reported = case.state.reported
    allowed = case.plan.report_within.get("employee")
    if reported.kind != "employee" or reported.knew is None or allowed is None:
        return False
    return case.state.opened - reported.knew > allowed


def ended(case: Case, spec: ObligationSpec) -> tuple[Anchor, datetime] | None:
    """The anchor that has ended a series, with its time; `None` while the series runs."""
    return case.when(spec.until) if spec.until else None


# Starting


def arm(draft: Draft) -> None:
    """Start every clock whose anchor has become known."""
    if draft.state.status in {Status.DISMISSED, Status.CLOSED}:
        return
    for spec in draft.plan.obligations:
        if key_of(spec, 1) in draft.state.obligations or reason_not_applicable(draft, spec):
            continue
        if clock := _first(draft, spec, draft.state.severity):
            _arm(draft, spec, 1, clock)


def _first(case: Case, spec: ObligationSpec, severity: str) -> Clock | None:
    """The clock of a promise, or of the first of a series: counted from the earliest of its anchors."""
    terms = spec.terms_for(severity)
    found = case.when(terms.from_ or ())
    if found is None or terms.within is None:
        return None
    anchor, at = found
    return Clock(severity, anchor, at, _due(case, at, terms))


def _due(case: Case, at: datetime, terms: Terms) -> datetime:
    """The earliest of what the severity allows and what each impact that holds does."""
    assert terms.within is not None
    allowed = [
        terms.within,
        *(terms.by_impact[name] for name in case.state.impacts if name in terms.by_impact),
    ]
    return min(case.due(at, allowance) for allowance in allowed)


def interval_of(case: Case, spec: ObligationSpec, severity: str) -> timedelta | None:
    """How often a promise recurs on this incident's clock: as was agreed during the incident, else as the plan says."""
    every = spec.terms_for(severity).every
    agreed = case.state.intervals.get(spec.id, every)
    return None if every is None or agreed is None else case.scaled(agreed)


def _arm(draft: Draft, spec: ObligationSpec, occurrence: int, clock: Clock) -> Obligation:
    key = key_of(spec, occurrence)
    obligation = Obligation(
        key=key,
        spec=spec.id,
        occurrence=occurrence,
        severity=clock.severity,
        anchor=clock.anchor,
        anchored=clock.at,
        due=clock.due,
        begins=_beginning(draft, spec, clock),
        duties=[DutyState(kind=duty.kind) for duty in spec.do],
    )
    draft.state.obligations[key] = obligation
    draft.record(
        "owed", f"{spec.title} ({key}): due {clock.due:%Y-%m-%d %H:%M:%S} UTC, counted from {clock.anchor}"
    )
    return obligation


def _beginning(draft: Draft, spec: ObligationSpec, clock: Clock) -> datetime:
    if isinstance(spec.begin, BeforeDue):
        return max(clock.at, clock.due - draft.scaled(spec.begin.before_due))
    return clock.at


# Moving


def move(draft: Draft, loosen: bool = False) -> None:
    """Follow anchors and severity: tighter at once, looser only after a correction or when that was decided."""
    for obligation in list(draft.state.obligations.values()):
        if obligation.is_set_aside:
            continue
        if obligation.is_open:
            _move_open(draft, obligation, loosen)
        elif obligation.verdict in {Verdict.MET, Verdict.LATE, Verdict.MISSED}:
            _judge_again(draft, obligation)


def _move_open(draft: Draft, obligation: Obligation, loosen: bool) -> None:
    spec = draft.plan.obligation(obligation.spec)
    if loosen and (why := reason_not_applicable(draft, spec)):
        settle_as(draft, obligation, Verdict.NOT_APPLICABLE, why)
        return
    clock = _in_force(draft, spec, obligation, loosen)
    if clock is None or clock.due == obligation.due:
        return
    if clock.due < obligation.due or loosen or _is_corrected(draft, obligation, clock):
        _set(draft, obligation, clock)
        if obligation.verdict is Verdict.OVERDUE and clock.due > draft.now:
            obligation.verdict, obligation.escalated = Verdict.PENDING, False


def _judge_again(draft: Draft, obligation: Obligation) -> None:
    """A promise that was settled is judged by the corrected time: a new verdict stands beside the old one."""
    clock = _promised(draft, draft.plan.obligation(obligation.spec), obligation)
    if clock is None or clock.due == obligation.due or not _is_corrected(draft, obligation, clock):
        return
    _keep_judgement(draft, obligation, clock)
    _set(draft, obligation, clock)
    if obligation.verdict is Verdict.MISSED:
        _give_another_chance(draft, obligation)
        return
    assert obligation.settled is not None
    obligation.verdict = Verdict.MET if obligation.settled <= clock.due else Verdict.LATE
    draft.record("verdict", f"{obligation.key}: {obligation.verdict}, by the corrected time")


def _keep_judgement(draft: Draft, obligation: Obligation, clock: Clock) -> None:
    overtaken = Judgement(
        verdict=obligation.verdict,
        due=obligation.due,
        settled=obligation.settled,
        replaced=draft.now,
        reason=_why_moved(draft, obligation, clock),
    )
    obligation.judgements += (overtaken,)


def _give_another_chance(draft: Draft, obligation: Obligation) -> None:
    """What was missed by the old time is owed again where the corrected one has not come; it begins afresh."""
    if obligation.due <= draft.now or draft.state.status is Status.CLOSED:
        draft.record("verdict", f"{obligation.key}: {obligation.verdict}, by the corrected time too")
        return
    obligation.verdict, obligation.settled, obligation.reason = Verdict.PENDING, None, ""
    obligation.escalated = obligation.pressed = False
    obligation.duties = [
        state if state.done is not None else DutyState(kind=state.kind) for state in obligation.duties
    ]
    draft.record("verdict", f"{obligation.key}: owed again, by the corrected time")


def _in_force(draft: Draft, spec: ObligationSpec, obligation: Obligation, loosen: bool) -> Clock | None:
    """The new severity's clock where it is tighter, or loosening was decided; otherwise the one that was promised."""
    promised = _promised(draft, spec, obligation)
    now = _under(draft, spec, obligation, draft.state.severity)
    is_tighter = now is not None and (promised is None or now.due < promised.due)
    return now if loosen or is_tighter else promised


def _promised(draft: Draft, spec: ObligationSpec, obligation: Obligation) -> Clock | None:
    """The obligation's clock under the terms that set its due time."""
    return _under(draft, spec, obligation, obligation.severity or draft.state.severity)


def _under(draft: Draft, spec: ObligationSpec, obligation: Obligation, severity: str) -> Clock | None:
    """The obligation's clock under the terms of `severity`; in a series it is counted from the one before."""
    if obligation.occurrence == 1:
        return _first(draft, spec, severity)
    interval = interval_of(draft, spec, severity)
    if interval is None:
        return None
    due = obligation.anchored + interval
    return Clock(severity, obligation.anchor, obligation.anchored, due)


def _is_corrected(draft: Draft, obligation: Obligation, clock: Clock) -> bool:
    """Whether a person has put another time on the record than the one that the promise was counted from."""
    moved = (clock.anchor, clock.at) != (obligation.anchor, obligation.anchored)
    return moved and draft.state.anchors[clock.anchor].stated


def _set(draft: Draft, obligation: Obligation, clock: Clock) -> None:
    spec = draft.plan.obligation(obligation.spec)
    reason = _why_moved(draft, obligation, clock)
    obligation.changes += (DueChange(due=obligation.due, replaced=draft.now, reason=reason),)
    obligation.severity, obligation.anchor, obligation.anchored, obligation.due = clock
    for approval in draft.state.approvals.values():
        if approval.is_open and approval.obligation == obligation.key:
            approval.due = clock.due
    obligation.begins = _beginning(draft, spec, clock)
    draft.record(
        "owed", f"{spec.title} ({obligation.key}): now due {clock.due:%Y-%m-%d %H:%M:%S} UTC, {reason}"
    )


def _why_moved(draft: Draft, obligation: Obligation, clock: Clock) -> str:
    if (clock.anchor, clock.at) == (obligation.anchor, obligation.anchored):
        if clock.severity != obligation.severity:
            return f"reclassified as {clock.severity}"
        return "another interval was agreed" if obligation.occurrence > 1 else "its impact was assessed anew"
    said = draft.state.anchors[clock.anchor].reason
    because = f": {said}" if said else ""
    return f"{clock.anchor.replace('_', ' ')} is now {clock.at:%Y-%m-%d %H:%M} UTC{because}"


# Winding again


def arm_next(draft: Draft) -> None:
    """A recurring promise is owed again once its time has come or it has been kept."""
    for spec in draft.plan.obligations:
        if spec.recurs:
            _arm_next(draft, spec)


def _arm_next(draft: Draft, spec: ObligationSpec) -> None:
    interval = interval_of(draft, spec, draft.state.severity)
    latest = _latest(draft, spec)
    if interval is None or latest is None or ended(draft, spec) or not draft.state.is_open:
        return
    while not latest.is_open or latest.due <= draft.now:
        clock = Clock(draft.state.severity, latest.anchor, latest.due, latest.due + interval)
        latest = _arm(draft, spec, latest.occurrence + 1, clock)
        if clock.due + interval > draft.now:
            return
        settle_as(draft, latest, Verdict.MISSED, "its whole interval passed while nothing could run")


def _latest(case: Case, spec: ObligationSpec) -> Obligation | None:
    """The newest of a promise that has not been set aside."""
    armed = [
        item for item in case.state.obligations.values() if item.spec == spec.id and not item.is_set_aside
    ]
    return max(armed, key=lambda item: item.occurrence, default=None)


# Withdrawing


def withdraw(draft: Draft, anchors: tuple[Anchor, ...], reason: str) -> None:
    """Anchors turn out not to have happened yet. Promises counted from them are set aside until they come again; what
    they had ended is owed again, as far as it can still be kept."""
    for anchor in anchors:
        draft.state.anchors.pop(anchor, None)
    for obligation in list(draft.state.obligations.values()):
        if obligation.anchor in anchors and not obligation.is_set_aside:
            _set_aside(draft, obligation, reason)
    for spec in draft.plan.obligations:
        latest = _latest(draft, spec)
        if latest is not None and not reason_not_applicable(draft, spec) and not ended(draft, spec):
            _owe_again(draft, spec, latest, reason)


def _set_aside(draft: Draft, obligation: Obligation, reason: str) -> None:
    """The promise keeps its line on the ledger, under another name."""
    if obligation.is_open:
        settle_as(draft, obligation, Verdict.NOT_APPLICABLE, reason)
    key, known = obligation.key, draft.state.obligations
    del known[key]
    obligation.key = f"{key}~{1 + sum(other.startswith(f'{key}~') for other in known)}"
    known[obligation.key] = obligation


def _owe_again(draft: Draft, spec: ObligationSpec, latest: Obligation, reason: str) -> None:
    """Owe afresh what the end had made not applicable; of a series whose time has gone by, what comes next."""
    if latest.due > draft.now:
        if latest.verdict is Verdict.NOT_APPLICABLE:
            severity = latest.severity or draft.state.severity
            clock = Clock(severity, latest.anchor, latest.anchored, latest.due)
            _set_aside(draft, latest, reason)
            _arm(draft, spec, latest.occurrence, clock)
        return
    interval = interval_of(draft, spec, draft.state.severity)
    if interval is not None:
        due = latest.due + ((draft.now - latest.due) // interval + 1) * interval
        clock = Clock(draft.state.severity, latest.anchor, due - interval, due)
        _arm(draft, spec, latest.occurrence + 1, clock)
