import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from twilio.rest import Client

from tocsin.channels.twilio_client import twilio_client
from tocsin.channels.twilio_sms import TwilioSms
from tocsin.domain.channel import OutcomeUnknown, Refused, Sms, TryAgain

from .vendor import Answer, Vendor, closed_port, reset_after_reading, silence

SMS = Sms(
    to="+15005550006", body="7F3K2 high. Reply 1 to acknowledge.", status_callback="https://t.example/cb"
)


def message(body: str = SMS.body, *, created: datetime | None = None, sid: str = "SM1") -> dict[str, Any]:
    created = created or datetime.now(UTC)
    return {"sid": sid, "status": "queued", "body": body, "date_created": format_datetime(created)}


def listing(*messages: dict[str, Any]) -> Answer:
    return Answer(200, {"messages": list(messages), "page_size": 50, "next_page_uri": None})


@pytest.fixture
def sms(twilio: Client) -> TwilioSms:
    return TwilioSms(twilio, "+15005550001")


@pytest.fixture
def impatient_sms(impatient_twilio: Client) -> TwilioSms:
    return TwilioSms(impatient_twilio, "+15005550001")


def test_a_text_message_is_queued_under_twilios_name_for_it(vendor: Vendor, sms: TwilioSms) -> None:
    vendor.will(Answer(201, message()))

    receipt = sms.send(SMS)

    assert (receipt.vendor, receipt.vendor_id, receipt.status) == ("twilio", "SM1", "queued")
    (request,) = vendor.requests
    assert request.path == f"/2010-04-01/Accounts/AC{'0' * 32}/Messages.json"
    assert request.form == {
        "To": [SMS.to],
        "From": ["+15005550001"],
        "Body": [SMS.body],
        "StatusCallback": [SMS.status_callback],
    }


def test_connections_are_reused(vendor: Vendor, sms: TwilioSms) -> None:
    vendor.will(Answer(201, message()), Answer(201, message()))

    sms.send(SMS)
    sms.send(SMS)

    assert len(vendor.connections) == 1


def test_many_threads_get_each_the_receipt_of_its_own_message(vendor: Vendor, sms: TwilioSms) -> None:
    vendor.will(*[_echo] * 40)

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(sms.send, [SMS.model_copy(update={"body": f"n{i}"}) for i in range(40)]))

    assert [receipt.vendor_id for receipt in receipts] == [f"SM-n{i}" for i in range(40)]


def _echo(handler: Any) -> None:
    handler.read_request_and_answer(lambda request: Answer(201, message(sid=f"SM-{request.form['Body'][0]}")))


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_busy_twilio_may_be_tried_again_after_the_time_it_asks_for(
    vendor: Vendor, sms: TwilioSms, status: int
) -> None:
    vendor.will(Answer(status, {"code": 20429, "message": "slow down"}, {"Retry-After": "7"}))

    with pytest.raises(TryAgain, match=str(status)) as caught:
        sms.send(SMS)

    assert caught.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("code", [21211, 21610, 30006])
def test_a_refusal_keeps_twilios_code_and_words_but_not_the_number(
    vendor: Vendor, sms: TwilioSms, code: int
) -> None:
    words = f"The 'To' number {SMS.to} is not a valid phone number."
    vendor.will(Answer(400, {"code": code, "message": words, "status": 400}))

    with pytest.raises(Refused, match=r"The 'To' number \(recipient\) is not a valid phone number") as caught:
        sms.send(SMS)

    assert caught.value.code == str(code)
    assert SMS.to not in str(caught.value)
    assert caught.value.__cause__ is None, "Twilio's error would be kept in history"


def test_a_refusal_in_the_form_of_rfc_9457_is_understood(vendor: Vendor, sms: TwilioSms) -> None:
    problem = {
        "type": "https://t/21211",
        "title": "Invalid number",
        "detail": "No.",
        "status": 400,
        "code": 21211,
    }
    vendor.will(Answer(400, problem))

    with pytest.raises(Refused, match=r"Invalid number: No\.") as caught:
        sms.send(SMS)

    assert caught.value.code == "21211"


