"""What every command has to make sense of: times that have come, ends after beginnings, names that exist."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from tocsin.domain import commands as said
from tocsin.domain.case import Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.plan import Role
from tocsin.domain.state import Target
from tocsin.domain.words import Anchor

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours a person's clock may be."""


def not_in_the_future(draft: Draft, command: said.SetAnchor | said.Resolve) -> None:
    """Refuse a time that has not come yet. Raises `CommandRefused`."""
    if command.at is not None and command.at > draft.now + CLOCK_SKEW:
        raise CommandRefused(f"{command.at:%Y-%m-%d %H:%M} UTC has not come yet")


def not_before_it_began(draft: Draft, ended: datetime) -> None:
    """Refuse an end before the beginning. Raises `CommandRefused`."""
    began = draft.when((Anchor.OCCURRED, Anchor.DETECTED, Anchor.AWARE))
    if began is not None and ended < began[1]:
        raise CommandRefused(f"{ended:%Y-%m-%d %H:%M} UTC is before the incident began")


def known_role(draft: Draft, name: str) -> Role:
    """The plan's role of that name. Raises `CommandRefused`."""
    if name not in draft.plan.roles:
        raise CommandRefused(f'the plan has no role "{name}"; its roles are {listed(draft.plan.roles)}')
    return draft.plan.roles[name]


def somebody(draft: Draft, role: str | None, person: str | None) -> Target:
    """Whoever has a role of the plan, or a person. Raises `CommandRefused` unless one of them is named."""
    if (role is None) == (person is None):
        raise CommandRefused("name either a role or a person")
    if role is not None:
        known_role(draft, role)
    return Target(role=role, person=person)


def listed(names: Iterable[object]) -> str:
    """Names in a row, for a refusal."""
    return ", ".join(str(name) for name in names) or "none"
