"""Duties: when each kind counts as done, what stands in its way, and who still owes something for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from tocsin.domain import approvals, meetings, multitudes, notices, reports
from tocsin.domain.case import Draft
from tocsin.domain.duties import Duty, ObligationSpec
from tocsin.domain.state import TOCSIN, DutyState, Message, Obligation
from tocsin.domain.words import StepStatus


def is_done(draft: Draft, state: DutyState, duty: Duty) -> datetime | None:
    """When the duty was fulfilled; `None` while it is not. Says in `state.note` how."""
    return _ENDINGS[duty.kind](draft, state)


def _page_done(draft: Draft, state: DutyState) -> datetime | None:
    answers = [draft.state.pages[int(ref)].acknowledged for ref in state.refs]
    given = [answer for answer in answers if answer is not None]
    if not given or len(given) < len(answers) or is_looking_up(draft, state):
        return None
    state.note = "acknowledged by " + ", ".join(dict.fromkeys(f"@{answer.by}" for answer in given))
    return max(answer.at for answer in given)


def _telling_done(draft: Draft, state: DutyState) -> datetime | None:
    if any(ref in draft.state.broadcasts for ref in state.refs):
        return _broadcast_done(draft, state)
    found = [notices.got_through(draft.state, ref) for ref in state.refs]
    arrived = [message for message in found if message is not None]
    if not arrived or len(arrived) < len(found) or state.lacking or is_looking_up(draft, state):
        return None
    state.note = (
        approvals.note_of(draft, state.approval)
        + "delivered to "
        + ", ".join(_each(arrived, state.refs))
        + "".join(f"; {message.id}: {message.lacks}" for message in arrived if message.lacks)
    )
    return max(message.delivered for message in arrived if message.delivered)


def _broadcast_done(draft: Draft, state: DutyState) -> datetime | None:
    """Nobody knows of so many that they were reached: the note says for how many the vendor took it."""
    done = [multitudes.got_through(draft, ref) for ref in state.refs]
    state.note = approvals.note_of(draft, state.approval) + ", ".join(
        multitudes.in_words(draft.state.broadcasts[ref].counts) for ref in state.refs
    )
    return None if None in done else max(moment for moment in done if moment)


def _each(messages: Sequence[Message], first: Sequence[str]) -> Iterator[str]:
    """Whom messages went to; and by what, where somebody was told by several means, or not by the `first` one."""
    everybody = [notices.whom(message) for message in messages]
    for message, name in zip(messages, everybody, strict=True):
        is_plain = everybody.count(name) == 1 and message.id in first
        yield name if is_plain else f"{name} by {message.channel}"


def is_looking_up(draft: Draft, state: DutyState) -> bool:
    """Whether the directory still has to say who belongs to another audience of the same duty."""
    waiting = [errand for errand in draft.state.errands.values() if errand.kind == "find_recipients"]
    return any(
        errand.obligation in draft.state.obligations
        and draft.state.obligations[errand.obligation].duties[errand.duty or 0] is state
        for errand in waiting
    )


def _task_done(draft: Draft, state: DutyState) -> datetime | None:
    task = draft.state.tasks[int(state.refs[0])]
    if task.done is not None:
        state.note = f"{task.title}: done by @{task.done_by}"
    return task.done


def _step_done(draft: Draft, state: DutyState) -> datetime | None:
    step = draft.state.steps.get(state.refs[0])
    if step is None or step.status is not StepStatus.DONE:
        return None
    state.note = f"{state.refs[0]} recorded by @{step.by}"
    return step.at


def _meeting_done(draft: Draft, state: DutyState) -> datetime | None:
    obligation = next(
        item for item in draft.state.obligations.values() if any(duty is state for duty in item.duties)
    )
    index = next(number for number, duty in enumerate(obligation.duties) if duty is state)
    duty = draft.plan.obligation(obligation.spec).do[index].meeting
    assert duty is not None
    meeting = meetings.of(draft, obligation)
    if meeting.status == "cancelled":
        return None
    if duty.done_when == "invited":
        return _telling_done(draft, state)
    done = meeting.held if duty.done_when == "held" else meeting.confirmed
    if done is not None:
        outcome = f": {meeting.outcome}" if meeting.outcome else ""
        state.note = f"{meeting.title} {meeting.status}, says @{meeting.by}{outcome}"
    return done


def _update_done(draft: Draft, state: DutyState) -> datetime | None:
    update, begun = draft.state.last_update, state.begun
    if update is None or begun is None or update.at < begun or not update.by.is_person:
        return None
    state.note = f"@{update.by} said where things stand"
    return update.at


def is_on_its_way(state: DutyState) -> bool:
    """Whether messages have left that nobody can call back, as invitations can be."""
    return state.kind in _TELLING - {"meeting"} and bool(state.refs)


def came_to_nothing(draft: Draft, state: DutyState) -> bool:
    """Whether a telling has failed for good: nobody in the directory, or no channel that got through."""
    if state.kind not in _TELLING or state.begun is None or state.done is not None:
        return False
    if is_looking_up(draft, state):
        return False
    return bool(state.lacking) or any(is_lost(draft, ref) for ref in state.refs)


def is_lost(draft: Draft, ref: str) -> bool:
    """Whether a message or a broadcast has failed for good, and all that took its place."""
    if ref in draft.state.broadcasts:
        return multitudes.came_to_nothing(draft, ref)
    return notices.last_of(draft.state, ref).state in notices.GIVEN_UP


class Hindrance(NamedTuple):
    """Why a promise cannot be kept any more, since when, and whether the incident's end is the cause."""

    at: datetime
    reason: str
    by_the_end: bool


