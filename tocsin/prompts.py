"""What a call says besides its message: what the keys do, and what is answered to them. It is in `call.voice.j2`.

A plan's own templates go before the shared ones, and those in the language of whoever listens before the English ones.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from tocsin.domain.channel import Spoken
from tocsin.library import PlanLibrary
from tocsin.templating import SHIPPED, Filled, sentences

Prompt = Literal[
    "page_keys",  # what the keys do in the call of a page
    "notice_keys",  # and in one that only tells something
    "digest_keys",  # and in one that stands for several
    "all_accepted",  # their answer goes to every page in it
    "silence",  # no key came
    "unknown_key",  # a key that does nothing
    "enough",  # asked for a key too often
    "accepted",  # the page is theirs
    "passed_on",  # it is the next one's
    "kept",  # it will be done as soon as somebody is at work
    "heard",  # it is on the record that they heard it
    "already_yours",  # they had accepted it before
    "taken",  # somebody else has: `by`
    "ended",  # nobody needs to answer this page any more
    "over",  # nor anything else of this incident
    "refused",  # it could not be done; the reason follows, in the words of the incident
    "not_recorded",  # try again
    "not_again",  # the message can't be repeated now
]

_log = logging.getLogger(__name__)


def folders_of(library: PlanLibrary, plan: str) -> tuple[Path, ...]:
    """Where the words of a plan are looked for, its own folder first; of one that is not there, in those for all."""
    own = (library.plans[plan].folder / "templates",) if plan in library.plans else ()
    return *own, library.folder / "templates", SHIPPED


class Prompts:
    """The prompts of all plans."""

    def __init__(self, library: PlanLibrary) -> None:
        self._library = library

    def say(self, prompt: Prompt, plan: str, language: str, *, code: str = "", by: str = "") -> Spoken:
        """A prompt in the words of a plan. `code` is the page's, `by` who has answered it.

        One that fails, or has no words, is logged, and said as Tocsin itself would.
        """
        context = {"prompt": prompt, "language": language, "code": code, "by": by}
        try:
            filled = sentences(folders_of(self._library, plan), "call", context)
            if not filled.text:
                raise LookupError(f'the template has no words for "{prompt}"')
        # A template is the plan author's program: whatever it raises, the person on the line must be told something.
        except Exception as error:  # noqa: BLE001
            _log.error(
                "plan %s: call.voice.j2 failed for %s with %s; Tocsin's own words are said",
                *(plan, prompt, type(error).__name__),
            )
            filled = sentences((SHIPPED,), "call", context)
        return _spoken(filled)


def _spoken(filled: Filled) -> Spoken:
    return Spoken(text=filled.text, language=filled.language)
