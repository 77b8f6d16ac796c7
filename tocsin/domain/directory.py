"""The directory: the people and contacts behind a plan's roles and audiences.

It is read when somebody is to be reached and never enters a workflow's history, so a leaver is not paged and no
address is kept where it cannot be corrected.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tocsin.domain.base import Value
from tocsin.domain.calendar import PersonalHours
from tocsin.domain.channel import ChannelName
from tocsin.domain.events import Recipient
from tocsin.domain.hours import Quiet, QuietHours, never_ends, quiet_at
from tocsin.domain.messages import Dispatch
from tocsin.domain.plan import Path
from tocsin.domain.rota import Rota
from tocsin.domain.shifts import Key, Override, Shift
from tocsin.domain.state import Target

Phone = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
Mail = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")


def _known_by_its_tag(language: str) -> str:
    if not _LANGUAGE.fullmatch(language):
        raise ValueError(f'"{language}" is no tag of a language (BCP 47), such as es, es-MX or zh-Hant-TW')
    return language


Language = Annotated[str, AfterValidator(_known_by_its_tag)]
"""Language, script and region, written as in the names of templates."""


def _as_list(given: Any) -> Any:
    """One span of hours as a list of one: a directory may write either."""
    return [given] if isinstance(given, dict) else given


class Contact(Value):
    """A person, desk or mailing list that can be reached. `sms` defaults to `phone`.

    `also` are other numbers of theirs: nothing is sent there, and an answer from there counts as theirs. `via` are the
    channels over which they want to be told, before those of the plan; `hours` when they work; `quiet` when no text and
    no call is to disturb them; `supervisor` is the key of the person whom they report to; `postal` the lines of an
    address on paper.
    """

    name: str
    email: Mail | None = None
    phone: Phone | None = None
    sms: Phone | None = None
    also: tuple[Phone, ...] = ()
    language: Language = "en-US"
    via: tuple[ChannelName, ...] = ()
    hours: PersonalHours | None = None
    quiet: Annotated[tuple[QuietHours, ...], BeforeValidator(_as_list)] = ()
    supervisor: Key | None = None
    postal: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Every number of theirs, once: `phone`, `sms`, and whatever they have `also`."""
        return tuple(dict.fromkeys(number for number in (self.phone, self.sms, *self.also) if number))

    @model_validator(mode="after")
    def _is_not_always_quiet(self) -> Self:
        if never_ends(self.quiet):
            raise ValueError(
                f"the quiet hours of {self.name} never end; leave some in which they can be called"
            )
        return self

    def quiet_at(self, moment: datetime) -> Quiet | None:
        """The quiet hours in which `moment` lies; `None` where it lies in none."""
        return quiet_at(self.quiet, moment)

    def address(self, channel: ChannelName) -> str | None:
        """Where the contact is reached over `channel`; `None` when they have no such address."""
        return {"email": self.email, "phone": self.phone, "sms": self.sms or self.phone}[channel]


class Customer(Value):
    """A customer, and its own audiences."""

    name: str
    audiences: dict[str, dict[Key, Contact]] = {}


class DrillInbox(Value):
    """Where messages to outsiders go in a drill; people who hold roles take part in it themselves."""

    email: Mail
    phone: Phone


