"""Duties: how each kind begins, and goes on once the directory has said whom it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tocsin.domain import approvals, escalation, fulfilment, meetings, multitudes, notices, tasks, vendors
from tocsin.domain.case import Draft
from tocsin.domain.channel import ChannelName
from tocsin.domain.duties import Duty, NotifyDuty, ReportDuty
from tocsin.domain.events import Recipient, RecipientsFound
from tocsin.domain.state import Errand, Obligation, PageLevel, Target


def begin_duty(draft: Draft, obligation: Obligation, index: int, duty: Duty) -> None:
    """Start what the duty demands: page, look up an audience, open a task, propose a meeting."""
    _BEGINNINGS[duty.kind](draft, obligation, index, duty)


def _begin_page(draft: Draft, obligation: Obligation, index: int, duty: Duty) -> None:
    assert duty.page is not None
    levels = tuple(escalation.level_of(level) for level in duty.page.levels)
    if duty.page.answers == "one":
        _page(draft, obligation, index, levels, duty.page.assigns)
        return
    for level in levels:
        if level.target.role is None or level.target.supervisor:
            _page(draft, obligation, index, (level,), duty.page.assigns, is_personal=True)
        else:
            notices.find(draft, level.target, obligation.key, index)


def _summon_each(draft: Draft, obligation: Obligation, errand: Errand, found: tuple[Target, ...]) -> None:
    """Where all must answer, everybody who holds the role has a page of their own; where nobody does, the role has."""
    index = errand.duty or 0
    duty = draft.plan.obligation(obligation.spec).do[index].page
    assert duty is not None
    level = next(level for level in map(escalation.level_of, duty.levels) if level.target == errand.audience)
    paged = {draft.state.pages[int(ref)].levels[0].target.person for ref in obligation.duties[index].refs}
    for target in found or (level.target,):
        if target.person is None or target.person not in paged:
            of_their_own = level.model_copy(update={"target": target})
            _page(draft, obligation, index, (of_their_own,), duty.assigns, is_personal=True)


def _page(
    draft: Draft,
    obligation: Obligation,
    index: int,
    levels: tuple[PageLevel, ...],
    assigns: str | None,
    is_personal: bool = False,
) -> None:
    page = escalation.open_page(
        draft,
        levels,
        draft.state.title,
        obligation.key,
        assigns,
        is_summons=True,
        is_personal=is_personal,
    )
    obligation.duties[index].refs += (str(page.number),)


def _begin_telling(draft: Draft, obligation: Obligation, index: int, duty: Duty) -> None:
    if draft.plan.obligation(obligation.spec).approval is not None:
        approvals.put_down(draft, obligation, index)
    else:
        multitudes.reach(draft, obligation, index)


def _begin_task(draft: Draft, obligation: Obligation, index: int, duty: Duty) -> None:
    assert duty.task is not None
    assignee = Target(role=duty.task.role)
    task = tasks.open_task(draft, duty.task.title, assignee, obligation.due, duty.task.after, obligation.key)
    obligation.duties[index].refs = (str(task.number),)
    draft.record("task", f"task {task.number} for role {duty.task.role}: {duty.task.title}")


def _begin_step(draft: Draft, obligation: Obligation, index: int, duty: Duty) -> None:
    assert duty.step is not None
    obligation.duties[index].refs = (duty.step.step,)


def _begin_meeting(draft: Draft, obligation: Obligation, index: int, duty: Duty) -> None:
    assert duty.meeting is not None
    meetings.call(draft, obligation, duty.meeting, index)


def _begin_update(draft: Draft, obligation: Obligation, index: int, duty: Duty) -> None:
    assert duty.update is not None
    obligation.duties[index].refs = (duty.update.role,)
    subject = f"Where do things stand? Say so by {obligation.due:%H:%M} UTC"
    text = f'tocsin update {draft.state.reference} "…"'
    target = Target(role=duty.update.role)
    notices.tell(draft, target, ("sms", "email"), "reminder", "reminder", obligation.key, subject, text)


_BEGINNINGS: dict[str, Callable[[Draft, Obligation, int, Duty], None]] = {
    "page": _begin_page,
    "notify": _begin_telling,
    "report": _begin_telling,
    "task": _begin_task,
    "step": _begin_step,
    "meeting": _begin_meeting,
    "update": _begin_update,
}


def recipients_found(draft: Draft, event: RecipientsFound) -> None:
    """The directory answered: each member is sent what the duty demands."""
    errand = draft.state.errands.pop(event.errand, None)
    if errand is None or errand.obligation is None or errand.duty is None:
        return
    obligation = draft.state.obligations.get(errand.obligation)
    if obligation is None or not obligation.is_open:
        return
    found = notices.recipients_found(draft, event, errand)
    if obligation.duties[errand.duty].kind == "page":
        _summon_each(draft, obligation, errand, found)
        return
    for target, recipient in zip(found, event.members, strict=True):
        obligation.duties[errand.duty].refs += _tell(draft, obligation, errand.duty, target, recipient)
    if not event.members and errand.audience is not None:
        obligation.duties[errand.duty].lacking += (str(errand.audience),)
    _propose_meeting(draft, obligation, errand.duty)


def _propose_meeting(draft: Draft, obligation: Obligation, index: int) -> None:
    """Once everybody who belongs to a meeting is known, its hour is found and they are invited."""
    state = obligation.duties[index]
    if state.kind == "meeting" and not fulfilment.is_looking_up(draft, state):
        state.refs += tuple(meetings.propose(draft, obligation, meetings.of(draft, obligation)))


def _tell(
    draft: Draft, obligation: Obligation, index: int, target: Target, recipient: Recipient
) -> tuple[str, ...]:
    duty = draft.plan.obligation(obligation.spec).do[index]
    if duty.meeting is not None:
        meetings.join(meetings.of(draft, obligation), target, recipient)
        return ()
    return tuple(_send(draft, obligation, index, target, recipient))


def _send(
    draft: Draft, obligation: Obligation, index: int, target: Target, recipient: Recipient
) -> Iterator[str]:
    """One message over the first channel that gets through, or one over each of them at once."""
    duty = draft.plan.obligation(obligation.spec).do[index]
    telling = duty.telling
    assert telling is not None
    for via in _ways(draft, telling, recipient):
        yield notices.tell(
            draft,
            target,
            via,
            telling.purpose,
            telling.template,
            obligation.key,
            notices.subject_of(draft, obligation, duty),
            wording=approvals.wording_of(draft, obligation, index),
            wait=telling.wait,
        ).id


def _ways(
    draft: Draft, telling: NotifyDuty | ReportDuty, recipient: Recipient
) -> list[tuple[ChannelName, ...]]:
    """The channels of each message. A report goes the way that the plan says; a notice over the channels that its
    reader prefers."""
    if isinstance(telling, ReportDuty):
        return [telling.via]
    via = recipient.via or telling.via
    return [(channel,) for channel in vendors.open_channels(draft, via)] if telling.at_once else [via]
