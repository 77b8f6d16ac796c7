"""Roles that the plan counts on and nobody holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.domain.plan import Plan
from tocsin.domain.review.finding import Finding, error, listed
from tocsin.domain.review.subject import Promise, Subject
from tocsin.domain.steporder import placed_steps


class Use(NamedTuple):
    """What a role is there for. Whoever takes the role in an incident will do, unless it is `of_the_directory`."""

    role: str
    what: str
    of_the_directory: bool = False


def unheld_roles(subject: Subject) -> Iterator[Finding]:
    """Roles that are used and held by nobody. Levels of pages are left out: such a plan is not even loaded."""
    uses = list(_uses(subject))
    for role in subject.plan.roles:
        if subject.holders(role):
            continue
        is_given = role in subject.given_in_incidents
        lost = [use.what for use in uses if use.role == role and (use.of_the_directory or not is_given)]
        if lost:
            yield error(
                ("roles", role),
                f'role "{role}" is held by nobody in the directory, and {listed(list(dict.fromkeys(lost)))}: nobody '
                f"will be asked or told; name a holder under `roles` in directory.yaml",
            )


def _uses(subject: Subject) -> Iterator[Use]:
    plan = subject.plan
    yield Use(next(iter(plan.roles)), "answers for whatever nobody else owes")
    yield from (Use(name, f"covers {role.cover}", True) for name, role in plan.roles.items() if role.cover)
    yield from (Use(fact.owed_by, f'owes fact "{name}"') for name, fact in plan.facts.items())
    yield from (Use(placed.step.role, f'does step "{placed.step.id}"') for placed in placed_steps(plan))
    yield from _uses_beside_promises(plan)
    for promise in subject.promises:
        yield from _uses_in_promise(promise)


def _uses_beside_promises(plan: Plan) -> Iterator[Use]:
    if plan.agreement is not None and plan.agreement.contact is not None:
        yield Use(plan.agreement.contact, "is asked about the agreement", True)
    if plan.tasks.when_late is not None:
        yield Use(plan.tasks.when_late, "is paged over tasks that are late", True)
    for role in plan.publication.roles if plan.publication is not None else ():
        yield Use(role, "acknowledges the plan", True)


def _uses_in_promise(promise: Promise) -> Iterator[Use]:
    spec = promise.spec
    if spec.when_late is not None:
        yield Use(spec.when_late, f'is paged when "{spec.id}" is late', True)
    if spec.escalate is not None:
        yield Use(spec.escalate.to, f'is paged before "{spec.id}" is due', True)
    if spec.approval is not None:
        yield Use(spec.approval.role, f'approves "{spec.id}"', True)
    if spec.waivable_by is not None:
        yield Use(spec.waivable_by, f'may waive "{spec.id}"', True)
    for duty in spec.do:
        if duty.task is not None:
            yield Use(duty.task.role, f'has a task for "{spec.id}"')
        if duty.update is not None:
            yield Use(duty.update.role, f'says where things stand for "{spec.id}"')
        for level in duty.page.levels if duty.page is not None else ():
            if level.supervisor_of is not None:
                yield Use(level.supervisor_of, f'has a supervisor who is paged for "{spec.id}"')
