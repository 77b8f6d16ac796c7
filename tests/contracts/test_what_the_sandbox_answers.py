"""The sandbox says no, and tells of what it took, in the words that the vendors' documents give."""

from __future__ import annotations

import pytest

from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.twilio_client import twilio_client
from tocsin.domain.channel import Refused
from tocsin.sandbox.mail_rules import MAX_MAIL_BYTES
from tocsin.sandbox.models import Message

from .conftest import Vendors
from .contract import SENDGRID, TWILIO_API
from .test_what_we_send import MONDAY, attached, call, email, sms


def test_a_refused_mail(vendors: Vendors) -> None:
    with pytest.raises(Refused):
        vendors.email.send(email(attachments=attached("a.txt", "text/plain; charset=utf-8", b"a")))

    assert vendors.exchanges[-1].status == 400
    SENDGRID.check_answer(vendors.exchanges[-1])


def test_a_stranger(vendors: Vendors) -> None:
    stranger = SendGridEmail("SG.stranger", "tocsin@example.com", "", host=vendors.recorder.url)

    with pytest.raises(Refused):
        stranger.send(email())

    assert vendors.exchanges[-1].status == 401
    SENDGRID.check_answer(vendors.exchanges[-1])


def test_a_mail_that_is_too_large(vendors: Vendors) -> None:
    with pytest.raises(Refused):
        vendors.email.send(email(text="x" * MAX_MAIL_BYTES))

    assert vendors.exchanges[-1].status == 413
    SENDGRID.check_answer(vendors.exchanges[-1])


def test_text_messages_and_calls_in_every_state_that_they_have_been_in(vendors: Vendors) -> None:
    twilio = twilio_client(
        vendors.sandbox.config.account_sid,
        vendors.sandbox.config.auth_token,
        base_url=vendors.recorder.url,
    )
    text = vendors.sms.send(sms()).vendor_id
    ringing = vendors.phone.call(call()).vendor_id
    refused = vendors.phone.call(call()).vendor_id
    vendors.sandbox.wait_for(lambda message: message.id == text and message.status == "delivered")
    vendors.sandbox.answer(ringing)
    vendors.sandbox.hang_up(refused)
    vendors.sandbox.wait_for(_ended(refused))

    twilio.messages(text).fetch()
    twilio.calls(ringing).fetch()
    twilio.calls(refused).fetch()
    twilio.messages.list(limit=20)
    twilio.calls.list(limit=20)
    twilio.http_client.close()

    assert len(vendors.exchanges) == 3 + 5
    for exchange in vendors.exchanges:
        TWILIO_API.check_request(exchange)
        TWILIO_API.check_answer(exchange)


def test_a_reply_is_listed_among_the_text_messages(vendors: Vendors) -> None:
    vendors.sms.send(sms())
    vendors.sandbox.reply(sms().to, "7F3K2-1")
    vendors.sms.find(sms("another"), since=MONDAY)

    TWILIO_API.check_answer(vendors.exchanges[-1])


def _ended(sid: str):
    def ended(message: Message) -> bool:
        return message.id == sid and message.status == "busy"

    return ended
