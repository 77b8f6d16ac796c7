"""Reading what a monitor says against a plan: which plan wants it, and what its labels mean there.

Alerts that make one incident may differ in their labels, so each is read by its own. The worst of those that fire
speaks for all of them; where none fires, the first that a plan wants.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from tocsin.domain import naming
from tocsin.domain.alerts import in_short
from tocsin.domain.events import Alert
from tocsin.domain.plan import IntakeRule, Plan
from tocsin.domain.readings import Reading, Sighting
from tocsin.library import PLAN_LABEL, LoadedPlan, PlanLibrary, is_for
from tocsin.sources import ALERTMANAGER, Origin
from tocsin.visible import on_one_line, visible

TITLE_LENGTH = 200
CUSTOMER_LENGTH = 200
FACT_LENGTH = 10_000
"""As long as what a person may say in a command."""

_SEPARATORS = re.compile(r"[,\s]+")
_log = logging.getLogger(__name__)


class NoPlanMatches(Exception):
    """No plan wants an alert with these labels; the text says what was compared and what to do."""


@dataclass(frozen=True)
class _Read:
    """One alert, as the rule of a plan reads it."""

    sighting: Sighting
    labels: dict[str, str]
    loaded: LoadedPlan
    rule: IntakeRule

    @property
    def plan(self) -> Plan:
        """The plan that wants it."""
        return self.loaded.plan

    @property
    def criteria(self) -> tuple[str, ...]:
        """What the rule says of every alert that it takes, and what this one says of itself."""
        named = (name for name in self._named(self.rule.criteria_label) if name in self.plan.criteria)
        return (*self.rule.criteria, *named)

    @property
    def vendors(self) -> tuple[str, ...]:
        """The suppliers that it says are down."""
        return tuple(name for name in self._named(self.rule.vendor_label) if name in self.plan.vendors)

    @property
    def unknown(self) -> Iterator[tuple[str | None, str]]:
        """What it names that the plan does not know, each after its label."""
        for label, known in (
            (self.rule.criteria_label, self.plan.criteria.keys()),
            (self.rule.vendor_label, self.plan.vendors.keys()),
        ):
            yield from ((label, name) for name in self._named(label) if name not in known)

    @property
    def severity(self) -> str:
        """The worst of what the labels say and of what the criteria demand."""
        demanded = (self.plan.criteria[name].severity for name in self.criteria)
        return min((self.rule.severity_of(self.labels), *demanded), key=self._rank)

    @property
    def rank(self) -> int:
        """The rank of its severity; 1 is the worst."""
        return self._rank(self.severity)

    def _rank(self, severity: str) -> int:
        return self.plan.severities[severity].rank

    def _named(self, label: str | None) -> tuple[str, ...]:
        """The names that it gives under a label while it fires, several after commas or spaces."""
        said = self.labels.get(label or "", "") if self.sighting.is_firing else ""
        return tuple(name for name in _SEPARATORS.split(said) if name)


def alert_of(
    reading: Reading, library: PlanLibrary, received: datetime, source: Origin = ALERTMANAGER
) -> Alert:
    """What a source says, read against its plan, or the one that its labels match. Raises `NoPlanMatches`."""
    reads = _reads(reading, library, source)
    worst = reads[0]
    if note := _why_mildest(worst.plan, worst.rule, source):
        _log.info("%s", note)
    _log_unknown(reads)
    alert = Alert(
        key=naming.identify(worst.plan.plan, source.source, reading.group),
        source=source.source,
        group=reading.group,
        plan=worst.loaded.pin,
        title=_title(reading, worst.sighting),
        severity=worst.severity,
        alerts={sighting.key: sighting.is_firing for sighting in reading.sightings if not sighting.remark},
        counts={sighting.key: sighting.count for sighting in reading.sightings if sighting.count > 1},
        handling=worst.rule.handling,
        remarks={sighting.key: sighting.remark for sighting in reading.sightings if sighting.remark},
        began=reading.began(received),
        received=received,
        customer=_customer(worst.rule, worst.labels),
        facts=dict(_facts(reading, worst)),
        criteria=_added_up(read.criteria for read in reads),
        vendors=_added_up(read.vendors for read in reads),
    )
    return in_short(alert)


def unread(reading: Reading, library: PlanLibrary, source: Origin) -> str:
    """What to say where no rule takes this of the plan that was named; empty where one does. Raises `NoPlanMatches`."""
    worst, *_ = _reads(reading, library, source)
    return _why_mildest(worst.plan, worst.rule, source)


def never_read(plan: Plan, source: Origin) -> str:
    """What to say where a plan has no rule for this source, whatever it says; empty where it has one."""
    if any(is_for(rule, source) for rule in plan.intake):
        return ""
    return (
        f"no intake rule of {plan.plan} takes what comes from {source.source}: everything is {plan.worst_of(())}, and "
        f'no label becomes a fact; add a rule for it to the plan, with `source: {source.source}` or `source: "*"`'
    )


def _reads(reading: Reading, library: PlanLibrary, source: Origin) -> list[_Read]:
    """The alerts that decide, the worst first, as far as its plan wants them. Raises `NoPlanMatches`.

    They are those that fire. Where no plan wants any of these, the others decide: an incident is open for them.
    """
    said = [(sighting, _labels(reading, sighting, source)) for sighting in reading.sightings]
    wanted = [
        _Read(sighting, labels, *matched)
        for sighting, labels in said
        if (matched := library.match(source, labels))
    ]
    if not wanted:
        raise NoPlanMatches(_why_none(source, _telling(reading, [labels for _, labels in said]), library))
    firing = [read for read in wanted if read.sighting.is_firing]
    worst = min(firing, key=lambda read: read.rank) if firing else wanted[0]
    others = [read for read in firing or wanted if read is not worst and read.plan is worst.plan]
    return [worst, *others]


def _labels(reading: Reading, sighting: Sighting, source: Origin) -> dict[str, str]:
    named = {PLAN_LABEL: source.plan} if source.plan else {}
    return reading.labels_of(sighting) | named


def _telling(reading: Reading, said: list[dict[str, str]]) -> dict[str, str]:
    """The labels that tell best why no plan wants any: those that name one, or what the alerts have in common."""
    return next((labels for labels in said if PLAN_LABEL in labels), reading.all_labels)


def _why_mildest(plan: Plan, rule: IntakeRule, source: Origin) -> str:
    if rule in plan.intake:
        return ""
    return never_read(plan, source) or (
        f"no intake rule of {plan.plan} matches this: it is {rule.otherwise}, and no label becomes a fact; add a last "
        f"rule to the plan, with `when: {{{PLAN_LABEL}: {plan.plan}}}`, for what names it and matches no other"
    )


def _why_none(source: Origin, labels: dict[str, str], library: PlanLibrary) -> str:
    if PLAN_LABEL in labels:
        return (
            f'the label {PLAN_LABEL} names the plan "{labels[PLAN_LABEL]}", which does not exist; '
            f"there are {', '.join(library.plans)}"
        )
    named = ", ".join(sorted(labels)) or "there are none"
    return (
        f"the labels match no plan: none has an intake rule for {source.source} that takes them ({named}); "
        f"add a rule to a plan, or the label {PLAN_LABEL}"
    )


def _title(reading: Reading, telling: Sighting) -> str:
    candidates = (
        reading.title,
        telling.annotations.get("summary"),
        telling.labels.get("alertname"),
        reading.group,
    )
    return _first(candidates)[:TITLE_LENGTH]


def _first(candidates: Iterable[str | None]) -> str:
    one_line = (on_one_line(candidate) for candidate in candidates if candidate)
    return next(filter(None, one_line), "an alert without a name")


def _customer(rule: IntakeRule, labels: dict[str, str]) -> str | None:
    """The customer's key; whether the directory knows it is seen when the customer is to be told."""
    named = labels.get(rule.customer_label or "", "")
    return named.strip().lower()[:CUSTOMER_LENGTH] or None


def _added_up(named: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What several alerts say adds up; each name once."""
    return tuple(dict.fromkeys(chain.from_iterable(named)))


def _log_unknown(reads: Iterable[_Read]) -> None:
    for label, name in dict.fromkeys(chain.from_iterable(read.unknown for read in reads)):
        _log.error('the label %s names "%s", which the plan does not know', label, name)


def _facts(reading: Reading, worst: _Read) -> Iterator[tuple[str, str]]:
    said = {"label": worst.labels, "annotation": worst.sighting.annotations | reading.annotations}
    for fact, source in worst.rule.facts.items():
        kind, _, name = source.partition(":")
        if kind not in said:
            _log.error(
                'fact %s: "%s" is neither label:NAME nor annotation:NAME; correct the plan', fact, source
            )
        elif value := visible(said[kind].get(name, "")):
            yield fact, value[:FACT_LENGTH]
