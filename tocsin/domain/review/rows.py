"""Rows of an audience's list that no message could be written to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tocsin.domain.channel import ChannelName
from tocsin.domain.plan import Path, Plan
from tocsin.domain.review.finding import Finding, advice

CHANNELS: tuple[ChannelName, ...] = ("email", "sms")
"""Over which a list can be written to; nobody can ring so many people."""

_SHOWN = 5
"""How many broken rows are told."""


@dataclass(frozen=True)
class Rows:
    """A list gone through for one channel: how many rows it has, and what is `wrong` with which of them."""

    name: str
    channel: ChannelName
    count: int
    wrong: tuple[str, ...]
    """Such as `row 7 has no email address`."""


def doubtful(plan: Plan, audience: str, gone_through: list[Rows]) -> Iterator[Finding]:
    """A list with broken rows, or without any. It can be used, and whoever stands there is not told.

    `gone_through` is the list for each of `CHANNELS`. Those count over which a duty writes to it; where none does, and
    it is there for what people send, the one that suits it best. The plan's references must be in order.
    """
    path: Path = ("audiences", audience, "list")
    used = _channels_of(plan, audience)
    best = min(gone_through, key=lambda each: len(each.wrong))
    if not best.count:
        yield advice(
            path, f"{best.name} has no row below its header, so nobody is told; add a line for each recipient"
        )
    for each in gone_through:
        if each.wrong and (each.channel in used if used else each is best):
            yield advice(path, _told(each))


def _channels_of(plan: Plan, audience: str) -> set[ChannelName]:
    """Over which channels the duties of a plan write to everybody on a list: the first of each that is no call."""
    tellings = (duty.telling for spec in plan.obligations for duty in spec.do)
    told = (telling.via for telling in tellings if telling is not None and telling.audience == audience)
    return {next(channel for channel in via if channel != "phone") for via in told}


def _told(rows: Rows) -> str:
    more = len(rows.wrong) - _SHOWN
    shown = [*rows.wrong[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
    broken = f"{len(rows.wrong):,} of {rows.count:,} rows of {rows.name}"
    return f"{broken} can't be written to by {rows.channel}: {'; '.join(shown)}"
