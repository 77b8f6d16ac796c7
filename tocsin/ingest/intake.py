"""Reading what a monitor says against a plan: which plan wants it, and what its labels mean there."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from tocsin.domain import naming
from tocsin.domain.events import Alert
from tocsin.domain.plan import IntakeRule, Plan
from tocsin.domain.readings import Reading
from tocsin.library import PLAN_LABEL, LoadedPlan, PlanLibrary, is_for
from tocsin.sources import ALERTMANAGER, Origin
from tocsin.visible import on_one_line, visible

TITLE_LENGTH = 200
FACT_LENGTH = 10_000
"""As long as what a person may say in a command."""

_SEPARATORS = re.compile(r"[,\s]+")
_log = logging.getLogger(__name__)


class NoPlanMatches(Exception):
    """No plan wants an alert with these labels; the text says what was compared and what to do."""


def alert_of(
    reading: Reading, library: PlanLibrary, received: datetime, source: Origin = ALERTMANAGER
) -> Alert:
    """What a source says, read against its plan, or the one that its labels match. Raises `NoPlanMatches`."""
    loaded, rule = _matched(reading, library, source)
    if note := _why_mildest(loaded.plan, rule, source):
        _log.info("%s", note)
    labels = reading.all_labels
    criteria = _criteria(rule, reading, loaded.plan)
    return Alert(
        key=naming.identify(loaded.plan.plan, source.source, reading.group),
        source=source.source,
        group=reading.group,
        plan=loaded.pin,
        title=_title(reading),
        severity=_severity(rule, labels, criteria, loaded.plan),
        alerts={sighting.key: sighting.is_firing for sighting in reading.sightings if not sighting.remark},
        counts={sighting.key: sighting.count for sighting in reading.sightings if sighting.count > 1},
        handling=rule.handling,
        remarks={sighting.key: sighting.remark for sighting in reading.sightings if sighting.remark},
        began=reading.began(received),
        received=received,
        customer=_customer(rule, labels),
        facts=dict(_facts(rule, reading)),
        criteria=criteria,
        vendors=_named(reading, rule.vendor_label, loaded.plan.vendors),
    )


def unread(reading: Reading, library: PlanLibrary, source: Origin) -> str:
    """What to say where no rule takes this of the plan that was named; empty where one does. Raises `NoPlanMatches`."""
    loaded, rule = _matched(reading, library, source)
    return _why_mildest(loaded.plan, rule, source)


def never_read(plan: Plan, source: Origin) -> str:
    """What to say where a plan has no rule for this source, whatever it says; empty where it has one."""
    if any(is_for(rule, source) for rule in plan.intake):
        return ""
    return (
        f"no intake rule of {plan.plan} takes what comes from {source.source}: everything is {plan.worst_of(())}, and "
        f'no label becomes a fact; add a rule for it to the plan, with `source: {source.source}` or `source: "*"`'
    )


def _matched(reading: Reading, library: PlanLibrary, source: Origin) -> tuple[LoadedPlan, IntakeRule]:
    labels = reading.all_labels
    if source.plan:
        labels = labels | {PLAN_LABEL: source.plan}
    matched = library.match(source, labels)
    if matched is None:
        raise NoPlanMatches(_why_none(source, labels, library))
    return matched


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


def _title(reading: Reading) -> str:
    telling = reading.telling
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
    return named.strip().lower() or None


def _severity(rule: IntakeRule, labels: dict[str, str], criteria: tuple[str, ...], plan: Plan) -> str:
    """The worst of what the labels say and of what the criteria demand."""
    demanded = [rule.severity_of(labels), *(plan.criteria[name].severity for name in criteria)]
    return min(demanded, key=lambda name: plan.severities[name].rank)


def _criteria(rule: IntakeRule, reading: Reading, plan: Plan) -> tuple[str, ...]:
    """What the rule says of every alert that it takes, and what these alerts say of themselves."""
    return tuple(dict.fromkeys((*rule.criteria, *_named(reading, rule.criteria_label, plan.criteria))))


def _named(reading: Reading, label: str | None, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the plan's names that any alert that fires gives under a label, several after commas or spaces."""
    said = [each.labels.get(label or "", "") for each in reading.sightings if each.is_firing]
    named = dict.fromkeys(name for value in said for name in _SEPARATORS.split(value) if name)
    for name in named.keys() - set(known):
        _log.error('the label %s names "%s", which the plan does not know', label, name)
    return tuple(name for name in named if name in known)


def _facts(rule: IntakeRule, reading: Reading) -> Iterator[tuple[str, str]]:
    said = {"label": reading.all_labels, "annotation": reading.all_annotations}
    for fact, source in rule.facts.items():
        kind, _, name = source.partition(":")
        if kind not in said:
            _log.error(
                'fact %s: "%s" is neither label:NAME nor annotation:NAME; correct the plan', fact, source
            )
        elif value := visible(said[kind].get(name, "")):
            yield fact, value[:FACT_LENGTH]
