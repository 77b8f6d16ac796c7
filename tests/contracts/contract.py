"""The vendors' OpenAPI documents, and whether an exchange with a vendor fits them.

The documents are not part of the project: they are read where they lie, beside the checkout, and what is corrected or
added here is corrected and added in memory. openapi-core alone would let much pass, so

- a field or parameter that the document does not name is refused, as a misspelled one would be ignored by the vendor;
- what the document says only in prose (lengths, choices, one field or another) stands in `prose.py` as schemas;
- formats that are Twilio's own (`phone-number`, `endpoint`, `date-time-rfc-2822`, …) are checked.
"""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from .prose import MAIL, TWILIO, Amendment
from .recorder import Exchange

SPECS = Path(__file__).parents[3] / "shared" / "specs"
"""Where whoever has the documents keeps them: beside the checkout."""

FORM = "application/x-www-form-urlencoded"


class BrokenContract(AssertionError):
    """An exchange does not fit the vendor's document; the text says which, where and how."""


class Contract:
    """One vendor's document; `host` is where the vendor has what our SDKs are pointed elsewhere for in tests."""

    def __init__(self, file: str, host: str, amendments: tuple[Amendment, ...]) -> None:
        self._file = SPECS / file
        self._host = host
        self._amendments = amendments

    @property
    def is_here(self) -> bool:
        return self._file.is_file()

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document as amended."""
        document = json.loads(self._file.read_text(encoding="utf-8"))
        for amendment in self._amendments:
            amendment.apply(document)
        return document

    @cached_property
    def _rules(self) -> OpenAPI:
        return OpenAPI.from_dict(
            copy.deepcopy(self.document),
            config=Config(extra_format_validators=FORMATS, additional_properties_default_policy="forbid"),
        )

    def check_request(self, exchange: Exchange) -> None:
        """Raise `BrokenContract` unless the vendor's document allows the request."""
        request = _Request.of(exchange, self._host)
        try:
            understood = self._rules.unmarshal_request(request)
            understood.raise_for_errors()
        except OpenAPIError as error:
            raise BrokenContract(f"{exchange.method} {exchange.path}: {_told(error)}") from error
        self._check_names("query parameter", exchange.query, understood.parameters.query)
        if exchange.content_type.startswith(FORM):
            self._check_names("field", exchange.form, understood.body or {})

    def check_answer(self, exchange: Exchange) -> None:
        """Raise `BrokenContract` unless the vendor could have answered so."""
        try:
            self._rules.validate_response(_Request.of(exchange, self._host), _Response.of(exchange))
        except OpenAPIError as error:
            raise BrokenContract(
                f"{exchange.status} to {exchange.method} {exchange.path}: {_told(error)}"
            ) from error

    @staticmethod
    def _check_names(what: str, sent: list[tuple[str, str]], understood: dict[str, Any]) -> None:
        """openapi-core reads the names that it knows out of a form or query, and overlooks the others."""
        for name, times in Counter(name for name, _ in sent).items():
            if name not in understood:
                raise BrokenContract(f"the document names no {what} {name}")
            if times > 1 and not isinstance(understood[name], list):
                raise BrokenContract(f"the {what} {name} is sent {times} times and may be sent once")


@dataclass
class _Request:
    """A request in openapi-core's shape."""

    host_url: str
    path: str
    method: str
    content_type: str
    body: bytes | None
    parameters: RequestParameters

    @classmethod
    def of(cls, exchange: Exchange, host: str) -> _Request:
        parameters = RequestParameters(
            query=ImmutableMultiDict(exchange.query), header=Headers(list(exchange.headers.items()))
        )
        return cls(
            host,
            exchange.path,
            exchange.method.lower(),
            exchange.content_type.lower(),
            exchange.body or None,
            parameters,
        )


@dataclass
class _Response:
    """An answer in openapi-core's shape."""

    status_code: int
    content_type: str
    data: bytes | None
    headers: Headers = field(default_factory=Headers)

    @classmethod
    def of(cls, exchange: Exchange) -> _Response:
        headers = Headers(list(exchange.answer_headers.items()))
        return cls(
            exchange.status,
            exchange.answer_headers.get("content-type", "").lower(),
            exchange.answer or None,
            headers,
        )


def _told(error: OpenAPIError) -> str:
    """What is wrong and where: openapi-core keeps it in the cause."""
    found = [*_causes(error)]
    return "; ".join(found) or str(error)


def _causes(error: BaseException) -> Iterator[str]:
    cause = error.__cause__
    for wrong in getattr(cause, "schema_errors", None) or ():
        where = ".".join(map(str, wrong.absolute_path)) or "(the whole)"
        yield f"{where}: {_short(wrong.message)} ({wrong.validator})"
    if cause is not None and not getattr(cause, "schema_errors", None):
        yield str(cause)


def _short(text: str) -> str:
    return text if len(text) <= 240 else f"{text[:120]} … {text[-120:]}"


def _is_phone_number(value: Any) -> bool:
    return re.fullmatch(r"\+[1-9]\d{6,14}", value) is not None


def _is_address(value: Any) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) is not None


def _is_url(value: Any) -> bool:
    """An address, or a path of the vendor's own, as which Twilio writes those of its resources."""
    parts = urlsplit(value)
    return (parts.scheme in {"http", "https"} and bool(parts.netloc)) or value.startswith("/2010-04-01/")


def _is_mail_date(value: Any) -> bool:
    try:
        parsedate_to_datetime(value)
    except ValueError:
        return False
    return True


def _on_text(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A format says something about a text; whether there must be one is the type's to say."""
    return lambda value: not isinstance(value, str) or check(value)


FORMATS: dict[str, Callable[[Any], bool]] = {
    "phone-number": _on_text(_is_phone_number),
    "endpoint": _on_text(
        _is_phone_number
    ),  # of Twilio's endpoints (SIP, clients) a number is the only one we call
    "email": _on_text(_is_address),
    "uri": _on_text(_is_url),
    "date-time-rfc-2822": _on_text(_is_mail_date),
    "currency": _on_text(lambda value: re.fullmatch("[A-Z]{3}", value) is not None),
    "at-most-10000-bytes": lambda value: len(json.dumps(value, ensure_ascii=False).encode()) <= 10_000,
}

SENDGRID = Contract("tsg_mail_v3.json", "https://api.sendgrid.com", MAIL)
TWILIO_API = Contract("twilio_messages_calls.json", "https://api.twilio.com", TWILIO)


def contract_of(exchange: Exchange) -> Contract:
    """Whose document an exchange is held against."""
    return TWILIO_API if exchange.path.startswith("/2010-04-01/") else SENDGRID
