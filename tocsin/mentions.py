"""Names in the place of keys: the domain writes `@dana`, or `@@dana` where the ways to reach her are wanted too.

`@role/coordinator` is whoever the directory names first for a role, where it is not for the incident to say who holds
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tocsin.domain.directory import Contact, Directory

Contacts = Mapping[str, Contact]
"""Those whom a text may mention, by the directory's key."""

_KEY = re.compile(r"(?<![\w.+@-])(@@?)((?:role/(?:\w|\\_)+)|[a-z0-9]+(?:-[a-z0-9]+)*)(?![\w-]|\.\w)")
"""Not the `@example` of an address. In Markdown the underscore of a role is escaped."""


def everybody(directory: Directory, customer: str | None) -> Contacts:
    """Who is behind each key: people go before the members of audiences, and those before customers."""
    known = directory.customers.get(customer or "")
    groups = [*directory.audiences.values(), *(known.audiences.values() if known else ())]
    contacts = {key: Contact(name=each.name) for key, each in directory.customers.items()}
    for members in [*groups, directory.people]:
        contacts |= members
    return contacts | {
        f"role/{role}": holder for role in directory.every_role if (holder := _first(directory, role))
    }


def _first(directory: Directory, role: str) -> Contact | None:
    return next((directory.people[key] for key in directory.holders(role) if key in directory.people), None)


def named(text: str, contacts: Contacts, spelling: Callable[[str], str] = str) -> str:
    """`text` with the names of those whom it mentions, spelled; a key that nobody has any more stays."""

    def name(found: re.Match[str]) -> str:
        sign, key = found[1], found[2].replace("\\", "")
        if key not in contacts:
            return found[0]
        contact = contacts[key]
        ways = [contact.email, contact.phone] if sign == "@@" else []
        return spelling(", ".join([contact.name, *filter(None, ways)]))

    return _KEY.sub(name, text)
