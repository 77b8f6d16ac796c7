"""Email through SendGrid's v3 API."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient
from sendgrid.helpers import mail

from tocsin.channels.addresses import in_ascii
from tocsin.channels.deliveries import CORRELATION_PREFIX
from tocsin.channels.http_answers import is_transient, retry_after, without
from tocsin.domain.channel import (
    AccountRefused,
    Attachment,
    ChannelError,
    Email,
    OutcomeUnknown,
    Receipt,
    Refused,
    TryAgain,
)


class SendGridEmail:
    """Sends email through SendGrid; may be shared between threads.

    `timeout_seconds` bounds each wait for the network (connect, write, read), not their sum.
    """

    def __init__(
        self,
        api_key: str,
        from_address: str,
        from_name: str,
        host: str = "https://api.sendgrid.com",
        timeout_seconds: float = 10,
    ) -> None:
        # The SDK writes whole emails and the API key to its log at DEBUG.
        logging.getLogger("python_http_client").setLevel(logging.INFO)
        self._api = SendGridAPIClient(api_key, host=host.rstrip("/"))
        self._from = mail.From(from_address, from_name)
        self._host = host
        self._timeout = timeout_seconds

    def __repr__(self) -> str:
        return f"SendGridEmail(host={self._host!r}, timeout_seconds={self._timeout!r})"

    def send(self, email: Email) -> Receipt:
        """Hand `email` to SendGrid. Raises `ChannelError`.

        After `OutcomeUnknown` SendGrid can't be asked; a repeat carries the same `Message-ID`. `NotCarried` is raised
        for an address that has no spelling in ASCII.
        """
        answer = self._post(email.model_copy(update={"to": in_ascii(email.to)}))
        return Receipt(
            vendor="sendgrid", vendor_id=answer.headers.get("X-Message-Id") or "", status="accepted"
        )

    def _post(self, email: Email) -> Any:
        request = _message(email, self._from)
        return post(
            self._api, request, self._host, self._timeout, lambda error: _answered(error, email), "Message-ID"
        )


def post(
    api: SendGridAPIClient,
    request: dict[str, Any],
    host: str,
    timeout_seconds: float,
    answered: Callable[[HTTPError], ChannelError],
    known_by: str,
) -> Any:
    """Hand a mail to SendGrid; its answer. Raises `ChannelError`: what `answered` makes of a refusal.

    What never left is told apart from what did by where urllib raises. `urllib.request` wraps in `URLError` whatever
    fails up to the last byte of the request: DNS, connect, TLS, a reset in the middle of the body. What fails after
    that comes as it is; a repeat is then recognisable by what it is `known_by`.
    """
    try:
        # `SendGridAPIClient.send` takes no time-out; the client beneath it does.
        return api.client.mail.send.post(request_body=request, timeout=timeout_seconds)
    # From None throughout: the failure of an activity is kept in history with its cause, and the vendor's
    # own error may name the recipient.
    except HTTPError as error:
        raise answered(error) from None
    except URLError as error:
        raise TryAgain(f"SendGrid at {host} could not be reached: {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise OutcomeUnknown(
            f"SendGrid at {host} took the email and gave no answer ({type(error).__name__}): "
            f"it may have been accepted; a repeat is recognisable by its {known_by}"
        ) from None


def _message(email: Email, sender: mail.From) -> dict[str, Any]:
    message = mail.Mail(
        from_email=sender,
        to_emails=mail.To(email.to, email.to_name or None),
        subject=email.subject,
        plain_text_content=email.text,
        html_content=email.html,
    )
    message.add_header(mail.Header("Message-ID", _in_brackets(email.message_id)))
    for name, value in email.correlation.items():
        # At the personalization: of the whole message, SendGrid's document calls them a string.
        message.add_custom_arg(mail.CustomArg(CORRELATION_PREFIX + name, value, p=0))
    for attachment in email.attachments:
        message.add_attachment(_attached(attachment))
    message.tracking_settings = _untracked()
    request: dict[str, Any] = message.get()
    return request


def _attached(attachment: Attachment) -> mail.Attachment:
    """Pass the media type on as given; SendGrid refuses one with parameters (a `;`)."""
    return mail.Attachment(
        mail.FileContent(attachment.content),
        mail.FileName(attachment.filename),
        mail.FileType(attachment.media_type),
        mail.Disposition("attachment"),
    )


def _untracked() -> mail.TrackingSettings:
    """Links are signed and must be what they look like, so SendGrid neither rewrites nor counts them."""
    settings = mail.TrackingSettings()
    settings.click_tracking = mail.ClickTracking(enable=False, enable_text=False)
    settings.open_tracking = mail.OpenTracking(enable=False)
    return settings


def _in_brackets(message_id: str) -> str:
    return message_id if message_id.startswith("<") else f"<{message_id}>"


def _answered(error: HTTPError, email: Email) -> ChannelError:
    status = int(error.status_code)
    said = without(email.to, _words_of(error.body))
    if is_transient(status):
        wait = retry_after(error.headers.get("Retry-After"), datetime.now(UTC))
        return TryAgain(f"SendGrid is busy or broken and answered {status}: {said}; try again later", wait)
    # 401 and 403: the key, its rights, a sender that is not verified, an account that is suspended.
    kind = AccountRefused if status in {401, 403} else Refused
    return kind(
        f"SendGrid refused the email with {status}: {said}; correct the message or the account first",
        code=str(status),
    )


def _words_of(body: bytes) -> str:
    """SendGrid's own words, with the fields they are about; a body that is not SendGrid's as it is."""
    try:
        errors = json.loads(body)["errors"]
        return "; ".join(_with_field(error["message"], error.get("field")) for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return body[:200].decode("utf-8", "replace") or "(no words)"


def _with_field(message: str, field: str | None) -> str:
    return f"{message} ({field})" if field else message
