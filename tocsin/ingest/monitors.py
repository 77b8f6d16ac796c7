"""The endpoints at which monitors report: lock, read, group, raise, answer.

2xx means that Temporal has it. A request with several groups of alerts is taken as a whole or answered 503, and then
the same request may come again: nothing is doubled. Groups that no plan wants are refused with 422, which says which;
the others are taken all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tocsin.domain.events import Alert
from tocsin.domain.readings import Reading
from tocsin.ingest.answers import no_plan, plainly
from tocsin.ingest.apidocs import monitor_operation
from tocsin.ingest.batches import Batch, Raise
from tocsin.ingest.bodies import body_of, refuse_other_types
from tocsin.ingest.formats import Delivered, Dialect
from tocsin.ingest.formats.table import FORMATS
from tocsin.ingest.intake import NoPlanMatches, alert_of
from tocsin.ingest.locks import Opener, locks_of
from tocsin.ingest.metrics import NO_SOURCE, IngestMetrics, Outcome
from tocsin.ingest.problems import Problem, unavailable
from tocsin.ingest.reception import Reception
from tocsin.ingest.regrouping import regrouped
from tocsin.settings import SettingsError
from tocsin.sources import FormatName, Source
from tocsin.starting import Started, raise_alert, temporal_answers
from tocsin.temporal import TemporalUnavailable

__all__ = ["Door", "Entrance", "Formats", "Monitors", "Raise", "Visit", "straight_to_temporal"]

Formats = Mapping[FormatName, Dialect]

T = TypeVar("T")

_log = logging.getLogger(__name__)


def straight_to_temporal(reception: Reception) -> Raise:
    """Each alert is a call of its own."""

    async def raised(alert: Alert, rank: int) -> Started:
        async with temporal_answers():
            return await raise_alert(await reception.clients(), alert, reception.settings, rank)

    return raised


class Monitors:
    """One endpoint for each path of the sources. Raises `SettingsError` for tokens that make no sense."""

    def __init__(
        self,
        reception: Reception,
        sources: Sequence[Source],
        raised: Raise,
        metrics: IngestMetrics,
        formats: Formats = FORMATS,
    ) -> None:
        self.router = APIRouter(tags=["monitors"])
        for path in dict.fromkeys(source.path for source in sources):
            there = [source for source in sources if source.path == path]
            dialect = _dialect(there[0], formats)
            doors = [Door(source, locks_of(source, reception.settings)) for source in there]
            entrance = Entrance(doors, dialect, reception, raised, metrics)
            for source in there:
                if dialect.prepare:
                    dialect.prepare(source)
            self.router.add_api_route(
                path, entrance.take, methods=["POST"], **monitor_operation(there, dialect)
            )
            if dialect.handshake:
                self.router.add_api_route(
                    path, entrance.greet, methods=["OPTIONS"], summary="May events be delivered here?"
                )


def _dialect(source: Source, formats: Formats) -> Dialect:
    if source.format not in formats:
        raise SettingsError(f"source {source.source}: this receiver does not read the format {source.format}")
    return formats[source.format]


class Door:
    """A source, and what opens it."""

    def __init__(self, source: Source, locks: Sequence[Opener]) -> None:
        self.source = source
        self._locks = locks

    def greet(self, headers: Mapping[str, str]) -> str:
        """Look at the headers, before the body is read: the name of who it is, where they tell. Raises `Problem`."""
        return "".join([lock.greet(headers) for lock in self._locks])

    def admit(self, delivered: Delivered) -> Source:
        """Look at the whole request: the source that it is of. Raises `Problem`."""
        for lock in self._locks:
            lock.admit(delivered)
        return self.source


class Entrance:
    """One path, and the source behind it, or several that share it and are told apart by what opens them."""

    def __init__(
        self,
        doors: Sequence[Door],
        dialect: Dialect,
        reception: Reception,
        raised: Raise,
        metrics: IngestMetrics,
    ) -> None:
        self._doors = doors
        self._dialect = dialect
        self._reception = reception
        self._raise = raised
        self._metrics = metrics

    async def take(self, request: Request) -> Response:
        """Open the incidents of what a monitor says, or join those that are open."""
        began = perf_counter()
        visit = Visit(self._doors[0].source.source if len(self._doors) == 1 else NO_SOURCE)
        outcome: Outcome = "failed"
        try:
            answer = await self._take(request, visit)
            outcome = "accepted"
        except TemporalUnavailable as error:
            outcome = "unavailable"
            _log.error("what %s says could not be taken: %s", visit, error)
            answer = self._refused(visit, unavailable(str(error)))
        except Problem as problem:
            is_ours = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            outcome = "unavailable" if is_ours else "refused"
            answer = self._refused(visit, problem)
        finally:
            self._metrics.answered(visit.source, outcome, perf_counter() - began)
        return answer

    async def greet(self, request: Request) -> Response:
        """Tell a sender that asks first that it may deliver here."""
        assert self._dialect.handshake is not None
        return Response(headers=dict(self._dialect.handshake(dict(request.headers))))

    def _refused(self, visit: Visit, problem: Problem) -> Response:
        _log.warning("a request of %s was not carried out: %s (%s)", visit, problem.reason, problem.status)
        self._metrics.refused(problem.reason, visit.source)
        return self._dialect.refusal(problem)

    async def _take(self, request: Request, visit: Visit) -> Response:
        delivered = await self._delivered(request, visit)
        source = self._first_that_opens(lambda door: door.admit(delivered))
        visit.source = source.source
        if self._dialect.verify:
            await self._dialect.verify(delivered, source)
        readings = regrouped(await self._read(delivered, source), source.group_by)
        wanted, unwanted = self._sorted(readings, source, delivered)
        started = await self._raised([alert for _, alert in wanted])
        self._metrics.taken(source.source, (each for reading, _ in wanted for each in reading.sightings))
        for each in started:
            _log.info("alert from %s: %s, %s", visit, each.workflow_id, each.outcome)
        if unwanted:
            raise no_plan(unwanted, started)
        if self._dialect.taken:
            self._dialect.taken(delivered, source)
        return (self._dialect.answer or plainly)([reading for reading, _ in wanted], started)

    # Who it is

    async def _delivered(self, request: Request, visit: Visit) -> Delivered:
        """The request, once its headers were looked at. Raises `Problem`."""
        headers = dict(request.headers)
        visit.name = self._first_that_opens(lambda door: door.greet(headers))
        refuse_other_types(headers.get("content-type", ""), self._dialect.content_types)
        body = await body_of(request, self._dialect.limit)
        return Delivered(body=body, headers=headers, received=self._reception.clock())

    def _first_that_opens(self, knock: Callable[[Door], T]) -> T:
        """What the first door says that a sender has the keys of. All are tried, so that the time tells nothing."""
        opened: list[T] = []
        refusals: list[Problem] = []
        for door in self._doors:
            try:
                opened.append(knock(door))
            except Problem as problem:
                refusals.append(problem)
        if not opened:
            raise refusals[0]
        return opened[0]

    # What it says

    async def _read(self, delivered: Delivered, source: Source) -> tuple[Reading, ...]:
        if self._dialect.in_thread:
            return await asyncio.to_thread(self._dialect.read, delivered, source)
        return self._dialect.read(delivered, source)

    def _sorted(
        self, readings: Sequence[Reading], source: Source, delivered: Delivered
    ) -> tuple[list[tuple[Reading, Alert]], list[tuple[Reading, NoPlanMatches]]]:
        """What a plan wants, and what none does."""
        wanted: list[tuple[Reading, Alert]] = []
        unwanted: list[tuple[Reading, NoPlanMatches]] = []
        for reading in readings:
            try:
                alert = alert_of(reading, self._reception.library, delivered.received, source)
                wanted.append((reading, alert))
            except NoPlanMatches as error:
                unwanted.append((reading, error))
        return wanted, unwanted

    async def _raised(self, alerts: Sequence[Alert]) -> list[Started]:
        """Give them all to Temporal. Raises `TemporalUnavailable` unless it has every one."""
        plans = self._reception.library.plans
        ranks = [plans[alert.plan.name].plan.severities[alert.severity].rank for alert in alerts]
        return await Batch(self._raise).raised(alerts, ranks)


@dataclass
class Visit:
    """Whose a request is, as far as that is known; `name` is that of its token."""

    source: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.source} ({self.name})" if self.name else self.source
