"""How well incidents were responded to: the times that it took, and what became of the promises.

Every time is counted from the moment at which the organisation became aware. In a drill they are times of the wall
clock, which is why drills are told apart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from tocsin.domain.base import Moment, Value
from tocsin.domain.plan import Plan
from tocsin.domain.state import IncidentState, Obligation
from tocsin.domain.words import Anchor, Status, Verdict

Measure = Literal["acknowledge", "notify", "mitigate", "resolve"]
"""Until somebody answered a page; until somebody had been told; until the impact was over; until all was over."""

JUDGED = (Verdict.MET, Verdict.LATE, Verdict.MISSED)
"""What counts towards a share: a promise that was waived or did not apply was not owed."""

_TELLING = frozenset({"notice", "report"})


class BrokenPromise(Value):
    """A promise that was missed, with its clause and the agreement that this breaks, where there is one."""

    incident: str
    reference: str
    is_drill: bool
    key: str
    title: str
    clause: str
    agreement: str
    due: Moment
    reason: str


class Performance(Value):
    """What one incident came to, so far. A time that is not known (yet) is left out of `times`."""

    incident: str
    reference: str
    title: str
    plan: str
    version: str
    severity: str
    rank: int
    is_drill: bool
    status: Status
    opened: Moment
    aware: Moment
    times: dict[Measure, timedelta]
    verdicts: dict[Verdict, int]
    missed: tuple[BrokenPromise, ...]


class Spread(Value):
    """How a time is spread over the incidents that have one: in how many, the middle, nine in ten, the worst."""

    count: int
    median: timedelta
    p90: timedelta
    worst: timedelta
    total: timedelta


class Summary(Value):
    """The incidents of one severity of one plan; drills apart. `met`, `late` and `missed` are shares of what was owed
    and is settled, from 0 to 1, and `None` where nothing is."""

    plan: str
    severity: str
    is_drill: bool
    incidents: int
    times: dict[Measure, Spread]
    verdicts: dict[Verdict, int]
    met: float | None
    late: float | None
    missed: float | None


# One incident


def measure(state: IncidentState, plan: Plan) -> Performance:
    """What the incident came to under the version of the plan that it ran."""
    aware = state.anchors[Anchor.AWARE].at if Anchor.AWARE in state.anchors else state.opened
    ends = {name: min(known) for name, find in _ENDS.items() if (known := list(find(state)))}
    return Performance(
        incident=state.id,
        reference=state.reference,
        title=state.title,
        plan=state.plan.name,
        version=state.plan.hash,
        severity=state.severity,
        rank=plan.severities[state.severity].rank,
        is_drill=state.is_drill,
        status=state.status,
        opened=state.opened,
        aware=aware,
        times={name: max(end - aware, timedelta(0)) for name, end in ends.items()},
        verdicts=_verdicts(state, plan),
        missed=tuple(
            _broken(state, plan, item) for item in _standing(state) if item.verdict is Verdict.MISSED
        ),
    )


def broken_agreement(plan: Plan, obligation: str) -> str:
    """The agreement that a missed promise breaks: its own, else the plan's; empty where there is none."""
    own = plan.obligation(obligation).agreement
    if own is not None or plan.agreement is None:
        return own or ""
    return f"{plan.agreement.title} ({plan.agreement.reference})"


def _answered(state: IncidentState) -> Iterator[datetime]:
    return (page.acknowledged.at for page in state.pages.values() if page.acknowledged)


def _told(state: IncidentState) -> Iterator[datetime]:
    yield from _at(Anchor.CUSTOMER_NOTIFIED)(state)
    for message in state.messages.values():
        if message.purpose in _TELLING and message.delivered is not None:
            yield message.delivered


def _at(anchor: Anchor) -> Callable[[IncidentState], Iterator[datetime]]:
    return lambda state: (known.at for name, known in state.anchors.items() if name is anchor)


_ENDS: dict[Measure, Callable[[IncidentState], Iterator[datetime]]] = {
    "acknowledge": _answered,
    "notify": _told,
    "mitigate": _at(Anchor.MITIGATED),
    "resolve": _at(Anchor.RESOLVED),
}


def _standing(state: IncidentState) -> Iterator[Obligation]:
    """The promises that still stand: those that were set aside are owed again under their own name."""
    return (item for item in state.obligations.values() if not item.is_set_aside)


def _verdicts(state: IncidentState, plan: Plan) -> dict[Verdict, int]:
    """How many promises have come to what. One whose clock never started counts once the incident is over."""
    counted = Counter(item.verdict for item in _standing(state))
    if state.status in {Status.CLOSED, Status.DISMISSED}:
        armed = {item.spec for item in _standing(state)}
        counted[Verdict.NOT_APPLICABLE] += sum(spec.id not in armed for spec in plan.obligations)
    return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}


def _broken(state: IncidentState, plan: Plan, item: Obligation) -> BrokenPromise:
    spec = plan.obligation(item.spec)
    return BrokenPromise(
        incident=state.id,
        reference=state.reference,
        is_drill=state.is_drill,
        key=item.key,
        title=spec.title,
        clause=spec.clause,
        agreement=broken_agreement(plan, item.spec),
        due=item.due,
        reason=item.reason,
    )


# Many


def summary(measured: Iterable[Performance]) -> tuple[Summary, ...]:
    """The incidents by plan and severity, the worst severity first, drills last."""
    groups: dict[tuple[bool, str, int, str], list[Performance]] = {}
    for each in measured:
        groups.setdefault((each.is_drill, each.plan, each.rank, each.severity), []).append(each)
    return tuple(_summed(groups[key]) for key in sorted(groups))


def _summed(group: Sequence[Performance]) -> Summary:
    verdicts: Counter[Verdict] = Counter()
    for each in group:
        verdicts.update(each.verdicts)
    judged = sum(verdicts[verdict] for verdict in JUDGED)
    met, late, missed = (verdicts[verdict] / judged if judged else None for verdict in JUDGED)
    known = {name: [each.times[name] for each in group if name in each.times] for name in _ENDS}
    return Summary(
        plan=group[0].plan,
        severity=group[0].severity,
        is_drill=group[0].is_drill,
        incidents=len(group),
        times={name: spread(times) for name, times in known.items() if times},
        verdicts={verdict: verdicts[verdict] for verdict in Verdict if verdicts[verdict]},
        met=met,
        late=late,
        missed=missed,
    )


def spread(times: Sequence[timedelta]) -> Spread:
    """How `times` are spread; `p90` is the shortest that nine in ten keep to (nearest rank)."""
    ordered = sorted(times)
    return Spread(
        count=len(ordered),
        median=(ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2,
        p90=ordered[math.ceil(0.9 * len(ordered)) - 1],
        worst=ordered[-1],
        total=sum(ordered, timedelta(0)),
    )
