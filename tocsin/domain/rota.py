"""Who has a role when: its overrides, shifts and holders together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import takewhile
from typing import Literal, NamedTuple

from tocsin.domain.shifts import Override, Shift

_HORIZON = timedelta(days=366)
"""How far ahead the end of somebody's turn is looked for."""


class Turn(NamedTuple):
    """Somebody who is on duty, and by what."""

    person: str
    by: Shift | Override

    @property
    def rule(self) -> Literal["override", "shift"]:
        """By which of the two it is."""
        return "override" if isinstance(self.by, Override) else "shift"

    @property
    def why(self) -> str:
        """The rule in words: `weekly turn`, `override`, `stands in for dana`."""
        if isinstance(self.by, Shift):
            return f"{self.by.rhythm} turn"
        return f"stands in for {self.by.instead_of}" if self.by.instead_of else "override"


class Watch(NamedTuple):
    """A time during which the same people are on duty, first first; `()` where nobody is."""

    begins: datetime
    ends: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Rota:
    """Who has one role: by overrides, by shifts, and `holders` without either, first choice first."""

    shifts: tuple[Shift, ...] = ()
    overrides: tuple[Override, ...] = ()
    holders: tuple[str, ...] = ()

    @property
    def everybody(self) -> tuple[str, ...]:
        """All who ever have the role, once each: its holders, those who take turns, those who stand in."""
        return _once([*self.holders, *self._takers])

    @property
    def may_be_first(self) -> tuple[str, ...]:
        """Those who are tried first at some time."""
        is_always_on_duty = any(shift.never_pauses for shift in self.shifts)
        return _once([*self._takers, *(() if is_always_on_duty else self.holders[:1])])

    def on_duty(self, at: datetime) -> tuple[Turn, ...]:
        """Who is on duty, but for those for whom somebody stands in: by overrides, then by shifts."""
        turns = [Turn(each.person, each) for each in self.overrides if each.holds(at) and not each.instead_of]
        turns += [Turn(person, shift) for shift in self.shifts if (person := shift.on_duty(at)) is not None]
        for each in self._stand_ins(at):
            turns = [Turn(each.person, each) if turn.person == each.instead_of else turn for turn in turns]
        first: dict[str, Turn] = {}
        for turn in turns:
            first.setdefault(turn.person, turn)
        return tuple(first.values())

    def present(self, at: datetime, holders: Iterable[str]) -> tuple[str, ...]:
        """Who has the role now: those on duty, then `holders` in their order; none of them who is `away`.

        Never nobody, where anybody ever is on duty: outside all hours, it is whoever comes on duty next.
        """
        rest = list(holders)
        for each in self._stand_ins(at):
            rest = [each.person if holder == each.instead_of else holder for holder in rest]
        found = _once([*(turn.person for turn in self.on_duty(at)), *rest])
        return found or self._next_on_duty(at)

    def away(self, at: datetime, holders: Iterable[str]) -> tuple[str, ...]:
        """Those for whom somebody stands in now: who would have the role if nobody did, of `holders` in their order."""
        rest = list(holders)
        away = _once(each.instead_of or "" for each in self._stand_ins(at))
        return tuple(person for person in away if person in self._without_stand_in(person).present(at, rest))

    def changes(self, after: datetime) -> Iterator[datetime]:
        """Every moment from which on somebody else may be on duty, in order."""
        moments = sorted(moment for each in self.overrides for moment in (each.begins, each.ends))
        later = (moment for moment in moments if moment > after)
        return merge(later, *(shift.changes(after) for shift in self.shifts))

    def watches(self, since: datetime, until: datetime) -> Iterator[Watch]:
        """Who is on duty from one moment to another, change by change."""
        begins, turns = since, self.on_duty(since)
        for moment in takewhile(lambda each: each < until, self.changes(since)):
            if (found := self.on_duty(moment)) != turns:
                yield Watch(begins, moment, turns)
                begins, turns = moment, found
        yield Watch(begins, until, turns)

    def off_duty(self, person: str, at: datetime) -> datetime | None:
        """When somebody who is on duty will not be any more; `None` when not within a year."""
        ahead = takewhile(lambda each: each < at + _HORIZON, self.changes(at))
        return next((each for each in ahead if person not in _people(self.on_duty(each))), None)

    @property
    def _takers(self) -> Iterator[str]:
        """Whoever a shift or an override names."""
        for shift in self.shifts:
            yield from shift.people
        yield from (each.person for each in self.overrides)

    def _stand_ins(self, at: datetime) -> Iterator[Override]:
        return (each for each in self.overrides if each.instead_of is not None and each.holds(at))

    def _without_stand_in(self, person: str) -> Rota:
        """The same, had nobody been found for `person`."""
        return replace(self, overrides=tuple(each for each in self.overrides if each.instead_of != person))

    def _next_on_duty(self, at: datetime) -> tuple[str, ...]:
        ahead = takewhile(lambda each: each < at + _HORIZON, self.changes(at))
        return next((people for each in ahead if (people := _people(self.on_duty(each)))), ())


def _people(turns: Iterable[Turn]) -> tuple[str, ...]:
    return tuple(turn.person for turn in turns)


def _once(people: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(people))
