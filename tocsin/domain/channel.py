"""What may be said to one person over one channel, and how a channel answers.

A channel (`tocsin/channels/`) takes one of these messages and returns a `Receipt`, or raises one of

    ChannelError
    ├── TryAgain       the vendor is busy or out of reach: 408, 429, 5xx, network; `retry_after` when it said so
    ├── Refused        the vendor will never take this message: any other 4xx
    │   └── AccountRefused   not from this account; another may be let: 401, 403, an account that is suspended
    └── OutcomeUnknown the request went out and no answer came back: it may have been accepted

Phone numbers are E.164 strings (`+15005550006`), addresses plain `local@domain`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Protocol

from tocsin.domain.base import Value

ChannelName = Literal["email", "sms", "phone"]


class Attachment(Value):
    """A file that goes with an email; `content` is base64."""

    filename: str
    media_type: str
    content: str


class Email(Value):
    """One email to one address, with a plain and an HTML part.

    `message_id` is derived from the notice, so that a repeat is recognisable; `correlation` comes back with
    every delivery event (SendGrid custom arguments) and holds no personal data.
    """

    to: str
    to_name: str = ""
    subject: str
    text: str
    html: str
    message_id: str
    correlation: dict[str, str] = {}
    attachments: tuple[Attachment, ...] = ()


class Sms(Value):
    """One text message; `status_callback` is the URL to which the vendor reports delivery."""

    to: str
    body: str
    status_callback: str


class Spoken(Value):
    """Words for a voice, and the language that they are in: a BCP 47 tag such as `es-MX`."""

    text: str
    language: str = "en-US"


class Call(Value):
    """One phone call: what is said, and where the pressed key is sent.

    `say` is read aloud in `language`, repeated once, each time with what the `keys` do after it; `silence` is said when
    no key came. `answer_url` takes the key. `status_callback` takes the progress of the call, and who took it: a person
    or a machine. It names one message, so that no two calls share one. Without an `answer_url` nobody can show that
    they heard the call.
    """

    to: str
    say: str
    language: str = "en-US"
    keys: Spoken | None = None
    silence: Spoken | None = None
    answer_url: str | None = None
    status_callback: str


class Receipt(Value):
    """A vendor took a message: its name for the message, and the state it gave (`queued`, `accepted`)."""

    vendor: str
    vendor_id: str
    status: str


class ChannelError(Exception):
    """A channel could not do what it was asked; the text says which vendor, what it answered, what to do."""


class TryAgain(ChannelError):
    """The vendor is busy or out of reach; the same message may be tried again."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Refused(ChannelError):
    """The vendor will never take this message: the recipient, the content or the account is at fault."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class AccountRefused(Refused):
    """The vendor does not serve this account: credentials, state or rights are at fault, never the recipient."""


class OutcomeUnknown(ChannelError):
    """The request left and no answer came back: the vendor may have accepted the message."""


class EmailChannel(Protocol):
    """Sends email."""

    def send(self, email: Email) -> Receipt:
        """Hand `email` to the vendor. Raises `ChannelError`."""


class SmsChannel(Protocol):
    """Sends text messages."""

    def send(self, sms: Sms) -> Receipt:
        """Hand `sms` to the vendor. Raises `ChannelError`."""


class PhoneChannel(Protocol):
    """Places phone calls."""

    def call(self, call: Call) -> Receipt:
        """Ask the vendor to place `call`. Raises `ChannelError`."""
