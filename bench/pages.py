"""A thousand pages due at once: until the last is at the vendor, and was one lost or doubled?

Every alert opens an incident of its own, and each incident pages; all pages are for one person, with digests switched
off (`bench.plans`). The alerts come from many clients at a time, as fast as they are accepted.
"""

from __future__ import annotations

from bench.burst import Burst, alerts_at_once
from bench.scale import Metrics, Scale
from bench.stand import Stand


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """One flood, after a few alerts that warm everything up."""
    warm_up = [stand.name("warm-up", number) for number in range(scale.warm_up)]
    await alerts_at_once(stand, warm_up, 1, scale.settle)
    names = [stand.name("page", number) for number in range(scale.pages)]
    return summary(scale.pages, await alerts_at_once(stand, names, scale.callers, scale.settle))


def summary(pages: int, burst: Burst) -> Metrics:
    """How long it took, what was lost, doubled, or told to come again before it was accepted."""
    return {
        f"pages_{pages}": {
            "seconds": round(burst.seconds, 3),
            "pages_per_second": round((pages - burst.lost) / burst.seconds, 1),
            "lost": burst.lost,
            "doubled": burst.doubled,
            "turned_away": burst.turned_away,
        }
    }
