"""What SendGrid refuses in `POST /v3/mail/send`, after its OpenAPI description and its list of errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tocsin.sandbox.mail_fields import (
    Complaint,
    address,
    addresses,
    custom_args,
    headers,
    is_address,
    is_base64,
    send_at,
    text,
    wrong_type,
)

MAX_PERSONALIZATIONS = 1000
MAX_RECIPIENTS = 1000
MAX_CATEGORIES = 10
MAX_CATEGORY_LENGTH = 255
MAX_MAIL_BYTES = 30 * 1024 * 1024
MAX_REPLY_TO = 1000
MAX_SUBSTITUTION_BYTES = 10_000
MAX_DISPLAYED_GROUPS = 25


Mail = Mapping[str, Any]


def complaints(mail: object) -> list[Complaint]:
    """Everything that is wrong with a parsed request body; empty when SendGrid would take it."""
    if not isinstance(mail, dict):
        return [Complaint(None, "Bad Request")]
    return [complaint for rule in _RULES for complaint in rule(mail)]


def _personalizations(mail: Mail) -> Iterator[Complaint]:
    found = mail.get("personalizations")
    if not isinstance(found, list) or not found:
        yield Complaint(
            "personalizations",
            "The personalizations field is required and must have at least one personalization.",
        )
        return
    if len(found) > MAX_PERSONALIZATIONS:
        yield Complaint(
            "personalizations",
            f"The personalization block is limited to {MAX_PERSONALIZATIONS} personalizations per API request. "
            f"You have provided {len(found)} personalizations.",
        )
        return
    if sum(map(_recipients, found)) > MAX_RECIPIENTS:
        yield Complaint(
            "personalizations",
            f"There is a limit of {MAX_RECIPIENTS} total recipients (to + cc + bcc) per request.",
        )
    for index, envelope in enumerate(found):
        yield from _personalization(envelope, f"personalizations.{index}")


_PARTS = ("to", "cc", "bcc")


def _recipients(envelope: object) -> int:
    parts = [envelope.get(part) for part in _PARTS] if isinstance(envelope, dict) else []
    return sum(len(part) for part in parts if isinstance(part, list))


def _personalization(envelope: object, at: str) -> Iterator[Complaint]:
    if not isinstance(envelope, dict):
        yield wrong_type(at, "object", envelope)
        return
    if envelope.get("to") in (None, []):
        yield Complaint(
            f"{at}.to",
            "The to array is required for all personalization objects, and must have at least one email object "
            "with a valid email address.",
        )
    for part in _PARTS:
        yield from addresses(envelope.get(part), f"{at}.{part}")
    yield from _duplicates(envelope, at)
    if "from" in envelope:
        yield from address(envelope["from"], f"{at}.from")
    yield from headers(envelope.get("headers"), f"{at}.headers")
    yield from custom_args(envelope.get("custom_args"), f"{at}.custom_args")
    yield from send_at(envelope.get("send_at"), f"{at}.send_at")
    if "subject" in envelope:
        yield from text(envelope["subject"], f"{at}.subject")
    yield from _substitutions(envelope.get("substitutions"), f"{at}.substitutions")


def _substitutions(found: object, at: str) -> Iterator[Complaint]:
    if found is None:
        return
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        yield wrong_type(at, "object of strings", found)
    elif sum(len(f"{tag}{value}".encode()) for tag, value in found.items()) > MAX_SUBSTITUTION_BYTES:
        limit = f"The substitutions may not exceed {MAX_SUBSTITUTION_BYTES} bytes per personalization block."
        yield Complaint(at, limit)


def _duplicates(envelope: Mail, at: str) -> Iterator[Complaint]:
    seen: set[str] = set()
    for part in _PARTS:
        entries = envelope.get(part)
        for entry in entries if isinstance(entries, list) else ():
            email = str(entry.get("email", "")).lower() if isinstance(entry, dict) else ""
            if email and email in seen:
                yield Complaint(
                    at,
                    "Each email address in the personalization block should be unique between to, cc, and bcc. "
                    f"We found the first duplicate instance of [{email}] in the {at}.{part} field.",
                )
                return
            seen.add(email)


def _from(mail: Mail) -> Iterator[Complaint]:
    sender = mail.get("from")
    if not isinstance(sender, dict):
        yield Complaint(
            "from.email",
            "The from object must be provided for every email send. It is an object that requires the email "
            "parameter, but may also contain a name parameter.",
        )
    elif not is_address(sender.get("email")):
        yield Complaint("from.email", "The from email does not contain a valid address.")


def _reply_to(mail: Mail) -> Iterator[Complaint]:
    if mail.get("reply_to") and mail.get("reply_to_list"):
        yield Complaint("reply_to", "Only one of reply_to and reply_to_list may be used.")
    if mail.get("reply_to") is not None:
        yield from address(mail["reply_to"], "reply_to")
    listed = mail.get("reply_to_list")
    if isinstance(listed, list) and len(listed) > MAX_REPLY_TO:
        yield Complaint("reply_to_list", f"The reply_to_list is limited to {MAX_REPLY_TO} addresses.")
    yield from addresses(listed, "reply_to_list")


def _subject(mail: Mail) -> Iterator[Complaint]:
    if mail.get("template_id") or mail.get("subject"):
        if mail.get("subject") is not None:
            yield from text(mail["subject"], "subject")
        return
    envelopes = mail.get("personalizations")
    if not isinstance(envelopes, list) or not all(
        isinstance(e, dict) and e.get("subject") for e in envelopes
    ):
        yield Complaint(
            "subject",
            "The subject is required. You can get around this requirement if you use a template with a subject "
            "defined or if every personalization has a subject defined.",
        )


def _content(mail: Mail) -> Iterator[Complaint]:
    parts = mail.get("content")
    if not isinstance(parts, list) or not parts:
        if not mail.get("template_id"):
            yield Complaint(
                "content",
                "Unless a valid template_id is provided, the content parameter is required. There must be at least "
                "one defined content block.",
            )
        return
    for index, part in enumerate(parts):
        yield from _content_part(part, f"content.{index}")
    types = [part.get("type") for part in parts if isinstance(part, dict)]
    if types != sorted(types, key=_content_order):
        yield Complaint(
            "content", "If present, text/plain must be first, followed by text/html, then any other type."
        )


def _content_order(media_type: object) -> int:
    return {"text/plain": 0, "text/html": 1}.get(str(media_type), 2)


def _content_part(part: object, at: str) -> Iterator[Complaint]:
    if not isinstance(part, dict):
        yield wrong_type(at, "object", part)
        return
    for name in ("type", "value"):
        if not isinstance(part.get(name), str) or not part[name]:
            yield Complaint(
                f"{at}.{name}", f"The content {name} must be a string at least one character in length."
            )
    if isinstance(part.get("type"), str) and re.search(r"[;,\r\n]", part["type"]):
        yield Complaint(f"{at}.type", "The content type cannot contain ';', ',' or CRLF characters.")


def _attachments(mail: Mail) -> Iterator[Complaint]:
    found = mail.get("attachments")
    if found is None:
        return
    if not isinstance(found, list):
        yield wrong_type("attachments", "array", found)
        return
    for index, attachment in enumerate(found):
        yield from _attachment(attachment, f"attachments.{index}")


def _attachment(found: object, at: str) -> Iterator[Complaint]:
    if not isinstance(found, dict):
        yield wrong_type(at, "object", found)
        return
    if not isinstance(found.get("content"), str) or not is_base64(found["content"]):
        yield Complaint(f"{at}.content", "The attachment content must be base64 encoded.")
    if (
        not isinstance(found.get("filename"), str)
        or not found["filename"]
        or re.search(r"[\r\n]", found["filename"])
    ):
        yield Complaint(
            f"{at}.filename", "The attachment filename is required and cannot contain CRLF characters."
        )
    media_type = found.get("type", "application/octet-stream")
    if not isinstance(media_type, str) or not re.fullmatch(r"[^;\r\n]+", media_type):
        yield Complaint(f"{at}.type", "The attachment type must be a string without ';' or CRLF characters.")
    if found.get("disposition") not in {None, "inline", "attachment"}:
        yield Complaint(
            f"{at}.disposition", "The disposition of your attachment can be either inline or attachment."
        )


def _categories(mail: Mail) -> Iterator[Complaint]:
    found = mail.get("categories")
    if found is None:
        return
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        yield wrong_type("categories", "array of strings", found)
        return
    if len(found) > MAX_CATEGORIES or len(set(found)) != len(found):
        yield Complaint(
            "categories", f"There is a limit of {MAX_CATEGORIES} categories per request, each used once."
        )
    for index, name in enumerate(found):
        if len(name) > MAX_CATEGORY_LENGTH:
            limit = f"A category cannot have more than {MAX_CATEGORY_LENGTH} characters."
            yield Complaint(f"categories.{index}", limit)


def _unsubscribe_groups(mail: Mail) -> Iterator[Complaint]:
    found = mail.get("asm")
    if found is None:
        return
    if not isinstance(found, dict) or not isinstance(found.get("group_id"), int):
        yield Complaint("asm.group_id", "The asm object requires a group_id, which must be an integer.")
    elif len(found.get("groups_to_display") or ()) > MAX_DISPLAYED_GROUPS:
        yield Complaint(
            "asm.groups_to_display", f"You can display up to {MAX_DISPLAYED_GROUPS} unsubscribe groups."
        )


def _ip_pool(mail: Mail) -> Iterator[Complaint]:
    found = mail.get("ip_pool_name")
    if found is not None and not (isinstance(found, str) and 2 <= len(found) <= 64):
        yield Complaint("ip_pool_name", "The ip_pool_name must be a string of 2 to 64 characters.")


def _message_level(mail: Mail) -> Iterator[Complaint]:
    yield from headers(mail.get("headers"), "headers")
    yield from custom_args(mail.get("custom_args"), "custom_args")
    yield from send_at(mail.get("send_at"), "send_at")


_RULES: tuple[Callable[[Mail], Iterator[Complaint]], ...] = (
    _personalizations,
    _from,
    _reply_to,
    _subject,
    _content,
    _attachments,
    _categories,
    _unsubscribe_groups,
    _ip_pool,
    _message_level,
)
