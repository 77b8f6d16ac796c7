"""What a text message asks for, read from its words alone.

    7F3K2-2 · ACK 7F3K2-2 9ABCD-1 · ACK · ACK ALL      somebody is on it
    PASS 7F3K2-2 · PASS · PASS ALL                     somebody else is to be asked
    STOP · START · HELP, and the words that vendors take for them

The words for STOP and START are Twilio's: twilio.com/docs/messaging/guides/opt-out-keywords. A code may be
followed by what agrees (`7F3K2-2 on it`) or by the word that would stand before it (`7F3K2-2 pass`). Anything else
after it, such as `7F3K2-2 can't, on a plane`, is nobody's acknowledgement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tocsin.domain import naming

Wish = Literal["acknowledge", "pass", "stop", "start", "help", "unclear"]

STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
START = frozenset({"START", "UNSTOP", "YES"})
HELP = frozenset({"HELP", "INFO"})

_MANAGED: dict[str, Wish] = {"STOP": "stop", "START": "start", "HELP": "help"}
"""What Twilio's `OptOutType` says, where Twilio itself answers these words."""

_DASH = r"[-\u2010-\u2015]"
_NAME_AND_PAGE = rf"([0-9a-z]{{5,10}})(?:\s*{_DASH}\s*|\s+)(\d{{1,4}})\b"
_CODE = re.compile(_NAME_AND_PAGE, re.IGNORECASE)
_NEXT_CODE = re.compile(
    # It has a dash or a digit in its name: `7F3K2-2 there 10` names one page.
    rf"[\s,;.+&]*(?:and\s+)?(?=[a-z]*\d|[a-z]+\s*{_DASH}){_NAME_AND_PAGE}",
    re.IGNORECASE,
)
_VERB_WORD = r"(?:(ack\w*)|(pass(?:ed|ing)?(?:\s+on)?))(?:\W+|$)"
_VERB = re.compile(_VERB_WORD, re.IGNORECASE)
_ANY_VERB = re.compile(rf"\b{_VERB_WORD}", re.IGNORECASE)
_BETWEEN = " ,;.:!+&-\n"
"""What may stand between a code and the word after it."""
_ALL = re.compile(r"all\W*$", re.IGNORECASE)
_AGREES = re.compile(
    r"(?:\W|\b(?:ok|okay|yes|roger|mine|thanks|thank you|on my way"
    r"|(?:i\W?m )?on it|(?:i(?:\W?ve)? )?(?:got|have) it)\b)*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Code:
    """A page as somebody named it: the beginning of its incident's id, and its number."""

    incident: str
    page: int

    def __str__(self) -> str:
        return f"{self.incident}-{self.page}"


@dataclass(frozen=True)
class Text:
    """What is wished, and for which pages: those of the `codes`, every one (`is_all`), or the only one."""

    wish: Wish
    codes: tuple[Code, ...] = ()
    is_all: bool = False


def read(body: str, opt_out_type: str = "") -> Text:
    """What a text asks for; `opt_out_type` is what Twilio made of it, where it did."""
    body = body.strip()
    if wish := _MANAGED.get(opt_out_type) or _keyword(body):
        return Text(wish)
    verb = _VERB.match(body)
    rest = body[verb.end() :] if verb else body
    asked: Wish = "pass" if verb and verb[2] else "acknowledge"
    if found := list(_codes(rest)):
        codes = tuple(dict.fromkeys(code for code, _ in found))
        return Text(_with_afterword(asked if verb else None, rest[found[-1][1] :]), codes)
    if verb and (not rest or _ALL.match(rest)):
        return Text(asked, is_all=bool(rest))
    return Text("unclear")


def _keyword(body: str) -> Wish | None:
    word = re.sub(r"[\s\W]+", "", body).upper()
    return "stop" if word in STOP else "start" if word in START else "help" if word in HELP else None


def _with_afterword(asked: Wish | None, rest: str) -> Wish:
    """What is wished of codes, given the word before them, if any, and what follows them."""
    verbs: set[Wish] = {"pass" if verb[2] else "acknowledge" for verb in _ANY_VERB.finditer(rest)}
    if asked is not None:
        return asked if verbs <= {asked} else "unclear"
    if len(verbs) == 1 and _VERB.match(rest.lstrip(_BETWEEN)):
        return verbs.pop()
    return "acknowledge" if _AGREES.fullmatch(rest) else "unclear"


def _codes(text: str) -> Iterator[tuple[Code, int]]:
    """Those that follow upon one another from the beginning of the text, and where each ends."""
    found = _CODE.match(text)
    while found:
        yield Code(naming.as_typed(found[1]), int(found[2])), found.end()
        found = _NEXT_CODE.match(text, found.end())
