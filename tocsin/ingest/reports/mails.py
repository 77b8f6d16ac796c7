"""Emails as SendGrid's Inbound Parse posts them: a form of the mail's parts, with its attachments as files.

Source: twilio.com/docs/sendgrid/for-developers/parsing-email/inbound-email. Headers are in UTF-8, the text in the
character set that the field `charsets` names. What is answered with 4xx is thrown away and nobody hears of it, so
whatever can be read is read, however odd.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr
from http import HTTPStatus
from typing import IO, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from tocsin.domain import naming
from tocsin.ingest.problems import Problem
from tocsin.ingest.reports.words import readable

MAIL_LIMIT = 40 * 1024 * 1024
"""Bytes. SendGrid takes mails of up to 30 MB."""

MOST_PARTS = 1_000
"""Fields, and attachments, of one mail."""

_CHARSET = re.compile(r"(?:utf|iso|us-ascii|ascii|windows|cp|koi8|gb|big5|euc|shift|ks_c)[a-z0-9_-]{0,20}")
"""Character sets of mails; Python knows codecs that are none."""

_OUR_MESSAGE = re.compile(r"<([0-9a-hjkmnp-tv-z]{10})-m\d+@")
"""The beginning of a `Message-ID` of ours."""

_REFERENCE = re.compile(r"\[([0-9A-HJKMNP-TV-Z]{5})\]")
"""The reference in the subject of a mail of ours."""

_KNOWN_SINCE = re.compile(
    r"^known since:[ \t]{0,9}(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[+-]\d\d:?\d\d)?)",
    re.ASCII | re.IGNORECASE | re.MULTILINE,
)

_ATTACHMENT = re.compile(r"attachment\d+")

FILE_NAME_LENGTH = 255

_UNSEEN = frozenset({"head", "script", "style"})
"""Elements of a page that nobody reads."""

T = TypeVar("T")


class _Envelope(BaseModel):
    model_config = ConfigDict(extra="ignore")

    sender: str | None = Field(default=None, alias="from")


_ENVELOPE = TypeAdapter(_Envelope)
_CHARSETS = TypeAdapter(dict[str, str])


@dataclass(frozen=True)
class Enclosure:
    """A file that came with a mail."""

    name: str
    file: IO[bytes]


@dataclass(frozen=True)
class InboundMail:
    """A mail to us. `return_path` is where a bounce would go: empty for a bounce itself, `None` where not told."""

    sender: str
    introduction: str
    subject: str
    text: str
    headers: Message
    return_path: str | None
    enclosures: tuple[Enclosure, ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        """What its redeliveries share: the sender with the `Message-ID`, or with what it says where it has none."""
        id = self._header("message-id")
        return ("email", self.sender, id) if id else ("email", self.sender, self.subject, self.text)

    @property
    def automatic(self) -> str | None:
        """Why nobody wrote this mail, such as a bounce; `None` when somebody did. Source: RFC 3834, RFC 3464."""
        submitted = self._header("auto-submitted").lower()
        if submitted and not submitted.startswith("no"):
            return f"it was sent automatically (Auto-Submitted: {submitted})"
        if (precedence := self._header("precedence").lower()) in {"bulk", "junk", "auto_reply"}:
            return f"it was sent in bulk (Precedence: {precedence})"
        if self.return_path == "" or self.headers.get_content_type() == "multipart/report":
            return "it is a bounce"
        return None

    @property
    def answers(self) -> str | None:
        """The incident, or the beginning of its id, whose mail this answers."""
        threads = self._header("in-reply-to") + self._header("references")
        if ours := _OUR_MESSAGE.findall(threads.lower()):
            return naming.as_typed(ours[-1])
        named = _REFERENCE.search(self.subject)
        return named[1] if named else None

    def known_since(self, now: datetime) -> datetime | None:
        """What a line `Known since: 2026-03-01 14:05` says, in UTC unless it has an offset; never the future."""
        line = _KNOWN_SINCE.search(self.text)
        if line is None:
            return None
        try:
            moment = datetime.fromisoformat(line[1])
            since = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None  # the words stay in the note, for people to read
        return since if since <= now else None

    def _header(self, name: str) -> str:
        return str(self.headers.get(name, "")).strip()


@asynccontextmanager
async def mail_in(request: Request) -> AsyncIterator[InboundMail]:
    """The mail in a request; its attachments are open meanwhile. Raises `Problem` (400, 413)."""
    form = await _form(request)
    try:
        yield read_mail(form)
    finally:
        await form.close()


def read_mail(form: FormData) -> InboundMail:
    """The mail in a form whose fields were decoded as Latin-1, so that every byte is as it was sent."""
    charsets = _parsed(_CHARSETS, _raw(form, "charsets")) or {}
    name, address = parseaddr(_field(form, "from", charsets))
    envelope = _parsed(_ENVELOPE, _raw(form, "envelope"))
    return_path = envelope.sender if envelope else None
    text = readable(_field(form, "text", charsets)) or readable(without_tags(_field(form, "html", charsets)))
    sender = (address or return_path or "").strip().casefold()
    return InboundMail(
        sender=sender,
        introduction=readable(f"{name} <{sender}>" if name else sender),
        subject=readable(_field(form, "subject", charsets)),
        text=text,
        headers=HeaderParser().parsestr(_field(form, "headers", {})),
        return_path=None if return_path is None else return_path.strip("<> "),
        enclosures=tuple(_enclosures(form)),
    )


def _enclosures(form: FormData) -> Iterator[Enclosure]:
    """The attachments; one that has no name arrives as a field."""
    for field, part in form.multi_items():
        if isinstance(part, UploadFile):
            yield Enclosure(_file_name(part.filename or ""), part.file)
        elif _ATTACHMENT.fullmatch(field):
            yield Enclosure(_file_name(""), io.BytesIO(part.encode("latin-1")))


def _file_name(sent: str) -> str:
    """A name that was sent in UTF-8 and read as Latin-1, on one line."""
    name = sent.encode("latin-1", "replace").decode("utf-8", "replace")
    return " ".join(readable(name).split())[:FILE_NAME_LENGTH] or "attachment"


def without_tags(page: str) -> str:
    """The words of an HTML page, read once from left to right, whatever a stranger wrote."""
    first, *pieces = page.split("<")
    words, hidden = [first], ""
    for piece in pieces:
        tag, _, following = piece.partition(">")
        kind = next(iter(tag.lower().split(maxsplit=1)), "")
        if hidden:
            hidden = "" if kind == f"/{hidden}" else hidden
        elif kind in _UNSEEN:
            hidden = kind
        words.append("" if hidden else following)
    return html.unescape("\n".join(each.strip() for each in words if each.strip()))


async def _form(request: Request) -> FormData:
    given = request.headers.get("content-type", "")
    if not given.lower().startswith("multipart/form-data"):
        raise _no_form("send multipart/form-data, as SendGrid's Inbound Parse does")
    headers = Headers({"content-type": f"{given}; charset=latin-1"})
    parser = MultiPartParser(
        headers, _bounded(request), max_files=MOST_PARTS, max_fields=MOST_PARTS, max_part_size=MAIL_LIMIT
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise _no_form(error.message) from error


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > MAIL_LIMIT:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "body-too-long",
                f"the mail is longer than {MAIL_LIMIT:,} bytes",
            )
        yield chunk


def _no_form(why: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "not-a-form", f"the body is no mail in a form: {why}")


def _raw(form: FormData, name: str) -> bytes:
    value = form.get(name, "")
    return value.encode("latin-1") if isinstance(value, str) else b""


def _field(form: FormData, name: str, charsets: dict[str, str]) -> str:
    charset = charsets.get(name, "utf-8").lower()
    raw = _raw(form, name)
    if not _CHARSET.fullmatch(charset):
        return raw.decode("utf-8", "replace")
    try:
        return raw.decode(charset, "replace")
    except (LookupError, UnicodeError):  # one that Python does not have
        return raw.decode("utf-8", "replace")


def _parsed(adapter: TypeAdapter[T], raw: bytes) -> T | None:
    try:
        return adapter.validate_json(raw)
    except ValidationError:
        return None
