"""Emails as MIME: plain and HTML beside each other, attachments, and invitations that calendars answer (RFC 6047)."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from tocsin.domain.channel import Attachment, Email

_ASCII, _UTF8 = SMTP.clone(cte_type="7bit"), SMTPUTF8.clone(cte_type="7bit")
"""Bodies are encoded so that every server can carry them."""

_METHOD = re.compile(rb"^METHOD:([A-Z]+)\r?$", re.MULTILINE)


def in_mime(email: Email, sender: Address, to: Address, now: datetime) -> EmailMessage:
    """`email` as a message that `as_bytes` writes for SMTP.

    An invitation is there twice: as an alternative, in which calendars look for it, and as a file, for all others.
    """
    message = EmailMessage(policy=_ASCII if to.addr_spec.isascii() else _UTF8)
    message["From"] = sender
    message["To"] = to
    # A header is one line; the subject of a template may be several.
    message["Subject"] = " ".join(email.subject.split())
    message["Message-ID"] = f"<{email.message_id.strip('<>')}>"
    message["Date"] = format_datetime(now)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office note answers it
    message.set_content(email.text)
    message.add_alternative(email.html, subtype="html")
    for invitation in filter(_method, email.attachments):
        _add_invitation(message, invitation)
    for attachment in email.attachments:
        _attach(message, attachment)
    return message


def _method(attachment: Attachment) -> str:
    """What an attachment asks of a calendar (RFC 5546), such as `REQUEST`; empty when it is no invitation."""
    if attachment.media_type.partition(";")[0].strip().lower() != "text/calendar":
        return ""
    found = _METHOD.search(_content(attachment))
    return found[1].decode() if found else ""


def _add_invitation(message: EmailMessage, invitation: Attachment) -> None:
    words = _content(invitation).decode()
    message.add_alternative(words, subtype="calendar", params={"method": _method(invitation)})


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    kind, _, subtype = attachment.media_type.partition(";")[0].strip().partition("/")
    message.add_attachment(_content(attachment), maintype=kind, subtype=subtype, filename=attachment.filename)


def _content(attachment: Attachment) -> bytes:
    return base64.b64decode(attachment.content)
