"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """`samples` of each kind after `warm_up`; `rounds` of bursts of `burst` alerts, sent by `clients` at once."""

    samples: int
    warm_up: int
    burst: int
    clients: int
    rounds: int


FULL = Scale(samples=100, warm_up=10, burst=200, clients=8, rounds=3)
QUICK = Scale(samples=2, warm_up=1, burst=8, clients=4, rounds=1)
"""Shows in half a minute that everything still runs; its numbers mean nothing."""

Metrics = dict[str, dict[str, float]]
"""Numbers by scenario and metric; the unit is the end of the metric's name: `_ms`, `seconds`, `events`."""
