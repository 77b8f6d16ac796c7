"""What each command does. A command that makes no sense raises `CommandRefused` with the reason, and nothing changes:
the draft that it worked on is thrown away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tocsin.domain import (
    approvals,
    clocks,
    escalation,
    facts,
    meetings,
    obligations,
    outages,
    phases,
    tasks,
    verdicts,
)
from tocsin.domain import commands as said
from tocsin.domain.case import Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.durations import describe
from tocsin.domain.duties import Level
from tocsin.domain.plan import Step
from tocsin.domain.state import Evidence, Fact, Page, PageLevel, StepState, Target
from tocsin.domain.words import Anchor, Phase, Status, StepStatus

PAGE_WAIT: timedelta = Level.model_fields["wait"].default
CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours a person's clock may be."""


def carry_out(draft: Draft, command: said.Command) -> None:
    """Apply one command. Raises `CommandRefused`."""
    if not isinstance(command, said.Reopen | said.AddNote) and draft.state.status is not Status.OPEN:
        _refuse_unless_it_belongs_after(draft, command)
    _COMMANDS[type(command)](draft, command)


_AFTER_RESOLUTION = (
    said.Acknowledge,
    said.AddEvidence,
    said.AddTask,
    said.AskForWaiver,
    said.AssignRole,
    said.ChangeMeeting,
    said.Close,
    said.Decide,
    said.FinishStep,
    said.FinishTask,
    said.GiveUpdate,
    said.Mitigate,
    said.NameVendor,
    said.Reword,
    said.SendReport,
    said.SetAnchor,
    said.StateFact,
)


def _refuse_unless_it_belongs_after(draft: Draft, command: said.Command) -> None:
    if draft.state.status is Status.RESOLVED and isinstance(command, _AFTER_RESOLUTION):
        return
    raise CommandRefused(
        f"incident {draft.state.reference} is {draft.state.status}: "
        f"{command.kind.replace('_', ' ')} is not possible any more"
    )


def _acknowledge(draft: Draft, command: said.Acknowledge) -> None:
    waiting = [page for page in draft.state.pages.values() if page.is_open]
    pages = waiting if command.page is None else [_page(draft, command.page)]
    if not pages:
        raise CommandRefused("no page waits for an acknowledgement")
    for page in pages:
        escalation.acknowledge(draft, page, command.actor)


def _page(draft: Draft, number: int) -> Page:
    page = draft.state.pages.get(number)
    if page is None:
        raise CommandRefused(f"there is no page {number}; the pages are {_listed(draft.state.pages)}")
    if page.acknowledged is not None:
        raise CommandRefused(f"page {number} was already acknowledged by @{page.acknowledged.by}")
    if page.ended is not None:
        raise CommandRefused(f"page {number} has ended")
    return page


def _note(draft: Draft, command: said.AddNote) -> None:
    draft.record("note", command.text, command.actor)


def _update(draft: Draft, command: said.GiveUpdate) -> None:
    draft.record("update", command.text, command.actor)


def _step(draft: Draft, command: said.FinishStep) -> None:
    step = _find_step(draft, command.step)
    known = draft.state.steps.get(step.id)
    if known is not None and known.status is not StepStatus.OPEN:
        raise CommandRefused(f"step {step.id} is already {known.status}")
    if command.skip and not command.reason:
        raise CommandRefused(f"say why step {step.id} is skipped")
    if not command.skip and (waiting := tasks.waits_for(draft, step.after)):
        raise CommandRefused(f"step {step.id} comes after {_listed(waiting)}, which is not done yet")
    phases.finish(draft, step, command.actor, command.skip, command.reason)


def _find_step(draft: Draft, id: str) -> Step:
    steps = {step.id: step for phase in Phase for step in draft.steps_of(phase)}
    if id not in steps:
        still = [name for name in steps if draft.state.steps.get(name, StepState()).status is StepStatus.OPEN]
        raise CommandRefused(f'there is no step "{id}"; the open ones are {_listed(still)}')
    return steps[id]


