"""The steps of a plan, wherever it has them, and the order in which they can be done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tocsin.domain.plan import Path, Plan, Step
from tocsin.domain.words import Phase

Together = tuple["PlacedStep", ...]
"""The steps that one incident opens."""


class PlacedStep(NamedTuple):
    """A step, the phase in which it opens, and its place in the plan."""

    step: Step
    phase: Phase
    path: Path


def placed_steps(plan: Plan) -> Iterator[PlacedStep]:
    """Every step of the plan: of its phases, of the strategies for its estimate, of its response plans."""
    for phase, spec in plan.phases.items():
        for index, step in enumerate(spec.steps):
            yield PlacedStep(step, phase, ("phases", phase.value, "steps", index))
    for choice, steps in (plan.estimate.strategies if plan.estimate else {}).items():
        for index, step in enumerate(steps):
            yield PlacedStep(step, Phase.BACKUP_AND_MEETING, ("estimate", "strategies", choice, index))
    for name, response in plan.response_plans.items():
        for phase, steps in response.steps.items():
            for index, step in enumerate(steps):
                yield PlacedStep(step, phase, ("response_plans", name, "steps", phase.value, index))


def opened_by(plan: Plan, severity: str, estimate: str | None) -> tuple[PlacedStep, ...]:
    """The steps that an incident of this severity, with this estimate, opens in the course of all its phases."""
    selected = {
        ("response_plans", plan.severities[severity].response_plan),
        ("estimate", "strategies", estimate),
    }
    return tuple(
        placed
        for placed in placed_steps(plan)
        if placed.path[0] == "phases" or placed.path[:2] in selected or placed.path[:3] in selected
    )


def misplaced_steps(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Steps that could never be done in their order, and ids that one incident would open twice, with their places."""
    yield from _after_later_phases(plan)
    problems: dict[Path, str] = {}
    choices = plan.estimate.choices if plan.estimate is not None else ()
    for severity in plan.severities:
        for choice in (None, *choices):
            together = opened_by(plan, severity, choice)
            for path, problem in (*_named_twice(together), *_in_circles(together)):
                problems.setdefault(path, problem)
    yield from problems.items()


def _after_later_phases(plan: Plan) -> Iterator[tuple[Path, str]]:
    phases: dict[str, list[Phase]] = {}
    for step, phase, _ in placed_steps(plan):
        phases.setdefault(step.id, []).append(phase)
    for step, phase, path in placed_steps(plan):
        for index, before in enumerate(step.after):
            known = phases.get(before, [])
            if known and all(other.is_after(phase) for other in known):
                yield (
                    (*path, "after", index),
                    f'"{before}" opens only in {known[0].value}, which begins when "{step.id}" is done: each waits '
                    f"for the other",
                )


def _named_twice(together: Together) -> Iterator[tuple[Path, str]]:
    times = Counter(placed.step.id for placed in together)
    seen: set[str] = set()
    for step, _, path in together:
        if times[step.id] > 1 and step.id in seen:
            yield (
                (*path, "id"),
                f'"{step.id}" is the id of another step of the same incident; rename one of them',
            )
        seen.add(step.id)


def _in_circles(together: Together) -> Iterator[tuple[Path, str]]:
    """Steps that come after themselves; of a circle of several, its first."""
    after = {placed.step.id: placed.step.after for placed in together}
    told: set[str] = set()
    for step, _, path in together:
        if step.id in step.after:
            yield (*path, "after", step.after.index(step.id)), f'"{step.id}" comes after itself'
        elif step.id not in told and step.id in (circle := _before(after, step.after)):
            told |= {each for each in circle if step.id in _before(after, after[each])}
            yield (
                (*path, "after"),
                f'"{step.id}" comes after itself, by way of {", ".join(sorted(told - {step.id}))}',
            )


def _before(after: dict[str, tuple[str, ...]], ids: Iterable[str]) -> set[str]:
    """Every step that must be done before one that comes after `ids`."""
    found: set[str] = set()
    waiting = [id for id in ids if id in after]
    while waiting:
        found.add(id := waiting.pop())
        waiting += [each for each in after[id] if each in after and each not in found]
    return found
