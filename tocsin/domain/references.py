"""References within a plan: every name that it uses must be one that it defines.

What a reviewer would find beyond that is in `tocsin.domain.review`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain.channel import ChannelName
from tocsin.domain.duties import Duty, Level, ObligationSpec, TaskDuty
from tocsin.domain.plan import REPORT_SOURCES, Path, Plan
from tocsin.domain.steporder import misplaced_steps, placed_steps
from tocsin.domain.words import Anchor, Phase


def inconsistencies(plan: Plan) -> Iterator[tuple[Path, str]]:
    """Every reference to a name that the plan does not define, with its place in the file."""
    yield from _Checker(plan).problems()


class _Checker:
    """Follows the references of a plan; separate so that the plan itself reads as what it holds."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.steps = tuple(placed_steps(plan))

    def problems(self) -> Iterator[tuple[Path, str]]:
        yield from self._missing_phases()
        yield from self._severities()
        yield from self._steps()
        yield from misplaced_steps(self.plan)
        yield from self._facts()
        yield from self._reports()
        yield from self._intake()
        yield from self._people()
        yield from self._paging()
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
        ranked: dict[int, str] = {}
        for name, severity in self.plan.severities.items():
            if severity.rank in ranked:
                path = ("severities", name, "rank")
                yield (
                    path,
                    f'"{ranked[severity.rank]}" has rank {severity.rank}, too: which of the two is worse?',
                )
            ranked.setdefault(severity.rank, name)
        for name, severity in self.plan.severities.items():
            if severity.response_plan is not None:
                path = ("severities", name, "response_plan")
                yield from self._known("response_plans", severity.response_plan, path)
        for name, criterion in self.plan.criteria.items():
            yield from self._known("severities", criterion.severity, ("criteria", name, "severity"))
            if criterion.vendor is not None:
                yield from self._known("vendors", criterion.vendor, ("criteria", name, "vendor"))

    def _steps(self) -> Iterator[tuple[Path, str]]:
        for step, _, path in self.steps:
            yield from self._known("roles", step.role, (*path, "role"))
            kind, _, name = (step.done_when or "").partition(":")
            if kind == "fact":
                yield from self._known("facts", name, (*path, "done_when"))
            if kind == "anchor" and name not in set(Anchor):
                yield (*path, "done_when"), f'"{name}" is not an anchor ({", ".join(Anchor)})'
            if kind == "held" and name not in self._meetings():
                known = ", ".join(self._meetings()) or "none"
                yield (*path, "done_when"), f'"{name}" is no obligation with a meeting ({known})'
            for index, criterion in enumerate(step.only_for):
                yield from self._known("criteria", criterion, (*path, "only_for", index))
            for index, before in enumerate(step.after):
                yield from self._step_named(before, (*path, "after", index))

    def _meetings(self) -> list[str]:
        return [spec.id for spec in self.plan.obligations if any(duty.meeting for duty in spec.do)]

    def _facts(self) -> Iterator[tuple[Path, str]]:
        for name, fact in self.plan.facts.items():
            yield from self._known("roles", fact.owed_by, ("facts", name, "owed_by"))
        if self.plan.estimate is not None:
            yield from self._known("facts", self.plan.estimate.fact, ("estimate", "fact"))
            for choice in self.plan.estimate.strategies:
                if choice not in self.plan.estimate.choices:
                    allowed = ", ".join(self.plan.estimate.choices)
                    path: Path = ("estimate", "strategies", choice)
                    yield path, f'"{choice}" is not a choice of the estimate ({allowed})'

    def _people(self) -> Iterator[tuple[Path, str]]:
        plan = self.plan
        if plan.reporter is not None:
            yield from self._known("roles", plan.reporter, ("reporter",))
        if plan.agreement is not None and plan.agreement.contact is not None:
            yield from self._known("roles", plan.agreement.contact, ("agreement", "contact"))
        if plan.tasks.when_late is not None:
            yield from self._known("roles", plan.tasks.when_late, ("tasks", "when_late"))
        if plan.publication is not None:
            for index, audience in enumerate(plan.publication.audiences):
                yield from self._known("audiences", audience, ("publication", "audiences", index))
            for index, role in enumerate(plan.publication.roles):
                yield from self._known("roles", role, ("publication", "roles", index))

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
            for position, criterion in enumerate(rule.criteria):
                yield from self._known("criteria", criterion, ("intake", index, "criteria", position))
            for fact in rule.facts:
                yield from self._known("facts", fact, ("intake", index, "facts", fact))

    def _obligation(self, spec: ObligationSpec, path: Path) -> Iterator[tuple[Path, str]]:
        if [other.id for other in self.plan.obligations].count(spec.id) > 1:
            yield (*path, "id"), f'"{spec.id}" is the id of two obligations'
        for severity, terms in spec.by_severity.items():
            yield from self._known("severities", severity, (*path, "by_severity", severity))
            for impact in terms.by_impact:
                yield from self._known(
                    "impacts", impact, (*path, "by_severity", severity, "by_impact", impact)
                )
            if not (terms.from_ or spec.from_):
                yield (*path, "by_severity", severity), "`from` is missing: which anchor starts the clock?"
        if spec.within is not None and spec.from_ is None:
            yield path, "`from` is missing: which anchor starts the clock?"
        yield from self._obligation_roles(spec, path)
        for index, criterion in enumerate(spec.only_for):
            yield from self._known("criteria", criterion, (*path, "only_for", index))
        for impact in spec.by_impact:
            yield from self._known("impacts", impact, (*path, "by_impact", impact))
        for index, duty in enumerate(spec.do):
            yield from self._duty(duty, (*path, "do", index, duty.kind))

    def _obligation_roles(self, spec: ObligationSpec, path: Path) -> Iterator[tuple[Path, str]]:
        if spec.when_late is not None:
            yield from self._known("roles", spec.when_late, (*path, "when_late"))
        if spec.waivable_by is not None:
            yield from self._known("roles", spec.waivable_by, (*path, "waivable_by"))
        if spec.approval is not None:
            yield from self._known("roles", spec.approval.role, (*path, "approval", "role"))
        if spec.escalate is not None:
            yield from self._known("roles", spec.escalate.to, (*path, "escalate", "to"))

    def _duty(self, duty: Duty, path: Path) -> Iterator[tuple[Path, str]]:
        if duty.page is not None:
            for index, level in enumerate(duty.page.levels):
                yield from self._level(level, (*path, "levels", index))
            if duty.page.assigns is not None:
                yield from self._known("roles", duty.page.assigns, (*path, "assigns"))
        if duty.notify is not None:
            yield from self._audience(duty.notify.audience, duty.notify.via, path)
        if duty.report is not None:
            yield from self._known("reports", duty.report.report, (*path, "report"))
            yield from self._audience(duty.report.audience, duty.report.via, path)
        if duty.task is not None:
            yield from self._task(duty.task, path)
        if duty.update is not None:
            yield from self._known("roles", duty.update.role, (*path, "role"))
        if duty.meeting is not None:
            for index, audience in enumerate(duty.meeting.audiences):
                yield from self._known("audiences", audience, (*path, "audiences", index))
                if (known := self.plan.audiences.get(audience)) is not None and known.list is not None:
                    yield (
                        (*path, "audiences", index),
                        f'audience "{audience}" is a list; nobody invites so many to a meeting',
                    )
        if duty.step is not None:
            yield from self._step_named(duty.step.step, (*path, "step"))

    def _level(self, level: Level, path: Path) -> Iterator[tuple[Path, str]]:
        if level.person is None:  # people are in the directory, which is checked against the plan elsewhere
            field = "role" if level.role is not None else "supervisor_of"
            yield from self._known("roles", level.role or level.supervisor_of or "", (*path, field))

    def _paging(self) -> Iterator[tuple[Path, str]]:
        rules = self.plan.paging
        if rules.last_resort is not None:
            yield from self._level(rules.last_resort, ("paging", "last_resort"))
        if rules.troubles_to is not None:
            yield from self._known("roles", rules.troubles_to, ("paging", "troubles_to"))
        for index, severity in enumerate(rules.wakes or ()):
            yield from self._known("severities", severity, ("paging", "wakes", index))
        for severity in rules.holds:
            yield from self._known("severities", severity, ("paging", "holds", severity))

    def _audience(
        self, audience: str, via: tuple[ChannelName, ...], path: Path
    ) -> Iterator[tuple[Path, str]]:
        yield from self._known("audiences", audience, (*path, "audience"))
        known = self.plan.audiences.get(audience)
        if known is not None and known.list is not None and set(via) == {"phone"}:
            yield (*path, "via"), f'audience "{audience}" is a list, which can be told by email or sms only'

    def _task(self, task: TaskDuty, path: Path) -> Iterator[tuple[Path, str]]:
        yield from self._known("roles", task.role, (*path, "role"))
        for index, step in enumerate(task.after):
            yield from self._step_named(step, (*path, "after", index))
        if task.letter is not None:
            yield from self._known("reports", task.letter, (*path, "letter"))

    def _step_named(self, id: str, path: Path) -> Iterator[tuple[Path, str]]:
        if id not in {placed.step.id for placed in self.steps}:
            yield path, f'"{id}" is no step of this plan'
