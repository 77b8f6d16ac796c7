"""The plan: one organisation's response policy as data.

Roles, audiences, severities, facts and steps are names that the plan gives; who stands behind roles and audiences is
in the directory (`tocsin.domain.directory`). `Plan.inconsistencies` finds references to names that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from tocsin.domain.base import Value
from tocsin.domain.calendar import CalendarSpec
from tocsin.domain.duties import Duty, ObligationSpec, _as_list
from tocsin.domain.words import Anchor, Phase

Names = Annotated[tuple[str, ...], BeforeValidator(_as_list)]
Path = tuple[str | int, ...]
"""Where something stands in the plan file: keys and indices from its root."""

REPORT_SOURCES = {
    "company": "the organisation's name",
    "customer": "the customer's name",
    "title": "what the incident is called",
    "severity": "the severity and what it means",
    "status": "whether it goes on, and the phase",
    "actions_done": "what has been done so far",
    "actions_open": "what remains to be done",
    "length_of_outage": "from occurrence to the end of the impact",
    "people_involved": "everybody who took part",
    "detection": "how and when it was detected",
    "customer_informed": "when and how the customer was told",
    "last_update": "the newest status update",
    "timeline": "the record, entry by entry",
}
"""What a report's field may take from the record, beside `anchor:…`, `fact:…`, `role:…` (its holder) and
`contact:…` (the same, with the ways to reach them)."""


class Severity(Value):
    """How bad it is; rank 1 is the worst. `response_plan` names the steps that it selects."""

    rank: Annotated[int, Field(ge=1)]
    title: str
    response_plan: str | None = None


class Criterion(Value):
    """A characteristic that makes an incident at least `severity`."""

    severity: str
    title: str


class Role(Value):
    """A part that somebody plays."""

    title: str


class Audience(Value):
    """Who is told. `of: customer` means that each customer has its own; external ones are replaced in a drill."""

    title: str
    of: Literal["customer"] | None = None
    external: bool = False


class FactSpec(Value):
    """A piece of knowledge that a report needs, and the role that owes it."""

    title: str
    owed_by: str


class Estimate(Value):
    """The question how long it will last: its choices, and the strategies that an answer opens as steps."""

    fact: str
    choices: Annotated[tuple[str, ...], Field(min_length=1)]


class Step(Value):
    """One thing to do in a phase. `done_when` lets the record itself complete it."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    role: str
    done_when: Annotated[
        str | None, Field(pattern=r"^(acknowledged|estimated|anchor:[a-z_]+|fact:[a-z_]+)$")
    ] = None


class PhaseSpec(Value):
    """What a phase asks for, besides the steps of the selected response plan."""

    title: str
    steps: tuple[Step, ...] = ()


class ResponsePlan(Value):
    """The steps that a severity selects, by the phase in which they open."""

    title: str
    steps: dict[Phase, tuple[Step, ...]]


class ReportField(Value):
    """One line of a report: its heading, and where on the record its text comes from."""

    heading: str
    source: str


class ReportSpec(Value):
    """A report's title and fields, in order."""

    title: str
    fields: Annotated[tuple[ReportField, ...], Field(min_length=1)]


class IntakeRule(Value):
    """Which alerts open incidents under this plan, and what their labels mean.

    `when` maps labels to patterns (`*` for any value); the first rule of any plan whose patterns all match wins.
    `severity` maps the values of `severity_label` to severities of the plan.
    """

    source: Literal["alertmanager"]
    when: dict[str, Names] = {}
    severity_label: str = "severity"
    severity: dict[str, str] = {}
    otherwise: str
    customer_label: str | None = None
    facts: dict[str, Annotated[str, Field(pattern=r"^(label|annotation):.+$")]] = {}

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether every label that the rule names is there with a value that it allows."""
        return all(
            any(fnmatchcase(labels[label], pattern) for pattern in patterns) if label in labels else False
            for label, patterns in self.when.items()
        )

    def severity_of(self, labels: dict[str, str]) -> str:
        """The plan's severity for an alert with these labels."""
        return self.severity.get(labels.get(self.severity_label, ""), self.otherwise)


