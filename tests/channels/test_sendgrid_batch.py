from datetime import timedelta

import pytest

from tocsin.channels.sendgrid_batch import SendGridBatch
from tocsin.domain.broadcasts import Batch, BatchRefused, BulkEmail, Row
from tocsin.domain.channel import OutcomeUnknown, Refused, TryAgain
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.server import Sandbox

from .vendor import Answer, Vendor, reset_after_reading

EMAIL = BulkEmail(
    subject="Fog, %recipient-name%",
    text="There is fog, %recipient-name%.",
    html="<p>There is fog, %recipient-name-html%.</p>",
    message_id="<abcdefgh12@tocsin.example>",
    correlation={"broadcast": "ABCDEFGH12"},
)
ROWS = [Row(2, "ada@example.org", "Ada & Co"), Row(7, "bo@example.org")]


def sendgrid(host: str) -> SendGridBatch:
    return SendGridBatch("SG.sandbox", "oncall@tocsin.example", "Tocsin", host, timeout_seconds=5)


def refused(*problems: tuple[str, str | None], status: int = 400) -> Answer:
    return Answer(status, {"errors": [{"message": words, "field": field} for words, field in problems]})


def test_each_recipient_is_alone_in_an_envelope_of_their_own(vendor: Vendor) -> None:
    vendor.will(Answer(202, headers={"X-Message-Id": "14c5d75ce93"}))

    receipt = sendgrid(vendor.url).send(Batch(EMAIL, ROWS))

    assert receipt.vendor_id == "14c5d75ce93"
    sent = vendor.requests[0].json
    ada, bo = sent["personalizations"]
    assert ada["to"] == [{"email": "ada@example.org", "name": "Ada & Co"}]
    assert bo["to"] == [{"email": "bo@example.org"}]
    assert [each["custom_args"] for each in (ada, bo)] == [
        {"tocsin_broadcast": "ABCDEFGH12", "tocsin_row": "2"},
        {"tocsin_broadcast": "ABCDEFGH12", "tocsin_row": "7"},
    ]
    assert "custom_args" not in sent, "it would be replaced by what is said of each recipient"
    assert [part["type"] for part in sent["content"]] == ["text/plain", "text/html"]
    assert sent["headers"] == {"Message-ID": "<abcdefgh12@tocsin.example>"}


def test_a_name_is_put_in_as_it_is_and_is_no_markup_in_html(vendor: Vendor) -> None:
    vendor.will(Answer(202))

    sendgrid(vendor.url).send(Batch(EMAIL, ROWS))

    ada, bo = vendor.requests[0].json["personalizations"]
    assert ada["substitutions"] == {"%recipient-name%": "Ada & Co", "%recipient-name-html%": "Ada &amp; Co"}
    assert "substitutions" not in bo


def test_a_thousand_are_one_request_that_the_vendors_stand_in_takes_and_carries_to_each() -> None:
    rows = [Row(number, f"ship-{number}@example.org", f"Ship {number}") for number in range(1_000)]
    with Sandbox(SandboxConfig()) as sandbox:
        sendgrid(sandbox.url).send(Batch(EMAIL, rows))

        arrived = sandbox.messages(kind="email")

    assert {mail.to for mail in arrived} == {row.to for row in rows}
    assert {mail.correlation["tocsin_row"] for mail in arrived} == {str(number) for number in range(1_000)}
    assert arrived[0].text == "There is fog, Ship 0."
    assert arrived[-1].text == "There is fog, Ship 999."
    assert (bool(arrived[0].html), arrived[-1].html) == (True, ""), "of so many, a few are kept whole"


def test_whom_sendgrid_names_is_told_by_position_and_not_by_address(vendor: Vendor) -> None:
    vendor.will(refused(("ada@example.org is no address", "personalizations.0.to.0.email")))

    with pytest.raises(BatchRefused) as caught:
        sendgrid(vendor.url).send(Batch(EMAIL, ROWS))

    assert caught.value.positions == (0,)
    assert "ada@" not in str(caught.value)


@pytest.mark.parametrize("answer", [refused(("Bad Request", None)), refused(("too large", None), status=413)])
def test_a_refusal_that_names_nobody_names_nobody(vendor: Vendor, answer: Answer) -> None:
    vendor.will(answer)

    with pytest.raises(BatchRefused) as caught:
        sendgrid(vendor.url).send(Batch(EMAIL, ROWS))

    assert caught.value.positions == ()


def test_a_refusal_of_the_message_is_not_held_against_its_recipients(vendor: Vendor) -> None:
    vendor.will(refused(("The subject is required.", "subject")))

    with pytest.raises(Refused, match="The subject is required") as caught:
        sendgrid(vendor.url).send(Batch(EMAIL, ROWS))

    assert not isinstance(caught.value, BatchRefused)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_sendgrid_says_when_to_come_again(vendor: Vendor, status: int) -> None:
    vendor.will(Answer(status, headers={"Retry-After": "30"}))

    with pytest.raises(TryAgain) as caught:
        sendgrid(vendor.url).send(Batch(EMAIL, ROWS))

    assert caught.value.retry_after == timedelta(seconds=30)


def test_after_an_answer_that_was_lost_nobody_knows(vendor: Vendor) -> None:
    vendor.will(reset_after_reading)

    with pytest.raises(OutcomeUnknown, match="recognisable by its Message-ID"):
        sendgrid(vendor.url).send(Batch(EMAIL, ROWS))
