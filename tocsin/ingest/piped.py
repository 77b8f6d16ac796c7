"""Alerts that do not come by HTTP: somebody pipes them in, or a monitor runs us and says them in our environment.

Each is read, and given to Temporal, by a process of its own; nobody will come again with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic

from tocsin.domain.events import Alert
from tocsin.ingest.formats import JSON, Delivered
from tocsin.ingest.formats.scripts import SCRIPTS
from tocsin.ingest.formats.table import FORMATS
from tocsin.ingest.intake import alert_of
from tocsin.ingest.regrouping import regrouped
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sourcefiles import read_sources
from tocsin.sources import FormatName, Origin, Source
from tocsin.starting import Started, raise_alert, temporal_answers, utc_now
from tocsin.temporal import TemporalUnavailable, connect

PAYLOADS: tuple[FormatName, ...] = tuple(
    name
    for name, dialect in FORMATS.items()
    if dialect.content_types == JSON and not (dialect.verify or dialect.prepare)
)
"""Formats whose body says everything: they need no header, no signature and no mapping."""

PAUSE = 2.0
"""Seconds between two tries."""


def alerts_in(
    payload: bytes, format: str, plan: str | None, library: PlanLibrary, settings: Settings
) -> list[Alert]:
    """What a payload of one of the `PAYLOADS` says, under `plan` where one is named.

    Raises `Problem`, `NoPlanMatches`; and `YamlError` or `SettingsError` where sources are described and make no sense.
    """
    described = _described(format, read_sources(settings, library.plans))
    source = described.model_copy(update={"plan": plan or described.plan})
    delivered = Delivered(payload, {}, utc_now())
    readings = regrouped(FORMATS[source.format].read(delivered, source), source.group_by)
    return [alert_of(reading, library, delivered.received, source) for reading in readings]


def alert_told(said: Mapping[str, str], monitor: str, plan: str | None, library: PlanLibrary) -> Alert:
    """What one of the monitors in `SCRIPTS` says, under `plan` where one is named.

    Raises `Problem`, `NoPlanMatches`.
    """
    origin = Origin(source=monitor, format=monitor, plan=plan)
    return alert_of(SCRIPTS[monitor].read(said), library, utc_now(), origin)


async def raise_patiently(
    alerts: Sequence[Alert], library: PlanLibrary, settings: Settings, patience: float
) -> list[Started]:
    """Give alerts to Temporal, and again until it has them all: nothing is doubled by that.

    `patience` is in seconds; the last try may take a few more. Raises `TemporalUnavailable` when it is over.
    """
    deadline = monotonic() + patience
    while True:
        try:
            return await _raised(alerts, library, settings)
        except TemporalUnavailable:
            left = deadline - monotonic()
            if left <= 0:
                raise
        await asyncio.sleep(min(PAUSE, left))


async def _raised(alerts: Sequence[Alert], library: PlanLibrary, settings: Settings) -> list[Started]:
    async with temporal_answers():
        client = await connect()
    return [await raise_alert(client, alert, settings, _rank(alert, library)) for alert in alerts]


def _described(format: str, sources: Sequence[Source]) -> Source:
    """The source that is called like its format, with its plan and grouping, where a file describes one."""
    bare = Source.model_validate({"source": format, "format": format})
    return next((each for each in sources if (each.source, each.format) == (format, format)), bare)


def _rank(alert: Alert, library: PlanLibrary) -> int:
    return library.plans[alert.plan.name].plan.severities[alert.severity].rank