def _assign(draft: Draft, command: said.AssignRole) -> None:
    role = draft.plan.roles.get(_known_role(draft, command.role))
    assert role is not None
    draft.state.roles[command.role] = command.person
    draft.record("assigned", f"@{command.person} is {role.title}", command.actor)


def _known_role(draft: Draft, role: str) -> str:
    if role not in draft.plan.roles:
        raise CommandRefused(f'the plan has no role "{role}"; its roles are {_listed(draft.plan.roles)}')
    return role


def _somebody(draft: Draft, role: str | None, person: str | None) -> Target:
    if (role is None) == (person is None):
        raise CommandRefused("name either a role or a person")
    return Target(person=person) if role is None else Target(role=_known_role(draft, role))


def _page_somebody(draft: Draft, command: said.PageSomebody) -> None:
    target = _somebody(draft, command.role, command.person)
    draft.record("page", f"{target} is paged: {command.reason}", command.actor)
    level = PageLevel(target=target, via=("sms", "phone"), wait=PAGE_WAIT)
    escalation.open_page(draft, (level,), command.reason)


def _classify(draft: Draft, command: said.Classify) -> None:
    severity = command.severity or (
        draft.state.severity
        if command.impacts and not command.criteria
        else _severity_by_criteria(draft, command.criteria)
    )
    if severity not in draft.plan.severities:
        raise CommandRefused(
            f'the plan has no severity "{severity}"; its severities are {_listed(draft.plan.severities)}'
        )
    unknown = [name for name in command.impacts if name not in draft.plan.impacts]
    if unknown:
        raise CommandRefused(
            f'the plan has no impact "{unknown[0]}"; its impacts are {_listed(draft.plan.impacts)}'
        )
    if command.loosen and not command.reason:
        raise CommandRefused("say why later deadlines may replace what was promised")
    before, draft.state.severity = draft.state.severity, severity
    draft.state.criteria = command.criteria or draft.state.criteria
    draft.state.impacts = command.impacts or draft.state.impacts
    because = command.reason or ", ".join((*command.criteria, *command.impacts))
    change = f"severity {severity}" if before == severity else f"severity {severity} (was {before})"
    draft.record("classified", change + (f": {because}" if because else ""), command.actor)
    outages.name_by_criteria(draft, command.criteria, command.actor)
    draft.set_anchor(Anchor.CLASSIFIED, draft.now, command.actor)
    if command.loosen:
        clocks.move(draft, loosen=True)


def _severity_by_criteria(draft: Draft, criteria: tuple[str, ...]) -> str:
    unknown = [name for name in criteria if name not in draft.plan.criteria]
    if unknown or not criteria:
        what = f'no criterion "{unknown[0]}"' if unknown else "no severity without criteria"
        raise CommandRefused(f"the plan has {what}; its criteria are {_listed(draft.plan.criteria)}")
    return draft.plan.worst_of(criteria)


def _estimate(draft: Draft, command: said.GiveEstimate) -> None:
    estimate = draft.plan.estimate
    if estimate is None:
        raise CommandRefused("the plan asks for no estimate")
    if command.choice not in estimate.choices:
        raise CommandRefused(f'"{command.choice}" is not a choice; choose one of {_listed(estimate.choices)}')
    _put_fact(draft, estimate.fact, command.choice, command)


def _fact(draft: Draft, command: said.StateFact) -> None:
    if command.name not in draft.plan.facts:
        raise CommandRefused(
            f'the plan has no fact "{command.name}"; its facts are {_listed(draft.plan.facts)}'
        )
    _put_fact(draft, command.name, facts.read(draft.plan.facts[command.name], command.value), command)


def _put_fact(draft: Draft, name: str, value: str, command: said.StateFact | said.GiveEstimate) -> None:
    draft.state.facts[name] = Fact(value=value, at=draft.now, by=command.actor)
    draft.record("fact", f"{draft.plan.facts[name].title}: {value}", command.actor)


