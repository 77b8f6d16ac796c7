"""One alert at a time: how long until the monitor has its answer, and until the first message has arrived.

Beside it, on the same server and turn about, the yardsticks of `bench.bare`. Each is timed from before the call that
starts it until the sandbox holds the text message; `bare_no_vendor` until its activity runs. A sample waits until the
delivery reports and mails of the one before are done with, so that no kind pays for another.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bench.bare import NoVendor, OneActivity, SameSteps
from bench.percentiles import median_ratio, spread, uncertainty
from bench.scale import Metrics, Scale
from bench.stand import Stand

Sample = dict[str, float]
"""Seconds, by what they were spent on."""

Taken = dict[str, list[float]]
"""The same of many samples."""

Taking = Callable[[Stand, str], Awaitable[Sample]]


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """Take all samples, each when nothing is left of the one before."""
    return summary(await take_turns(stand, scale, KINDS, stand.inbox.quiet))


async def take_turns(
    stand: Stand, scale: Scale, kinds: Mapping[str, Taking], rest: Callable[[], Awaitable[object]]
) -> Taken:
    """Samples of every kind, in an order that chance decides anew for each round, with a rest before each."""
    taken: Taken = defaultdict(list)
    chance = random.Random(0)
    for number in range(-scale.warm_up, scale.samples):
        for what, take in chance.sample(sorted(kinds.items()), k=len(kinds)):
            await rest()
            sample = await take(stand, stand.name(what, number))
            for spent_on, seconds in sample.items() if number >= 0 else ():
                taken[spent_on].append(seconds)
    return taken


def summary(taken: Taken) -> Metrics:
    """The percentiles of everything, and how our first message, which is a page, compares with each yardstick's."""
    ours = taken["first_message"]
    metrics = {spent_on: spread(samples) for spent_on, samples in sorted(taken.items())}
    metrics["page"] = dict(metrics["first_message"])
    low, high = uncertainty(ours, taken["bare_one_activity"])
    metrics["first_message"] |= {
        "p50_ratio": _ratio(ours, taken["bare_one_activity"]),
        "p50_ratio_low": round(low, 3),
        "p50_ratio_high": round(high, 3),
        "p50_ratio_same_steps": _ratio(ours, taken["bare_same_steps"]),
        "p50_ratio_no_vendor": _ratio(ours, taken["bare_no_vendor"]),
    }
    return metrics


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(median_ratio(ours, theirs), 3)


async def alert(stand: Stand, name: str) -> Sample:
    """One alert, until its first message is there."""
    accepted = await stand.monitor.alert(name)
    text = await stand.inbox.expect(lambda text: text.incident == accepted.incident, accepted.began)
    return {"alert_accepted": accepted.seconds, "first_message": text.at - accepted.began}


def bare(spent_on: str, workflow: Any) -> Taking:
    """How a bare workflow is timed that sends a text message."""

    async def take(stand: Stand, name: str) -> Sample:
        began = time.time()
        await stand.start_bare(workflow, name)
        text = await stand.inbox.expect(lambda text: text.body == name, began)
        return {spent_on: text.at - began}

    return take


async def _bare_no_vendor(stand: Stand, name: str) -> Sample:
    began = time.time()
    handle = await stand.start_bare(NoVendor, name)
    return {"bare_no_vendor": await handle.result() - began}


KINDS: dict[str, Taking] = {
    "tocsin": alert,
    "one-activity": bare("bare_one_activity", OneActivity),
    "same-steps": bare("bare_same_steps", SameSteps),
    "no-vendor": _bare_no_vendor,
}
