"""People's words, cut down to what a title and a note may hold."""

from __future__ import annotations

from tocsin.domain.commands import AddNote
from tocsin.domain.state import Actor
from tocsin.visible import on_one_line, visible

NOTE_LENGTH = 10_000
"""Characters of a note, as for every command."""

TITLE_LENGTH = 200

_CUT = "\n… (cut here)"


def readable(text: str) -> str:
    """The text without control characters, which nobody typed, and without empty lines around it."""
    return visible(text).strip()


def titled(*candidates: str) -> str:
    """The first of these that says anything, on one line."""
    return next(filter(None, map(on_one_line, candidates)))[:TITLE_LENGTH]


def cut(text: str, room: int = NOTE_LENGTH) -> str:
    """As much of the text as there is room for; it says so when something is missing."""
    return text if len(text) <= room else text[: room - len(_CUT)] + _CUT


def note(id: str, actor: Actor, text: str, incident: str | None = None) -> AddNote | None:
    """What somebody said, as a line of the timeline; `None` when they said nothing."""
    return AddNote(id=id, actor=actor, text=cut(text), incident=incident) if text else None
