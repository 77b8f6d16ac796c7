"""Names in a scenario that its plan and directory must know."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from itertools import product

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


def reporters(directory: Directory) -> list[str]:
    """Everybody whom the directory knows when they report: people, and members of audiences as `acme/soc-desk`."""
    groups = [(f"{name}/", customer.audiences) for name, customer in directory.customers.items()]
    of_customers = [f"{prefix}{key}" for prefix, each in groups for group in each.values() for key in group]
    of_all = [f"{name}/{key}" for name, group in directory.audiences.items() for key in group]
    return [*directory.people, *of_customers, *of_all]


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
    """Those of every severity, and of every answer of the estimate."""
    answers = plan.estimate.choices if plan.estimate else ("",)
    cases = product(Phase, plan.severities, answers)
    return list(dict.fromkeys(step.id for case in cases for step in plan.steps_of(*case)))
