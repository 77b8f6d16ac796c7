"""What the message shows by which somebody is asked: the very words that they are to approve, with a link and a code of
their own; the link with which they answer a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from tocsin.callbacks import approval_url, page_url
from tocsin.domain.directory import Directory
from tocsin.domain.messages import Asked, Dispatch
from tocsin.domain.proving import Claim, Matter, approval_matter, page_matter
from tocsin.proofs import Proofs
from tocsin.wordings import Wording, WordingStore

PAGE_LINK_LASTS = timedelta(hours=24)
"""How long the link in a page's email is good; it does nothing once the page is answered or over."""


class Directories(Protocol):
    """The directories of all plans, as they are now."""

    def directory(self, plan: str) -> Directory:
        """The directory of a plan. Raises `LookupError` when there is none."""


@dataclass(frozen=True)
class AsWritten:
    """Markdown that a template puts out as it stands, with nothing in it escaped."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Question:
    """What a template may say as `asked`.

    `words` are quoted, and empty for a waiver. `link` and `code` are empty where this installation has no signing
    keys: then nobody can decide, and `tocsin.proofs` says what to set.
    """

    number: int
    what: Literal["wording", "waiver"]
    promise: str
    due: datetime
    subject: str
    words: AsWritten
    link: AsWritten
    code: str


class Asking:
    """Knows the words that wait, and makes the proofs that go with them."""

    def __init__(
        self, directories: Directories, proofs: Proofs, wordings: WordingStore, public_url: str
    ) -> None:
        self._directories = directories
        self._proofs = proofs
        self._wordings = wordings
        self._public_url = public_url

    def approved(self, dispatch: Dispatch) -> Wording | None:
        """The words that the message is to have; `None` where nobody had to approve them. Raises `WordingError`."""
        return self._wordings.find(dispatch.wording) if dispatch.wording else None

    def of(self, dispatch: Dispatch) -> Question | None:
        """What its recipient is asked; `None` for a message that asks nothing. Raises `WordingError`."""
        asked = dispatch.approval
        if asked is None:
            return None
        wording = self._wordings.find(asked.wording) if asked.wording else None
        link, code = self._proofs_for(dispatch, asked) if self._proofs else ("", "")
        return Question(
            number=asked.number,
            what=asked.what,
            promise=asked.promise,
            due=asked.due,
            subject=wording.subject if wording else "",
            words=AsWritten(_quoted(wording.body) if wording else ""),
            link=AsWritten(link),
            code=code,
        )

    def page_link(self, dispatch: Dispatch) -> AsWritten | None:
        """Where the reader of a page's email answers it; `None` for other messages, and without signing keys."""
        if dispatch.page is None or dispatch.channel != "email" or not self._proofs:
            return None
        matter = page_matter(dispatch.plan.name, dispatch.incident, dispatch.page)
        token = self._token(dispatch, matter, self._person(dispatch), dispatch.created + PAGE_LINK_LASTS)
        return AsWritten(page_url(self._public_url, token))

    def _proofs_for(self, dispatch: Dispatch, asked: Asked) -> tuple[str, str]:
        """The link and the code for the one whom the message goes to."""
        person = self._person(dispatch)
        matter = approval_matter(dispatch.plan.name, dispatch.incident, asked.number, asked.subject)
        link = approval_url(self._public_url, self._token(dispatch, matter, person, asked.due))
        return link, self._proofs.code(matter, person)

    def _token(self, dispatch: Dispatch, matter: Matter, person: str, expires: datetime) -> str:
        claim = Claim(matter=matter, workflow=dispatch.workflow, person=person, expires=expires)
        return self._proofs.link(claim)

    def _person(self, dispatch: Dispatch) -> str:
        directory = self._directories.directory(dispatch.plan.name)
        found = directory.addressee(dispatch)
        if found is None:
            raise LookupError(directory.no_addressee(dispatch))
        return found[0]


def _quoted(body: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in body.splitlines())
