"""Whatever our channels ask of a vendor is what the vendor's own document allows, and so is what the sandbox answers.

A new case is one line of `CASES`: a name, and what is done with the vendors.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.callbacks import key_url, status_url
from tocsin.domain.broadcasts import HTML_NAME_TAG, LARGEST_BATCH, NAME_TAG, Batch, BulkEmail, Row
from tocsin.domain.channel import Attachment, Call, Email, Sms, Spoken
from tocsin.domain.state import Meeting
from tocsin.invitations import Party, invitation
from tocsin.pdf import Paper, to_pdf

from .conftest import Vendors
from .contract import contract_of

MONDAY = datetime(2026, 3, 9, 17, tzinfo=UTC)
ANA = "+15005550100"
STATUS = status_url("https://tocsin.example.com/", "incident-7F3K2ABCDE", "7F3K2ABCDE", "7F3K2ABCDE-m1")
KEY = key_url("https://tocsin.example.com/", "incident-7F3K2ABCDE", "7F3K2ABCDE", 2, "ana")
HTML = '<!doctype html><html><body style="margin:0"><a href="https://x.example/?a=1&amp;b=2">Ja</a></body></html>'


def email(**changes: Any) -> Email:
    usual = {
        "to": "ana@example.org",
        "subject": "[7F3K2] Checkout is down",
        "text": "Checkout is down.",
        "html": "<p>Checkout is down.</p>",
        "message_id": "7f3k2abcde-m1@tocsin.example.com",
    }
    return Email.model_validate(usual | changes)


def sms(body: str = "7F3K2 High: Checkout is down. Reply 7F3K2-1 to acknowledge.") -> Sms:
    return Sms(to=ANA, body=body, status_callback=STATUS)


def call(say: str = "Checkout is down. Press 1 to acknowledge.", **changes: Any) -> Call:
    return Call.model_validate(
        {"to": ANA, "say": say, "answer_url": KEY, "status_callback": STATUS} | changes
    )


def attached(filename: str, media_type: str, content: bytes) -> tuple[Attachment, ...]:
    return (Attachment(filename=filename, media_type=media_type, content=base64.b64encode(content).decode()),)


def meeting(status: str = "confirmed") -> bytes:
    party = Party(address="ana@example.org", name="Ana Núñez")
    held = Meeting(
        id="review", title="Review", starts=MONDAY, ends=MONDAY + timedelta(hours=1), status=status
    )
    return invitation(
        held, "review@example.com", MONDAY, party, party, "Review, once more", "見直し"
    ).encode()


def paper() -> bytes:
    return to_pdf(
        Paper(title="Final report", organisation="Ltd", reference="7F3K2", at=MONDAY, body="It is over.")
    )


def mailed(**changes: Any) -> Callable[[Vendors], object]:
    return lambda vendors: vendors.email.send(email(**changes))


def texted(body: str) -> Callable[[Vendors], object]:
    return lambda vendors: vendors.sms.send(sms(body))


def called(*words: str, **changes: Any) -> Callable[[Vendors], object]:
    return lambda vendors: vendors.phone.call(call(*words, **changes))


def told_to_many(*rows: Row, **changes: Any) -> Callable[[Vendors], object]:
    """An email that is the same for all but for their names."""
    usual = {
        "subject": f"Checkout is down, {NAME_TAG}",
        "text": f"Dear {NAME_TAG}",
        "html": f"<p>Dear {HTML_NAME_TAG}</p>",
        "message_id": "<broadcast-1@tocsin.example.com>",
        "correlation": {"broadcast": "7F3K2ABCDE-b1"},
    }
    return lambda vendors: vendors.batch.send(Batch(BulkEmail.model_validate(usual | changes), rows))


def numbered(count: int) -> list[Row]:
    return [Row(number, f"reader-{number}@example.org", f"Reader {number}") for number in range(1, count + 1)]


def call_is_looked_for(vendors: Vendors) -> None:
    vendors.phone.call(call())
    assert vendors.phone.find(call(), datetime.now(UTC) - timedelta(minutes=1)) is not None


def text_is_looked_for(vendors: Vendors) -> None:
    vendors.sms.send(sms())
    assert vendors.sms.find(sms(), datetime.now(UTC) - timedelta(minutes=1)) is not None


CASES: dict[str, Callable[[Vendors], object]] = {
    "a plain email": mailed(),
    "a name beside the address": mailed(to_name="Núñez, Ana “the boss” <ana>"),
    "a long email": mailed(text="Checkout is down.\n" * 20_000, html="<p>Checkout is down.</p>" * 20_000),
    "an email in Japanese": mailed(
        subject="決済が停止しています", text="決済が停止。", html="<p>決済が停止。</p>"
    ),
    "an email in Arabic": mailed(
        subject="الدفع متوقف", text="الدفع متوقف", html='<p dir="rtl">الدفع متوقف</p>'
    ),
    "an email with emoji": mailed(subject="🔥 Checkout 👩‍🚒", text="🔥👩‍🚒", html="<p>🔥👩‍🚒</p>"),
    "an HTML document": mailed(html=HTML),
    "an address with a tag, in a subdomain": mailed(to="ana+pager@mail.example.co.uk"),
    "custom arguments": mailed(
        correlation={"incident": "7F3K2ABCDE", "workflow": "incident-x", "kind": "日本"}
    ),
    "a calendar invitation": mailed(attachments=attached("invitation.ics", "text/calendar", meeting())),
    "a cancellation": mailed(attachments=attached("invitation.ics", "text/calendar", meeting("cancelled"))),
    "a paper": mailed(attachments=attached("Final report 7F3K2.pdf", "application/pdf", paper())),
    "a file name in Greek": mailed(attachments=attached("αναφορά.txt", "text/plain", b"x")),
    "two attachments": mailed(attachments=attached("a.txt", "text/plain", b"a") * 2),
    "an email to many": told_to_many(*numbered(3)),
    "an email to as many as there may be": told_to_many(*numbered(LARGEST_BATCH)),
    "an email to some without a name": told_to_many(
        Row(1, "ana@example.org"), Row(2, "bo@example.org", "Bo")
    ),
    "an email to many, with names in their own script": told_to_many(Row(1, "a@example.org", "明 <b>& 🔥")),
    "an email to many with a paper": told_to_many(
        *numbered(2), attachments=attached("notice.pdf", "application/pdf", paper())
    ),
    "a text message": texted("7F3K2 High: Checkout is down. Reply 7F3K2-1 to acknowledge."),
    "as long a text message as there may be": texted("x" * 1600),
    "a text message in Chinese": texted("结账系统已停止。回复 7F3K2-1 确认。"),
    "a text message with emoji": texted("🔥 7F3K2: checkout is down 👩‍🚒"),
    "a text message with what a form must escape": texted("a=1&b=2; 50 % + 1\nsecond line"),
    "a text message that is looked for": text_is_looked_for,
    "a call": called(),
    "a call that is looked for": call_is_looked_for,
    "a call that says what the keys do": called(
        keys=Spoken(text="Press 1 to accept.", language="en-US"),
        silence=Spoken(text="No key came.", language="en-US"),
    ),
    "a call that only informs": called(answer_url=None),
    "a call in Spanish": called("El pago no responde. ¿Puede ayudar?", language="es-MX"),
    "a call in Japanese": called("決済が停止しています。", language="ja-JP"),
    "a call with mark-up in its words": called("Latency > 5 s & rising <again>"),
    "a long call": called("Checkout is down. " * 60),
}


@pytest.mark.parametrize("act", CASES.values(), ids=CASES)
def test_it_fits_the_vendors_document(vendors: Vendors, act: Callable[[Vendors], object]) -> None:
    act(vendors)

    assert vendors.exchanges, "nothing was recorded"
    for exchange in vendors.exchanges:
        contract_of(exchange).check_request(exchange)
        contract_of(exchange).check_answer(exchange)


def test_all_progress_of_a_call_is_asked_for(vendors: Vendors) -> None:
    vendors.phone.call(call())

    events = [value for name, value in vendors.exchanges[0].form if name == "StatusCallbackEvent"]

    assert events == ["initiated", "ringing", "answered", "completed"]


def test_what_was_written_arrives_as_it_was_written(vendors: Vendors) -> None:
    words = "a=1&b=2; 50 % + 1\n決済 🔥👩‍🚒"

    vendors.sms.send(sms(words))

    assert dict(vendors.exchanges[0].form)["Body"] == words
    assert vendors.sandbox.messages("sms")[-1].text == words
