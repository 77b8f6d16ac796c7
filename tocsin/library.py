"""The plans of an installation: read from their folders, checked as a whole, and kept by the hash of their content.

    plans/
      templates/            what every plan falls back on
      <plan>/
        plan.yaml           the policy; read once, when the process starts
        directory.yaml      the people; read again whenever it was edited
        templates/          the plan's own words

An incident names the plan that it runs by its hash (`PlanPin`), and `<state>/plans/<hash>.json` keeps every version
that was ever loaded, so an edited policy never changes the promises of an incident that is under way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import MappingProxyType

from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.directory import Directory
from tocsin.domain.plan import IntakeRule, Plan
from tocsin.domain.state import PlanPin
from tocsin.planfiles import (
    Examination,
    LoadedPlan,
    canonical,
    check,
    examine,
    load_all,
    pinned,
    templates_in,
    with_directory_of_now,
)
from tocsin.planstore import PlanStore
from tocsin.sources import Origin

__all__ = ["PLAN_LABEL", "Examination", "LoadedPlan", "PlanLibrary", "check", "examine", "is_for"]

PLAN_LABEL = "tocsin_plan"
"""The label by which an alert names its plan outright."""

_log = logging.getLogger(__name__)


class PlanLibrary:
    """Every plan below `plans`; versions are kept below `state`. Raises `YamlError` with all that is wrong."""

    def __init__(self, plans: Path, state: Path) -> None:
        self.folder = plans
        self._store = PlanStore(state / "plans")
        self._plans = load_all(plans)
        self._lock = Lock()
        for loaded in self._plans.values():
            self._store.keep(loaded.hash, canonical(loaded.plan, templates_in(loaded.folder)))

    @property
    def plans(self) -> Mapping[str, LoadedPlan]:
        """The plans by name, in the order of their names."""
        return MappingProxyType(self._plans)

    def match(self, source: Origin, labels: Mapping[str, str]) -> tuple[LoadedPlan, IntakeRule] | None:
        """The plan for an alert with these labels, and the rule that reads them; `None` when no plan wants it.

        The first rule of any plan wins whose patterns match. The label `tocsin_plan` names a plan outright, whose rules
        alone are asked then; it takes also what none of them matches, as the mildest and with nothing read from it,
        under a rule that is not one of its own.
        """
        if PLAN_LABEL in labels:
            named = self._plans.get(labels[PLAN_LABEL])
            if named is None:
                return None
            return named, _matching_rule(named.plan, source, dict(labels)) or _mildest(named.plan, source)
        for loaded in self._plans.values():
            if rule := _matching_rule(loaded.plan, source, dict(labels)):
                return loaded, rule
        return None

    def directory(self, plan: str) -> Directory:
        """The directory of a plan as it is now. Raises `LookupError` when there is no such plan.

        An edit that makes no sense is logged with its place, and the directory before it stays in force: a typing
        error in one number must not make everybody unreachable.
        """
        with self._lock:
            self._plans[plan] = with_directory_of_now(self._named(plan))
            return self._plans[plan].directory

    def find(self, pin: PlanPin) -> tuple[Plan, str]:
        """The pinned version and its hash; where that is nowhere to be found, today's version with its own hash.

        Raises `LookupError` when there is no plan of that name at all.
        """
        today = self._plans.get(pin.name)
        if today is not None and today.hash == pin.hash:
            return today.plan, today.hash
        if (kept := self._store.find(pin.hash)) is not None:
            return kept, pin.hash
        today = self._named(pin.name)
        _log.error("plan %s: version %s is lost; %s is used in its place", pin.name, pin.hash, today.hash)
        return today.plan, today.hash

    def content(self, hash: str) -> bytes | None:
        """The bytes of which `hash` is the hash: a version that was loaded once. Raises `OSError`."""
        return self._store.content(hash)

    def calendar(self, plan: Plan, year: int) -> BusinessCalendar:
        """Business time for an incident of `year`: the year before (a late discovery), that year and the next."""
        return pinned(plan.calendar, year - 1)

    def _named(self, plan: str) -> LoadedPlan:
        if plan not in self._plans:
            raise LookupError(f'no plan "{plan}" in {self.folder}; there are {", ".join(self._plans)}')
        return self._plans[plan]


def _matching_rule(plan: Plan, source: Origin, labels: dict[str, str]) -> IntakeRule | None:
    return next((rule for rule in plan.intake if is_for(rule, source) and rule.matches(labels)), None)


def is_for(rule: IntakeRule, source: Origin) -> bool:
    """Whether a rule reads what this source says, where its patterns match."""
    return rule.source in {source.source, source.format, "*"}


def _mildest(plan: Plan, source: Origin) -> IntakeRule:
    """Claims nothing: what a rule says is true of what matches it, and of nothing else."""
    return IntakeRule(source=source.source, otherwise=plan.worst_of(()))
