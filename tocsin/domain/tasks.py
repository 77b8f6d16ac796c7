"""Tasks and measures: who does what by when, and nothing before what has to come first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.domain import commands as said
from tocsin.domain import notices
from tocsin.domain.case import Case, Draft
from tocsin.domain.commands import CommandRefused
from tocsin.domain.escalation import call
from tocsin.domain.state import Mitigation, StepState, Target, Task
from tocsin.domain.words import StepStatus


def open_task(
    draft: Draft,
    title: str,
    assignee: Target,
    due: datetime | None,
    after: tuple[int | str, ...] = (),
    obligation: str | None = None,
) -> Task:
    """Put a task on the list."""
    number = len(draft.state.tasks) + 1
    task = Task(
        number=number,
        title=title,
        assignee=assignee,
        due=due,
        opened=draft.now,
        after=after,
        obligation=obligation,
    )
    draft.state.tasks[number] = task
    return task


def waits_for(case: Case, after: tuple[int | str, ...]) -> list[str]:
    """What has to come first and is not done yet, in words: tasks by number, steps by id."""
    return [str(each) for each in after if not _is_over(case, each)]


def _is_over(case: Case, each: int | str) -> bool:
    if isinstance(each, int):
        task = case.state.tasks.get(each)
        return task is not None and task.done is not None
    return case.state.steps.get(each, StepState()).status is not StepStatus.OPEN


# What people say about them


def add(draft: Draft, command: said.AddTask, assignee: Target) -> None:
    """Give somebody something to do. Raises `CommandRefused`."""
    unknown = [each for each in command.after if isinstance(each, int) and each not in draft.state.tasks]
    if unknown:
        raise CommandRefused(f"there is no task {unknown[0]} that this could come after")
    if command.due is not None and command.within is not None:
        raise CommandRefused("say either within what time it is due, or when")
    due = command.due or (draft.now + draft.scaled(command.within) if command.within is not None else None)
    if due is not None and due <= draft.now:
        raise CommandRefused(f"{due:%Y-%m-%d %H:%M} UTC has passed; a task is due in the future")
    task = open_task(draft, command.title, assignee, due, command.after)
    when = f", due {due:%Y-%m-%d %H:%M} UTC" if due else ""
    draft.record("task", f"task {task.number} for {assignee}: {command.title}{when}", command.actor)


def finish(draft: Draft, command: said.FinishTask) -> None:
    """Report a task as done. Raises `CommandRefused`."""
    task = draft.state.tasks.get(command.task)
    if task is None:
        known = ", ".join(map(str, draft.state.tasks)) or "none"
        raise CommandRefused(f"there is no task {command.task}; the tasks are {known}")
    if task.done is not None:
        raise CommandRefused(f"task {task.number} was already done by @{task.done_by}")
    if waiting := waits_for(draft, task.after):
        raise CommandRefused(f"task {task.number} comes after {', '.join(waiting)}, which is not done yet")
    task.done, task.done_by, task.outcome = draft.now, command.actor, command.outcome
    outcome = f" — {command.outcome}" if command.outcome else ""
    draft.record("task", f"task {task.number} done: {task.title}{outcome}", command.actor)


def mitigate(draft: Draft, command: said.Mitigate) -> None:
    """Record a measure as found, tested or deployed; nothing is deployed untested. Raises `CommandRefused`."""
    if command.action == "identify":
        _identify(draft, command)
        return
    measure = draft.state.mitigations.get(command.mitigation or 0)
    if measure is None:
        known = ", ".join(map(str, draft.state.mitigations)) or "none"
        raise CommandRefused(f"there is no mitigation {command.mitigation}; there are {known}")
    if command.action == "test":
        _test(draft, measure, command)
    else:
        _deploy(draft, measure, command)


def _identify(draft: Draft, command: said.Mitigate) -> None:
    if not command.title.strip():
        raise CommandRefused("say what the measure is")
    number = len(draft.state.mitigations) + 1
    draft.state.mitigations[number] = Mitigation(
        number=number, title=command.title, kind=command.measure, by=command.actor, identified=draft.now
    )
    kind = command.measure.replace("_", " ")
    draft.record("mitigation", f"mitigation {number} ({kind}) identified: {command.title}", command.actor)


def _test(draft: Draft, measure: Mitigation, command: said.Mitigate) -> None:
    if measure.deployed is not None:
        raise CommandRefused(f"mitigation {measure.number} is already deployed")
    if not command.result.strip():
        raise CommandRefused("say what the test showed")
    measure.tested, measure.tested_by, measure.result = draft.now, command.actor, command.result
    draft.record("mitigation", f"mitigation {measure.number} tested: {command.result}", command.actor)


def _deploy(draft: Draft, measure: Mitigation, command: said.Mitigate) -> None:
    if measure.tested is None:
        raise CommandRefused(
            f"mitigation {measure.number} has not been tested: record its test first, "
            f'`tocsin mitigation {draft.state.reference} tested {measure.number} "what the test showed"`'
        )
    if measure.deployed is not None:
        raise CommandRefused(f"mitigation {measure.number} was already deployed by @{measure.deployed_by}")
    measure.deployed, measure.deployed_by = draft.now, command.actor
    draft.record("mitigation", f"mitigation {measure.number} deployed: {measure.title}", command.actor)


# Their time


def follow(draft: Draft) -> None:
    """Remind assignees, and page when a task is overdue; those of promises follow their promise's own rules."""
    for task in draft.state.tasks.values():
        if task.done is None and task.due is not None and task.obligation is None:
            _follow(draft, task, task.due)


def _follow(draft: Draft, task: Task, due: datetime) -> None:
    reached = [moment for moment in _reminders(draft, task, due) if moment <= draft.now < due]
    if reached and (task.reminded is None or task.reminded < reached[-1]):
        task.reminded = draft.now
        subject = f"Task {task.number} is due {due:%Y-%m-%d %H:%M} UTC"
        notices.tell(
            draft, task.assignee, ("sms", "email"), "reminder", "reminder", None, subject, task.title
        )
    if due <= draft.now and not task.overdue:
        _be_overdue(draft, task, due)


def _be_overdue(draft: Draft, task: Task, due: datetime) -> None:
    task.overdue = True
    draft.record("overdue", f"task {task.number} ({task.title}) was due {due:%Y-%m-%d %H:%M:%S} UTC")
    role = draft.plan.tasks.when_late
    target = Target(role=role) if role else task.assignee
    call(draft, target, f"Overdue: task {task.number}, {task.title}")


def _reminders(case: Case, task: Task, due: datetime) -> list[datetime]:
    moments = sorted(due - case.scaled(before) for before in case.plan.tasks.remind)
    return [moment for moment in moments if moment > task.opened]


def moments(case: Case, task: Task) -> Iterator[datetime]:
    """When a task wants attention, past moments among them; those of promises follow their promise."""
    if task.done is None and task.due is not None and task.obligation is None and not task.overdue:
        yield from _reminders(case, task, task.due)
        yield task.due
