"""Alertmanager's webhook, version 4: its payload, and the alert that it means under a plan.

Source: prometheus.io/docs/alerting/latest/configuration/#webhook_config. One payload is one group of alerts, which
makes one incident; what is unknown in it is left alone, because the format is somebody else's.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tocsin.domain import naming
from tocsin.domain.events import Alert
from tocsin.domain.plan import IntakeRule, Plan
from tocsin.library import PLAN_LABEL, PlanLibrary

SOURCE = "alertmanager"
TITLE_LENGTH = 200
FACT_LENGTH = 10_000
"""As long as what a person may say in a command."""

_SEPARATORS = re.compile(r"[,\s]+")
_log = logging.getLogger(__name__)


class NoPlanMatches(Exception):
    """No plan wants an alert with these labels; the text says what was compared and what to do."""


class _Foreign(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class AlertmanagerAlert(_Foreign):
    """One alert of the group, under Alertmanager's own key for it."""

    status: Literal["firing", "resolved"]
    fingerprint: Annotated[str, Field(min_length=1)]
    starts_at: Annotated[AwareDatetime, Field(alias="startsAt")]
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @property
    def is_firing(self) -> bool:
        """Whether the monitor still sees it."""
        return self.status == "firing"


class AlertmanagerPayload(_Foreign):
    """A group of alerts as Alertmanager posts it."""

    version: Literal["4"]
    group_key: Annotated[str, Field(alias="groupKey", min_length=1)]
    alerts: Annotated[list[AlertmanagerAlert], Field(min_length=1)]
    group_labels: Annotated[dict[str, str], Field(alias="groupLabels")] = {}
    common_labels: Annotated[dict[str, str], Field(alias="commonLabels")] = {}
    common_annotations: Annotated[dict[str, str], Field(alias="commonAnnotations")] = {}

    @property
    def telling(self) -> AlertmanagerAlert:
        """The alert that speaks for the group where its alerts have nothing in common."""
        return next((alert for alert in self.alerts if alert.is_firing), self.alerts[0])

    @property
    def labels(self) -> dict[str, str]:
        """What the alerts have in common, or else the labels of the one that speaks for them."""
        return self.common_labels or self.telling.labels

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of the alert that speaks for the group, and over them what all have in common."""
        return self.telling.annotations | self.common_annotations


def alert_of(payload: AlertmanagerPayload, library: PlanLibrary, received: datetime) -> Alert:
    """What the payload says, read against the plan that its labels match. Raises `NoPlanMatches`."""
    labels = payload.labels
    matched = library.match(SOURCE, labels)
    if matched is None:
        raise NoPlanMatches(_why_none(labels, library))
    loaded, rule = matched
    criteria = _criteria(rule, payload, loaded.plan)
    return Alert(
        key=naming.identify(loaded.plan.plan, SOURCE, payload.group_key),
        source=SOURCE,
        group=payload.group_key,
        plan=loaded.pin,
        title=_title(payload),
        severity=_severity(rule, labels, criteria, loaded.plan),
        alerts={alert.fingerprint: alert.is_firing for alert in payload.alerts},
        began=_began(payload, received),
        received=received,
        customer=_customer(rule, labels),
        facts=dict(_facts(rule, payload)),
        criteria=criteria,
        vendors=_named(payload, rule.vendor_label, loaded.plan.vendors),
    )


def _why_none(labels: dict[str, str], library: PlanLibrary) -> str:
    if PLAN_LABEL in labels:
        return (
            f'the label {PLAN_LABEL} names the plan "{labels[PLAN_LABEL]}", which does not exist; '
            f"there are {', '.join(library.plans)}"
        )
    named = ", ".join(sorted(labels)) or "there are none"
    return (
        f"the labels match no plan: none has an intake rule for {SOURCE} that takes them ({named}); "
        f"add a rule to a plan, or the label {PLAN_LABEL}"
    )


def _title(payload: AlertmanagerPayload) -> str:
    candidates = (
        payload.common_annotations.get("summary"),
        payload.common_labels.get("alertname"),
        payload.group_labels.get("alertname"),
        payload.telling.annotations.get("summary"),
        payload.telling.labels.get("alertname"),
        payload.group_key,
    )
    return _first(candidates)[:TITLE_LENGTH]


def _first(candidates: Iterable[str | None]) -> str:
    one_line = (" ".join(candidate.split()) for candidate in candidates if candidate)
    return next(filter(None, one_line), "an alert without a name")


def _began(payload: AlertmanagerPayload, received: datetime) -> datetime:
    """When the first alert that fires began; never later than now, whatever the monitor's clock says.

    Go writes a time that it does not have as the year 1: that says nothing.
    """
    firing = [alert for alert in payload.alerts if alert.is_firing] or payload.alerts
    known = [alert.starts_at for alert in firing if alert.starts_at.year >= 1970]
    return min([*known, received]).astimezone(UTC)


def _customer(rule: IntakeRule, labels: dict[str, str]) -> str | None:
    """The customer's key; whether the directory knows it is seen when the customer is to be told."""
    named = labels.get(rule.customer_label or "", "")
    return named.strip().lower() or None


def _severity(rule: IntakeRule, labels: dict[str, str], criteria: tuple[str, ...], plan: Plan) -> str:
    """The worst of what the labels say and of what the criteria demand."""
    demanded = [rule.severity_of(labels), *(plan.criteria[name].severity for name in criteria)]
    return min(demanded, key=lambda name: plan.severities[name].rank)


def _criteria(rule: IntakeRule, payload: AlertmanagerPayload, plan: Plan) -> tuple[str, ...]:
    """What the rule says of every alert that it takes, and what these alerts say of themselves."""
    return tuple(dict.fromkeys((*rule.criteria, *_named(payload, rule.criteria_label, plan.criteria))))


def _named(payload: AlertmanagerPayload, label: str | None, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the plan's names that any alert that fires gives under a label, several after commas or spaces."""
    said = [alert.labels.get(label or "", "") for alert in payload.alerts if alert.is_firing]
    named = dict.fromkeys(name for value in said for name in _SEPARATORS.split(value) if name)
    for name in named.keys() - set(known):
        _log.error('the label %s names "%s", which the plan does not know', label, name)
    return tuple(name for name in named if name in known)


def _facts(rule: IntakeRule, payload: AlertmanagerPayload) -> Iterator[tuple[str, str]]:
    said = {"label": payload.labels, "annotation": payload.annotations}
    for fact, source in rule.facts.items():
        kind, _, name = source.partition(":")
        if kind not in said:
            _log.error(
                'fact %s: "%s" is neither label:NAME nor annotation:NAME; correct the plan', fact, source
            )
        elif value := said[kind].get(name):
            yield fact, value[:FACT_LENGTH]