class Plan(Value):
    """One organisation's policy: everything that the code would otherwise have to know."""

    plan: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    organisation: str
    calendar: CalendarSpec
    severities: Annotated[dict[str, Severity], Field(min_length=1)]
    criteria: dict[str, Criterion] = {}
    roles: Annotated[dict[str, Role], Field(min_length=1)]
    audiences: dict[str, Audience] = {}
    facts: dict[str, FactSpec] = {}
    estimate: Estimate | None = None
    phases: dict[Phase, PhaseSpec]
    response_plans: dict[str, ResponsePlan] = {}
    reports: dict[str, ReportSpec] = {}
    obligations: Annotated[tuple[ObligationSpec, ...], Field(min_length=1)]
    intake: tuple[IntakeRule, ...] = ()

    def obligation(self, id: str) -> ObligationSpec:
        """The promise with this id. Raises `KeyError` when the plan has none."""
        for spec in self.obligations:
            if spec.id == id:
                return spec
        raise KeyError(id)

    def steps_of(self, phase: Phase, severity: str) -> tuple[Step, ...]:
        """The steps of `phase`: its own, then those of the response plan that `severity` selects."""
        own = self.phases[phase].steps if phase in self.phases else ()
        selected = self.response_plans.get(self.severities[severity].response_plan or "")
        return own + (selected.steps.get(phase, ()) if selected else ())

    def worst_of(self, criteria: tuple[str, ...]) -> str:
        """The severity of an incident with these characteristics: the worst that any demands, else the mildest."""
        demanded = [self.criteria[name].severity for name in criteria]
        by_rank = sorted(self.severities, key=lambda name: self.severities[name].rank)
        return min(demanded, key=lambda name: self.severities[name].rank) if demanded else by_rank[-1]

    def inconsistencies(self) -> Iterator[tuple[Path, str]]:
        """Every reference to a name that the plan does not define, with its place in the file."""
        yield from _Checker(self).problems()


