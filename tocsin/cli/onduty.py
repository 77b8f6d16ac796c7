"""Who has a role at a moment, by which rule, until when, and who follows: by the directory alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from tocsin.cli.times import both
from tocsin.domain.base import Moment, Value
from tocsin.domain.directory import Directory
from tocsin.domain.rota import Rota, Turn, Watch
from tocsin.planfiles import LoadedPlan

Rule = Literal["override", "shift", "holder", "away", "off duty"]


class Standing(Value):
    """Somebody who has a role, in the order in which they are tried, and by which `rule`.

    `until` is when they go off duty, or come back where they are `away`; `note` says it in words.
    """

    person: str
    name: str
    rule: Rule
    note: str
    until: Moment | None = None
    quiet_until: Moment | None = None
    quiet: str = ""


class Change(Value):
    """From when on others have the role: those on duty, or where the shifts have a gap, whoever is tried first."""

    at: Moment
    people: tuple[str, ...]
    is_gap: bool


class RoleStanding(Value):
    """One role at one moment, and how it changes within the days that were asked for.

    There is a gap where the role has shifts and nobody is on duty by them.
    """

    plan: str
    role: str
    title: str
    at: Moment
    is_gap: bool
    standing: tuple[Standing, ...]
    changes: tuple[Change, ...]


def role_standing(loaded: LoadedPlan, role: str, at: datetime, days: int) -> RoleStanding:
    """Who has a role of the plan at that moment, and what changes in so many days after it."""
    directory = loaded.directory
    rota = directory.rota(role)
    watches = rota.watches(at, at + timedelta(days=days))
    return RoleStanding(
        plan=loaded.plan.plan,
        role=role,
        title=loaded.plan.roles[role].title,
        at=at,
        is_gap=bool(rota.shifts) and not rota.on_duty(at),
        standing=tuple(_standings(directory, rota, role, at)),
        changes=tuple(_real(_change(directory, rota, role, watch) for watch in watches)),
    )


def _real(changes: Iterable[Change]) -> Iterator[Change]:
    """Those that change who has the role, after the first: a handover to oneself is none."""
    for before, change in pairwise(changes):
        if (change.people, change.is_gap) != (before.people, before.is_gap):
            yield change


def _change(directory: Directory, rota: Rota, role: str, watch: Watch) -> Change:
    people = tuple(turn.person for turn in watch.turns)
    first = people or directory.in_turn(role, watch.begins)[:1]
    return Change(at=watch.begins, people=first, is_gap=bool(rota.shifts) and not people)


def _standings(directory: Directory, rota: Rota, role: str, at: datetime) -> Iterator[Standing]:
    turns = {turn.person: turn for turn in rota.on_duty(at)}
    for key in directory.in_turn(role, at):
        contact = directory.people[key]
        quiet = contact.quiet_at(at)
        rule, note, until = _rule(directory, rota, turns.get(key), key, at)
        yield Standing(
            person=key,
            name=contact.name,
            rule=rule,
            note=note,
            until=until,
            quiet_until=quiet.until if quiet else None,
            quiet=f"quiet until {quiet.in_words(at)} ({quiet.timezone})" if quiet else "",
        )


def _rule(
    directory: Directory, rota: Rota, turn: Turn | None, key: str, at: datetime
) -> tuple[Rule, str, datetime | None]:
    """Why somebody has a role, in a word, in a few, and until when."""
    if turn is not None:
        until = rota.off_duty(key, at)
        return turn.rule, f"{turn.why} {f'until {_when(until, at)}' if until else 'all the time'}", until
    if key in rota.away(at, rota.holders):
        back = max(each.ends for each in rota.overrides if each.holds(at) and each.instead_of == key)
        return "away", f"away until {_when(back, at)}", back
    if key not in rota.holders and not any(each.holds(at) for each in rota.overrides):
        return "off duty", "off duty, and the next to come", None
    hours = directory.people[key].hours
    return "holder", "" if hours is None or hours.include(at) else "not at work", None


def _when(moment: datetime, at: datetime) -> str:
    return f"{moment:%a} {both(moment, at)}"
