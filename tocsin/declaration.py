"""What a person reports, and how the incident begins that it opens. Raises `ReportRefused` for what makes no sense."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from tocsin.domain import naming
from tocsin.domain.base import Moment, Value
from tocsin.domain.messages import IncidentStart
from tocsin.domain.plan import Plan
from tocsin.domain.sense import CLOCK_SKEW, listed
from tocsin.domain.state import Actor, Reporter
from tocsin.library import LoadedPlan, PlanLibrary
from tocsin.visible import on_one_line


class ReportRefused(Exception):
    """A report names what does not exist, or a time that has not come; the text says which there are."""


class Declaration(Value):
    """A person's report, whoever took it down.

    Without a severity it is the worst that the criteria demand, or else the plan's mildest. `occurred` is when it
    happened, where somebody knows. `follows` is the incident to whose end this is an answer.
    """

    plan: str
    title: str
    severity: str | None = None
    criteria: tuple[str, ...] = ()
    customer: str | None = None
    facts: dict[str, str] = {}
    reporter: Actor
    reported: Reporter = Reporter(kind="stakeholder", channel="cli")
    occurred: Moment | None = None
    follows: str | None = None
    identity: tuple[str, ...] = ()
    """What a repetition of this very report has in common with it: the channel, and its name for the report."""


def beginning(
    report: Declaration, library: PlanLibrary, now: datetime, drill_speed: int | None = None
) -> IncidentStart:
    """How the incident begins, under a key that its repetitions share. Raises `ReportRefused`."""
    loaded = plan_named(report.plan, library)
    _refuse_unknown(report, loaded)
    _refuse_the_future(report, now)
    return IncidentStart(
        key=naming.identify(report.plan, *(report.identity or (str(uuid4()),))),
        plan=loaded.pin,
        title=_title(report.title),
        severity=_severity(report, loaded.plan),
        source="person",
        reporter=report.reporter,
        reported=report.reported,
        began=now,
        received=now,
        occurred=report.occurred,
        customer=report.customer,
        facts=report.facts,
        criteria=report.criteria,
        vendors=_vendors(report, loaded.plan),
        follows=report.follows,
        drill_speed=drill_speed or 1,
        is_drill=drill_speed is not None,
    )


def plan_named(name: str, library: PlanLibrary) -> LoadedPlan:
    """The plan that a report names. Raises `ReportRefused`."""
    if name not in library.plans:
        raise ReportRefused(f'there is no plan "{name}"; there are {listed(library.plans)}')
    return library.plans[name]


def _title(title: str) -> str:
    one_line = on_one_line(title)
    if not one_line:
        raise ReportRefused("the title is empty; say in a few words what is wrong")
    return one_line


def _severity(report: Declaration, plan: Plan) -> str:
    """The worse of what was said and what the criteria demand."""
    named = [report.severity] if report.severity else []
    demanded = [plan.worst_of(report.criteria)] if report.criteria or not named else []
    return min([*named, *demanded], key=lambda name: plan.severities[name].rank)


def _vendors(report: Declaration, plan: Plan) -> tuple[str, ...]:
    """The suppliers that the criteria say are down."""
    named = (plan.criteria[name].vendor for name in report.criteria)
    return tuple(dict.fromkeys(vendor for vendor in named if vendor is not None))


def _refuse_unknown(report: Declaration, loaded: LoadedPlan) -> None:
    plan, directory = loaded.plan, loaded.directory
    _known(plan, "severity", [report.severity] if report.severity else [], plan.severities)
    _known(plan, "criterion", report.criteria, plan.criteria)
    _known(plan, "customer", [report.customer] if report.customer else [], directory.customers)
    _known(plan, "fact", report.facts, plan.facts)


def _known(plan: Plan, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ReportRefused(f'plan {plan.plan} has no {kind} "{name}"; it has {listed(known)}')


def _refuse_the_future(report: Declaration, now: datetime) -> None:
    for what, moment in (("it happened", report.occurred), ("the reporter knew", report.reported.knew)):
        if moment is not None and moment > now + CLOCK_SKEW:
            raise ReportRefused(
                f"{moment:%Y-%m-%d %H:%M} UTC has not come yet: say since when {what}, in UTC or with an offset"
            )
