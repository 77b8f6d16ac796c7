"""What tests of clauses ask about a rehearsal."""

from __future__ import annotations

from datetime import timedelta

from tocsin.domain.view import LedgerRow
from tocsin.rehearsal.result import Received, Result

DRIFT = timedelta(seconds=20)
"""The server's clock runs on while an activity is at work: on a busy machine a story is some seconds late in places."""


def row(result: Result, key: str) -> LedgerRow:
    """A promise on the ledger."""
    return next(each for each in result.ledger if each.key == key)


def is_at(given: timedelta, *, days: float = 0, hours: float = 0, minutes: float = 0) -> bool:
    """Whether something happened so long after the beginning, or a moment later."""
    wanted = timedelta(days=days, hours=hours, minutes=minutes)
    return wanted <= given <= wanted + DRIFT


def about(messages: tuple[Received, ...], words: str) -> list[Received]:
    """The messages whose subject or text has these words."""
    return [each for each in messages if words in each.subject or words in each.text]


def entries(result: Result, kind: str) -> list[str]:
    """What the timeline says under a kind."""
    return [entry.text for entry in result.timeline if entry.kind == kind]