class _Checker:
    """Follows the references of a plan; separate so that the plan itself reads as what it holds."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def problems(self) -> Iterator[tuple[Path, str]]:
        yield from self._missing_phases()
        yield from self._severities()
        yield from self._steps()
        yield from self._facts()
        yield from self._reports()
        yield from self._intake()
        for index, spec in enumerate(self.plan.obligations):
            yield from self._obligation(spec, ("obligations", index))

    def _known(self, kind: str, name: str, path: Path) -> Iterator[tuple[Path, str]]:
        known = getattr(self.plan, kind)
        if name not in known:
            allowed = ", ".join(known) or "none is defined"
            yield path, f'"{name}" is not among the {kind.replace("_", " ")} of this plan ({allowed})'

    def _missing_phases(self) -> Iterator[tuple[Path, str]]:
        for phase in Phase:
            if phase not in self.plan.phases:
                yield ("phases",), f"phase `{phase.value}` is missing"

    def _severities(self) -> Iterator[tuple[Path, str]]:
        for name, severity in self.plan.severities.items():
            if severity.response_plan is not None:
                path = ("severities", name, "response_plan")
                yield from self._known("response_plans", severity.response_plan, path)
        for name, criterion in self.plan.criteria.items():
            yield from self._known("severities", criterion.severity, ("criteria", name, "severity"))

    def _all_steps(self) -> Iterator[tuple[Step, Path]]:
        for phase, spec in self.plan.phases.items():
            for index, step in enumerate(spec.steps):
                yield step, ("phases", phase.value, "steps", index)
        for name, response in self.plan.response_plans.items():
            for phase, steps in response.steps.items():
                for index, step in enumerate(steps):
                    yield step, ("response_plans", name, "steps", phase.value, index)

    def _steps(self) -> Iterator[tuple[Path, str]]:
        for step, path in self._all_steps():
            yield from self._known("roles", step.role, (*path, "role"))
            kind, _, name = (step.done_when or "").partition(":")
            if kind == "fact":
                yield from self._known("facts", name, (*path, "done_when"))
            if kind == "anchor" and name not in set(Anchor):
                yield (*path, "done_when"), f'"{name}" is not an anchor ({", ".join(Anchor)})'

    def _facts(self) -> Iterator[tuple[Path, str]]:
        for name, fact in self.plan.facts.items():
            yield from self._known("roles", fact.owed_by, ("facts", name, "owed_by"))
        if self.plan.estimate is not None:
            yield from self._known("facts", self.plan.estimate.fact, ("estimate", "fact"))

    def _reports(self) -> Iterator[tuple[Path, str]]:
        for name, report in self.plan.reports.items():
            for index, field in enumerate(report.fields):
                yield from self._report_source(field.source, ("reports", name, "fields", index, "source"))

    def _report_source(self, source: str, path: Path) -> Iterator[tuple[Path, str]]:
        kind, _, name = source.partition(":")
        if kind == "fact" and name:
            yield from self._known("facts", name, path)
        elif kind in {"role", "contact"} and name:
            yield from self._known("roles", name, path)
        elif kind == "anchor" and name in set(Anchor):
            return
        elif source not in REPORT_SOURCES:
            allowed = ", ".join([*REPORT_SOURCES, "anchor:…", "fact:…", "role:…", "contact:…"])
            yield path, f'"{source}" is nothing that a report can take from the record; allowed: {allowed}'

    def _intake(self) -> Iterator[tuple[Path, str]]:
        for index, rule in enumerate(self.plan.intake):
            yield from self._known("severities", rule.otherwise, ("intake", index, "otherwise"))
            for value, severity in rule.severity.items():
                yield from self._known("severities", severity, ("intake", index, "severity", value))
            for fact in rule.facts:
                yield from self._known("facts", fact, ("intake", index, "facts", fact))

    def _obligation(self, spec: ObligationSpec, path: Path) -> Iterator[tuple[Path, str]]:
        if [other.id for other in self.plan.obligations].count(spec.id) > 1:
            yield (*path, "id"), f'"{spec.id}" is the id of two obligations'
        for severity, terms in spec.by_severity.items():
            yield from self._known("severities", severity, (*path, "by_severity", severity))
            if not (terms.from_ or spec.from_):
                yield (*path, "by_severity", severity), "`from` is missing: which anchor starts the clock?"
        if spec.within is not None and spec.from_ is None:
            yield path, "`from` is missing: which anchor starts the clock?"
        if spec.when_late is not None:
            yield from self._known("roles", spec.when_late, (*path, "when_late"))
        for index, duty in enumerate(spec.do):
            yield from self._duty(duty, (*path, "do", index, duty.kind))

    def _duty(self, duty: Duty, path: Path) -> Iterator[tuple[Path, str]]:
        if duty.page is not None:
            for index, level in enumerate(duty.page.levels):
                yield from self._known("roles", level.role, (*path, "levels", index, "role"))
            if duty.page.assigns is not None:
                yield from self._known("roles", duty.page.assigns, (*path, "assigns"))
        if duty.notify is not None:
            yield from self._known("audiences", duty.notify.audience, (*path, "audience"))
        if duty.report is not None:
            yield from self._known("reports", duty.report.report, (*path, "report"))
            yield from self._known("audiences", duty.report.audience, (*path, "audience"))
        if duty.task is not None:
            yield from self._known("roles", duty.task.role, (*path, "role"))
        if duty.meeting is not None:
            for index, audience in enumerate(duty.meeting.audiences):
                yield from self._known("audiences", audience, (*path, "audiences", index))
        if duty.step is not None and duty.step.step not in {step.id for step, _ in self._all_steps()}:
            yield (*path, "step"), f'"{duty.step.step}" is no step of this plan'
