"""What came of an incident for the plan that it ran: the steps that follow every incident, and what they said.

The reason with which such a step was done or skipped is its outcome, kept against the version of the plan.
"""

from __future__ import annotations

from tocsin.domain.base import Moment, Value
from tocsin.domain.plan import Plan
from tocsin.domain.state import Actor, IncidentState, StepState
from tocsin.domain.words import Phase, StepStatus


class StepOutcome(Value):
    """What became of one step after the incident; `said` is the outcome in its author's words."""

    step: str
    title: str
    status: StepStatus
    said: str
    by: Actor | None
    at: Moment | None


class Review(Value):
    """What one incident said about a version of a plan."""

    incident: str
    reference: str
    title: str
    plan: str
    version: str
    opened: Moment
    is_drill: bool
    outcomes: tuple[StepOutcome, ...]


def review_of(state: IncidentState, plan: Plan) -> Review:
    """What the steps after the incident came to, in the plan's order."""
    return Review(
        incident=state.id,
        reference=state.reference,
        title=state.title,
        plan=state.plan.name,
        version=state.plan.hash,
        opened=state.opened,
        is_drill=state.is_drill,
        outcomes=tuple(
            _outcome(step.id, step.title, state.steps.get(step.id, StepState()))
            for step in plan.steps_of(Phase.POST_INCIDENT, state.severity)
        ),
    )


def _outcome(step: str, title: str, state: StepState) -> StepOutcome:
    return StepOutcome(
        step=step, title=title, status=state.status, said=state.reason, by=state.by, at=state.at
    )
