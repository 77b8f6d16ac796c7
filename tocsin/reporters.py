"""Who reports: looked up in the directory by key, address or number. What is found there is never more than claimed.

An email's sender and a caller's number can be forged, and anybody can say a name. Whom the directory knows, the
record names by their key; of everybody else it has the words that they gave for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

from tocsin.domain.base import Value
from tocsin.domain.directory import Contact, Directory
from tocsin.domain.state import Actor, Reporter
from tocsin.library import PlanLibrary

Channel = Literal["email", "phone", "ticket", "cli"]
Kind = Literal["employee", "customer", "stakeholder"]

WORDS = 200
"""Characters of what somebody says of themselves."""


class Introduction(Value):
    """Whoever reports, as the record has them, and the customer whose they are."""

    actor: Actor
    reported: Reporter
    customer: str | None = None

    @property
    def name(self) -> str:
        """The directory's key, or their own words."""
        return self.reported.contact or self.actor.key


class _Entry(Value):
    key: str
    kind: Kind
    contact: Contact
    customer: str | None = None


def by_address(
    directory: Directory, channel: Channel, address: str, words: str = "", knew: datetime | None = None
) -> Introduction:
    """Whoever has this email address; `words` are what they say of themselves."""
    wanted = address.strip().casefold()
    found = _first(directory, lambda entry: (entry.contact.email or "").casefold() == wanted)
    return _introduced(found, channel, words or address, knew)


def by_number(directory: Directory, channel: Channel, number: str) -> Introduction:
    """Whoever has this number, E.164."""
    found = _first(directory, lambda entry: number in {entry.contact.phone, entry.contact.sms})
    return _introduced(found, channel, number or "number withheld")


def by_key_or_words(
    directory: Directory,
    channel: Channel,
    name: str,
    kind: Kind | None = None,
    knew: datetime | None = None,
) -> Introduction:
    """Whom `name` means: a key of the directory, such as `dana` or `acme/soc-desk`, or somebody in their own words."""
    found = _first(directory, lambda entry: entry.key == name)
    return _introduced(found, channel, name, knew, kind)


def by_word(library: PlanLibrary, plan: str, name: str) -> Reporter:
    """What the record says of somebody who types at this installation; a plan that does not exist knows nobody."""
    if plan not in library.plans:
        return Reporter(kind="stakeholder", channel="cli")
    return by_key_or_words(library.directory(plan), "cli", name).reported


def _introduced(
    found: _Entry | None,
    channel: Channel,
    words: str,
    knew: datetime | None = None,
    kind: Kind | None = None,
) -> Introduction:
    if found is None:
        kind = kind or "stakeholder"
        reported = Reporter(kind=kind, channel=channel, contact=_one_line(words), knew=knew)
        return Introduction(actor=Actor(key=kind, via=channel), reported=reported)
    return Introduction(
        actor=Actor(key=found.key, via=channel),
        reported=Reporter(kind=kind or found.kind, channel=channel, knew=knew),
        customer=found.customer,
    )


def _first(directory: Directory, fits: Callable[[_Entry], bool]) -> _Entry | None:
    return next(filter(fits, _entries(directory)), None)


def _entries(directory: Directory) -> Iterator[_Entry]:
    """Everybody, people first: somebody who is also in an audience reports as an employee."""
    for key, person in directory.people.items():
        yield _Entry(key=key, kind="employee", contact=person)
    for name, customer in directory.customers.items():
        for members in customer.audiences.values():
            for key, contact in members.items():
                yield _Entry(key=f"{name}/{key}", kind="customer", contact=contact, customer=name)
    for audience, members in directory.audiences.items():
        for key, contact in members.items():
            yield _Entry(key=f"{audience}/{key}", kind="stakeholder", contact=contact)


def _one_line(words: str) -> str:
    printable = "".join(each for each in words if each.isprintable() or each.isspace())
    return " ".join(printable.split())[:WORDS]
