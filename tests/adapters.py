"""Adapters, as an installation may have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class Customer:
    email: str | None
    phone: str | None = None
    name: str | None = None
    key: str | None = None
    language: str | None = None


def customers() -> Iterator[object]:
    """Some as objects, some as mappings, one of no use."""
    yield Customer("ada@example.org", name="Ada", key="4711")
    yield {"email": "bo@example.org", "language": "de"}
    yield {"key": "4713", "name": "Nobody"}


def broken() -> Iterator[object]:
    """The database is away, half way through."""
    yield {"email": "ada@example.org"}
    raise ConnectionError("ada@example.org: connection lost")


class Lazy:
    """A row that asks its database as late as it can."""

    @property
    def email(self) -> str:
        raise RuntimeError("the row of ada@example.org has lost its session")


def detached() -> Iterator[object]:
    """Rows that outlived their session."""
    yield Lazy()


nothing_to_call = 7
