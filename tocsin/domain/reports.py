"""Reports, assembled from the record: what is known is said, what is not is said to be owed, and by whom.

People and customers appear as `@key`; the renderer puts the directory's names in their place, so that no name enters
history. `@@key` asks for the name and how to reach them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tocsin.domain.base import Moment, Value
from tocsin.domain.case import Case
from tocsin.domain.durations import describe
from tocsin.domain.sources import SOURCES, local
from tocsin.domain.words import Anchor


class Line(Value):
    """One field of a report; `owed_by` names a role while the text is not known."""

    heading: str
    text: str
    owed_by: str | None = None


class Report(Value):
    """A report as it stands at `at`: a title and lines in the plan's order."""

    id: str
    title: str
    at: Moment
    lines: tuple[Line, ...]

    @property
    def gaps(self) -> tuple[Line, ...]:
        """What is not yet known."""
        return tuple(line for line in self.lines if line.owed_by is not None)


def title_of(case: Case, report: str, occurrence: int = 1) -> str:
    """The report's title with the incident's, numbered when it recurs."""
    number = f" {occurrence}" if occurrence > 1 else ""
    return f"{case.plan.reports[report].title}{number}: {case.state.title}"


def assemble(case: Case, report: str, now: datetime) -> Report:
    """The plan's report with every field filled from the record. Raises `KeyError` for a report it does not have."""
    spec = case.plan.reports[report]
    before = _sent_before(case, report)
    lines = tuple(_line(case, field.heading, field.source, now, before) for field in spec.fields)
    return Report(id=report, title=spec.title, at=now, lines=lines)


def facts_owed(case: Case, report: str) -> Iterator[tuple[str, str]]:
    """What the report wants and nobody has stated: the role that owes it, and what it is.

    Of the moments in it, only when it began is asked for: the others come by what people do.
    """
    for field in case.plan.reports[report].fields:
        kind, _, name = field.source.partition(":")
        if kind == "fact" and name not in case.state.facts:
            yield case.plan.facts[name].owed_by, case.plan.facts[name].title
        elif field.source == f"anchor:{Anchor.OCCURRED}" and Anchor.OCCURRED not in case.state.anchors:
            yield _owing_role(case, kind, name), field.heading


def _sent_before(case: Case, report: str) -> datetime | None:
    """When the report before this one left, for one that recurs; `None` for the first."""
    specs = [
        spec
        for spec in case.plan.obligations
        if spec.recurs and any(duty.report and duty.report.report == report for duty in spec.do)
    ]
    armed = [item for spec in specs for item in case.state.obligations.values() if item.spec == spec.id]
    latest = max((item.occurrence for item in armed), default=1)
    sent = [case.state.reports_sent.get(item.key) for item in armed if item.occurrence < latest]
    return max((moment for moment in sent if moment is not None), default=None)


def _age(case: Case, name: str, before: datetime, now: datetime) -> str:
    """How old a fact is that the report before this one has already told."""
    fact = case.state.facts[name]
    if fact.at > before:
        return ""
    age = describe(timedelta(minutes=(now - fact.at) // timedelta(minutes=1)))
    return f" (unchanged for {age}, since {local(case, fact.at)})"


def _line(case: Case, heading: str, source: str, now: datetime, before: datetime | None = None) -> Line:
    kind, _, name = source.partition(":")
    text = (
        {"fact": _fact, "anchor": _anchor, "role": _role, "contact": _contact}[kind](case, name)
        if name
        else SOURCES[kind](case, now)
    )
    if kind == "fact" and text and before is not None:
        text += _age(case, name, before, now)
    if text:
        return Line(heading=heading, text=text)
    owed_by = _who_owes(case, kind, name)
    return Line(heading=heading, text=f"Not yet known — owed by {owed_by}", owed_by=owed_by)


def _who_owes(case: Case, kind: str, name: str) -> str:
    role = _owing_role(case, kind, name)
    holder = case.state.roles.get(role)
    title = case.plan.roles[role].title
    return f"@{holder} ({title})" if holder else title


def _owing_role(case: Case, kind: str, name: str) -> str:
    """The role that owes a fact; a role that nobody holds owes itself; the plan's first role answers for the rest."""
    if kind == "fact":
        return case.plan.facts[name].owed_by
    return name if kind in {"role", "contact"} else next(iter(case.plan.roles))


def _fact(case: Case, name: str) -> str:
    fact = case.state.facts.get(name)
    return fact.value if fact else ""


def _anchor(case: Case, name: str) -> str:
    known = case.state.anchors.get(Anchor(name))
    return local(case, known.at) if known else ""


def _role(case: Case, name: str) -> str:
    holder = case.state.roles.get(name)
    return f"@{holder}" if holder else ""


def _contact(case: Case, name: str) -> str:
    holder = case.state.roles.get(name)
    return f"@@{holder}" if holder else ""
