"""What Twilio's Messages and Calls APIs have in common: who may call, how errors and lists look."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tocsin.sandbox.models import Message

API_VERSION = "2010-04-01"
ACCOUNT = f"/{API_VERSION}/Accounts/{{account}}"
DAY = 86_400
DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_HOSTNAME = re.compile(r"[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+")

Form = dict[str, list[str]]
Handler = Callable[[Request], Awaitable[Response]]


class TwilioError(Exception):
    """A refusal in Twilio's shape: `code` is one of its error codes, `status` the HTTP status."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def response(self) -> JSONResponse:
        """The refusal as Twilio answers it."""
        more_info = f"https://www.twilio.com/docs/errors/{self.code}"
        body = {"code": self.code, "message": self.message, "more_info": more_info, "status": self.status}
        return JSONResponse(body, self.status)


class Gate:
    """Lets a request through to a handler when it carries the account's credentials."""

    def __init__(self, account_sid: str, auth_token: str) -> None:
        self._account_sid = account_sid
        pair = base64.b64encode(f"{account_sid}:{auth_token}".encode())
        self._authorization = b"Basic " + pair

    def guard(self, handler: Handler) -> Handler:
        """`handler`, behind the gate, with its `TwilioError`s turned into answers."""

        async def guarded(request: Request) -> Response:
            try:
                self._check(request)
                return await handler(request)
            except TwilioError as error:
                return error.response()

        return guarded

    def _check(self, request: Request) -> None:
        given = request.headers.get("Authorization", "").encode()
        known = hmac.compare_digest(given, self._authorization)
        if not known or request.path_params["account"] != self._account_sid:
            raise TwilioError(20003, "Authenticate", status=401)


async def read_form(request: Request) -> Form:
    """The fields of a form post, each with all its values."""
    body = await request.body()
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def one(form: Form, name: str) -> str:
    """The value of a field that is given once, stripped; empty when it is not given."""
    return form.get(name, [""])[0].strip()


def is_number(text: str) -> bool:
    """Whether `text` is a phone number in E.164."""
    return _E164.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """Whether Twilio would call `text`: absolute, http or https, a hostname without underscores."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and _HOSTNAME.fullmatch(host) is not None


def rfc2822(moment: float | None) -> str | None:
    """`moment` as Twilio writes dates, to the second, UTC."""
    return (
        None
        if moment is None
        else format_datetime(datetime.fromtimestamp(moment, UTC).replace(microsecond=0))
    )


def page(
    request: Request, found: Iterator[Message], name: str, render: Callable[[Message], Any]
) -> JSONResponse:
    """One page of a list, newest first.

    The token for the next page names the last message of this one, so that new messages do not shift it.
    """
    query = request.query_params
    size = max(1, min(_number(query.get("PageSize"), DEFAULT_PAGE_SIZE), MAX_PAGE_SIZE))
    rows = list(islice(_after(found, query.get("PageToken")), size + 1))
    number = _number(query.get("Page"), 0)
    more = {"Page": number + 1, "PageToken": "PA" + rows[size - 1].id} if len(rows) > size else None
    return JSONResponse(
        {
            name: [render(row) for row in rows[:size]],
            "page": number,
            "page_size": size,
            "start": number * size,
            "end": number * size + min(len(rows), size) - 1,
            "uri": _uri(request, {}),
            "first_page_uri": _uri(request, {"Page": 0}, without={"PageToken"}),
            "next_page_uri": _uri(request, more) if more else None,
            "previous_page_uri": None,
        }
    )


class DateFilter:
    """A date condition of a list: `DateSent` names a day, `DateSent>` and `DateSent<` a day or a second, UTC.

    Twilio's two bounds include what they name. The SDK writes a day as its first second, so a second stands for its
    day in `DateSent`.
    """

    def __init__(self, request: Request, name: str) -> None:
        self._day = _moment(request, name)
        self._from = _moment(request, f"{name}>")
        self._until = _moment(request, f"{name}<")

    def passes(self, moment: float) -> bool:
        """Whether `moment` lies within the condition."""
        second = float(int(moment))
        if self._day and second // DAY != self._day[0] // DAY:
            return False
        if self._from and second < self._from[0]:
            return False
        return self._until is None or second < self._until[1]


def _moment(request: Request, name: str) -> tuple[float, float] | None:
    """The first second of what a parameter names and the first after it; a day has 86,400."""
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise TwilioError(
            20001, f"{name} is '{text}'; a date (2025-01-31) or a time in ISO 8601 is needed"
        ) from error
    start = start if start.tzinfo else start.replace(tzinfo=UTC)
    return start.timestamp(), start.timestamp() + (1 if "T" in text else DAY)


def _after(found: Iterator[Message], token: str | None) -> Iterator[Message]:
    if token:
        for row in found:
            if "PA" + row.id == token:
                break
    yield from found


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() else otherwise


def _uri(request: Request, changes: dict[str, Any], without: frozenset[str] | set[str] = frozenset()) -> str:
    kept = {name: value for name, value in request.query_params.items() if name not in without}
    query = urlencode({**kept, **changes})
    return f"{request.url.path}?{query}" if query else request.url.path
