"""The words of a broadcast: rendered once for each style of recipient, with a mark where their name is put.

In the words that somebody writes for a broadcast, `{{name}}` stands for the recipient's name, and `{{name|customer}}`
for `customer` where there is none.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from tocsin.callbacks import broadcast_status_url
from tocsin.domain.broadcasts import HTML_NAME_TAG, NAME_TAG, SAYS_NAME, BulkEmail, Row
from tocsin.domain.channel import Sms
from tocsin.domain.directory import Contact
from tocsin.domain.messages import Dispatch
from tocsin.domain.sms_text import shorten
from tocsin.rendering import SMS_SEGMENTS, Templates

Style = tuple[bool, str]
"""Whether they have a name, and their language (`Row.style`)."""


class BulkWords:
    """Words one broadcast. Raises `Refused` where words that were approved are lost."""

    def __init__(self, templates: Templates, dispatch: Dispatch, public_url: str) -> None:
        self._templates = templates
        self._dispatch = dispatch
        self._public_url = public_url
        self._host = urlsplit(public_url).hostname or "tocsin.invalid"
        self._emails: dict[Style, BulkEmail] = {}
        self._texts: dict[Style, Sms] = {}

    def email(self, style: Style, number: int | None = None) -> BulkEmail:
        """The email for everybody of a style; `number` tells the copies apart that go to one inbox in a drill."""
        if style not in self._emails:
            self._emails[style] = self._worded(style)
        email = self._emails[style]
        return email if number is None else email.model_copy(update={"message_id": self._message_id(number)})

    def sms(self, row: Row) -> Sms:
        """The text message for one."""
        if row.style not in self._texts:
            self._texts[row.style] = self._templates.sms(self._dispatch, row.to, "").message
        body = _with_name(self._texts[row.style].body, row.name)
        return Sms(
            to=row.to,
            body=shorten(body, SMS_SEGMENTS),
            status_callback=broadcast_status_url(self._public_url, self._dispatch.message, row.number),
        )

    def _worded(self, style: Style) -> BulkEmail:
        email = self._templates.email(self._dispatch, _nobody(style), "").message
        name, html_name = (NAME_TAG, HTML_NAME_TAG) if style[0] else ("", "")
        return BulkEmail(
            subject=_with_name(email.subject, name),
            text=_with_name(email.text, name),
            html=_with_name(email.html.replace(NAME_TAG, HTML_NAME_TAG), html_name),
            message_id=self._message_id(),
            correlation={"broadcast": self._dispatch.message},
            attachments=email.attachments,
        )

    def _message_id(self, number: int | None = None) -> str:
        part = self._dispatch.message if number is None else f"{self._dispatch.message}-{number}"
        return f"<{part.lower()}@{self._host}>"


def _nobody(style: Style) -> Contact:
    """Somebody of this style, for a template that says `recipient`."""
    is_named, language = style
    contact = Contact(name=NAME_TAG if is_named else "")
    return contact.model_copy(update={"language": language}) if language else contact


def _with_name(text: str, name: str) -> str:
    return SAYS_NAME.sub(lambda found: name or found[1] or "", text)
