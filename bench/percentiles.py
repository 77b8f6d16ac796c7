"""What p50, p95 and p99 are here: by nearest rank, always a sample that was really measured, never one in between."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

RESAMPLINGS = 2_000
CONFIDENCE = 95


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` % of the samples do not exceed. Raises `ValueError` without samples.

    Of fewer than 100 samples p99 is the largest.
    """
    if not samples:
        raise ValueError("there is no percentile of nothing: take at least one sample")
    rank = math.ceil(percent / 100 * len(samples))
    return sorted(samples)[max(rank, 1) - 1]


def median(samples: Sequence[float]) -> float:
    """The p50."""
    return percentile(samples, 50)


def spread(samples: Sequence[float], scale: float = 1_000) -> dict[str, float]:
    """p50, p95 and p99 as metrics; seconds become milliseconds unless another `scale` is given."""
    return {f"p{percent}_ms": round(percentile(samples, percent) * scale, 2) for percent in (50, 95, 99)}


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times their median ours is."""
    return median(ours) / median(theirs)


def uncertainty(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Between which values `median_ratio` lies with 95 % confidence, by percentile bootstrap with a fixed seed."""
    chance = random.Random(0)
    ratios = sorted(
        median_ratio(chance.choices(ours, k=len(ours)), chance.choices(theirs, k=len(theirs)))
        for _ in range(RESAMPLINGS)
    )
    tail = (100 - CONFIDENCE) / 2
    return percentile(ratios, tail), percentile(ratios, 100 - tail)
