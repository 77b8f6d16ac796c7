"""Many alerts at once: how long until the last of their first messages has arrived, and was one lost or doubled?

Beside it, turn about, as many bare workflows with one activity, started by as many clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.bare import OneActivity
from bench.inbox import Subject, Text, by_incident, by_words, first_arrivals
from bench.monitor import Accepted, Monitor
from bench.percentiles import median, spread
from bench.scale import Metrics, Scale
from bench.stand import Stand

QUIET_FOR = 1.0


@dataclass(frozen=True)
class Burst:
    """One burst: how long it took, how many messages never came or came twice, each alert's seconds until accepted.

    `turned_away` counts the answers that told the monitor to come again later; `incidents` are the ids of what the
    alerts opened.
    """

    seconds: float
    lost: int
    doubled: int
    answers: tuple[float, ...] = ()
    turned_away: int = 0
    incidents: frozenset[str] = frozenset()


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """The yardstick's bursts and ours, turn about, each when nothing is left of the one before."""
    ours, bare = [], []
    for number in range(scale.rounds):
        await stand.inbox.quiet(QUIET_FOR)
        bare.append(await _bare(stand, scale, number))
        await stand.inbox.quiet(QUIET_FOR)
        names = [stand.name(f"burst-{number}", each) for each in range(scale.burst)]
        ours.append(await alerts_at_once(stand, names, scale.clients, scale.settle))
    return summary(scale, ours, bare)


def summary(scale: Scale, ours: Sequence[Burst], bare: Sequence[Burst]) -> Metrics:
    """The median burst, what was lost or doubled in all of them, and how long alerts waited for their answer."""
    ours_median, bare_median = (median([burst.seconds for burst in bursts]) for bursts in (ours, bare))
    return {
        f"drain_{scale.burst}": {
            "seconds": round(ours_median, 3),
            "slowest_seconds": round(max(burst.seconds for burst in ours), 3),
            "bare_seconds": round(bare_median, 3),
            "ratio": round(ours_median / bare_median, 3),
            "lost": sum(burst.lost for burst in ours),
            "doubled": sum(burst.doubled for burst in ours),
            "turned_away": sum(burst.turned_away for burst in ours),
        },
        "alert_accepted_in_burst": spread(list(chain.from_iterable(burst.answers for burst in ours))),
    }


async def alerts_at_once(stand: Stand, names: Sequence[str], clients: int, settle: float) -> Burst:
    """An alert of each name, from so many clients, each of which sends its next one once the last is accepted.

    It is over when nothing has come for `settle` seconds.
    """
    monitors = [Monitor(stand.stack.receiver_url) for _ in range(clients)]
    await asyncio.gather(*(monitor.connect() for monitor in monitors))
    began = time.time()
    shares = _shares(names, clients)
    sent = await asyncio.gather(
        *(_send(monitor, share) for monitor, share in zip(monitors, shares, strict=True))
    )
    await asyncio.gather(*(monitor.close() for monitor in monitors))
    accepted = list(chain.from_iterable(sent))
    incidents = {each.incident for each in accepted}
    texts = await stand.inbox.all_about(incidents, by_incident, began, settle)
    doubled = len(texts) - len({text.message for text in texts})
    return _burst(began, incidents, texts, by_incident, doubled, accepted)


async def _send(monitor: Monitor, names: Iterable[str]) -> list[Accepted]:
    return [await monitor.alert(name) for name in names]


async def _bare(stand: Stand, scale: Scale, number: int) -> Burst:
    names = [stand.name(f"bare-burst-{number}", each) for each in range(scale.burst)]
    began = time.time()
    await asyncio.gather(*(_start(stand, share) for share in _shares(names, scale.clients)))
    texts = await stand.inbox.all_about(set(names), by_words, began, scale.settle)
    return _burst(began, set(names), texts, by_words, len(texts) - len({text.body for text in texts}))


async def _start(stand: Stand, names: Iterable[str]) -> None:
    for name in names:
        await stand.start_bare(OneActivity, name)


def _shares(names: Sequence[str], clients: int) -> list[Sequence[str]]:
    """What each client sends, one after the other."""
    return [names[client::clients] for client in range(clients)]


def _burst(
    began: float,
    wanted: set[str],
    texts: Sequence[Text],
    subject: Subject,
    doubled: int,
    accepted: Sequence[Accepted] = (),
) -> Burst:
    first = first_arrivals(texts, subject)
    return Burst(
        seconds=max(first.values(), default=began) - began,
        lost=len(wanted - first.keys()),
        doubled=doubled,
        answers=tuple(each.seconds for each in accepted),
        turned_away=sum(each.turned_away for each in accepted),
        incidents=frozenset(each.incident for each in accepted),
    )
