"""What is replied to a text message: sentences in the words of a plan, in the language of whoever sent it.

All take few characters: what does not fit GSM-7 and would cost another segment is written without its accents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tocsin.domain.sms_text import in_gsm
from tocsin.ingest.textwords import Wish
from tocsin.library import PlanLibrary
from tocsin.mentions import everybody, named
from tocsin.prompts import Prompts, Reply

NAMED_AT_MOST = 20
"""How many pages a sentence names, and how many refusals a reply has: as many as anybody reads, and as Twilio takes."""

_WORDS: dict[Wish, str] = {"acknowledge": "ACK", "pass": "PASS"}
"""What is sent for it."""


@dataclass(frozen=True)
class Reader:
    """Whose words a reply is in: the plan's, for a `person` of its directory. A stranger has neither."""

    plan: str = ""
    person: str = ""


@dataclass(frozen=True)
class Remark:
    """One thing to be said: `prompt` says what, the rest whatever that needs. `by` is a key of the directory.

    Those that differ in nothing but their code are said in one sentence.
    """

    prompt: Reply
    reader: Reader
    code: str = ""
    by: str = ""
    reason: str = ""
    number: int = 0
    wish: Wish = "acknowledge"


class Replies:
    """Puts remarks into words."""

    def __init__(self, library: PlanLibrary) -> None:
        self._library = library
        self._prompts = Prompts(library)

    def in_words(self, remarks: Iterable[Remark]) -> str:
        """One text message that says all of it."""
        together: dict[Remark, list[str]] = {}
        for each in _no_more_refusals_than_are_read(remarks):
            together.setdefault(replace(each, code=""), []).append(each.code)
        return in_gsm(" ".join(self._sentence(remark, codes) for remark, codes in together.items()))

    def _sentence(self, remark: Remark, codes: list[str]) -> str:
        plan, person = remark.reader.plan, remark.reader.person
        said = {
            "codes": ", ".join(codes[:NAMED_AT_MOST]),
            "more": max(0, len(codes) - NAMED_AT_MOST),
            "by": self._with_names(plan, f"@{remark.by}").removeprefix("@"),
            "reason": self._with_names(plan, remark.reason),
            "number": remark.number,
            "most": NAMED_AT_MOST,
            "word": _WORDS.get(remark.wish, ""),
        }
        return self._prompts.reply(remark.prompt, plan, self._language(plan, person), said)

    def _language(self, plan: str, person: str) -> str:
        if plan not in self._library.plans:
            return ""
        contact = self._library.directory(plan).people.get(person)
        return contact.language if contact else ""

    def _with_names(self, plan: str, text: str) -> str:
        if plan not in self._library.plans:
            return text
        return named(text, everybody(self._library.directory(plan), None))


def _no_more_refusals_than_are_read(remarks: Iterable[Remark]) -> list[Remark]:
    """Each refusal has its own reason, which may be long; of the others, how many there are is said."""
    given = list(remarks)
    refused = [each for each in given if each.prompt == "refused"]
    unsaid = set(refused[NAMED_AT_MOST:])
    said = [each for each in given if each not in unsaid]
    if not unsaid:
        return said
    return [*said, Remark("more_refused", refused[0].reader, number=len(unsaid))]
