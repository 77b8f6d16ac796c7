"""What can be done about an incident now: by whom, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator

from tocsin.domain import naming, phases, tasks, vendors
from tocsin.domain.base import Value
from tocsin.domain.case import Case
from tocsin.domain.plan import Step
from tocsin.domain.state import Target
from tocsin.domain.words import Anchor, Status, Verdict


class NextAction(Value):
    """Something that can be done now: what, by whom, and the command that records it."""

    what: str
    who: str
    command: str


def next_actions(case: Case) -> tuple[NextAction, ...]:
    """What can be done now, most urgent first."""
    if case.state.status in {Status.CLOSED, Status.DISMISSED}:
        return ()
    return tuple(action for topic in _TOPICS for action in topic(case))


def whom(case: Case, target: Target) -> str:
    """The title of a role, the key of a person; or that their supervisor is meant."""
    if target.role is None:
        return str(target)
    title = case.plan.roles[target.role].title
    return f"the supervisor of {title}" if target.supervisor else title


def _pages(case: Case) -> Iterator[NextAction]:
    for page in case.state.pages.values():
        if page.is_open:
            code = naming.page_code(case.state.id, page.number)
            yield NextAction(
                what=f"Answer page {page.number} ({code}): {page.reason}",
                who=whom(case, page.levels[page.level].target),
                command=f"tocsin ack {case.state.reference} --page {page.number}",
            )


def _decisions(case: Case) -> Iterator[NextAction]:
    for item in case.state.approvals.values():
        if item.is_open:
            yield NextAction(
                what=f"Decide on {item.what} of {item.obligation}, by {item.due:%Y-%m-%d %H:%M} UTC",
                who=case.plan.roles[item.role].title,
                command=f"tocsin approve {case.state.reference} {item.number}",
            )


def _to_send_again(case: Case) -> Iterator[NextAction]:
    """What is overdue and can be sent afresh, in case its messages came to nothing."""
    late = [item for item in case.state.obligations.values() if item.verdict is Verdict.OVERDUE]
    specs = [case.plan.obligation(item.spec) for item in late]
    told = [
        (spec.title, duty.telling.template)
        for spec in specs
        if spec.approval is None
        for duty in spec.do
        if duty.telling is not None
    ]
    for title, report in dict.fromkeys(told):
        if report in case.plan.reports:
            yield NextAction(
                what=f"Send again, where nobody was reached: {title}",
                who="anybody",
                command=f"tocsin report {case.state.reference} {report} --send",
            )


def _steps(case: Case) -> Iterator[NextAction]:
    for step in phases.open_steps(case):
        yield NextAction(
            what=step.title + _still_waits(case, step.after),
            who=case.plan.roles[step.role].title,
            command=_step_command(case, case.state.reference, step),
        )


def _tasks(case: Case) -> Iterator[NextAction]:
    for task in case.state.tasks.values():
        if task.done is None:
            yield NextAction(
                what=task.title + _still_waits(case, task.after),
                who=whom(case, task.assignee),
                command=f"tocsin task {case.state.reference} done {task.number}",
            )


def _vendors(case: Case) -> Iterator[NextAction]:
    for name, vendor in vendors.down(case).items():
        yield NextAction(
            what=f"Say when {vendor.title} is up again",
            who="anybody",
            command=f"tocsin vendor {case.state.reference} {name} up",
        )


def _ending(case: Case) -> Iterator[NextAction]:
    """An incident that was merged into another ends with that."""
    ref = case.state.reference
    if case.state.status is not Status.OPEN:
        yield NextAction(what="Close it", who="anybody", command=f"tocsin close {ref}")
    elif case.state.merged_into is None:
        silent = ": every alert is silent" if case.state.end_proposed else ""
        yield NextAction(
            what=f"Resolve it{silent}", who="anybody", command=f'tocsin resolve {ref} "what ended it"'
        )


def _facts(case: Case) -> Iterator[NextAction]:
    for name, fact in case.plan.facts.items():
        if name not in case.state.facts:
            yield NextAction(
                what=f"Say: {fact.title}",
                who=case.plan.roles[fact.owed_by].title,
                command=f'tocsin fact {case.state.reference} {name} "…"',
            )


_TOPICS = (_pages, _decisions, _to_send_again, _steps, _tasks, _vendors, _ending, _facts)
"""In the order in which they are listed."""


def _still_waits(case: Case, after: tuple[int | str, ...]) -> str:
    waiting = tasks.waits_for(case, after)
    return f" (after {', '.join(waiting)})" if waiting else ""


def _step_command(case: Case, ref: str, step: Step) -> str:
    kind, _, name = (step.done_when or "").partition(":")
    match kind:
        case "acknowledged":
            return f"tocsin ack {ref}"
        case "estimated":
            choices = "|".join(case.plan.estimate.choices) if case.plan.estimate else ""
            return f'tocsin estimate {ref} "{choices}"'
        case "fact":
            return f'tocsin fact {ref} {name} "…"'
        case "held":
            return f'tocsin postmortem {ref} --held "what came of it"'
        case "anchor" if name == Anchor.CLASSIFIED:
            return f"tocsin classify {ref} {'|'.join(case.plan.severities)}"
        case "anchor":
            return f"tocsin fact {ref} {name} now"
        case "deployed":
            return f'tocsin mitigation {ref} add "…"'
        case _:
            return f"tocsin step {ref} {step.id}"
