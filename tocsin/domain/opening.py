"""The first state of an incident, from how it was reported."""

from __future__ import annotations

from tocsin.domain.events import Alert
from tocsin.domain.messages import IncidentStart, OpenedRecord
from tocsin.domain.state import Actor, AnchorTime, Fact, IncidentState, VendorState
from tocsin.domain.words import Anchor


def opened(start: IncidentStart, record: OpenedRecord) -> IncidentState:
    """What is known the moment the incident has been logged, before anything is done about it."""
    began = min(start.began, start.received)
    times = {Anchor.DETECTED: began, Anchor.AWARE: start.received, Anchor.REPORTED: start.received}
    if start.occurred is not None:
        times[Anchor.OCCURRED] = min(start.occurred, start.received)
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
        reported=start.reported,
        bridge_pin=record.bridge_pin,
        criteria=start.criteria,
        vendors={name: VendorState(since=start.received, by=start.reporter) for name in start.vendors},
        roles=_roles(start, record),
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


def _roles(start: IncidentStart, record: OpenedRecord) -> dict[str, str]:
    """Whoever reports plays the plan's reporter, if the directory can reach them: colleagues can, others it may not."""
    role = record.plan.reporter
    is_colleague = start.reported.kind == "employee" and not start.reported.contact
    return {role: start.reporter.key} if role and is_colleague else {}


def reported_by(
    alerts: tuple[Alert, ...],
    follows: str | None = None,
    like: IncidentStart | None = None,
    drill_speed: int | None = None,
) -> IncidentStart:
    """How an incident begins that these alerts open; `like` is the one before it under the same key."""
    first = alerts[0]
    speed = like.drill_speed if like else drill_speed
    return IncidentStart(
        key=first.key,
        plan=first.plan,
        title=first.title,
        severity=first.severity,
        source=first.source,
        reporter=Actor(key=first.source, via="monitor"),
        began=first.began,
        received=first.received,
        customer=first.customer,
        facts=first.facts,
        criteria=first.criteria,
        vendors=first.vendors,
        drill_speed=speed or 1,
        is_drill=like.is_drill if like else speed is not None,
        follows=follows,
        alerts=alerts if like else (),
        continue_after=like.continue_after if like else None,
    )


def going_on(state: IncidentState, continue_after: int | None = None) -> IncidentStart:
    """How an incident goes on that was reopened: from its state alone."""
    return IncidentStart(
        key=state.key,
        plan=state.plan,
        title=state.title,
        severity=state.severity,
        source=state.source,
        reporter=state.reporter,
        began=state.opened,
        received=state.opened,
        drill_speed=state.drill_speed,
        is_drill=state.is_drill,
        state=state,
        continue_after=continue_after,
    )
