"""Words that were put down for approval, each under the hash of its content: `<state>/wordings/<sha256>.json`.

Nothing here is ever written over. What is read is checked against its name, so that what was approved is what is sent.

WordingError (a channel's Refused: a message with these words can never go out)
├── LostWording      no words are kept under this hash
├── AlteredWording   there are some, and they are not what was put down
└── TooLong          they are more than the channel takes, and are not shortened
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Protocol

from tocsin.domain.base import Value
from tocsin.domain.channel import Refused
from tocsin.domain.messages import Dispatch, Drafting
from tocsin.files import write_whole
from tocsin.markdown import lines
from tocsin.plaintext import to_text

LONGEST_TEXT = 1_600
LONGEST_SPEECH = 4_096
"""Characters that Twilio takes: in a text message (error 21617), and in `<Say>`."""

_HASH = re.compile(r"[0-9a-f]{64}")


class WordingError(Refused):
    """The words cannot be sent; the text says which, and what to do."""


class LostWording(WordingError):
    """Nothing is kept under this hash."""


class AlteredWording(WordingError):
    """Something else is kept under this hash."""


class TooLong(WordingError):
    """The channel does not take so many words."""


class Wording(Value):
    """The words of a message: its subject, and its body in Markdown."""

    subject: str
    body: str

    @property
    def plain(self) -> str:
        """The body for those who read plain text."""
        return to_text(self.body)

    def as_text_message(self) -> str:
        """All of it, for a text message: the words without markup. Raises `TooLong`: it is not shortened."""
        return _at_most(LONGEST_TEXT, "a text message", "\n".join(self._lines()))

    def as_speech(self) -> str:
        """All of it, to be read aloud. Raises `TooLong`."""
        return _at_most(LONGEST_SPEECH, "a call", " ".join(map(_sentence, self._lines())))

    def _lines(self) -> list[str]:
        """The subject and the words, without markup; a heading that says what the subject does is not said twice."""
        said = lines(self.body)
        return said if said[:1] == [self.subject] else [self.subject, *said]


def _at_most(limit: int, kind: str, text: str) -> str:
    if len(text) > limit:
        raise TooLong(f"the approved words have {len(text):,} characters, and {kind} takes {limit:,} at most")
    return text


def _sentence(line: str) -> str:
    """A line that ends: read aloud, a heading would run into what follows it."""
    return line if line[-1:] in ".!?:;…" else f"{line}."


class WordingStore:
    """The words below `state`. Every worker that sends, the receiver and `tocsin draft` need the same folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "wordings"

    def keep(self, wording: Wording) -> str:
        """Keep the words; their SHA-256. Raises `OSError`, and `AlteredWording` where others stand in their place."""
        content = _canonical(wording)
        sha256 = hashlib.sha256(content).hexdigest()
        if self._path(sha256).exists():
            self.find(sha256)
        else:
            write_whole(self._path(sha256), content)
        return sha256

    def find(self, sha256: str) -> Wording:
        """The words with this hash. Raises `LostWording`, `AlteredWording`, and `OSError` for a disk that refuses."""
        path = self._path(sha256)
        try:
            content = path.read_bytes() if _HASH.fullmatch(sha256) else None
        except FileNotFoundError:
            content = None
        if content is None:
            raise LostWording(
                f"the words {sha256} are not in {self.folder}: give every worker and the receiver the same "
                "TOCSIN_STATE, or bring the folder back from a copy"
            )
        if hashlib.sha256(content).hexdigest() != sha256:
            raise AlteredWording(
                f"{path} is not what was put down: find out who or what changed it, and bring it back from a copy"
            )
        return Wording.model_validate_json(content)

    def _path(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.json"


class Words(Protocol):
    """Renders the words of a message for nobody in particular (`tocsin.rendering.Templates` does)."""

    def wording(self, dispatch: Dispatch) -> Wording:
        """The message as it would go to its audience, the recipient's name left out."""


class Drafts:
    """Puts words down for approval."""

    def __init__(self, words: Words, store: WordingStore) -> None:
        self._words = words
        self._store = store

    def put_down(self, drafting: Drafting) -> str:
        """Keep the template's words, or somebody's own in the place of its body; their SHA-256. Raises `OSError`."""
        wording = self._words.wording(drafting.dispatch)
        if drafting.text:
            wording = wording.model_copy(update={"body": drafting.text})
        return self._store.keep(wording)


def _canonical(wording: Wording) -> bytes:
    """One spelling for the same words, everywhere."""
    return json.dumps(wording.model_dump(), ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"