def test_a_twilio_out_of_reach_may_be_tried_again_without_asking() -> None:
    for base_url in (closed_port(), "http://twilio.invalid"):
        client = twilio_client("AC1", "token", base_url=base_url, timeout_seconds=1)
        with pytest.raises(TryAgain, match="could not be reached"):
            TwilioSms(client, "+15005550001").send(SMS)
        client.http_client.close()


@pytest.mark.parametrize("no_answer", [reset_after_reading, silence])
def test_when_no_answer_comes_back_twilio_is_asked_and_the_message_is_found(
    vendor: Vendor, impatient_sms: TwilioSms, no_answer: Any
) -> None:
    vendor.will(no_answer, listing(message("something else", sid="SM9"), message(sid="SM2")))

    receipt = impatient_sms.send(SMS)

    assert receipt.vendor_id == "SM2"
    sent, asked = vendor.requests
    assert (sent.method, asked.method) == ("POST", "GET")
    assert asked.query["To"] == [SMS.to]
    assert asked.query["From"] == ["+15005550001"]


def test_when_twilio_has_no_such_message_it_may_be_sent_again(vendor: Vendor, sms: TwilioSms) -> None:
    vendor.will(reset_after_reading, listing())

    with pytest.raises(TryAgain, match="no record of the"):
        sms.send(SMS)


def test_the_same_words_sent_a_minute_ago_are_not_taken_for_this_message(
    vendor: Vendor, sms: TwilioSms
) -> None:
    vendor.will(reset_after_reading, listing(message(created=datetime.now(UTC) - timedelta(minutes=1))))

    with pytest.raises(TryAgain):
        sms.send(SMS)


@pytest.mark.parametrize(
    "answer", [silence, reset_after_reading, Answer(503), Answer(404, {"message": "no"})]
)
def test_when_twilio_cannot_be_asked_either_the_outcome_stays_unknown(
    vendor: Vendor, impatient_sms: TwilioSms, answer: Any
) -> None:
    vendor.will(reset_after_reading, answer)

    with pytest.raises(OutcomeUnknown, match="nor could Twilio be asked"):
        impatient_sms.send(SMS)


@pytest.mark.parametrize("body", [None, {}, b"<html>a proxy's page</html>"])
def test_an_acceptance_that_cannot_be_read_is_looked_up(vendor: Vendor, sms: TwilioSms, body: Any) -> None:
    vendor.will(Answer(201, body), listing(message(sid="SM3")))

    assert sms.send(SMS).vendor_id == "SM3"


def test_after_a_crash_a_message_of_the_first_attempt_is_found(vendor: Vendor, sms: TwilioSms) -> None:
    first_attempt = datetime(2026, 3, 1, 12, 0, 0, 700_000, tzinfo=UTC)
    vendor.will(listing(message(created=first_attempt + timedelta(seconds=3))), listing())

    found = sms.find(SMS, first_attempt)

    assert found is not None
    assert found.vendor_id == "SM1"
    assert sms.find(SMS, first_attempt) is None


def test_a_message_is_found_although_twilio_changed_its_ends(vendor: Vendor, sms: TwilioSms) -> None:
    vendor.will(listing(message(f"Sent from your Twilio trial account - {SMS.body}")))

    padded = SMS.model_copy(update={"body": f"{SMS.body}\n"})

    assert sms.find(padded, datetime.now(UTC) - timedelta(minutes=1)) is not None


def test_no_phone_number_is_logged(vendor: Vendor, sms: TwilioSms, caplog: pytest.LogCaptureFixture) -> None:
    vendor.will(reset_after_reading, listing(message()))

    with caplog.at_level(logging.INFO):
        sms.send(SMS)

    assert SMS.to.removeprefix("+") not in caplog.text
