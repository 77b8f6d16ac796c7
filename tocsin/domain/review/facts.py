"""Reports that will have gaps: facts that nobody is asked for, lines that the record can never fill."""

from __future__ import annotations

from collections.abc import Iterator, Set

from tocsin.domain.duties import BeforeDue, Duty, ObligationSpec
from tocsin.domain.plan import Plan
from tocsin.domain.review.finding import Finding, advice, error, listed
from tocsin.domain.review.subject import Promise, Subject, report_of
from tocsin.domain.steporder import placed_steps
from tocsin.domain.words import Anchor


def unasked(subject: Subject) -> Iterator[Finding]:
    """Facts and lines of reports that will read "not yet known"."""
    asked = set(_facts_asked(subject))
    for promise in subject.promises:
        yield from _facts_unasked(subject.plan, promise, asked)
    yield from _facts_unused(subject.plan)
    yield from _lines_without_source(subject)


def _facts_asked(subject: Subject) -> Iterator[str]:
    """The facts that somebody is asked for in time for one promise or another."""
    for promise in subject.promises:
        for duty, _ in promise.duties:
            report = report_of(subject.plan, duty)
            if report is not None and _is_asked_before(promise.spec, duty):
                yield from _facts_in(subject.plan, report)


def _facts_unasked(plan: Plan, promise: Promise, asked: Set[str]) -> Iterator[Finding]:
    """What goes out at once says what is not known yet; that is well as long as somebody is asked for it at all."""
    for duty, path in promise.duties:
        report = report_of(plan, duty)
        wanted = list(_facts_in(plan, report)) if report is not None else []
        if promise.spec.begin == "at_once" and duty.task is None:
            wanted = [name for name in wanted if name not in asked]
        if wanted and not _is_asked_before(promise.spec, duty):
            yield advice(path, f"{report} goes out with {listed(wanted)}, and {_why_not(promise.spec, duty)}")


def _is_asked_before(spec: ObligationSpec, duty: Duty) -> bool:
    """Whether somebody is asked for what is missing before it is sent; a letter is posted by whoever is asked."""
    asked = (*spec.remind, *([spec.escalate.before_due] if spec.escalate is not None else []))
    if duty.task is not None:
        return bool(asked)
    return isinstance(spec.begin, BeforeDue) and any(before > spec.begin.before_due for before in asked)


def _why_not(spec: ObligationSpec, duty: Duty) -> str:
    if duty.task is None and spec.begin == "at_once":
        return (
            "that as soon as its clock starts, before anybody is asked for what is not known; say `begin: {before_due: "
            "…}`, and `remind` before that, or leave such lines to a later report"
        )
    return "nobody is asked in time for what is not known; say `remind` or `escalate`, before it begins"


def _facts_in(plan: Plan, report: str) -> Iterator[str]:
    for field in plan.reports[report].fields:
        kind, _, name = field.source.partition(":")
        if kind == "fact":
            yield name


def _facts_unused(plan: Plan) -> Iterator[Finding]:
    used = {name for report in plan.reports for name in _facts_in(plan, report)}
    used |= {(placed.step.done_when or "").removeprefix("fact:") for placed in placed_steps(plan)}
    used |= {plan.estimate.fact} if plan.estimate is not None else set()
    for name, fact in plan.facts.items():
        if name not in used:
            yield advice(
                ("facts", name),
                f"no report says {fact.title.lower()!r}: {fact.owed_by} would owe it for nothing; take `fact:{name}` "
                f"into a report, or leave the fact out",
            )


def _lines_without_source(subject: Subject) -> Iterator[Finding]:
    plan = subject.plan
    absent = {
        "bridge": ("bridge", plan.bridge is None),
        "agreement": ("agreement", plan.agreement is None),
        "impact": ("impacts", not plan.impacts),
        f"anchor:{Anchor.REPORT_SENT}": ("marks", not subject.is_ever_known(Anchor.REPORT_SENT)),
    }
    for name, report in plan.reports.items():
        for index, field in enumerate(report.fields):
            key, is_absent = absent.get(field.source, ("", False))
            if is_absent:
                yield error(
                    ("reports", name, "fields", index, "source"),
                    f"this line stays empty: `{field.source}` comes from `{key}`, which this plan has not; add that, "
                    f"or leave the line out",
                )
