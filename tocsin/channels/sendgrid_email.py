"""Email through SendGrid's v3 API."""

from __future__ import annotations

from typing import Any

from python_http_client.exceptions import HTTPError
from sendgrid.helpers import mail

from tocsin.channels.addresses import in_ascii
from tocsin.channels.deliveries import CORRELATION_PREFIX
from tocsin.channels.http_answers import without
from tocsin.channels.sendgrid_mail import ABOUT_THE_ACCOUNT, SendGridMail, busy, problems
from tocsin.domain.channel import AccountRefused, Attachment, ChannelError, Email, Receipt, Refused


class SendGridEmail(SendGridMail):
    """Sends single emails through SendGrid."""

    def send(self, email: Email) -> Receipt:
        """Hand `email` to SendGrid. Raises `ChannelError`.

        After `OutcomeUnknown` SendGrid can't be asked; a repeat carries the same `Message-ID`. `NotCarried` is raised
        for an address that has no spelling in ASCII.
        """
        spelled = email.model_copy(update={"to": in_ascii(email.to)})
        return self._post(_message(spelled, self._from), lambda error: _answered(error, spelled))


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
    said = without(email.to, "; ".join(_with_field(*problem) for problem in problems(error)))
    if (later := busy(error, said)) is not None:
        return later
    kind = AccountRefused if status in ABOUT_THE_ACCOUNT else Refused
    return kind(
        f"SendGrid refused the email with {status}: {said}; correct the message or the account first",
        code=str(status),
    )


def _with_field(message: str, field: str) -> str:
    return f"{message} ({field})" if field else message