_ONLY_CORRECTED = {Anchor.RESOLVED, Anchor.UNRESOLVABLE, Anchor.REPORT_SENT}
"""Anchors that a deed sets; only their time can be put right."""


def _anchor(draft: Draft, command: said.SetAnchor) -> None:
    settable = set(Anchor) - (_ONLY_CORRECTED - set(draft.state.anchors)) - {Anchor.PROPOSED}
    if command.anchor not in settable:
        raise CommandRefused(f'"{command.anchor}" cannot be set; choose one of {_listed(sorted(settable))}')
    _not_in_the_future(draft, command)
    if command.anchor in _ONLY_CORRECTED:
        _not_before_it_began(draft, command.at)
    draft.set_anchor(Anchor(command.anchor), command.at, command.actor, command.reason, stated=True)


def _not_in_the_future(draft: Draft, command: said.SetAnchor | said.Resolve) -> None:
    if command.at is not None and command.at > draft.now + CLOCK_SKEW:
        raise CommandRefused(f"{command.at:%Y-%m-%d %H:%M} UTC has not come yet")


def _add_task(draft: Draft, command: said.AddTask) -> None:
    tasks.add(draft, command, _somebody(draft, command.role, command.person))


def _interval(draft: Draft, command: said.SetInterval) -> None:
    recurring = {spec.id: spec for spec in draft.plan.obligations if spec.recurs}
    spec = recurring.get(command.obligation.partition("#")[0])
    if spec is None:
        raise CommandRefused(f'"{command.obligation}" does not recur; those that do: {_listed(recurring)}')
    draft.state.intervals[spec.id] = command.every
    every = describe(command.every)
    draft.record(
        "interval", f"{spec.title} ({spec.id}): every {every} from now on — {command.reason}", command.actor
    )


def _evidence(draft: Draft, command: said.AddEvidence) -> None:
    """The entry names the whole hash: the timeline's chain then vouches for the content, too."""
    number = len(draft.state.evidence) + 1
    draft.state.evidence[number] = Evidence(
        number=number,
        sha256=command.sha256,
        size=command.size,
        name=command.name,
        origin=command.origin,
        at=draft.now,
        by=command.actor,
        note=command.note,
    )
    what = f"evidence {number}: {command.name}, {command.size:,} bytes, from {command.origin}"
    note = f" — {command.note}" if command.note else ""
    draft.record("evidence", f"{what}, SHA-256 {command.sha256}{note}", command.actor)


def _resolve(draft: Draft, command: said.Resolve) -> None:
    _not_in_the_future(draft, command)
    ended = command.at or draft.now
    _not_before_it_began(draft, ended)
    draft.state.status = Status.RESOLVED
    draft.record("resolved", command.summary, command.actor)
    if Anchor.MITIGATED not in draft.state.anchors:
        draft.set_anchor(Anchor.MITIGATED, ended, command.actor)
    draft.set_anchor(Anchor.RESOLVED, ended, command.actor)
    phases.skip_the_rest(draft, "the incident was resolved")
    escalation.end_open_pages(draft, "the incident was resolved")


def _not_before_it_began(draft: Draft, ended: datetime) -> None:
    began = draft.when((Anchor.OCCURRED, Anchor.DETECTED, Anchor.AWARE))
    if began is not None and ended < began[1]:
        raise CommandRefused(f"{ended:%Y-%m-%d %H:%M} UTC is before the incident began")


def _unresolvable(draft: Draft, command: said.DeclareUnresolvable) -> None:
    if command.proposed <= draft.now:
        raise CommandRefused("the proposed date for the resolution must lie in the future")
    when = f"{command.proposed:%Y-%m-%d %H:%M} UTC"
    draft.record("unresolvable", f"{command.reason}; resolution proposed for {when}", command.actor)
    if Anchor.UNRESOLVABLE not in draft.state.anchors:
        draft.set_anchor(Anchor.UNRESOLVABLE, draft.now, command.actor)
    draft.set_anchor(Anchor.PROPOSED, command.proposed, command.actor, command.reason, stated=True)


