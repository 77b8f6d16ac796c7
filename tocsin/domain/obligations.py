"""Promises at work: begun in their time, kept by duties, judged at their due times.

`settle` runs after every event until nothing more follows. Running it again changes nothing: all it does follows from
the plan, the state and the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.domain import approvals, beginning, clocks, fulfilment, meetings, notices, undelivered
from tocsin.domain.case import Case, Draft
from tocsin.domain.duties import ObligationSpec
from tocsin.domain.escalation import call
from tocsin.domain.state import DutyState, Obligation, Target
from tocsin.domain.verdicts import settle_as, still_owed, take_back
from tocsin.domain.words import Status, Verdict


def settle(draft: Draft) -> None:
    """Arm what has become owed, move what has changed, begin, judge, and arm what comes next."""
    clocks.arm(draft)
    clocks.move(draft)
    for obligation in draft.state.obligations.values():
        _owe_again_what_came_back(draft, obligation)
    for obligation in still_owed(draft):
        _see_to(draft, obligation)
    clocks.arm_next(draft)
    meetings.call_off_what_is_moot(draft)


def _owe_again_what_came_back(draft: Draft, obligation: Obligation) -> None:
    """What a mail server took and then returned has kept no promise: it is owed again, beside the old verdict."""
    if obligation.is_set_aside or obligation.verdict not in {Verdict.MET, Verdict.LATE}:
        return
    returned = []
    for state in obligation.duties:
        if (message := undelivered.came_back(draft, state)) is not None:
            returned.append(message)
            state.done, state.note = None, ""
    if returned:
        whose = ", ".join(f"{each.channel} {each.id} to {notices.whom(each)}" for each in returned)
        take_back(
            draft, obligation, f"{whose} was returned after it had been delivered: {returned[0].detail}"
        )


def _see_to(draft: Draft, obligation: Obligation) -> None:
    """Begin and judge one promise. What no longer matters is not begun: a false alarm is told to nobody."""
    spec = draft.plan.obligation(obligation.spec)
    if why := _is_moot(draft, obligation, spec):
        settle_as(draft, obligation, Verdict.NOT_APPLICABLE, why)
    else:
        _remind(draft, obligation, spec)
        _press(draft, obligation, spec)
        _begin(draft, obligation)
        _judge(draft, obligation, spec)


def _is_moot(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> str | None:
    """Why the promise has lost its object: a false alarm, or a series that ended before this one fell due."""
    if draft.state.status is Status.DISMISSED:
        return "dismissed as a false alarm"
    end = clocks.ended(draft, spec)
    if end is None or end[1] > obligation.due or any(map(fulfilment.is_on_its_way, obligation.duties)):
        return None
    return f"{end[0].replace('_', ' ')} before it fell due"


def _begin(draft: Draft, obligation: Obligation) -> None:
    if obligation.begins > draft.now:
        return
    spec = draft.plan.obligation(obligation.spec)
    for index, duty in enumerate(spec.do):
        if obligation.duties[index].begun is None:
            obligation.duties[index].begun = draft.now
            beginning.begin_duty(draft, obligation, index, duty)


def _remind(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> None:
    """Ask those who still owe something for it, once for each time that the plan names."""
    reached = tuple(moment for moment in _reminders(draft, obligation, spec) if moment <= draft.now)
    if len(reached) <= len(obligation.reminded):
        return
    obligation.reminded = reached
    subject = f"Owed by you for: {spec.title}, due {obligation.due:%Y-%m-%d %H:%M} UTC"
    for role, owed in fulfilment.owed_by_role(draft, obligation, spec).items():
        target, text = Target(role=role), "; ".join(owed)
        notices.tell(draft, target, ("sms", "email"), "reminder", "reminder", obligation.key, subject, text)


def _press(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> None:
    """Page whom the plan names when something is still owed shortly before the time."""
    if spec.escalate is None or obligation.pressed or draft.now >= obligation.due:
        return
    if obligation.due - draft.scaled(spec.escalate.before_due) > draft.now:
        return
    obligation.pressed = True
    owed = [what for each in fulfilment.owed_by_role(draft, obligation, spec).values() for what in each]
    if owed:
        reason = f"Still owed for {spec.title}, due {obligation.due:%H:%M} UTC: {'; '.join(owed)}"
        call(draft, Target(role=spec.escalate.to), reason, obligation.key)


def _reminders(case: Case, obligation: Obligation, spec: ObligationSpec) -> list[datetime]:
    return sorted(obligation.due - case.scaled(before) for before in spec.remind)


def to_be_sent(draft: Draft, spec: ObligationSpec) -> list[Obligation]:
    """What of a promise can be sent now: what came to nothing; where nothing did, what would begin later. The next one
    of a series keeps its time where an earlier one is made good."""
    owed = [item for item in still_owed(draft) if item.spec == spec.id]
    lost = [item for item in owed if any(fulfilment.came_to_nothing(draft, state) for state in item.duties)]
    return lost or [item for item in owed if any(state.begun is None for state in item.duties)]


def send_now(draft: Draft, obligation: Obligation) -> None:
    """Begin what would have begun later, and begin again what came to nothing."""
    obligation.begins = draft.now
    for index, state in enumerate(obligation.duties):
        if fulfilment.came_to_nothing(draft, state):
            obligation.duties[index] = DutyState(kind=state.kind)
    _begin(draft, obligation)


def _judge(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> None:
    for state, duty in zip(obligation.duties, spec.do, strict=True):
        if state.begun is not None and state.done is None:
            state.done = fulfilment.is_done(draft, state, duty)
    obligation.reason = undelivered.in_vain(draft, obligation)
    if all(state.done is not None for state in obligation.duties):
        _keep(draft, obligation, spec)
    elif lack := approvals.lack(draft, obligation):
        settle_as(draft, obligation, Verdict.MISSED, lack)
    elif hindrance := fulfilment.hindrance(draft, obligation):
        _give_up(draft, obligation, hindrance)
    elif obligation.due <= draft.now:
        _be_late(draft, obligation, spec)


def _keep(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> None:
    kept = max(state.done for state in obligation.duties if state.done is not None)
    verdict = Verdict.MET if kept <= obligation.due else Verdict.LATE
    settle_as(draft, obligation, verdict, "; ".join(state.note for state in obligation.duties if state.note))
    obligation.settled = kept
    if spec.marks is not None and spec.marks not in draft.state.anchors:
        draft.set_anchor(spec.marks, kept)


def _give_up(draft: Draft, obligation: Obligation, hindrance: fulfilment.Hindrance) -> None:
    """It cannot be kept any more: not applicable if the incident's end overtook it, else missed."""
    is_overtaken = hindrance.by_the_end and hindrance.at <= obligation.due
    verdict = Verdict.NOT_APPLICABLE if is_overtaken else Verdict.MISSED
    settle_as(draft, obligation, verdict, hindrance.reason)


