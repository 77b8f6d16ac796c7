"""The results: `latest.json` for programs, `latest.md` for people, `latest.svg` for a glance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bench.chart import chart
from bench.machine import Machine
from bench.scale import Metrics

RESULTS = Path(__file__).parent / "results"

Run = dict[str, str | int | float]

LATENCIES = {
    "alert_accepted": "Alert → its answer (2xx: Temporal has it)",
    "alert_accepted_in_burst": "the same, amid a burst",
    "first_message": "**Alert → first text message at the vendor**",
    "bare_one_activity": "bare workflow: one activity, which sends",
    "bare_same_steps": "bare workflow: local activity, then an activity on another queue, which sends",
    "bare_no_vendor": "bare workflow: one activity, which does nothing",
}
"""The scenarios that are percentiles, in the order in which people read them."""

INCIDENT = {
    "history_events": "**all, from the alert until nothing is owed**",
    "opening_events": "until the first message is on its way",
    "first_messages_events": "the first messages, and the reports that they have arrived",
    "events_per_command": "each of the responders' commands, with what follows from it",
    "after_resolution_events": "of all: after the resolution",
    "workflow_task_events": "of all: Temporal's own turns (3 each)",
    "activity_events": "of all: sends, look-ups, the archive (3 each)",
    "local_activity_events": "of all: steps that the worker takes by itself, such as opening the record",
    "timer_events": "of all: deadlines and waits",
    "signal_events": "of all: alerts and delivery reports",
    "command_events": "of all: commands (2 each)",
    "search_attribute_events": "of all: what operators filter by",
    "other_events": "of all: starts, ends, the hand-over",
}


def write(folder: Path, metrics: Metrics, machine: Machine, run: Run) -> None:
    """Write the three files into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    results = {**metrics, "machine": machine, "run": run}
    (folder / "latest.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    (folder / "latest.md").write_text("\n".join(_page(metrics, machine, run)) + "\n")
    chart(metrics, folder / "latest.svg")


def _page(metrics: Metrics, machine: Machine, run: Run) -> Iterator[str]:
    yield "# What was measured last"
    yield ""
    yield f"{run['date']}, {run['samples']} samples of each kind taken turn about, in {run['seconds']} s, on"
    yield f"{machine['cores']} × {machine['cpu']}, {machine['memory_gib']} GiB, {machine['os']};"
    yield f"Python {machine['python']}, temporalio {machine['temporalio']}, server {machine['temporal_server']}."
    yield "Everything ran on this machine: the server on SQLite, receiver, worker, the vendors' stand-in, the clients."
    yield f"Its load average before was {machine['load_before']}: above a few tenths, other work took part of it."
    yield "Percentiles are by nearest rank. `make bench` measures again; `bench/__init__.py` says how."
    yield ""
    yield "![Latencies, and how long a burst takes](latest.svg)"
    yield from _latencies(metrics)
    yield from _burst(metrics)
    yield from _incident(metrics)


def _latencies(metrics: Metrics) -> Iterator[str]:
    yield ""
    yield "| milliseconds | p50 | p95 | p99 |"
    yield "| --- | ---: | ---: | ---: |"
    for name, title in LATENCIES.items():
        found = metrics[name]
        yield f"| {title} | {found['p50_ms']:.1f} | {found['p95_ms']:.1f} | {found['p99_ms']:.1f} |"
    first = metrics["first_message"]
    yield ""
    yield (
        f"The first message takes **{first['p50_ratio']:.2f} ×** as long as a bare workflow with one activity "
        f"(95 % sure: {first['p50_ratio_low']:.2f} to {first['p50_ratio_high']:.2f}), "
        f"{first['p50_ratio_same_steps']:.2f} × as long as one with the same steps, "
        f"{first['p50_ratio_no_vendor']:.2f} × as long as one that sends nothing."
    )


def _burst(metrics: Metrics) -> Iterator[str]:
    for name, found in metrics.items():
        if name.startswith("drain_"):
            yield ""
            yield (
                f"{name.removeprefix('drain_')} alerts at once: the last first message arrives after "
                f"**{found['seconds']:.2f} s** (slowest round {found['slowest_seconds']:.2f} s), "
                f"{found['ratio']:.2f} × as long as for as many bare workflows ({found['bare_seconds']:.2f} s); "
                f"{found['lost']:.0f} lost, {found['doubled']:.0f} doubled, "
                f"{found['turned_away']:.0f} told to come again first."
            )


def _incident(metrics: Metrics) -> Iterator[str]:
    found = metrics["incident"]
    yield ""
    yield f"| history events of a whole incident ({found['commands']:.0f} commands) | |"
    yield "| --- | ---: |"
    for name, title in INCIDENT.items():
        yield f"| {title} | {found[name]:g} |"
    yield ""
    yield f"Its histories take {found['history_bytes'] / 1024:.0f} KiB."
