"""The results at a glance: a small SVG whose colours can be read on white and on black."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.scale import Metrics, by_count

INK = "#7d7d7d"
"""Grey with a contrast above 4 : 1 to white and to black."""
OURS, BARE = "#c9551f", "#4f78b0"

LATENCIES = {
    ("alert_accepted", ""): "alert accepted",
    ("page", ""): "first message, a page",
    ("page", "busy_"): "the same, amid work",
    ("bare_one_activity", ""): "bare: one activity",
    ("bare_same_steps", ""): "bare: same steps",
    ("bare_no_vendor", ""): "bare: no vendor",
}
"""By scenario, and how its metrics begin. A bad day's would need an axis of its own."""

STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, and in the reader's own font
    "svg.hashsalt": "tocsin",  # the same numbers give the same file
    "font.family": "sans-serif",
    "font.size": 9,
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK),
}


def chart(metrics: Metrics, path: Path) -> None:
    """Draw latencies (median, with a line to p95 and a tick at p99) and the burst's duration."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.5))
        above, below = figure.subplots(2, 1, height_ratios=(6, 2))
        _latencies(above, metrics)
        _burst(below, metrics)
        figure.tight_layout()
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    # Matplotlib leaves blanks at the ends of lines.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _latencies(axes: Axes, metrics: Metrics) -> None:
    for row, (name, begin) in enumerate(LATENCIES):
        p50, p95, p99 = (metrics[name][f"{begin}p{percent}_ms"] for percent in (50, 95, 99))
        axes.barh(row, p50, color=_colour(name), height=0.6)
        axes.plot([p50, p95], [row, row], color=INK, linewidth=1.5)
        axes.plot(p99, row, "|", color=INK, markersize=9)
        axes.annotate(f"{p50:.0f}", (0, row), (4, 0), textcoords="offset points", va="center", color="white")
    _label(axes, list(LATENCIES.values()), "milliseconds: bar p50, line to p95, tick p99")


def _burst(axes: Axes, metrics: Metrics) -> None:
    count, found = next(by_count(metrics, "drain"))
    for row, (metric, colour) in enumerate({"seconds": OURS, "bare_seconds": BARE}.items()):
        axes.barh(row, found[metric], color=colour, height=0.6)
        text = f"{found[metric]:.1f}"
        axes.annotate(text, (0, row), (4, 0), textcoords="offset points", va="center", color="white")
    _label(axes, [f"{count} alerts", f"{count} bare"], "seconds until the last first message")


def _label(axes: Axes, names: list[str], unit: str) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _colour(name: str) -> str:
    return BARE if name.startswith("bare") else OURS
