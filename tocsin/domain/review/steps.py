"""Steps that never open, never end, or are demanded where they do not open."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.plan import Plan
from tocsin.domain.review.finding import Finding, advice, error, listed
from tocsin.domain.review.subject import Subject
from tocsin.domain.steporder import PlacedStep, opened_by, placed_steps
from tocsin.domain.words import Anchor, Phase


def unreachable(subject: Subject) -> Iterator[Finding]:
    """Steps that no incident opens, or that stay open for ever in some."""
    yield from _response_plans_unselected(subject.plan)
    yield from _waiting_for_what_never_opens(subject.plan)
    yield from _demanded_where_they_do_not_open(subject)
    for placed in placed_steps(subject.plan):
        yield from _never_done(subject, placed)


def _response_plans_unselected(plan: Plan) -> Iterator[Finding]:
    selected = {severity.response_plan for severity in plan.severities.values()}
    for name in plan.response_plans:
        if name not in selected:
            yield error(
                ("response_plans", name),
                f'no severity selects "{name}": its steps never open; make it the `response_plan` of one',
            )


def _opened_at(plan: Plan, severity: str) -> list[tuple[PlacedStep, ...]]:
    """What a severity may open: without an estimate, and with each."""
    choices = plan.estimate.choices if plan.estimate is not None else ()
    return [opened_by(plan, severity, choice) for choice in (None, *choices)]


def _waiting_for_what_never_opens(plan: Plan) -> Iterator[Finding]:
    waits: dict[tuple[str | int, ...], tuple[str, list[str]]] = {}
    for severity in plan.severities:
        opened = _opened_at(plan, severity)
        for placed in {each.path: each for together in opened for each in together}.values():
            with_it = [{each.step.id for each in together} for together in opened if placed in together]
            for index, before in enumerate(placed.step.after):
                if not any(before in ids for ids in with_it):
                    waits.setdefault((*placed.path, "after", index), (before, []))[1].append(severity)
    for path, (before, severities) in waits.items():
        yield error(
            path,
            f'it comes after step "{before}", which severity {listed(severities)} does not open: it waits for ever; '
            f"put both into the same response plan, or let it wait for a step of every incident",
        )


def _demanded_where_they_do_not_open(subject: Subject) -> Iterator[Finding]:
    for promise in subject.promises:
        for duty, path in promise.duties:
            if duty.step is None:
                continue
            step = duty.step.step
            missing = [
                severity
                for severity in promise.terms
                if not any(
                    each.step.id == step for opened in _opened_at(subject.plan, severity) for each in opened
                )
            ]
            if missing:
                yield error(
                    (*path, "step"),
                    f'"{promise.spec.id}" demands step "{step}", which severity {listed(missing)} does not open: it '
                    f"could only be missed; leave the severity out, or open the step there",
                )


def _never_done(subject: Subject, placed: PlacedStep) -> Iterator[Finding]:
    """Conditions that the record can't fulfil: not at all, or not before the phase should be over."""
    kind, _, name = (placed.step.done_when or "").partition(":")
    path = (*placed.path, "done_when")
    if kind == "estimated" and subject.plan.estimate is None:
        yield error(
            path,
            "the plan has no `estimate`, so nothing is estimated; add the question, or leave this out",
        )
    if kind == "acknowledged" and not any(duty.page for spec in subject.plan.obligations for duty in spec.do):
        yield error(
            path, "no obligation pages anybody, so nothing is acknowledged; add a page, or leave this out"
        )
    if kind == "anchor" and not subject.is_ever_known(Anchor(name)):
        yield error(path, f"nothing sets `{name}`; let an obligation say `marks: {name}`, or leave this out")
    if kind == "anchor" and name == Anchor.RESOLVED and Phase.ONGOING_ASSESSMENT.is_after(placed.phase):
        yield advice(
            path,
            f"the phase can't end before the incident is resolved, and the phases after it are never come to; put the "
            f"step into {Phase.ONGOING_ASSESSMENT.value}",
        )