def hindrance(draft: Draft, obligation: Obligation) -> Hindrance | None:
    """What keeps one of the duties from ever being done; `None` while all of them still can be."""
    for state in obligation.duties:
        if state.begun is not None and state.done is None and state.kind in _HINDRANCES:
            found = _HINDRANCES[state.kind](draft, state)
            if found is not None:
                return found
    return None


def _page_hindered(draft: Draft, state: DutyState) -> Hindrance | None:
    endings = [draft.state.pages[int(ref)].ended for ref in state.refs]
    ended = min((moment for moment in endings if moment), default=None)
    if ended is None:
        return None
    return Hindrance(ended, "the incident ended before anybody acknowledged", by_the_end=True)


def _step_hindered(draft: Draft, state: DutyState) -> Hindrance | None:
    step = draft.state.steps.get(state.refs[0])
    if step is None or step.status is not StepStatus.SKIPPED or step.at is None:
        return None
    if step.by == TOCSIN:
        return Hindrance(step.at, f"{step.reason} before step {state.refs[0]} was done", by_the_end=True)
    reason = f"step {state.refs[0]} was skipped by @{step.by}: {step.reason}"
    return Hindrance(step.at, reason, by_the_end=False)


_TELLING = frozenset({"notify", "report", "meeting"})
_HINDRANCES: dict[str, Callable[[Draft, DutyState], Hindrance | None]] = {
    "page": _page_hindered,
    "step": _step_hindered,
}
_ENDINGS: dict[str, Callable[[Draft, DutyState], datetime | None]] = {
    "page": _page_done,
    "notify": _telling_done,
    "report": _telling_done,
    "task": _task_done,
    "step": _step_done,
    "meeting": _meeting_done,
    "update": _update_done,
}


def owed_by_role(draft: Draft, obligation: Obligation, spec: ObligationSpec) -> dict[str, list[str]]:
    """What is still missing for the promise, in words, by the role that has to provide it; each thing once."""
    owed: dict[str, list[str]] = {}
    for state, duty in zip(obligation.duties, spec.do, strict=True):
        for role, what in _owed_for(draft, duty) if state.done is None else ():
            if what not in owed.setdefault(role, []):
                owed[role].append(what)
    return owed


def _owed_for(draft: Draft, duty: Duty) -> Iterator[tuple[str, str]]:
    if duty.task is not None:
        yield duty.task.role, duty.task.title
    if duty.update is not None:
        yield duty.update.role, "where things stand"
    if duty.meeting is not None and duty.meeting.done_when != "invited":
        yield next(iter(draft.plan.roles)), f"{duty.meeting.meeting}, to be {duty.meeting.done_when}"
    if duty.step is not None:
        steps = {step.id: step for phase in draft.plan.phases for step in draft.steps_of(phase)}
        if step := steps.get(duty.step.step):
            yield step.role, step.title
    if duty.telling is not None and duty.telling.template in draft.plan.reports:
        yield from reports.facts_owed(draft, duty.telling.template)
