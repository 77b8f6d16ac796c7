"""What every command has to make sense of: times that have come, ends after beginnings, names that exist."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from tocsin.domain import commands as said
from tocsin.domain.case import Draft
from tocsin.domain.commands import CommandRefused
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


def listed(names: Iterable[object]) -> str:
    """Names in a row, for a refusal."""
    return ", ".join(str(name) for name in names) or "none"
