"""What people see of an incident: one shape for every question about its state, its ledger, the operators' summary."""

from __future__ import annotations

from datetime import datetime

from tocsin.domain import clocks, vendors
from tocsin.domain.base import Moment, Value
from tocsin.domain.case import Case
from tocsin.domain.nextactions import NextAction, next_actions
from tocsin.domain.performance import broken_agreement
from tocsin.domain.state import (
    Actor,
    AlertState,
    AnchorTime,
    Approval,
    BroadcastState,
    DueChange,
    Evidence,
    Fact,
    Judgement,
    Meeting,
    MergedIncident,
    Mitigation,
    Page,
    Reporter,
    StepState,
    Task,
)
from tocsin.domain.vendors import VendorView
from tocsin.domain.words import Anchor, Phase, Status, Verdict


class StepView(Value):
    """A step with its phase and what became of it."""

    id: str
    title: str
    phase: Phase
    role: str
    state: StepState


class LedgerRow(Value):
    """One promise on the ledger, armed or not; `due` is `None` while its clock has not started.

    `agreement` is what a missed one breaks.
    """

    key: str
    title: str
    clause: str
    source: str
    due: Moment | None
    verdict: Verdict
    settled: Moment | None
    reason: str
    changes: tuple[DueChange, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    agreement: str = ""


class IncidentView(Value):
    """An incident as it stands."""

    id: str
    reference: str
    workflow: str
    plan: str
    plan_title: str
    title: str
    status: Status
    phase: Phase | None
    severity: str
    severity_title: str
    is_drill: bool
    drill_speed: int
    customer: str | None
    follows: str | None
    source: str
    reporter: Actor
    reported: Reporter
    reported_late: bool = False
    opened: Moment
    anchors: dict[Anchor, AnchorTime]
    roles: dict[str, str]
    facts: dict[str, Fact]
    steps: tuple[StepView, ...]
    tasks: tuple[Task, ...]
    mitigations: tuple[Mitigation, ...] = ()
    approvals: tuple[Approval, ...] = ()
    is_confirmed: bool = True
    vendors: tuple[VendorView, ...] = ()
    pages: tuple[Page, ...]
    meetings: tuple[Meeting, ...]
    evidence: tuple[Evidence, ...] = ()
    broadcasts: tuple[BroadcastState, ...] = ()
    alerts: dict[str, AlertState] = {}
    merged: tuple[MergedIncident, ...] = ()
    merged_into: MergedIncident | None = None
    next_actions: tuple[NextAction, ...]
    next_deadline: Moment | None
    overdue: tuple[str, ...]
    at: Moment


def view(case: Case, workflow: str, now: datetime) -> IncidentView:
    """The incident as it stands at `now`."""
    state = case.state
    return IncidentView(
        id=state.id,
        reference=state.reference,
        workflow=workflow,
        plan=state.plan.name,
        plan_title=case.plan.title,
        title=state.title,
        status=state.status,
        phase=state.phase,
        severity=state.severity,
        severity_title=case.plan.severities[state.severity].title,
        is_drill=state.is_drill,
        drill_speed=state.drill_speed,
        customer=state.customer,
        follows=state.follows,
        source=state.source,
        reporter=state.reporter,
        reported=state.reported,
        reported_late=clocks.was_reported_late(case),
        opened=state.opened,
        anchors=state.anchors,
        roles=state.roles,
        facts=state.facts,
        steps=_steps(case),
        tasks=tuple(task.model_copy() for task in state.tasks.values()),
        mitigations=tuple(item.model_copy() for item in state.mitigations.values()),
        approvals=tuple(item.model_copy() for item in state.approvals.values()),
        is_confirmed=Anchor.CONFIRMED in state.anchors,
        vendors=vendors.views(case),
        pages=tuple(page.model_copy() for page in state.pages.values()),
        meetings=tuple(meeting.model_copy() for meeting in state.meetings.values()),
        evidence=tuple(state.evidence.values()),
        broadcasts=tuple(item.model_copy() for item in state.broadcasts.values()),
        alerts=state.alerts,
        merged=tuple(state.merged.values()),
        merged_into=state.merged_into,
        next_actions=next_actions(case),
        next_deadline=next_deadline(case),
        overdue=tuple(key for key, item in state.obligations.items() if item.verdict is Verdict.OVERDUE),
        at=now,
    )


def next_deadline(case: Case) -> datetime | None:
    """The earliest due time of what is still owed in time."""
    pending = [item.due for item in case.state.obligations.values() if item.verdict is Verdict.PENDING]
    return min(pending, default=None)


def is_overdue(case: Case) -> bool:
    """Whether anything is owed that should have been done by now."""
    return any(item.verdict is Verdict.OVERDUE for item in case.state.obligations.values()) or any(
        page.is_open and page.overdue is not None for page in case.state.pages.values()
    )


def _steps(case: Case) -> tuple[StepView, ...]:
    return tuple(
        StepView(
            id=step.id,
            title=step.title,
            phase=phase,
            role=step.role,
            state=case.state.steps.get(step.id, StepState()),
        )
        for phase in Phase
        for step in case.steps_of(phase)
    )


def ledger(case: Case) -> tuple[LedgerRow, ...]:
    """Every promise of the plan: the armed ones in order of their due times, then those whose clock stands still."""
    armed = sorted(case.state.obligations.values(), key=lambda item: item.due)
    rows = [
        LedgerRow(
            key=item.key,
            title=case.plan.obligation(item.spec).title,
            clause=case.plan.obligation(item.spec).clause,
            source=case.plan.obligation(item.spec).source,
            due=item.due,
            verdict=item.verdict,
            settled=item.settled,
            reason=item.reason,
            changes=item.changes,
            judgements=item.judgements,
            agreement=broken_agreement(case.plan, item.spec) if item.verdict is Verdict.MISSED else "",
        )
        for item in armed
    ]
    return tuple(rows) + _never_armed(case)


def _never_armed(case: Case) -> tuple[LedgerRow, ...]:
    known = {item.spec for item in case.state.obligations.values() if not item.is_set_aside}
    rows = []
    for spec in case.plan.obligations:
        if spec.id in known:
            continue
        why = clocks.reason_not_applicable(case, spec)
        over = case.state.status in {Status.CLOSED, Status.DISMISSED}
        anchors = spec.terms_for(case.state.severity).from_ or ()
        waits = "its clock starts when known: " + ", ".join(anchor.replace("_", " ") for anchor in anchors)
        never = "its clock never started, for want of: " + ", ".join(a.replace("_", " ") for a in anchors)
        rows.append(
            LedgerRow(
                key=spec.id,
                title=spec.title,
                clause=spec.clause,
                source=spec.source,
                due=None,
                verdict=Verdict.NOT_APPLICABLE if why or over else Verdict.PENDING,
                settled=None,
                reason=why or (never if over else waits),
            )
        )
    return tuple(rows)
