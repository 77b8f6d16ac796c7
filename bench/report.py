"""The results: `latest.json` for programs, `latest.md` for people, `latest.svg` for a glance.

What was aimed at and missed is said on the page, in `AIMS`' words; no test fails over it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from bench.chart import chart
from bench.machine import Machine
from bench.scale import Metrics, by_count

RESULTS = Path(__file__).parent / "results"

Run = dict[str, str | int | float]

LATENCIES = {
    ("alert_accepted", ""): "Alert → its answer (2xx: Temporal has it)",
    ("alert_accepted_in_burst", ""): "the same, amid a burst",
    ("page", ""): "**Alert → first text message at the vendor**, which is a page",
    ("page", "busy_"): "**the same, while incidents are worked on**",
    ("faults", "well_"): "the same, at a steady rate",
    ("faults", ""): "**the same, on the vendors' bad day**",
    ("bare_one_activity", ""): "bare workflow: one activity, which sends",
    ("bare_same_steps", ""): "bare workflow: local activity, then an activity on another queue, which sends",
    ("bare_no_vendor", ""): "bare workflow: one activity, which does nothing",
}
"""What is told in percentiles, by scenario and how the metrics begin, in the order in which people read it."""

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


INGEST = {
    "distinct": "new alerts, each of which opens an incident",
    "repeats": "repeats",
    "mixed": "five repeats for each new one",
}

AIMS = {
    "pages_1000.lost": (0, "no page of a flood is lost"),
    "pages_1000.doubled": (0, "no page of a flood comes twice"),
    "faults.lost": (0, "no page is lost on the vendors' bad day"),
    "broadcast_100k.history_events": (400, "a broadcast to 100,000 has no more than 400 history events"),
    "broadcast_100k.lost": (0, "no recipient of a broadcast is left out"),
    "broadcast_100k.doubled": (0, "no recipient of a broadcast is told twice"),
    "storm.lost": (0, "no page of a storm is lost"),
    "storm.signals": (20, "thousands of repeats are no more than 20 signals"),
    "storm.uncounted": (0, "every repeat of a storm is counted"),
}
"""What a metric should not exceed, and how that is said."""


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
    yield "All pages are for one person, so digests, which hold back more than a few a minute, are switched off."
    yield "Percentiles are by nearest rank. `make bench` measures again; `bench/__init__.py` says how."
    yield ""
    yield "![Latencies, and how long a burst takes](latest.svg)"
    yield from _latencies(metrics)
    yield from _busy(metrics["page"])
    yield from _burst(metrics)
    yield from _flood(metrics)
    yield from _bad_day(metrics["faults"])
    yield from _broadcast(metrics)
    if "storm" in metrics:
        yield from _storm(metrics["storm"])
    if "ingest" in metrics:
        yield from _ingest(metrics["ingest"])
    yield from _aims(metrics)
    yield from _incident(metrics)


def _latencies(metrics: Metrics) -> Iterator[str]:
    yield ""
    yield "| milliseconds | p50 | p95 | p99 |"
    yield "| --- | ---: | ---: | ---: |"
    for (name, begin), title in LATENCIES.items():
        p50, p95, p99 = (metrics[name][f"{begin}p{percent}_ms"] for percent in (50, 95, 99))
        yield f"| {title} | {p50:.1f} | {p95:.1f} | {p99:.1f} |"
    first = metrics["first_message"]
    yield ""
    yield (
        f"The first message takes **{first['p50_ratio']:.2f} ×** as long as a bare workflow with one activity "
        f"(95 % sure: {first['p50_ratio_low']:.2f} to {first['p50_ratio_high']:.2f}), "
        f"{first['p50_ratio_same_steps']:.2f} × as long as one with the same steps, "
        f"{first['p50_ratio_no_vendor']:.2f} × as long as one that sends nothing."
    )


def _busy(page: dict[str, float]) -> Iterator[str]:
    yield ""
    yield (
        f"While {page['busy_incidents']:.0f} incidents are worked on, and those that the samples add are paged for "
        f"({page['busy_commands_per_second']:.1f} commands and {page['busy_mails_per_second']:.1f} mails a second, "
        "counted in that run), it takes "
        f"**{page['busy_p50_ratio']:.2f} ×** as long as a bare workflow with one activity under the same load "
        f"(p50 {page['busy_bare_p50_ms']:.1f} ms)."
    )


def _burst(metrics: Metrics) -> Iterator[str]:
    for count, found in by_count(metrics, "drain"):
        yield ""
        yield (
            f"{count} alerts at once: the last first message arrives after "
            f"**{found['seconds']:.2f} s** (slowest round {found['slowest_seconds']:.2f} s), "
            f"{found['ratio']:.2f} × as long as for as many bare workflows ({found['bare_seconds']:.2f} s); "
            f"{found['lost']:.0f} lost, {found['doubled']:.0f} doubled, "
            f"{found['turned_away']:.0f} told to come again first."
        )


def _flood(metrics: Metrics) -> Iterator[str]:
    for count, found in by_count(metrics, "pages"):
        yield ""
        yield (
            f"{count} pages at once, by as many alerts, once: the last is at the vendor "
            f"after **{found['seconds']:.1f} s** ({found['pages_per_second']:.1f} a second); "
            f"{found['lost']:.0f} lost, {found['doubled']:.0f} doubled, "
            f"{found['turned_away']:.0f} alerts told to come again first."
        )


def _bad_day(found: dict[str, float]) -> Iterator[str]:
    yield ""
    yield (
        "On the vendors' bad day one account at Twilio is dead, and of the requests to the other, and to SendGrid, "
        f"20 % fail (429 or 500). Of {found['pages']:.0f} pages, {found['lost']:.0f} were lost and "
        f"{found['doubled']:.0f} doubled. That added **{found['added_p50_ms']:.0f} ms** to the p50, "
        f"{found['added_p95_ms']:.0f} ms to the p95, and {found['added_p99_ms']:.0f} ms to the p99 of pages that "
        "the same processes sent in between, with all well."
    )


def _broadcast(metrics: Metrics) -> Iterator[str]:
    for count, found in by_count(metrics, "broadcast"):
        yield ""
        yield (
            f"A broadcast to {count} recipients by email, once: "
            f"**{found['seconds']:.1f} s**, {found['recipients_per_second']:.0f} recipients a second; "
            f"{found['lost']:.0f} lost, {found['doubled']:.0f} doubled; "
            f"{found['history_events']:.0f} history events."
        )


def _storm(found: dict[str, float]) -> Iterator[str]:
    yield ""
    yield (
        f"A storm of {found['repeats']:.0f} repeats of one alert and {found['incidents'] - 1:.0f} new ones together: "
        f"**{found['incidents']:.0f} incidents**, {found['signals']:.0f} signals for the one that repeats. All were "
        f"accepted after {found['accepted_seconds']:.1f} s ({found['turned_away']:.0f} told to come again first), and "
        f"the last page was at the vendor after **{found['seconds_to_last_page']:.1f} s**; {found['lost']:.0f} lost, "
        f"{found['uncounted']:.0f} not counted. The largest history had {found['largest_history']:.0f} events; the "
        f"receiver took {found['receiver_mb']:.0f} MB at most."
    )


def _ingest(found: dict[str, float]) -> Iterator[str]:
    yield ""
    yield "| one receiver, no worker | alerts a second | p50 ms | p99 ms |"
    yield "| --- | ---: | ---: | ---: |"
    for name, title in INGEST.items():
        rate, p50, p99 = (found[f"{name}_{what}"] for what in ("per_second", "p50_ms", "p99_ms"))
        yield f"| {title} | {rate:.0f} | {p50:.1f} | {p99:.1f} |"
    yield ""
    yield (
        f"Bare `start_workflow` calls of the same workflow, as many at a time: {found['bare_starts_per_second']:.0f} a "
        f"second. New alerts are accepted at **{found['ratio_to_bare_starts']:.2f} ×** that rate."
    )


def _aims(metrics: Metrics) -> Iterator[str]:
    """What was missed, and what was kept, each with its number."""
    measured = {aim: found for aim in AIMS if (found := _found(metrics, aim)) is not None}
    yield ""
    for aim, found in measured.items():
        most, words = AIMS[aim]
        yield f"- {'kept' if found <= most else '**missed**'}: {words} ({found:g})"


def _found(metrics: Metrics, name: str) -> float | None:
    """The metric of a dotted name; `None` where another count was measured."""
    scenario, _, metric = name.partition(".")
    return metrics.get(scenario, {}).get(metric)


def _incident(metrics: Metrics) -> Iterator[str]:
    found = metrics["incident"]
    yield ""
    yield f"| history events of a whole incident ({found['commands']:.0f} commands) | |"
    yield "| --- | ---: |"
    for name, title in INCIDENT.items():
        yield f"| {title} | {found[name]:g} |"
    yield ""
    yield f"Its histories take {found['history_bytes'] / 1024:.0f} KiB."
