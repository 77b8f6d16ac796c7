"""What goes with a message when it leaves: everything that its template may show, taken from the record now."""

from __future__ import annotations

from datetime import datetime

from tocsin.domain import approvals, naming, reports
from tocsin.domain.case import Case
from tocsin.domain.messages import Asked, Dispatch
from tocsin.domain.picturing import Picture, picture_of
from tocsin.domain.state import BroadcastState, Meeting, Message, Target


def dispatch_of(case: Case, message: Message, workflow: str, now: datetime) -> Dispatch:
    """The message with its contents; reports are assembled as the record stands at `now`."""
    state = case.state
    return Dispatch(
        message=message.id,
        workflow=workflow,
        incident=state.id,
        reference=state.reference,
        plan=state.plan,
        channel=message.channel,
        template=message.template,
        purpose=message.purpose,
        target=_held(case, message),
        is_drill=state.is_drill,
        is_for_outsiders=_is_for_outsiders(case, message),
        subject=message.subject,
        text=message.text,
        code=naming.page_code(state.id, message.page) if message.page else "",
        page=message.page,
        wakes=_wakes(case, message),
        digest=None if message.purpose in _WHOLE else case.plan.paging.digest,
        title=state.title,
        severity=case.plan.severities[state.severity].title,
        rank=_rank(case),
        status=state.status.value,
        phase=state.phase.label if state.phase else "",
        customer=state.customer,
        created=message.created,
        report=_report(case, message, now),
        picture=_picture(case, message, now),
        meeting=_meeting(case, message),
        approval=_approval(case, message),
        wording=message.wording,
    )


_WHOLE = frozenset({"report", "invitation", "approval"})
"""What is never put together with other messages: it has contents of its own, or a proof for one person."""


def dispatch_of_broadcast(case: Case, broadcast: BroadcastState, workflow: str, now: datetime) -> Dispatch:
    """A message to a large audience with its contents, for nobody in particular."""
    message = Message(
        id=broadcast.id,
        purpose=broadcast.purpose,
        template=broadcast.template,
        target=Target(audience=broadcast.audience),
        channel=broadcast.channel,
        obligation=broadcast.obligation,
        wording=broadcast.wording,
        subject=broadcast.subject,
        created=broadcast.started,
    )
    return dispatch_of(case, message, workflow, now)


def _rank(case: Case) -> int:
    """Counted, because a plan may begin its ranks with any number."""
    ours = case.plan.severities[case.state.severity].rank
    return sum(each.rank <= ours for each in case.plan.severities.values())


def _wakes(case: Case, message: Message) -> bool:
    """Whether quiet hours must give way: to a severity that the plan names, and to a page that is overdue."""
    rules, page = case.plan.paging, case.state.pages.get(message.page or 0)
    if rules.wakes is None or case.state.severity in rules.wakes:
        return True
    return page is not None and page.overdue is not None


def _held(case: Case, message: Message) -> Target:
    """A role that somebody was given in this incident is that person."""
    target = message.target
    if message.purpose == "approval":
        return target  # a role given during an incident makes nobody one who may approve
    holder = case.state.roles.get(target.role or "")
    return target.model_copy(update={"role": None, "person": holder}) if holder else target


def _is_for_outsiders(case: Case, message: Message) -> bool:
    audience = message.target.audience
    return audience is not None and case.plan.audiences[audience].external


def _report(case: Case, message: Message, now: datetime) -> reports.Report | None:
    """What a report says, and a notice in whose place the plan has one."""
    is_told = message.purpose == "notice" and message.template in case.plan.reports
    return reports.assemble(case, message.template, now) if message.purpose == "report" or is_told else None


def _approval(case: Case, message: Message) -> Asked | None:
    return approvals.asked(case, case.state.approvals[message.approval]) if message.approval else None


def _picture(case: Case, message: Message, now: datetime) -> Picture | None:
    """Goes with a report, and to nobody outside: it shows how every promise stands, also those to others. It is no part
    of words that somebody has approved."""
    is_inside = message.purpose == "report" and not _is_for_outsiders(case, message) and not message.wording
    return picture_of(case, now) if is_inside else None


def _meeting(case: Case, message: Message) -> Meeting | None:
    return case.state.meetings.get(message.text) if message.purpose == "invitation" else None
