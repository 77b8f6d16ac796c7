"""The phases: steps open when a phase is reached, and it is over when each of them is done or skipped."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.case import Case, Draft
from tocsin.domain.plan import Step
from tocsin.domain.state import TOCSIN, Actor, AnchorTime, Fact, Meeting, Page, StepState
from tocsin.domain.words import Anchor, Phase, StepStatus


def reach(draft: Draft, phase: Phase) -> None:
    """Come to a phase: later than the one before, or nothing happens."""
    if not phase.is_after(draft.state.phase):
        return
    draft.state.phase = phase
    draft.record("phase", f"phase {phase.label}")
    settle(draft)


def settle(draft: Draft) -> None:
    """Open the steps that have been reached, and complete those that the record itself completes: these wait for no
    phase, so that what was done early is not late."""
    for step in _reached(draft):
        draft.state.steps.setdefault(step.id, StepState())
    for step in _all(draft):
        status = draft.state.steps.get(step.id, StepState()).status
        if status is StepStatus.OPEN and (by := _completed_by(draft, step)):
            finish(draft, step, by)


def _all(case: Case) -> list[Step]:
    return [step for phase in Phase for step in case.steps_of(phase)]


def _reached(case: Case) -> list[Step]:
    """The steps of the current phase, and of those before it: a new severity may have brought some there."""
    return [step for phase in Phase if not phase.is_after(case.state.phase) for step in case.steps_of(phase)]


def _completed_by(case: Case, step: Step) -> Actor | None:
    """Whose word on the record completes the step; `None` while nobody's does."""
    kind, _, name = (step.done_when or "").partition(":")
    state, estimate = case.state, case.plan.estimate
    known: AnchorTime | Fact | None = None
    match kind:
        case "acknowledged":
            answers = [page.acknowledged.by for page in _summons(case) if page.acknowledged]
            return answers[0] if answers else None
        case "anchor":
            known = state.anchors.get(Anchor(name))
        case "fact":
            known = state.facts.get(name)
        case "deployed":
            measures = [item for item in state.mitigations.values() if name in {"", item.kind}]
            return next((item.deployed_by for item in measures if item.deployed_by), None)
        case "held":
            held = [item.by for item in state.meetings.values() if item.held and _is_of(case, item, name)]
            return held[0] if held else None
        case "estimated":
            known = state.facts.get(estimate.fact) if estimate else None
    return known.by if known else None


def _summons(case: Case) -> Iterator[Page]:
    """The pages that promises demand: whoever answers another one, about what is late or to decide, took nothing on."""
    for obligation in case.state.obligations.values():
        for duty in obligation.duties:
            if duty.kind == "page":
                yield from (case.state.pages[int(number)] for number in duty.refs)


def _is_of(case: Case, meeting: Meeting, spec: str) -> bool:
    obligation = case.state.obligations.get(meeting.obligation or "")
    return obligation is not None and obligation.spec == spec


def finish(draft: Draft, step: Step, by: Actor, skip: bool = False, reason: str = "") -> None:
    """Record a step as done or skipped."""
    status = StepStatus.SKIPPED if skip else StepStatus.DONE
    draft.state.steps[step.id] = StepState(status=status, at=draft.now, by=by, reason=reason)
    because = f" — {reason}" if reason else ""
    draft.record("step", f"{step.title} ({step.id}): {status}{because}", by)


def skip_the_rest(draft: Draft, reason: str) -> None:
    """Every step that is still open is skipped, with the reason on the record; what the record completes is done."""
    settle(draft)
    for phase in Phase:
        if phase is Phase.POST_INCIDENT:
            continue
        for step in draft.steps_of(phase):
            if draft.state.steps.get(step.id, StepState()).status is StepStatus.OPEN:
                finish(draft, step, TOCSIN, skip=True, reason=reason)


def go_back(draft: Draft) -> None:
    """After a reopening: testing and monitoring again, and the steps that the resolution had skipped are open again."""
    draft.state.phase = Phase.TESTING_AND_MONITORING
    for id, step in list(draft.state.steps.items()):
        if step.status is StepStatus.SKIPPED and step.by == TOCSIN:
            del draft.state.steps[id]
    draft.record("phase", f"back to phase {draft.state.phase.label}")


def open_steps(case: Case) -> tuple[Step, ...]:
    """What remains to be done in the phases that have been reached."""
    known = case.state.steps
    return tuple(step for step in _reached(case) if known.get(step.id, StepState()).status is StepStatus.OPEN)


def is_over(case: Case, phase: Phase) -> bool:
    """Whether `phase` has been reached and left nothing to do, or a later one has been reached."""
    current = case.state.phase
    if current is None or phase.is_after(current):
        return False
    return current is not phase or not open_steps(case)
