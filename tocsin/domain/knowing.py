"""What people know: how bad it is, how long it will last, what happened and when, what they have kept."""

from __future__ import annotations

from tocsin.domain import clocks, facts, outages
from tocsin.domain import commands as said
from tocsin.domain.case import Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.sense import listed, not_before_it_began, not_in_the_future
from tocsin.domain.state import Evidence, Fact
from tocsin.domain.words import Anchor

_ONLY_CORRECTED = {Anchor.RESOLVED, Anchor.UNRESOLVABLE, Anchor.REPORT_SENT}
"""Anchors that a deed sets; only their time can be put right."""


def classify(draft: Draft, command: said.Classify) -> None:
    """Set the severity, and whom it hits; suppliers that the criteria name are down. Raises `CommandRefused`."""
    severity = command.severity or (
        draft.state.severity
        if command.impacts and not command.criteria
        else _severity_by_criteria(draft, command.criteria)
    )
    if severity not in draft.plan.severities:
        raise CommandRefused(
            f'the plan has no severity "{severity}"; its severities are {listed(draft.plan.severities)}'
        )
    unknown = [name for name in command.impacts if name not in draft.plan.impacts]
    if unknown:
        raise CommandRefused(
            f'the plan has no impact "{unknown[0]}"; its impacts are {listed(draft.plan.impacts)}'
        )
    if command.loosen and not command.reason:
        raise CommandRefused("say why later deadlines may replace what was promised")
    before, draft.state.severity = draft.state.severity, severity
    draft.state.criteria = command.criteria or draft.state.criteria
    draft.state.impacts = command.impacts or draft.state.impacts
    because = command.reason or ", ".join((*command.criteria, *command.impacts))
    change = f"severity {severity}" if before == severity else f"severity {severity} (was {before})"
    draft.record("classified", change + (f": {because}" if because else ""), command.actor)
    outages.name_by_criteria(draft, command.criteria, command.actor)
    draft.set_anchor(Anchor.CLASSIFIED, draft.now, command.actor)
    if command.loosen:
        clocks.move(draft, loosen=True)


def _severity_by_criteria(draft: Draft, criteria: tuple[str, ...]) -> str:
    unknown = [name for name in criteria if name not in draft.plan.criteria]
    if unknown or not criteria:
        what = f'no criterion "{unknown[0]}"' if unknown else "no severity without criteria"
        raise CommandRefused(f"the plan has {what}; its criteria are {listed(draft.plan.criteria)}")
    return draft.plan.worst_of(criteria)


def estimate(draft: Draft, command: said.GiveEstimate) -> None:
    """Answer how long it will last. Raises `CommandRefused`."""
    estimate = draft.plan.estimate
    if estimate is None:
        raise CommandRefused("the plan asks for no estimate")
    if command.choice not in estimate.choices:
        raise CommandRefused(f'"{command.choice}" is not a choice; choose one of {listed(estimate.choices)}')
    _put_fact(draft, estimate.fact, command.choice, command)


def state_fact(draft: Draft, command: said.StateFact) -> None:
    """Record a fact, checked against its type. Raises `CommandRefused`."""
    if command.name not in draft.plan.facts:
        raise CommandRefused(
            f'the plan has no fact "{command.name}"; its facts are {listed(draft.plan.facts)}'
        )
    _put_fact(draft, command.name, facts.read(draft.plan.facts[command.name], command.value), command)


def _put_fact(draft: Draft, name: str, value: str, command: said.StateFact | said.GiveEstimate) -> None:
    draft.state.facts[name] = Fact(value=value, at=draft.now, by=command.actor)
    draft.record("fact", f"{draft.plan.facts[name].title}: {value}", command.actor)


def anchor(draft: Draft, command: said.SetAnchor) -> None:
    """Record or correct when something happened. Raises `CommandRefused`."""
    settable = set(Anchor) - (_ONLY_CORRECTED - set(draft.state.anchors)) - {Anchor.PROPOSED}
    if command.anchor not in settable:
        raise CommandRefused(f'"{command.anchor}" cannot be set; choose one of {listed(sorted(settable))}')
    not_in_the_future(draft, command)
    if command.anchor in _ONLY_CORRECTED:
        not_before_it_began(draft, command.at)
    draft.set_anchor(Anchor(command.anchor), command.at, command.actor, command.reason, stated=True)


def evidence(draft: Draft, command: said.AddEvidence) -> None:
    """The entry names the whole hash: the timeline's chain then vouches for the content, too."""
    number = len(draft.state.evidence) + 1
    draft.state.evidence[number] = Evidence(
        number=number,
        sha256=command.sha256,
        size=command.size,
        name=command.name,
        origin=command.origin,
        at=draft.now,
        by=command.actor,
        note=command.note,
    )
    what = f"evidence {number}: {command.name}, {command.size:,} bytes, from {command.origin}"
    note = f" — {command.note}" if command.note else ""
    draft.record("evidence", f"{what}, SHA-256 {command.sha256}{note}", command.actor)