def _be_late(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> None:
    if obligation.verdict is Verdict.PENDING:
        obligation.verdict = Verdict.OVERDUE
        draft.record(
            "overdue", f"{spec.title} ({obligation.key}) was due {obligation.due:%Y-%m-%d %H:%M:%S} UTC"
        )
    if spec.when_late is not None and not obligation.escalated:
        obligation.escalated = True
        call(draft, Target(role=spec.when_late), f"Overdue: {spec.title}", obligation.key)
    if spec.grace is not None and draft.due(obligation.due, spec.grace) <= draft.now:
        why = f"; {obligation.reason}" if obligation.reason else ""
        settle_as(draft, obligation, Verdict.MISSED, f"not done when the plan's grace ended{why}")


def next_moment(case: Case, obligation: Obligation, now: datetime) -> datetime | None:
    """When the obligation next needs attention: a reminder, its beginning, its due time, the end of its grace."""
    return min((moment for moment in _moments(case, obligation) if moment > now), default=None)


def _moments(case: Case, obligation: Obligation) -> Iterator[datetime]:
    if not obligation.is_open:
        return
    spec = case.plan.obligation(obligation.spec)
    yield from _reminders(case, obligation, spec)
    yield from approvals.moments(case, obligation)
    if spec.escalate is not None:
        yield obligation.due - case.scaled(spec.escalate.before_due)
    yield obligation.begins
    yield obligation.due
    if spec.grace is not None:
        yield case.due(obligation.due, spec.grace)
