"""What arrives at a sandbox, sent as the product sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from twilio.rest import Client

from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.twilio_client import twilio_client
from tocsin.channels.twilio_sms import TwilioSms
from tocsin.channels.twilio_voice import TwilioVoice
from tocsin.domain.channel import Call, Email, Sms
from tocsin.sandbox.server import Sandbox

ANA = "+15005550100"
NOWHERE = "http://127.0.0.1:1/nobody"
"""Where the sandbox reports to: nobody is there, and nobody needs to hear."""


@dataclass(frozen=True)
class Sender:
    """Sends to Ana; a context manager."""

    sandbox: Sandbox
    twilio: Client

    @classmethod
    def to(cls, sandbox: Sandbox) -> Self:
        config = sandbox.config
        return cls(sandbox, twilio_client(config.account_sid, config.auth_token, base_url=sandbox.url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.twilio.http_client.close()

    def mails(self, subject: str = "Checkout is down", html: str = "<p>Checkout is down.</p>") -> None:
        way = SendGridEmail(
            self.sandbox.config.api_key, "tocsin@example.com", "Tocsin", host=self.sandbox.url
        )
        text = "Checkout is down."
        way.send(
            Email(to="ana@example.org", subject=subject, text=text, html=html, message_id="m1@example.com")
        )

    def texts(self, body: str = "7F3K2 High: Checkout is down. Reply 7F3K2-1 to acknowledge.") -> None:
        TwilioSms(self.twilio, self.sandbox.config.number).send(
            Sms(to=ANA, body=body, status_callback=NOWHERE)
        )

    def calls(self, say: str = "Checkout is down. Press 1 to acknowledge.") -> str:
        """The call's sid."""
        way = TwilioVoice(self.twilio, self.sandbox.config.number)
        return way.call(Call(to=ANA, say=say, answer_url=NOWHERE, status_callback=NOWHERE)).vendor_id
