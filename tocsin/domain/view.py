"""What people see of an incident: one shape for every question about its state, its ledger, the operators' summary."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.domain import clocks, naming, phases, tasks, vendors
from tocsin.domain.base import Moment, Value
from tocsin.domain.case import Case
from tocsin.domain.performance import broken_agreement
from tocsin.domain.plan import Step
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
    Target,
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


class NextAction(Value):
    """Something that can be done now: what, by whom, and the command that records it."""

    what: str
    who: str
    command: str


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


def next_actions(case: Case) -> tuple[NextAction, ...]:
    """What can be done now, most urgent first."""
    state = case.state
    if state.status in {Status.CLOSED, Status.DISMISSED}:
        return ()
    ref = state.reference
    pages = [
        NextAction(
            what=f"Answer page {page.number} ({naming.page_code(state.id, page.number)}): {page.reason}",
            who=whom(case, page.levels[page.level].target),
            command=f"tocsin ack {ref} --page {page.number}",
        )
        for page in state.pages.values()
        if page.is_open
    ]
    steps = [
        NextAction(
            what=step.title + _still_waits(case, step.after),
            who=case.plan.roles[step.role].title,
            command=_step_command(case, ref, step),
        )
        for step in phases.open_steps(case)
    ]
    to_do = [
        NextAction(
            what=task.title + _still_waits(case, task.after),
            who=whom(case, task.assignee),
            command=f"tocsin task {ref} done {task.number}",
        )
        for task in state.tasks.values()
        if task.done is None
    ]
    decisions = [
        NextAction(
            what=f"Decide on {item.what} of {item.obligation}, by {item.due:%Y-%m-%d %H:%M} UTC",
            who=case.plan.roles[item.role].title,
            command=f"tocsin approve {ref} {item.number}",
        )
        for item in state.approvals.values()
        if item.is_open
    ]
    facts = [
        NextAction(
            what=f"Say: {fact.title}",
            who=case.plan.roles[fact.owed_by].title,
            command=f'tocsin fact {ref} {name} "…"',
        )
        for name, fact in case.plan.facts.items()
        if name not in state.facts
    ]
    return (
        *pages,
        *decisions,
        *_to_send_again(case),
        *steps,
        *to_do,
        *_vendors(case, ref),
        *_ending(case, ref),
        *facts,
    )


def _vendors(case: Case, ref: str) -> list[NextAction]:
    return [
        NextAction(
            what=f"Say when {vendor.title} is up again",
            who="anybody",
            command=f"tocsin vendor {ref} {name} up",
        )
        for name, vendor in vendors.down(case).items()
    ]


def _to_send_again(case: Case) -> tuple[NextAction, ...]:
    """What is overdue and can be sent afresh, in case its messages came to nothing."""
    late = [item for item in case.state.obligations.values() if item.verdict is Verdict.OVERDUE]
    specs = [case.plan.obligation(item.spec) for item in late]
    told = [
        (spec.title, duty.telling.template)
        for spec in specs
        if spec.approval is None
        for duty in spec.do
        if duty.telling is not None
    ]
    return tuple(
        NextAction(
            what=f"Send again, where nobody was reached: {title}",
            who="anybody",
            command=f"tocsin report {case.state.reference} {report} --send",
        )
        for title, report in dict.fromkeys(told)
        if report in case.plan.reports
    )


def _still_waits(case: Case, after: tuple[int | str, ...]) -> str:
    waiting = tasks.waits_for(case, after)
    return f" (after {', '.join(waiting)})" if waiting else ""


def whom(case: Case, target: Target) -> str:
    """The title of a role, the key of a person; or that their supervisor is meant."""
    if target.role is None:
        return str(target)
    title = case.plan.roles[target.role].title
    return f"the supervisor of {title}" if target.supervisor else title


def _step_command(case: Case, ref: str, step: Step) -> str:
    kind, _, name = (step.done_when or "").partition(":")
    match kind:
        case "acknowledged":
            return f"tocsin ack {ref}"
        case "estimated":
            choices = "|".join(case.plan.estimate.choices) if case.plan.estimate else ""
            return f'tocsin estimate {ref} "{choices}"'
        case "fact":
            return f'tocsin fact {ref} {name} "…"'
        case "held":
            return f'tocsin postmortem {ref} --held "what came of it"'
        case "anchor" if name == Anchor.CLASSIFIED:
            return f"tocsin classify {ref} {'|'.join(case.plan.severities)}"
        case "anchor":
            return f"tocsin fact {ref} {name} now"
        case "deployed":
            return f'tocsin mitigation {ref} add "…"'
        case _:
            return f"tocsin step {ref} {step.id}"


def _ending(case: Case, ref: str) -> Iterator[NextAction]:
    """An incident that was merged into another ends with that."""
    if case.state.status is not Status.OPEN:
        yield NextAction(what="Close it", who="anybody", command=f"tocsin close {ref}")
    elif case.state.merged_into is None:
        silent = ": every alert is silent" if case.state.end_proposed else ""
        yield NextAction(
            what=f"Resolve it{silent}", who="anybody", command=f'tocsin resolve {ref} "what ended it"'
        )
