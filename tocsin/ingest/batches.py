"""The alerts of one request, on their way to Temporal: so many at a time, and all or none as far as the answer goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tocsin.domain.events import Alert
from tocsin.starting import Started
from tocsin.temporal import TemporalUnavailable

Raise = Callable[[Alert, int], Awaitable[Started]]
"""Gives an alert to Temporal, with the rank of its severity. Raises `TemporalUnavailable`."""

AT_ONCE: Final = 32
"""Alerts of one request that are under way together. Each has a time limit of its own, from when it is begun: hundreds
at once would compete for Temporal until all of them were late, and again with every repetition of the request."""

_log = logging.getLogger(__name__)


class Batch:
    """Alerts that came together; `give` gives one of them to Temporal."""

    def __init__(self, give: Raise) -> None:
        self._give = give
        self._places = asyncio.Semaphore(AT_ONCE)
        self._is_temporal_away = False

    async def raised(self, alerts: Sequence[Alert], ranks: Sequence[int]) -> list[Started]:
        """Give them all to Temporal. Raises `TemporalUnavailable` unless it has every one.

        Once Temporal is away for one, no others are begun. What is under way then is waited for: it need not be
        taken again when the request comes again.
        """
        tried = await asyncio.gather(*map(self._try, alerts, ranks), return_exceptions=True)
        if failures := [each for each in tried if isinstance(each, BaseException)]:
            raise _telling(failures)
        return [each for each in tried if isinstance(each, Started)]

    async def _try(self, alert: Alert, rank: int) -> Started | None:
        """Where it went; `None` where it was not begun."""
        async with self._places:
            if self._is_temporal_away:
                return None
            try:
                return await self._give(alert, rank)
            except TemporalUnavailable:
                self._is_temporal_away = True
                raise


def _telling(failures: Sequence[BaseException]) -> BaseException:
    """The failure that is passed on: a defect before Temporal's absence. Other defects are logged."""
    defects = [each for each in failures if not isinstance(each, TemporalUnavailable)]
    for defect in defects[1:]:
        _log.error("another alert of the same request could not be taken", exc_info=defect)
    return (defects or failures)[0]
