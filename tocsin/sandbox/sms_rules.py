"""What Twilio refuses in `POST …/Messages.json`, and the SMS that comes of what it takes."""

from __future__ import annotations

import re
import secrets

from tocsin.sandbox.models import Message
from tocsin.sandbox.segments import segments
from tocsin.sandbox.twilio import Form, TwilioError, is_number, is_url, one

MAX_BODY = 1600

_SENDER = re.compile(r"\+[1-9]\d{6,14}|\d{3,6}|(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")


def refuse(form: Form, stopped: bool) -> None:
    """Raise `TwilioError` for what Twilio would not take; `stopped` says that the recipient opted out."""
    to, sender, body = one(form, "To"), one(form, "From"), form.get("Body", [""])[0]
    if not to:
        raise TwilioError(21604, "A 'To' phone number is required.")
    if not sender and not one(form, "MessagingServiceSid"):
        raise TwilioError(21603, "A 'From' phone number is required.")
    if not (body.strip() or one(form, "MediaUrl") or one(form, "ContentSid")):
        raise TwilioError(21602, "Message body is required.")
    if not is_number(to):
        raise TwilioError(21211, f"Invalid 'To' Phone Number: {to}")
    if sender and not _SENDER.fullmatch(sender):
        raise TwilioError(21212, f"Invalid From Number (caller ID): {sender}")
    if sender == to:
        raise TwilioError(21266, f"'To' and 'From' number cannot be the same: {to}")
    if len(body) > MAX_BODY:
        raise TwilioError(21617, f"The concatenated message body exceeds the {MAX_BODY} character limit.")
    callback = one(form, "StatusCallback")
    if callback and not is_url(callback):
        raise TwilioError(21609, f"The 'StatusCallback' URL {callback} is not a valid URL.")
    if stopped:
        raise TwilioError(21610, "Attempt to send to unsubscribed recipient")


def outbound(form: Form, own_number: str, at: float) -> Message:
    """The SMS that a form asks for at `at`; without a sender it comes from `own_number`."""
    sid = "SM" + secrets.token_hex(16)
    service_sid = one(form, "MessagingServiceSid") or None
    body = form.get("Body", [""])[0]
    return Message(
        id=sid,
        vendor_id=sid,
        kind="sms",
        to=one(form, "To"),
        sender=one(form, "From") or own_number,
        at=at,
        status="accepted" if service_sid else "queued",
        text=body,
        status_callback=one(form, "StatusCallback"),
        segments=segments(body),
        service_sid=service_sid,
    )
