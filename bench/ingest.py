"""How many alerts a second one receiver takes: new ones, repeats, and both; beside it, bare starts of the workflow.

No worker runs, so that the numbers are those of the receiver and of Temporal: an alert is accepted, and durable,
without one. The yardstick are calls of `start_workflow` for the same workflow with the same argument, from one process,
as many at a time, over a connection with the same encryption.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.line import request, send_over
from bench.monitor import payload
from bench.percentiles import percentile
from bench.scale import Metrics, Scale
from bench.stand import Stand
from tocsin.domain import naming
from tocsin.domain.messages import IncidentStart
from tocsin.domain.opening import reported_by
from tocsin.ingest.formats.alertmanager import AlertmanagerPayload
from tocsin.ingest.intake import alert_of
from tocsin.library import PlanLibrary
from workflows.incident import IncidentWorkflow

REPEATS = 5
"""So many repeats for each new alert."""


@dataclass(frozen=True)
class Run:
    """So many seconds for all, and for each."""

    seconds: float
    each: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """The rate."""
        return len(self.each) / self.seconds


async def measure(stand: Stand, scale: Scale) -> Metrics:
    """Bare starts and new alerts, turn about; then repeats, and both."""
    stand.stack.kill("worker")
    bare, distinct = [], []
    for number in range(scale.rounds):
        bare.append(await _bare(stand, scale, number))
        names = [stand.name(f"new-{number}", each) for each in range(scale.alerts)]
        distinct.append(await _alerts(stand, scale, names))
    known = [stand.name("known", each) for each in range(scale.callers)]
    await _alerts(stand, scale, known)
    repeats = await _alerts(stand, scale, _repeated(known, REPEATS * scale.alerts))
    mixed = await _alerts(stand, scale, _mixed(stand, known, scale.alerts))
    return summary(bare, distinct, repeats, mixed)


def summary(bare: Sequence[Run], distinct: Sequence[Run], repeats: Run, mixed: Run) -> Metrics:
    """Rates, and how long an alert waited for its answer."""
    runs = {"distinct": _together(distinct), "repeats": repeats, "mixed": mixed}
    found: dict[str, float] = {}
    for name, run in runs.items():
        found[f"{name}_per_second"] = round(run.per_second, 1)
        found |= {f"{name}_p{p}_ms": round(percentile(run.each, p) * 1_000, 2) for p in (50, 99)}
    yardstick = _together(bare).per_second
    found["bare_starts_per_second"] = round(yardstick, 1)
    found["ratio_to_bare_starts"] = round(runs["distinct"].per_second / yardstick, 3)
    return {"ingest": found}


def _together(runs: Sequence[Run]) -> Run:
    return Run(sum(run.seconds for run in runs), tuple(each for run in runs for each in run.each))


async def _alerts(stand: Stand, scale: Scale, names: Sequence[str]) -> Run:
    requests = {name: request(name) for name in names}
    seconds, answers = await send_over(
        stand.stack.receiver_url, scale.callers, [requests[name] for name in names]
    )
    return Run(seconds, tuple(answered.seconds for answered in answers))


def _repeated(known: Sequence[str], count: int) -> list[str]:
    return [known[number % len(known)] for number in range(count)]


def _mixed(stand: Stand, known: Sequence[str], count: int) -> list[str]:
    """Every so many repeats, a new one."""
    repeats = iter(_repeated(known, REPEATS * count))
    new = (stand.name("mixed", number) for number in range(count))
    return [name for each in new for name in (each, *(next(repeats) for _ in range(REPEATS)))]


async def _bare(stand: Stand, scale: Scale, number: int) -> Run:
    library = stand.library()
    starts = [_start(library, stand.name(f"bare-{number}", each)) for each in range(scale.alerts)]
    began = time.perf_counter()
    each = await asyncio.gather(
        *(_start_all(stand, starts[caller :: scale.callers]) for caller in range(scale.callers))
    )
    return Run(time.perf_counter() - began, tuple(seconds for share in each for seconds in share))


def _start(library: PlanLibrary, name: str) -> IncidentStart:
    """How the incident of an alert would begin."""
    group = AlertmanagerPayload.model_validate_json(json.dumps(payload(name)))
    return reported_by((alert_of(group.reading, library, datetime.now(UTC)),))


async def _start_all(stand: Stand, starts: Sequence[IncidentStart]) -> list[float]:
    return [await _start_one(stand, start) for start in starts]


async def _start_one(stand: Stand, start: IncidentStart) -> float:
    began = time.perf_counter()
    await stand.temporal.start_workflow(
        IncidentWorkflow.run,
        start,
        id=naming.incident_workflow(start.key),
        task_queue=naming.INCIDENT_QUEUE,
    )
    return time.perf_counter() - began
