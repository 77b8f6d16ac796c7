"""How much is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """`samples` of each kind after `warm_up`; `rounds` of bursts of `burst` alerts, sent by `clients` at once.

    Samples are taken again while `busy` incidents are worked on. `pages` are due at once, from `callers` at a time. In
    each of `blocks`, `block` pages meet good vendors, and as many bad ones. A broadcast has `recipients`. How fast new
    ones are taken is measured with `alerts` in each round; a storm is so many `repeats` and `distinct` alerts. Once
    nothing has come for `settle` seconds, nothing is thought to come a second time. Sessions have stands of their own
    where they are `apart`.
    """

    samples: int
    warm_up: int
    burst: int
    clients: int
    rounds: int
    busy: int
    pages: int
    callers: int
    block: int
    blocks: int
    recipients: int
    alerts: int
    repeats: int
    distinct: int
    settle: float
    apart: bool


FULL = Scale(
    samples=60,
    warm_up=10,
    burst=200,
    clients=8,
    rounds=1,
    busy=200,
    pages=1_000,
    callers=50,
    block=60,
    blocks=2,
    recipients=100_000,
    alerts=500,
    repeats=10_000,
    distinct=2_000,
    settle=10.0,  # as long as the channels wait for a vendor
    apart=True,
)
QUICK = Scale(
    samples=2,
    warm_up=1,
    burst=8,
    clients=4,
    rounds=1,
    busy=4,
    pages=8,
    callers=4,
    block=4,
    blocks=1,
    recipients=50,
    alerts=8,
    repeats=40,
    distinct=8,
    settle=1.0,
    apart=False,
)
"""Shows within a minute or so that everything still runs; its numbers mean nothing."""

Metrics = dict[str, dict[str, float]]
"""Numbers by scenario and metric; the unit is the end of the metric's name: `_ms`, `seconds`, `events`."""


def by_count(metrics: Metrics, begin: str) -> Iterator[tuple[str, dict[str, float]]]:
    """How many of something there were, and what was measured: the scenarios `<begin>_<how many>`."""
    for name, found in metrics.items():
        if name.startswith(f"{begin}_"):
            yield name.removeprefix(f"{begin}_"), found
