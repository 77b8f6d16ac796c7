"""What vendors were asked for and how it went, in numbers for Prometheus. No recipient, no incident, no words."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tocsin.channels.breaker import Breaker, BreakerState
from tocsin.domain.channel import ChannelName

STATE_NUMBERS: Final = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}
"""How `tocsin_vendor_breaker_state` says it: the higher, the worse."""

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
"""Bounds of the histogram: an answer of the internet's to an attempt's whole time."""


class VendorMetrics:
    """Counts requests, times them and shows the breakers, in a registry of one's own."""

    def __init__(self, breakers: Iterable[Breaker] = (), registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._requests = Counter(
            "tocsin_vendor_requests_total",
            "Requests to a vendor's account to take a message, by what became of it; for a list, one for each batch.",
            ["vendor", "channel", "outcome"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "tocsin_vendor_seconds",
            "Seconds until that was known.",
            ["vendor", "channel"],
            buckets=SECONDS,
            registry=self.registry,
        )
        states = Gauge(
            "tocsin_vendor_breaker_state",
            "Whether a vendor's account is in use: 0 closed, it is; 1 half open, being tried; 2 open, passed over.",
            ["vendor"],
            registry=self.registry,
        )
        for breaker in breakers:
            states.labels(breaker.name).set_function(partial(_state_number, breaker))

    def asked(self, vendor: str, channel: ChannelName, outcome: str, seconds: float) -> None:
        """Count one request; `outcome` is `sent`, `refused` or the kind of the failure."""
        self._requests.labels(vendor, channel, outcome).inc()
        self._seconds.labels(vendor, channel).observe(seconds)


def _state_number(breaker: Breaker) -> int:
    return STATE_NUMBERS[breaker.state]