def _dismiss(draft: Draft, command: said.Dismiss) -> None:
    draft.state.status = Status.DISMISSED
    draft.record("dismissed", f"false alarm: {command.reason}", command.actor)
    phases.skip_the_rest(draft, "the incident was dismissed")
    escalation.end_open_pages(draft, "the incident was dismissed")


def _reopen(draft: Draft, command: said.Reopen) -> None:
    if draft.state.status is not Status.RESOLVED:
        raise CommandRefused(f"incident {draft.state.reference} is {draft.state.status}, not resolved")
    draft.state.status = Status.OPEN
    draft.record("reopened", command.reason, command.actor)
    phases.go_back(draft)
    clocks.withdraw(draft, (Anchor.RESOLVED, Anchor.MITIGATED), "the incident was reopened")


def _close(draft: Draft, command: said.Close) -> None:
    if draft.state.status is not Status.RESOLVED:
        raise CommandRefused("resolve the incident first, or dismiss it as a false alarm")
    owed = [item.key for item in draft.state.obligations.values() if item.is_open]
    steps = [step.id for step in phases.open_steps(draft)]
    if (owed or steps) and not command.anyway:
        raise CommandRefused(f"still open: {_listed(owed + steps)}; close anyway, and they are missed")
    verdicts.miss_all(draft, f"the incident was closed by @{command.actor}")
    escalation.end_open_pages(draft, "the incident was closed")
    for step in phases.open_steps(draft):
        phases.finish(draft, step, command.actor, skip=True, reason="the incident was closed")
    draft.state.status = Status.CLOSED
    draft.record("closed", command.reason or "nothing more is owed", command.actor)


def _send_report(draft: Draft, command: said.SendReport) -> None:
    specs = [
        spec for spec in draft.plan.obligations if any(_reports(duty, command.report) for duty in spec.do)
    ]
    owed = [
        item
        for spec in specs
        for item in draft.state.obligations.values()
        if item.spec == spec.id and obligations.waits_to_be_sent(draft, item)
    ]
    if not owed:
        raise CommandRefused(
            f'no report "{command.report}" waits to be sent; the plan has {_listed(draft.plan.reports)}'
        )
    draft.record("report", f"{command.report} report is to be sent now", command.actor)
    for obligation in owed:
        obligations.send_now(draft, obligation)


def _reports(duty: Any, report: str) -> bool:
    return duty.report is not None and duty.report.report == report


def _listed(names: Any) -> str:
    return ", ".join(str(name) for name in names) or "none"


_COMMANDS: dict[type, Callable[[Draft, Any], None]] = {
    said.Acknowledge: _acknowledge,
    said.AddNote: _note,
    said.GiveUpdate: _update,
    said.FinishStep: _step,
    said.AssignRole: _assign,
    said.PageSomebody: _page_somebody,
    said.Classify: _classify,
    said.GiveEstimate: _estimate,
    said.StateFact: _fact,
    said.SetAnchor: _anchor,
    said.AddTask: _add_task,
    said.FinishTask: tasks.finish,
    said.Mitigate: tasks.mitigate,
    said.NameVendor: outages.name_vendor,
    said.SetInterval: _interval,
    said.AskForWaiver: approvals.ask_for_waiver,
    said.Decide: approvals.decide,
    said.Reword: approvals.reword,
    said.AddEvidence: _evidence,
    said.Resolve: _resolve,
    said.DeclareUnresolvable: _unresolvable,
    said.Dismiss: _dismiss,
    said.Reopen: _reopen,
    said.Close: _close,
    said.SendReport: _send_report,
    said.ChangeMeeting: meetings.change,
}
