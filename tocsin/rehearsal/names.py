"""Names in a scenario that its plan and directory must know."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from tocsin.domain import commands as said
from tocsin.domain.commands import Command
from tocsin.domain.directory import Contact, Directory
from tocsin.domain.plan import Plan
from tocsin.domain.words import Phase
from tocsin.library import LoadedPlan

Named = tuple[str, str | None, Iterable[str]]
"""What kind of name, the name, and those that are known; no name is never unknown."""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """That there is no such name, with what comes near."""
    near = difflib.get_close_matches(name, list(known), n=3) or list(known)[:8]
    return f'there is no {kind} "{name}"; there is {", ".join(near) or "none"}'


def contacts(directory: Directory) -> dict[str, Contact]:
    """Everybody who may be reached, by key: people, and the members of all audiences."""
    groups = [directory.audiences, *(customer.audiences for customer in directory.customers.values())]
    members = {
        key: each for audiences in groups for group in audiences.values() for key, each in group.items()
    }
    return {**members, **directory.people}


def unknown_in(command: Command, loaded: LoadedPlan) -> Iterator[str]:
    """Names in a command that the plan or the directory does not know."""
    for kind, name, known in _named_in(command, loaded.plan, loaded.directory):
        if name is not None and name not in known:
            yield unknown(kind, name, known)


def _named_in(command: Command, plan: Plan, directory: Directory) -> Iterator[Named]:
    match command:
        case said.FinishStep():
            yield "step", command.step, _steps(plan)
        case said.AssignRole() | said.PageSomebody() | said.AddTask():
            yield "role", command.role, plan.roles
            yield "person", command.person, directory.people
        case said.Classify():
            yield "severity", command.severity, plan.severities
            yield from (("criterion", name, plan.criteria) for name in command.criteria)
        case said.GiveEstimate():
            yield "estimate", command.choice, plan.estimate.choices if plan.estimate else ()
        case said.StateFact():
            yield "fact", command.name, plan.facts
        case said.SendReport():
            yield "report", command.report, plan.reports


def _steps(plan: Plan) -> list[str]:
    severities = list(plan.severities)
    found = (step.id for severity in severities for phase in Phase for step in plan.steps_of(phase, severity))
    return list(dict.fromkeys(found))
