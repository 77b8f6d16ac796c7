"""What is said to people beside a plan's messages: on the telephone, in reply to a text, on the page behind a link.

    call.voice.j2     what the keys do, and what is answered to them
    answer.sms.j2     what is replied to a text message
    answer.page.j2    the page behind the link in a page's email

Each is one template that is asked for one prompt at a time. A plan's own go before the shared ones, and those in the
language of whoever hears or reads them before the English ones.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from tocsin.domain.channel import Spoken
from tocsin.library import PlanLibrary
from tocsin.templating import SHIPPED, Context, Filled, Kind, sentences, told

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
"""What a call says."""

Reply = Literal[
    "accepted",  # these pages are theirs: `codes`, and `more` that are not named
    "passed_on",  # these are the next one's
    "kept",  # it will be done as soon as somebody is at work
    "already_yours",  # they had accepted these before
    "taken",  # somebody else has: `by`
    "ended",  # nobody needs to answer these pages any more
    "over",  # nor anything else of their incidents
    "refused",  # it could not be done: `reason`, in the words of the incident
    "not_recorded",  # try again
    "more_refused",  # nor could a `number` of others
    "more_wait",  # there was no time for a `number` of others; `word` is what they sent: ACK or PASS
    "too_many_codes",  # `most` are answered at once; a `number` was left out
    "which_one",  # several wait: `codes`; `word`
    "none_waits",  # none does
    "none_waits_any_more",  # those that did were answered
    "too_many_incidents",  # so many are open that theirs was not looked for
    "older_may_wait",  # so many are open that not all were looked through
    "no_incident",  # none that is open begins like this: `codes`
    "ambiguous",  # more than one does
    "how_to",  # what may be sent
    "stranger",  # the directory does not have this number
    "not_now",  # nothing could be recorded; try again
    "stopped",  # no more texts
    "started",  # texts again
    "not_noted",  # that could not be put down; try again
]
"""What is replied to a text message."""

Label = Literal[
    "title",  # of the page
    "drill",  # nothing has happened
    "incident",
    "phase",
    "since",  # when the page began
    "when",  # that `moment`
    "you",
    "accept_hint",  # what the button does
    "accept",  # the button
    "pass_hint",
    "pass",
    "neither",  # no button was pressed
    "accepted_heading",
    "accepted",  # it is theirs
    "passed_on_heading",
    "passed_on",  # it is the next one's
    "kept_heading",
    "kept",  # it will be done as soon as somebody is at work
    "taken_heading",
    "taken",  # somebody has answered: `by`, since `moment`
    "over_heading",
    "over",  # nobody needs to answer `code` any more
    "leaver_heading",
    "leaver",  # they are not in the directory any more
    "refused_heading",
    "refused",  # it could not be done: `reason`, in the words of the incident
    "not_now_heading",
    "not_now",  # nothing was changed; try again
    "not_taken_heading",
    "not_taken",  # whether it arrived is unknown; try again
]
"""What stands on the page behind a link."""

_log = logging.getLogger(__name__)


def folders_of(library: PlanLibrary, plan: str) -> tuple[Path, ...]:
    """Where the words of a plan are looked for, its own folder first; of one that is not there, in those for all."""
    own = (library.plans[plan].folder / "templates",) if plan in library.plans else ()
    return *own, library.folder / "templates", SHIPPED


class Prompts:
    """The prompts of all plans. One that fails, or has no words, is logged, and said as Tocsin itself would."""

    def __init__(self, library: PlanLibrary) -> None:
        self._library = library

    def say(self, prompt: Prompt, plan: str, language: str, *, code: str = "", by: str = "") -> Spoken:
        """What a call says. `code` is the page's, `by` who has answered it."""
        context = {"prompt": prompt, "language": language, "code": code, "by": by}
        filled = self._filled("call", "voice", plan, context)
        return Spoken(text=filled.text, language=filled.language)

    def reply(self, prompt: Reply, plan: str, language: str, said: Context) -> str:
        """A sentence of a reply to a text message; `said` is what `Reply` names."""
        return self._filled("answer", "sms", plan, {**said, "prompt": prompt, "language": language}).text

    def show(self, label: Label, plan: str, language: str, shown: Context) -> Filled:
        """Words of the page behind a link, as plain text; `shown` is what `Label` names."""
        return self._filled("answer", "page", plan, {**shown, "prompt": label, "language": language})

    def _filled(self, name: str, kind: Kind, plan: str, context: Context) -> Filled:
        try:
            return sentences(folders_of(self._library, plan), name, kind, context)
        # A template is the plan author's program, and may raise anything, as in `tocsin.templating.fill`: whatever it
        # is, the person must be told something.
        except Exception as error:  # noqa: BLE001
            _log.error(
                "plan %s: %s.%s.j2 failed for %s with %s; Tocsin's own words are said",
                *(plan, name, kind, context["prompt"], told(error)),
            )
            return sentences((SHIPPED,), name, kind, context)
