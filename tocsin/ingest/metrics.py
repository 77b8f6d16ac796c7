"""What monitors said and what they were answered, in numbers for Prometheus.

Every label is a name of ours: a source from its file, a reason from our own list. Nothing that a sender wrote is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from starlette.responses import Response

from tocsin.domain.readings import Sighting

Outcome = Literal["accepted", "refused", "unavailable", "failed"]

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds of the histogram: an answer of Temporal's on the same machine to the whole of our patience."""

NO_SOURCE = "-"
"""In place of a source, where a request was refused before it was known whose it is."""


class IngestMetrics:
    """Counts requests and refusals, in a registry of one's own, and serves it at `/metrics`."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._requests = Counter(
            "tocsin_ingest_requests_total",
            "Requests of monitors, by what became of them.",
            ["source", "outcome"],
            registry=self.registry,
        )
        self._refusals = Counter(
            "tocsin_ingest_refusals_total",
            "Requests that were not carried out, by the reason that the sender was told.",
            ["source", "reason"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tocsin_ingest_seconds",
            "Seconds until a monitor had its answer.",
            ["source"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._alerts = Counter(
            "tocsin_ingest_alerts_total",
            "Alerts that Temporal has, by what was said of them.",
            ["source", "state"],
            registry=self.registry,
        )
        self.router = APIRouter(tags=["probes"])
        self.router.add_api_route(
            "/metrics",
            self.exposed,
            methods=["GET"],
            summary="Numbers for Prometheus",
            response_class=Response,
        )

    def answered(self, source: str, outcome: Outcome, seconds: float) -> None:
        """Count one request of a monitor."""
        self._requests.labels(source, outcome).inc()
        self._seconds.labels(source).observe(seconds)

    def refused(self, reason: str, source: str = NO_SOURCE) -> None:
        """Count what was not carried out."""
        self._refusals.labels(source, reason).inc()

    def taken(self, source: str, sightings: Iterable[Sighting]) -> None:
        """Count alerts that Temporal has."""
        for sighting in sightings:
            self._alerts.labels(source, "firing" if sighting.is_firing else "resolved").inc(sighting.count)

    async def exposed(self) -> Response:
        """The registry, as Prometheus reads it."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
