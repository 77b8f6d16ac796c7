"""The first state of an incident, from how it was reported."""

from __future__ import annotations

from tocsin.domain.messages import IncidentStart, OpenedRecord
from tocsin.domain.state import AnchorTime, Fact, IncidentState
from tocsin.domain.words import Anchor


def opened(start: IncidentStart, record: OpenedRecord) -> IncidentState:
    """What is known the moment the incident has been logged, before anything is done about it."""
    began = min(start.began, start.received)
    times = {Anchor.DETECTED: began, Anchor.AWARE: start.received, Anchor.REPORTED: start.received}
    return IncidentState(
        id=record.incident,
        key=start.key,
        plan=start.plan.model_copy(update={"hash": record.plan_hash}),
        title=start.title,
        severity=start.severity,
        opened=start.received,
        source=start.source,
        reporter=start.reporter,
        customer=start.customer,
        drill_speed=start.drill_speed,
        is_drill=start.is_drill,
        follows=start.follows or record.follows,
        facts={
            name: Fact(value=value, at=start.received, by=start.reporter)
            for name, value in start.facts.items()
        },
        anchors={
            name: AnchorTime(at=at, recorded=start.received, by=start.reporter) for name, at in times.items()
        },
    )
