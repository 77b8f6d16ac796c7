"""Putting words down for approval: rendered once, kept by their hash, and sent exactly so."""

from __future__ import annotations

from typing import Protocol

from temporalio import activity

from tocsin.domain.messages import Drafting


class Wording(Protocol):
    """Renders the words of a message and keeps them (`tocsin.wordings` has the one on disk)."""

    def put_down(self, drafting: Drafting) -> str:
        """Keep the words as they would go to the audience; return their SHA-256. Raises `OSError`."""


class Wordings:
    """The activity that drafts."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    @activity.defn(name="draft_words")
    def draft(self, drafting: Drafting) -> str:
        """Put the words of a message down, without anybody's name; return their SHA-256."""
        return self._wording.put_down(drafting)