class Directory(Value):
    """Everybody whom one plan may have to reach.

    A role lists its holders in the order in which they are tried: the first at first, the next each time that a page
    comes round again. Those who are at work go before those whose hours it is not. Before all of them go those who are
    on duty by its `rotations`, and before these, whoever has it by one of the `overrides`.
    """

    people: dict[Key, Contact]
    roles: dict[str, tuple[Key, ...]] = {}
    rotations: dict[str, Annotated[tuple[Shift, ...], Field(min_length=1)]] = {}
    overrides: tuple[Override, ...] = ()
    audiences: dict[str, dict[Key, Contact]] = {}
    customers: dict[Key, Customer] = {}
    drill: DrillInbox

    def members(self, audience: Target) -> dict[str, Contact]:
        """The contacts of an audience, of a customer's where the target names one; empty when unknown."""
        if audience.customer is not None:
            customer = self.customers.get(audience.customer)
            return customer.audiences.get(audience.audience or "", {}) if customer else {}
        return self.audiences.get(audience.audience or "", {})

    def recipients(self, target: Target, at: datetime) -> tuple[Recipient, ...]:
        """All whom a target means `at` that moment, by key, without a name or an address.

        Of an audience, its members; of a role, everybody who has it then, in the order in which they are tried; of a
        person, that person.
        """
        if target.audience is not None:
            members = self.members(target)
        else:
            found = self._candidates(target, self._present(target.role or "", at))
            members = dict(each for each in found if each is not None)
        return tuple(
            Recipient(key=key, via=contact.via, hours=contact.hours) for key, contact in members.items()
        )

    def contact(self, target: Target, at: datetime, *, wakes: bool = True) -> tuple[str, Contact] | None:
        """Whom a target means `at` that moment, with their key; `None` when the directory has nobody.

        What does not wake people passes over those who have quiet hours then; `nobody` says who that was.
        """
        found = self._targeted(target, at)
        if not wakes:
            found = [each for each in found if each is None or each[1].quiet_at(at) is None]
        if not found:
            return None
        turn = target.turn % len(found)
        # Those who passed it on stay where they are in the order, or the next one would be skipped.
        return min(found[turn:] + found[:turn], key=lambda each: each is not None and each[0] in target.last)

    def addressee(self, dispatch: Dispatch) -> tuple[str, Contact] | None:
        """Whom a dispatch goes to, with their key; `None` when there is nobody. An email disturbs nobody."""
        return self.contact(dispatch.target, dispatch.created, wakes=_may_disturb(dispatch))

    def nobody(self, target: Target, at: datetime, *, wakes: bool = True) -> str:
        """Why there is nobody, for the record: `dana has quiet hours until 07:00 (Europe/Lisbon); sam until 06:00`."""
        found = [] if wakes else [each for each in self._targeted(target, at) if each is not None]
        quiet = {key: hours for key, contact in found if (hours := contact.quiet_at(at)) is not None}
        return _told_quiet(quiet, at) if quiet else f"the directory has nobody for {target}"

    def no_addressee(self, dispatch: Dispatch) -> str:
        """Why a dispatch goes to nobody, in words that hold no address."""
        return self.nobody(dispatch.target, dispatch.created, wakes=_may_disturb(dispatch))

    def rota(self, role: str) -> Rota:
        """Who has a role when."""
        return Rota(
            shifts=self.rotations.get(role, ()),
            overrides=tuple(each for each in self.overrides if each.role == role),
            holders=self.roles.get(role, ()),
        )

    def holders(self, role: str) -> tuple[str, ...]:
        """Everybody who ever has a role: by name, by taking turns at it, or by an override, whenever that is."""
        return self.rota(role).everybody

    def in_turn(self, role: str, at: datetime) -> tuple[str, ...]:
        """Who is tried for a role, in order: those who have it at that moment, then those for whom somebody stands in.

        Whoever is away and would not have it then, such as between their turns, is left alone.
        """
        rota = self.rota(role)
        holders = self._those_at_work_first(rota.holders, at)
        return tuple(dict.fromkeys([*rota.present(at, holders), *rota.away(at, holders)]))

    def roles_of(self, person: str) -> tuple[str, ...]:
        """The roles that a person may have: whoever takes turns at one keeps it between their turns.

        Overrides count whenever they are: one that is long over is a line to be deleted.
        """
        return tuple(role for role in self.every_role if person in self.holders(role))

    @property
    def every_role(self) -> tuple[str, ...]:
        """The roles that anybody ever has."""
        overridden = (each.role for each in self.overrides)
        return tuple(dict.fromkeys([*self.roles, *self.rotations, *overridden]))

    def _present(self, role: str, at: datetime) -> tuple[str, ...]:
        rota = self.rota(role)
        return rota.present(at, self._those_at_work_first(rota.holders, at))

    def _those_at_work_first(self, holders: Iterable[str], at: datetime) -> list[str]:
        def is_off(key: str) -> bool:
            hours = self.people[key].hours if key in self.people else None
            return hours is not None and not hours.include(at)

        return sorted(holders, key=is_off)

    def _targeted(self, target: Target, at: datetime) -> list[tuple[str, Contact] | None]:
        """Everybody whom a target may mean, in the order of its turns; `None` in the place of a missing supervisor."""
        if target.audience is not None:
            member = self.members(target).get(target.member or "")
            return [(target.member or "", member)] if member else []
        return self._candidates(target, self.in_turn(target.role or "", at))

    def _candidates(self, target: Target, holders: Iterable[str]) -> list[tuple[str, Contact] | None]:
        keys = [target.person] if target.person else list(holders)
        if target.supervisor:
            keys = [self.people[key].supervisor or "" if key in self.people else "" for key in keys]
        return [(key, self.people[key]) if key in self.people else None for key in keys]

    def inconsistencies(self) -> Iterator[tuple[Path, str]]:
        """Names in it that nobody and nothing of it has, with their place in its file."""
        for path, person in self._named():
            if person not in self.people:
                yield path, f'"{person}" is not among the people of this directory'
        for index, each in enumerate(self.overrides):
            yield from self._pointless(each, ("overrides", index))

    def _named(self) -> Iterator[tuple[Path, str]]:
        """Every mention of a person."""
        for role, holders in self.roles.items():
            yield from ((("roles", role, index), holder) for index, holder in enumerate(holders))
        for role, shifts in self.rotations.items():
            for number, shift in enumerate(shifts):
                path: Path = ("rotations", role, number, "people")
                yield from (((*path, index), person) for index, person in enumerate(shift.people))
        for number, each in enumerate(self.overrides):
            yield ("overrides", number, "person"), each.person
            if each.instead_of is not None:
                yield ("overrides", number, "instead_of"), each.instead_of
        for key, contact in self.people.items():
            if contact.supervisor is not None:
                yield ("people", key, "supervisor"), contact.supervisor

    def _pointless(self, override: Override, path: Path) -> Iterator[tuple[Path, str]]:
        """An override of what nobody has: a slip, found before the night on which it would count."""
        if override.role not in {*self.roles, *self.rotations}:
            known = ", ".join(dict.fromkeys([*self.roles, *self.rotations]))
            yield (*path, "role"), f'"{override.role}" is no role of this directory ({known})'
        elif override.instead_of in self.people and override.instead_of not in self.holders(override.role):
            text = f'{override.instead_of} never has role "{override.role}", so nobody can stand in for them'
            yield (*path, "instead_of"), f"{text}; leave it out, or name one who has"


def _may_disturb(dispatch: Dispatch) -> bool:
    return dispatch.wakes or dispatch.channel == "email"


def _told_quiet(quiet: dict[str, Quiet], at: datetime) -> str:
    """Each person's own time, and its zone where that is not the one before."""
    told: list[str] = []
    zone = ""
    for key, each in quiet.items():
        place = f" ({each.timezone})" if each.timezone != zone else ""
        told.append(f"{key} {'until' if told else 'has quiet hours until'} {each.in_words(at)}{place}")
        zone = each.timezone
    return "; ".join(told)
