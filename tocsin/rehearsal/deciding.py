"""How somebody decides in a rehearsal: with what is in the mail that asked them, at the page behind its link."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Literal, NamedTuple

import httpx

from tocsin.callbacks import APPROVALS_PATH
from tocsin.rehearsal.people import Letter
from tocsin.sandbox.models import Message
from tocsin.sandbox.store import Store

_TYPED = re.compile(r"tocsin approve \S+ (?P<number>\d+) --code (?P<code>[\w-]+)")
"""How the mail says what to type."""


class Decided(NamedTuple):
    """What came of it, and the page's words where nothing did."""

    outcome: Literal["accepted", "refused", "queued"]
    reason: str = ""


class Code(NamedTuple):
    """What a mail offers to be typed: the number of the approval, and the code; nothing where it has none."""

    number: str = ""
    code: str = ""


def approval_about(promise: str, letters: list[Letter]) -> int:
    """The number of the approval about a promise that was last asked for; 0 when none was."""
    asked = [letter.dispatch.approval for letter in letters]
    return next((each.number for each in reversed(asked) if each and each.obligation == promise), 0)


def mail_about(promise: str, person: str, letters: list[Letter], store: Store) -> Message | None:
    """The newest mail that asks somebody about a promise; `None` when nobody asked them."""
    for letter in reversed(letters):
        asked = letter.dispatch.approval
        if asked is not None and asked.obligation == promise and letter.reached == person:
            mail = next((mail for mail in store.newest("email") if mail.vendor_id == letter.vendor_id), None)
            if mail is not None:
                return mail
    return None


def code_in(mail: Message) -> Code:
    """What can be typed instead of following the link."""
    found = _TYPED.search(mail.text)
    return Code(found["number"], found["code"]) if found else Code()


async def press(mail: Message, decision: str, reason: str) -> Decided:
    """Follow the link in a mail, and press a button on the page that it opens."""
    link = next((each for each in _read(mail.html).links if APPROVALS_PATH in each), None)
    if link is None:
        return Decided("refused", "there is no link in the mail")
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(link)
        if page.is_success:
            form = {**_read(page.text).hidden, "decision": decision, "reason": reason}
            page = await browser.post(link, data=form)
    if page.status_code == HTTPStatus.ACCEPTED:
        return Decided("queued")
    return Decided("accepted") if page.is_success else Decided("refused", " ".join(_read(page.text).said))


class _Page(HTMLParser):
    """What a person sees of a page, as far as it matters here: links, hidden fields, and paragraphs."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.hidden: dict[str, str] = {}
        self.said: list[str] = []
        self._is_in_paragraph = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where a link leads, and what a form sends unseen."""
        known = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(known.get("href", ""))
        elif tag == "input" and known.get("type") == "hidden":
            self.hidden[known["name"]] = known["value"]
        self._is_in_paragraph = tag == "p"

    def handle_data(self, data: str) -> None:
        """Note what a paragraph says."""
        if self._is_in_paragraph and data.strip():
            self.said.append(data.strip())


def _read(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    return page
