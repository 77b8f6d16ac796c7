"""The web page: inbox, phones and calls side by side, newest first. Looking at it changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tocsin.sandbox.control import pulse
from tocsin.sandbox.faults import FaultTable
from tocsin.sandbox.models import Message, iso
from tocsin.sandbox.store import Store

MAILS, TEXTS, CALLS, THREAD = 50, 200, 50, 20
"""How many of each the page shows; THREAD is per phone."""

_FILES = Path(__file__).parent / "page"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # a mail in its frame inherits this policy, and mail is styled inline
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

_MAIL_HEAD = (
    "<!doctype html><meta charset=utf-8>"
    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
    "<base target=_blank><style>body{font:15px/1.5 system-ui,sans-serif;margin:16px;color:#1d2733;background:#fff}"
    "</style>"
)
"""Goes before every mail: nothing is loaded, links open in a new tab, plain markup is readable."""

_TONES = {
    "good": {"delivered", "completed", "received", "in-progress"},
    "bad": {"bounce", "dropped", "undelivered", "failed", "no-answer", "busy"},
}


@dataclass(frozen=True)
class Thread:
    """One phone's SMS both ways, oldest first; `ours` is the number that a reply goes to."""

    person: str
    ours: str
    messages: list[Message]

    @property
    def version(self) -> int:
        """Grows when anything in the thread changes."""
        return max(message.version for message in self.messages)


class Page:
    """Renders the page and serves its two files."""

    def __init__(self, store: Store, faults: FaultTable) -> None:
        self._store = store
        self._faults = faults
        environment = Environment(
            loader=FileSystemLoader(_FILES), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        environment.filters.update(
            clock=_clock, iso=iso, tone=_tone, mail=_mail_document, size=_size, answerer=_answerer
        )
        self._template = environment.get_template("page.html")

    def routes(self) -> list[Route]:
        """The page, its style and its script."""
        return [
            Route("/", self._show, methods=["GET"]),
            Route("/page.css", _file("page.css", "text/css"), methods=["GET"]),
            Route("/page.js", _file("page.js", "text/javascript"), methods=["GET"]),
        ]

    async def _show(self, request: Request) -> Response:
        html = self._template.render(
            mails=list(islice(self._store.newest("email"), MAILS)),
            threads=_threads(islice(self._store.newest("sms"), TEXTS)),
            calls=list(islice(self._store.newest("call"), CALLS)),
            behaviours=self._store.behaviours(),
            faults=self._faults.active(),
            version=pulse(self._store, self._faults),
            total=len(self._store),
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})


def _file(name: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    content = (_FILES / name).read_text(encoding="utf-8")

    async def serve(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return serve


def _threads(newest_first: islice[Message]) -> list[Thread]:
    by_person: dict[str, list[Message]] = {}
    for message in newest_first:
        by_person.setdefault(message.person, []).append(message)
    return [_thread(person, messages[:THREAD]) for person, messages in by_person.items()]


def _thread(person: str, newest_first: list[Message]) -> Thread:
    latest = newest_first[0]
    ours = latest.sender if latest.direction == "outbound" else latest.to
    return Thread(person, ours, newest_first[::-1])


def _clock(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S")


def _tone(status: str) -> str:
    return next((tone for tone, statuses in _TONES.items() if status in statuses), "busy")


def _answerer(answered_by: str) -> str:
    """Twilio's `AnsweredBy` for people; every kind of machine is somebody's voicemail."""
    if answered_by.startswith("machine"):
        return "voicemail"
    return {"human": "taken by a person", "fax": "a fax"}.get(answered_by, "taken by nobody knows whom")


def _mail_document(mail: Message) -> str:
    return _MAIL_HEAD + mail.html


def _size(content: str) -> str:
    """The size of a base64 attachment, for people."""
    count = len(content) * 3 // 4
    return f"{count / 1024:.0f} KB" if count >= 1024 else f"{count} B"
