"""The directory: the people and contacts behind a plan's roles and audiences.

It is read when somebody is to be reached and never enters a workflow's history, so a leaver is not paged and no
address is kept where it cannot be corrected.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from pydantic import Field

from tocsin.domain.base import Value
from tocsin.domain.calendar import PersonalHours
from tocsin.domain.channel import ChannelName
from tocsin.domain.events import Recipient
from tocsin.domain.plan import Path, Plan
from tocsin.domain.state import Target

Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Phone = Annotated[str, Field(pattern=r"^\+[1-9]\d{6,14}$")]
Mail = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class Contact(Value):
    """A person, desk or mailing list that can be reached. `sms` defaults to `phone`.

    `also` are other numbers of theirs: nothing is sent there, and an answer from there counts as theirs. `via` are the
    channels over which they want to be told, before those of the plan; `hours` when they work; `supervisor` is the key
    of the person whom they report to; `postal` the lines of an address on paper.
    """

    name: str
    email: Mail | None = None
    phone: Phone | None = None
    sms: Phone | None = None
    also: tuple[Phone, ...] = ()
    language: str = "en-US"
    via: tuple[ChannelName, ...] = ()
    hours: PersonalHours | None = None
    supervisor: Key | None = None
    postal: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Every number of theirs, once: `phone`, `sms`, and whatever they have `also`."""
        return tuple(dict.fromkeys(number for number in (self.phone, self.sms, *self.also) if number))

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
    comes round again. Those who are at work go before those whose hours it is not.
    """

    people: dict[Key, Contact]
    roles: dict[str, tuple[Key, ...]]
    audiences: dict[str, dict[Key, Contact]] = {}
    customers: dict[Key, Customer] = {}
    drill: DrillInbox

    def members(self, audience: Target) -> dict[str, Contact]:
        """The contacts of an audience, of a customer's where the target names one; empty when unknown."""
        if audience.customer is not None:
            customer = self.customers.get(audience.customer)
            return customer.audiences.get(audience.audience or "", {}) if customer else {}
        return self.audiences.get(audience.audience or "", {})

    def recipients(self, audience: Target) -> tuple[Recipient, ...]:
        """The members of an audience as an incident may know them: by key, without a name or an address."""
        return tuple(
            Recipient(key=key, via=contact.via, hours=contact.hours)
            for key, contact in self.members(audience).items()
        )

    def contact(self, target: Target, at: datetime | None = None) -> tuple[str, Contact] | None:
        """Whom a target means `at` that moment, with their key; `None` when the directory has nobody."""
        if target.audience is not None:
            member = self.members(target).get(target.member or "")
            return (target.member or "", member) if member else None
        holders = self._in_turn(target.role or "", at)
        key = target.person or (holders[target.turn % len(holders)] if holders else "")
        if target.supervisor:
            key = (self.people[key].supervisor if key in self.people else None) or ""
        return (key, self.people[key]) if key in self.people else None

    def _in_turn(self, role: str, at: datetime | None) -> list[str]:
        def is_off(key: str) -> bool:
            hours = self.people[key].hours if key in self.people else None
            return at is not None and hours is not None and not hours.include(at)

        return sorted(self.roles.get(role, ()), key=is_off)

    def roles_of(self, person: str) -> tuple[str, ...]:
        """The roles that a person holds."""
        return tuple(role for role, holders in self.roles.items() if person in holders)

    def inconsistencies(self) -> Iterator[tuple[Path, str]]:
        """Roles held by, and supervisors who are, nobody that the directory has, with their place in its file."""
        for role, holders in self.roles.items():
            for index, holder in enumerate(holders):
                if holder not in self.people:
                    yield ("roles", role, index), f'"{holder}" is not among the people of this directory'
        for key, person in self.people.items():
            if person.supervisor is not None and person.supervisor not in self.people:
                place = ("people", key, "supervisor")
                yield place, f'"{person.supervisor}" is not among the people of this directory'


def unreachable(plan: Plan, directory: Directory) -> Iterator[tuple[Path, str]]:
    """Promises that the directory cannot keep, with their place in the plan: nobody to page, no phone to ring."""
    for index, spec in enumerate(plan.obligations):
        for number, duty in enumerate(spec.do):
            path: Path = ("obligations", index, "do", number, duty.kind)
            if duty.page is not None:
                for rung, level in enumerate(duty.page.levels):
                    if level.role is not None:
                        yield from _role(directory, level.role, level.via, (*path, "levels", rung))
            demand = duty.notify or duty.report
            if demand is not None:
                yield from _audience(plan, directory, demand.audience, demand.via, path)
            if duty.meeting is not None:
                for audience in duty.meeting.audiences:
                    yield from _audience(plan, directory, audience, ("email",), path)


def _role(
    directory: Directory, role: str, via: tuple[ChannelName, ...], path: Path
) -> Iterator[tuple[Path, str]]:
    holders = [directory.people[key] for key in directory.roles.get(role, ()) if key in directory.people]
    if not holders:
        yield (*path, "role"), f'role "{role}" is paged and held by nobody in the directory'
        return
    for position, channel in enumerate(via):
        if holders[0].address(channel) is None:
            yield (
                (*path, "via", position),
                f'role "{role}" is paged by {channel} and held by nobody with {_address_for(channel)}',
            )


def _audience(
    plan: Plan, directory: Directory, audience: str, via: tuple[ChannelName, ...], path: Path
) -> Iterator[tuple[Path, str]]:
    for customer in _customers(plan, directory, audience):
        members = directory.members(Target(audience=audience, customer=customer))
        of = f" of customer {customer}" if customer else ""
        if not members:
            yield (*path, "audience"), f'audience "{audience}"{of} has no members in the directory'
        for key, contact in members.items():
            if all(contact.address(channel) is None for channel in via):
                wanted = " or ".join(_address_for(channel) for channel in via)
                yield (*path, "audience"), f'{key} in audience "{audience}"{of} has no {wanted}'


def _customers(plan: Plan, directory: Directory, audience: str) -> tuple[str | None, ...]:
    spec = plan.audiences.get(audience)
    return tuple(directory.customers) if spec and spec.of == "customer" else (None,)


def _address_for(channel: ChannelName) -> str:
    return {"email": "an email address", "phone": "a phone number", "sms": "a mobile number"}[channel]
