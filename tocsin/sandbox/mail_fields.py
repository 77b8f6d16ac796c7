"""Rules for single fields of a mail: addresses, headers, custom arguments, times; and how a complaint looks."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_CUSTOM_ARGS_BYTES = 10_000
MAX_SCHEDULE_SECONDS = 72 * 3600
_ADDRESS = re.compile(r"[^@\s<>\",;:]+@[^@\s<>\",;:.]+(\.[^@\s<>\",;:.]+)*")
_HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."
RESERVED_HEADERS = frozenset(
    {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}
    | {"to", "from", "subject", "reply-to", "cc", "bcc"}
)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong, and where: `field` is a path such as `personalizations.0.to.0.email`."""

    field: str | None
    message: str

    def as_json(self) -> dict[str, Any]:
        """The complaint in SendGrid's shape."""
        help_at = _HELP + self.field.split(".")[0] if self.field else None
        return {"message": self.message, "field": self.field, "help": help_at}


def addresses(found: object, at: str) -> Iterator[Complaint]:
    """Complaints about an optional list of addresses."""
    if found is None:
        return
    if not isinstance(found, list):
        yield wrong_type(at, "array", found)
        return
    for index, entry in enumerate(found):
        yield from address(entry, f"{at}.{index}")


def address(found: object, at: str) -> Iterator[Complaint]:
    """Complaints about one `{"email": …, "name": …}`."""
    if not isinstance(found, dict):
        yield wrong_type(at, "object", found)
    elif not is_address(found.get("email")):
        yield Complaint(f"{at}.email", "Does not contain a valid address.")
    elif "name" in found and not isinstance(found["name"], str):
        yield wrong_type(f"{at}.name", "string", found["name"])


def headers(found: object, at: str) -> Iterator[Complaint]:
    """Complaints about a collection of headers."""
    if found is None:
        return
    if not isinstance(found, dict):
        yield wrong_type(at, "object", found)
        return
    for name, value in found.items():
        if name.lower() in RESERVED_HEADERS:
            yield Complaint(f"{at}.{name}", f"The {name} header is reserved and cannot be used.")
        elif not isinstance(value, str):
            yield wrong_type(f"{at}.{name}", "string", value)


def custom_args(found: object, at: str) -> Iterator[Complaint]:
    """Complaints about custom arguments: strings, and not too large together."""
    if found is None:
        return
    if not isinstance(found, dict):
        yield wrong_type(at, "object", found)
        return
    for name, value in found.items():
        if not isinstance(value, str):
            yield wrong_type(f"{at}.{name}", "string", value)
    if len(json.dumps(found, ensure_ascii=False).encode()) > MAX_CUSTOM_ARGS_BYTES:
        yield Complaint(at, f"The custom_args may not exceed {MAX_CUSTOM_ARGS_BYTES} bytes.")


def send_at(found: object, at: str) -> Iterator[Complaint]:
    """Complaints about a time to send at, in seconds since the epoch."""
    if found is None:
        return
    if isinstance(found, bool) or not isinstance(found, int):
        yield wrong_type(at, "integer", found)
    elif found > time.time() + MAX_SCHEDULE_SECONDS:
        yield Complaint(at, "Scheduling more than 72 hours in advance is forbidden.")


def text(found: object, at: str) -> Iterator[Complaint]:
    """Complaints about a text that must not be empty."""
    if not isinstance(found, str) or not found:
        yield Complaint(at, f"The {at.rsplit('.', 1)[-1]} must be a string at least one character in length.")


def wrong_type(at: str, expected: str, given: object) -> Complaint:
    """SendGrid's words for a value of the wrong JSON type."""
    names = {
        dict: "object",
        list: "array",
        str: "string",
        bool: "boolean",
        int: "integer",
        type(None): "null",
    }
    return Complaint(at, f"Invalid type. Expected: {expected}, given: {names.get(type(given), 'number')}.")


def is_address(found: object) -> bool:
    """Whether `found` can be an email address."""
    return isinstance(found, str) and len(found) <= 320 and _ADDRESS.fullmatch(found) is not None


def is_base64(content: str) -> bool:
    """Whether `content` is base64 of something."""
    try:
        return bool(base64.b64decode(content, validate=True))
    except (binascii.Error, ValueError):
        return False
