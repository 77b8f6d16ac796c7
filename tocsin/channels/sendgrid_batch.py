"""Email to many through SendGrid's v3 API: one request with up to 1,000 personalizations.

Each recipient is alone in the `to` of a personalization of their own, so nobody sees anybody else. What differs between
them, the name, is put in by SendGrid (`substitutions`). All of a broadcast has one `Message-ID`: whoever gets a repeat
can recognise it by that. SendGrid takes a request whole or not at all.

Source: docs.sendgrid.com/for-developers/sending-email/personalizations.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

from python_http_client.exceptions import HTTPError

from tocsin.channels.addresses import in_ascii
from tocsin.channels.deliveries import CORRELATION_PREFIX
from tocsin.channels.sendgrid_mail import ABOUT_THE_ACCOUNT, SendGridMail, busy, problems
from tocsin.domain.broadcasts import (
    HTML_NAME_TAG,
    LARGEST_BATCH,
    NAME_TAG,
    Batch,
    BatchRefused,
    BulkEmail,
    Row,
)
from tocsin.domain.channel import AccountRefused, ChannelError, Receipt, Refused

ROW = "row"
"""The custom argument that names a row by its number."""

_ABOUT_THE_CONTENT = frozenset({400, 413})
_PERSONALIZATION = re.compile(r"personalizations\.(\d{1,4})(?:\.|$)")
_ADDRESS = re.compile(r"[^\s<>\"'\[\](),;:]+@[^\s<>\"'\[\](),;:]+")


class SendGridBatch(SendGridMail):
    """Sends the same email to many."""

    patience = 30
    largest = LARGEST_BATCH

    def send(self, batch: Batch) -> Receipt:
        """Hand all of `batch` to SendGrid. Raises `ChannelError`; `BatchRefused` when recipients are at fault.

        After `OutcomeUnknown` SendGrid can't be asked: a repeat may reach the whole batch a second time.
        """
        request = request_of(_spelled(batch), self._from.get())
        return self._post(request, lambda error: _answered(error, len(batch.rows)))


def _spelled(batch: Batch) -> Batch:
    """The batch with all addresses in ASCII. Raises `BatchRefused` for those that have no such spelling."""
    rows, wrong = list[Row](), list[int]()
    for position, row in enumerate(batch.rows):
        try:
            rows.append(replace(row, to=in_ascii(row.to)))
        except Refused as error:
            wrong.append(position)
            why = str(error)
    if wrong:
        raise BatchRefused(why, positions=wrong)
    return replace(batch, rows=rows)


def request_of(batch: Batch, sender: dict[str, str]) -> dict[str, Any]:
    """The body of `POST /v3/mail/send`: plain data, because the SDK's helpers are slow with a thousand recipients."""
    email = batch.email
    request = {
        "from": sender,
        "subject": email.subject,
        "content": [
            {"type": "text/plain", "value": email.text},
            {"type": "text/html", "value": email.html},
        ],
        "headers": {"Message-ID": email.message_id},
        "personalizations": [_personalization(row, email) for row in batch.rows],
        # Links must be what they look like, so SendGrid neither rewrites nor counts them.
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        },
    }
    if email.attachments:
        request["attachments"] = [
            {
                "content": each.content,
                "filename": each.filename,
                "type": each.media_type,
                "disposition": "attachment",
            }
            for each in email.attachments
        ]
    return request


def _personalization(row: Row, email: BulkEmail) -> dict[str, Any]:
    """One recipient, alone. Whatever is said here about custom arguments replaces what is said of the whole message."""
    to = {"email": row.to, "name": row.name} if row.name else {"email": row.to}
    known = {**email.correlation, ROW: str(row.number)}
    arguments = {CORRELATION_PREFIX + name: value for name, value in known.items()}
    alone: dict[str, Any] = {"to": [to], "custom_args": arguments}
    if row.name and _names_somebody(email):
        alone["substitutions"] = {NAME_TAG: row.name, HTML_NAME_TAG: html.escape(row.name)}
    return alone


def _names_somebody(email: BulkEmail) -> bool:
    return any(NAME_TAG in text for text in (email.subject, email.text)) or HTML_NAME_TAG in email.html


def _answered(error: HTTPError, recipients: int) -> ChannelError:
    status = int(error.status_code)
    told = problems(error)
    said = _ADDRESS.sub("(recipient)", "; ".join(words for words, _ in told))[:500]
    if (later := busy(error, said)) is not None:
        return later
    if status in _ABOUT_THE_CONTENT:
        return _refusal(status, said, [field for _, field in told], recipients)
    kind = AccountRefused if status in ABOUT_THE_ACCOUNT else Refused
    return kind(f"SendGrid refused the batch with {status}: {said}; correct the account first", str(status))


def _refusal(status: int, said: str, fields: list[str], recipients: int) -> ChannelError:
    """Recipients are at fault where SendGrid names them, or names nothing; else the message is."""
    found = [_PERSONALIZATION.match(field) for field in fields]
    named = sorted({int(each[1]) for each in found if each and int(each[1]) < recipients})
    if named or not any(fields) or status != 400:
        return BatchRefused(f"SendGrid refused the batch with {status}: {said}", str(status), named)
    return Refused(f"SendGrid refused the message with {status}: {said}; correct its words", str(status))
