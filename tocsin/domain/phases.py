"""The four phases: their steps open when a phase is reached, and a phase is over when each of them is done or skipped."""

from __future__ import annotations

from tocsin.domain.case import Case, Draft
from tocsin.domain.plan import Step
from tocsin.domain.state import TOCSIN, Actor, StepState
from tocsin.domain.words import Anchor, Phase, StepStatus


def reach(draft: Draft, phase: Phase) -> None:
    """Come to a phase: later than the one before, or nothing happens."""
    if not phase.is_after(draft.state.phase):
        return
    draft.state.phase = phase
    draft.record("phase", f"phase {phase.label}")
    settle(draft)


def settle(draft: Draft) -> None:
    """Open the current phase's steps and complete those that the record itself completes."""
    if draft.state.phase is None:
        return
    for step in draft.steps_of(draft.state.phase):
        draft.state.steps.setdefault(step.id, StepState())
        if draft.state.steps[step.id].status is StepStatus.OPEN and _record_completes(draft, step):
            finish(draft, step, TOCSIN)


def _record_completes(case: Case, step: Step) -> bool:
    kind, _, name = (step.done_when or "").partition(":")
    match kind:
        case "acknowledged":
            return any(page.acknowledged for page in case.state.pages.values())
        case "anchor":
            return Anchor(name) in case.state.anchors
        case "fact":
            return name in case.state.facts
        case "estimated":
            return case.plan.estimate is not None and case.plan.estimate.fact in case.state.facts
        case _:
            return False


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
            known = draft.state.steps.get(step.id)
            if known is not None and known.status is StepStatus.OPEN:
                finish(draft, step, TOCSIN, skip=True, reason=reason)


def open_steps(case: Case) -> tuple[Step, ...]:
    """What remains to be done in the current phase."""
    if case.state.phase is None:
        return ()
    steps = case.steps_of(case.state.phase)
    return tuple(
        step for step in steps if case.state.steps.get(step.id, StepState()).status is StepStatus.OPEN
    )


def is_over(case: Case, phase: Phase) -> bool:
    """Whether `phase` has been reached and left nothing to do, or a later one has been reached."""
    current = case.state.phase
    if current is None or phase.is_after(current):
        return False
    return current is not phase or not open_steps(case)
