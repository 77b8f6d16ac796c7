"""Who is on call: now or then, by which rule, until when, and who follows. It is read from the directories alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import click

from tocsin.cli import options
from tocsin.cli.errors import Problems, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.onduty import RoleStanding, Standing, role_standing
from tocsin.planfiles import LoadedPlan, load
from tocsin.yamlfile import Problem, YamlError

SHOWN = 5
"""How many changes of a role are listed where no single role was asked for."""

_NOBODY_ON_DUTY = click.style("nobody is on duty", fg="yellow")


@click.command("oncall")
@click.option("--plan", metavar="PLAN", help="Only of this plan.")
@click.option("--role", metavar="ROLE", help="Only this role, with every change.")
@click.option("--at", type=options.moment, metavar="TIME", help="At that time rather than now.")
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=14,
    show_default=True,
    metavar="N",
    help="How far ahead to look.",
)
@options.output
@pass_office
def oncall_command(
    office: Office, plan: str | None, role: str | None, at: datetime | None, days: int
) -> None:
    """Show who is on call, until when, and who follows.

    Each role's people are listed in the order in which a page tries them. It is read from the directories in
    $TOCSIN_PLANS, as they are now; whoever took a role in an incident is there in `tocsin show`.
    """
    moment = at or office.now()
    read = _read(office, plan)
    _check_role(read.plans, role)
    found = {
        each.plan.plan: [
            role_standing(each, name, moment, days) for name in each.plan.roles if role in {None, name}
        ]
        for each in read.plans
    }
    office.emit(
        [standing for standings in found.values() for standing in standings],
        lambda: "\n\n".join(_told(each, found[each.plan.plan], moment, role) for each in read.plans),
    )
    if read.problems:
        raise Problems("\n".join(map(str, read.problems)))


# ---- reading ----


@dataclass(frozen=True)
class _Read:
    plans: tuple[LoadedPlan, ...]
    problems: tuple[Problem, ...]


def _read(office: Office, name: str | None) -> _Read:
    """The plans that were asked for; those with problems keep no other from being shown. Raises `CliError`."""
    folder = office.settings().plans
    plans: dict[str, LoadedPlan] = {}
    problems: list[Problem] = []
    for file in sorted(folder.glob("*/plan.yaml")):
        try:
            loaded = load(file.parent)
        except YamlError as error:
            problems += error.problems
            continue
        plans[loaded.plan.plan] = loaded
    if name in plans:
        return _Read((plans[name],), ())
    if problems and (name or not plans):
        raise Problems("\n".join(map(str, problems)))
    if name is not None or not plans:
        what = f'plan "{name}"' if name is not None else "plan"
        raise Usage(f"there is no {what} in {folder}; there is {_listed(plans)}")
    return _Read(tuple(plans.values()), tuple(problems))


def _check_role(plans: tuple[LoadedPlan, ...], role: str | None) -> None:
    known = dict.fromkeys(name for each in plans for name in each.plan.roles)
    if role is not None and role not in known:
        raise Usage(f'there is no role "{role}"; there is {_listed(known)}')


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


# ---- telling it ----


def _told(loaded: LoadedPlan, standings: list[RoleStanding], at: datetime, role: str | None) -> str:
    heading = click.style(loaded.plan.plan, bold=True) + f"  {at:%a %Y-%m-%d %H:%M} UTC"
    most = None if role else SHOWN
    blocks = ["\n".join(_role(each, most)) for each in standings]
    about_quiet = _about_quiet(loaded, standings)
    return "\n\n".join([heading, *blocks, *about_quiet])


def _role(standing: RoleStanding, most: int | None) -> Iterator[str]:
    yield f"{click.style(standing.role, bold=True)}  {standing.title}"
    if not standing.standing:
        yield f"    {click.style('nobody', fg='red', bold=True)} in the directory"
        return
    if standing.is_gap:
        yield f"    {_NOBODY_ON_DUTY}"
    who, name = (max(len(getattr(each, field)) for each in standing.standing) for field in ("person", "name"))
    for index, each in enumerate(standing.standing):
        yield _person(each, who, name, is_first=index == 0)
    yield from _changes(standing, most)


def _person(standing: Standing, who: int, name: int, *, is_first: bool) -> str:
    key = standing.person.ljust(who)
    key = click.style(key, fg="green", bold=True) if is_first else key
    quiet = click.style(standing.quiet, fg="yellow") if standing.quiet else ""
    note = ", ".join(filter(None, (standing.note, quiet)))
    return f"  {'→' if is_first else ' '} {key}  {standing.name.ljust(name)}  {note}".rstrip()


def _changes(standing: RoleStanding, most: int | None) -> Iterator[str]:
    shown = standing.changes[:most]
    for index, change in enumerate(shown):
        gap = f"  {_NOBODY_ON_DUTY}" if change.is_gap else ""
        people = ", ".join(change.people) or "nobody"
        yield f"    {'then' if index == 0 else '    '}  {change.at:%a %Y-%m-%d %H:%M} UTC  {people}{gap}"
    if left := len(standing.changes) - len(shown):
        yield f"          and {left} more: --role {standing.role} lists them"


def _about_quiet(loaded: LoadedPlan, standings: list[RoleStanding]) -> Iterator[str]:
    if not any(each.quiet for standing in standings for each in standing.standing):
        return
    wakes = loaded.plan.paging.wakes
    if wakes is None:
        yield "Who is quiet is paged all the same: every severity of this plan wakes people."
    else:
        yield f"Who is quiet is passed over, except in incidents of severity {', '.join(wakes)}."
