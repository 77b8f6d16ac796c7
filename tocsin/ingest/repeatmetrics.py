"""How many repeats were put together, and what waits on the disk, in numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge


class RepeatMetrics:
    """Counters in the receiver's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._repeats = Counter(
            "tocsin_ingest_repeats_total",
            "Repeats of alerts that were accepted and put together, in place of a signal for each.",
            registry=registry,
        )
        self._signals = Counter(
            "tocsin_ingest_repeat_signals_total",
            "Signals that told Temporal of repeats, by whether it took them (told) or must be asked again (put off).",
            ["outcome"],
            registry=registry,
        )
        self._spooled = Gauge(
            "tocsin_ingest_spooled",
            "Repeats that were accepted, are on this receiver's disk, and that Temporal does not have yet.",
            registry=registry,
        )
        self._usable = Gauge(
            "tocsin_ingest_spool_usable",
            "Whether the disk takes repeats: 0 when it is full or cannot be written, and each is told at once.",
            registry=registry,
        )

    def watch(self, spooled: Callable[[], int], is_usable: Callable[[], bool]) -> None:
        """Show what these say whenever somebody looks."""
        self._spooled.set_function(spooled)
        self._usable.set_function(is_usable)

    def put_together(self, words: int) -> None:
        """Count repeats that were accepted."""
        self._repeats.inc(words)

    def signalled(self, outcome: Literal["told", "put off"]) -> None:
        """Count an attempt to tell Temporal."""
        self._signals.labels(outcome).inc()
