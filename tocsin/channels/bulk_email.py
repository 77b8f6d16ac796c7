"""Email to many by the ways that email to one takes: the same vendors in the same order, with the same breakers.

One vendor takes a thousand recipients in one request, another takes one. A batch is taken whole or not at all, so it
goes only by a way that takes as many; `largest` says how many the next way takes. While the vendor of the large batches
is passed over, that is what the way in its place takes: whoever sends divides what is left, until the vendor is back.

| the vendor of a large batch | what follows |
| --- | --- |
| fails, and is not passed over yet | `TryAgain`, soon where another way is ready: three failures are the breaker's |
| is passed over, and another way is ready | `TryAgain` without asking anybody, and `largest` has become smaller |
| is passed over, and so are all others | it is asked all the same |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from tocsin.channels.failover import Failover, Way
from tocsin.channels.metrics import VendorMetrics
from tocsin.domain.broadcasts import Batch
from tocsin.domain.channel import AccountRefused, Receipt, TryAgain

SOON = timedelta(seconds=5)
"""Between the failures that open a breaker, where another way is ready: the third must come within its window."""


@dataclass(frozen=True)
class BulkWay(Way[Batch]):
    """One vendor's account: beside what every way has, how many recipients it takes at once."""

    largest: int = 1


class BulkEmailFailover(Failover[Batch]):
    """Email to many over several ways, in the order of preference; may be shared between threads."""

    def __init__(self, ways: Sequence[BulkWay], metrics: VendorMetrics) -> None:
        super().__init__("email", ways, metrics)
        self._bulk_ways = tuple(ways)

    @property
    def largest(self) -> int:
        """How many recipients go at once now, by the way that is next to be tried."""
        return self._next.largest

    def send(self, batch: Batch) -> Receipt:
        """Hand all of `batch` to the first account that takes it, or nobody. Raises `ChannelError`, after the table."""
        if len(batch.rows) > self.largest:
            raise TryAgain(
                f"{self._next.name} stands in, and takes {self.largest} at once: the batch is to be divided"
            )
        try:
            return super().send(batch)
        except (TryAgain, AccountRefused) as error:
            if self._another_is_ready(batch):
                raise TryAgain(str(error), SOON) from None
            raise

    @property
    def _next(self) -> BulkWay:
        return min(self._bulk_ways, key=lambda way: way.breaker.due_in)

    def _able(self, message: Batch) -> Sequence[BulkWay]:
        return [way for way in self._bulk_ways if way.largest >= len(message.rows)]

    def _another_is_ready(self, batch: Batch) -> bool:
        smaller = [way for way in self._bulk_ways if way.largest < len(batch.rows)]
        return any(not way.breaker.due_in for way in smaller)
