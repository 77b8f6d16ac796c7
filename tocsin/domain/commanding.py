"""What each command does. A command that makes no sense raises `CommandRefused` with the reason, and nothing changes:
the draft that it worked on is thrown away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tocsin.domain import (
    answering,
    approvals,
    ending,
    escalation,
    knowing,
    meetings,
    merging,
    obligations,
    outages,
    phases,
    tasks,
)
from tocsin.domain import commands as said
from tocsin.domain.case import Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.durations import describe
from tocsin.domain.duties import Duty
from tocsin.domain.plan import Step
from tocsin.domain.sense import known_role, listed, somebody
from tocsin.domain.state import Page, StepState
from tocsin.domain.words import Phase, Status, StepStatus


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
    said.HandOver,
    said.Mitigate,
    said.NameVendor,
    said.OptOut,
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
    named = waiting if command.page is None else [_unanswered(draft, command.page)]
    if not named:
        raise CommandRefused("no page waits for an acknowledgement")
    pages = [page for page in named if answering.may_answer(draft, page, command.actor)]
    if not pages:
        raise CommandRefused(
            f"page {listed([page.number for page in named])} is for {listed(_meant(named))} to answer: each must, for "
            "themselves"
        )
    for page in pages:
        answering.acknowledge(draft, page, command.actor)


def _meant(pages: list[Page]) -> list[str]:
    return [str(page.levels[0].target) for page in pages]


def _unanswered(draft: Draft, number: int) -> Page:
    page = answering.page_named(draft, number)
    if page.acknowledged is not None:
        raise CommandRefused(f"page {number} was already acknowledged by @{page.acknowledged.by}")
    return page


def _note(draft: Draft, command: said.AddNote) -> None:
    draft.record("note", command.text, command.actor)


def _update(draft: Draft, command: said.GiveUpdate) -> None:
    draft.record("update", command.text, command.actor)


def _step(draft: Draft, command: said.FinishStep) -> None:
    step = _find_step(draft, command.step)
    if draft.state.status is Status.OPEN and step in draft.steps_of(Phase.POST_INCIDENT):
        raise CommandRefused(f"step {step.id} follows the resolution; resolve the incident first")
    known = draft.state.steps.get(step.id)
    if known is not None and known.status is not StepStatus.OPEN:
        raise CommandRefused(f"step {step.id} is already {known.status}")
    if command.skip and not command.reason:
        raise CommandRefused(f"say why step {step.id} is skipped")
    if not command.skip and (waiting := tasks.waits_for(draft, step.after)):
        raise CommandRefused(f"step {step.id} comes after {listed(waiting)}, which is not done yet")
    if not command.skip and (step.done_when or "").startswith("deployed"):
        raise CommandRefused(
            f"step {step.id} is done once a measure for it was tested and deployed: tocsin mitigation "
            f'{draft.state.reference} add "what it is"'
        )
    phases.finish(draft, step, command.actor, command.skip, command.reason)


def _find_step(draft: Draft, id: str) -> Step:
    steps = {step.id: step for phase in Phase for step in draft.steps_of(phase)}
    if id not in steps:
        still = [name for name in steps if draft.state.steps.get(name, StepState()).status is StepStatus.OPEN]
        raise CommandRefused(f'there is no step "{id}"; the open ones are {listed(still)}')
    return steps[id]


def _assign(draft: Draft, command: said.AssignRole) -> None:
    role = known_role(draft, command.role)
    draft.state.roles[command.role] = command.person
    draft.record("assigned", f"@{command.person} is {role.title}", command.actor)


def _page_somebody(draft: Draft, command: said.PageSomebody) -> None:
    target = somebody(draft, command.role, command.person)
    draft.record("page", f"{target} is paged: {command.reason}", command.actor)
    escalation.call(draft, target, command.reason, is_summons=True)


def _add_task(draft: Draft, command: said.AddTask) -> None:
    tasks.add(draft, command, somebody(draft, command.role, command.person))


def _interval(draft: Draft, command: said.SetInterval) -> None:
    recurring = {spec.id: spec for spec in draft.plan.obligations if spec.recurs}
    spec = recurring.get(command.obligation.partition("#")[0])
    if spec is None:
        raise CommandRefused(f'"{command.obligation}" does not recur; those that do: {listed(recurring)}')
    draft.state.intervals[spec.id] = command.every
    every = describe(command.every)
    draft.record(
        "interval", f"{spec.title} ({spec.id}): every {every} from now on — {command.reason}", command.actor
    )


def _send_report(draft: Draft, command: said.SendReport) -> None:
    specs = [spec for spec in draft.plan.obligations if any(_tells(duty, command.report) for duty in spec.do)]
    owed = [item for spec in specs for item in obligations.to_be_sent(draft, spec)]
    if not owed:
        raise CommandRefused(
            f'no report "{command.report}" waits to be sent; the plan has {listed(draft.plan.reports)}'
        )
    draft.record("report", f"{command.report} report is to be sent now", command.actor)
    for obligation in owed:
        obligations.send_now(draft, obligation)


def _tells(duty: Duty, report: str) -> bool:
    """Whether a duty brings the report to somebody, as a paper of its own or as what a notice says."""
    return duty.telling is not None and duty.telling.template == report


_COMMANDS: dict[type, Callable[[Draft, Any], None]] = {
    said.Acknowledge: _acknowledge,
    said.HandOver: answering.hand_over,
    said.OptOut: answering.opt_out,
    said.Merge: merging.merge,
    said.AddNote: _note,
    said.GiveUpdate: _update,
    said.FinishStep: _step,
    said.AssignRole: _assign,
    said.PageSomebody: _page_somebody,
    said.Classify: knowing.classify,
    said.GiveEstimate: knowing.estimate,
    said.StateFact: knowing.state_fact,
    said.SetAnchor: knowing.anchor,
    said.AddTask: _add_task,
    said.FinishTask: tasks.finish,
    said.Mitigate: tasks.mitigate,
    said.NameVendor: outages.name_vendor,
    said.SetInterval: _interval,
    said.AskForWaiver: approvals.ask_for_waiver,
    said.Decide: approvals.decide,
    said.Reword: approvals.reword,
    said.AddEvidence: knowing.evidence,
    said.Resolve: ending.resolve,
    said.DeclareUnresolvable: ending.unresolvable,
    said.Dismiss: ending.dismiss,
    said.Reopen: ending.reopen,
    said.Close: ending.close,
    said.SendReport: _send_report,
    said.ChangeMeeting: meetings.change,
}
