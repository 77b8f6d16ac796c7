from datetime import timedelta
from email.utils import format_datetime
from time import monotonic

import pytest

from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.domain.channel import Attachment, Email, OutcomeUnknown, Refused, TryAgain

from .test_http_answers import NOW
from .vendor import Answer, Vendor, closed_port, reset_after_reading, reset_before_reading, silence

EMAIL = Email(
    to="ada@example.org",
    to_name="Lovelace, Ada",
    subject="Incident 7F3K2: high",
    text="Acknowledge please.",
    html="<p>Acknowledge please.</p>",
    message_id="notice-1@tocsin.example",
    correlation={"incident": "7f3k2", "email": "not an address"},
    attachments=(Attachment(filename="meeting.ics", media_type="text/calendar", content="QkVHSU4="),),
)


def sendgrid(host: str, timeout_seconds: float = 10) -> SendGridEmail:
    return SendGridEmail("SG.key", "oncall@tocsin.example", "Tocsin", host, timeout_seconds)


def test_an_accepted_email_has_sendgrids_name_for_it(vendor: Vendor) -> None:
    vendor.will(Answer(202, headers={"X-Message-Id": "14c5d75ce93"}))

    receipt = sendgrid(vendor.url).send(EMAIL)

    assert (receipt.vendor, receipt.vendor_id, receipt.status) == ("sendgrid", "14c5d75ce93", "accepted")


def test_an_email_carries_its_parts_its_message_id_and_its_attachment(vendor: Vendor) -> None:
    vendor.will(Answer(202))

    sendgrid(vendor.url).send(EMAIL)

    (request,) = vendor.requests
    assert (request.method, request.path) == ("POST", "/v3/mail/send")
    sent = request.json
    assert sent["from"] == {"email": "oncall@tocsin.example", "name": "Tocsin"}
    (personalization,) = sent["personalizations"]
    assert [to["email"] for to in personalization["to"]] == ["ada@example.org"]
    assert sent["content"] == [
        {"type": "text/plain", "value": EMAIL.text},
        {"type": "text/html", "value": EMAIL.html},
    ]
    assert sent["headers"] == {"Message-ID": "<notice-1@tocsin.example>"}
    assert sent["attachments"] == [
        {
            "content": "QkVHSU4=",
            "filename": "meeting.ics",
            "type": "text/calendar",
            "disposition": "attachment",
        }
    ]


def test_correlation_is_set_apart_from_sendgrids_own_fields_and_links_are_left_alone(vendor: Vendor) -> None:
    vendor.will(Answer(202))

    sendgrid(vendor.url).send(EMAIL)

    sent = vendor.requests[0].json
    [personalization] = sent["personalizations"]
    assert personalization["custom_args"] == {"tocsin_incident": "7f3k2", "tocsin_email": "not an address"}
    assert sent["tracking_settings"]["click_tracking"] == {"enable": False, "enable_text": False}
    assert sent["tracking_settings"]["open_tracking"]["enable"] is False


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_sendgrid_may_be_tried_again(vendor: Vendor, status: int) -> None:
    vendor.will(Answer(status, {"errors": [{"message": "too many requests"}]}, {"Retry-After": "30"}))

    with pytest.raises(TryAgain, match=rf"{status}: too many requests") as caught:
        sendgrid(vendor.url).send(EMAIL)

    assert caught.value.retry_after == timedelta(seconds=30)


def test_a_retry_after_may_be_a_date(vendor: Vendor) -> None:
    vendor.will(Answer(429, headers={"Retry-After": format_datetime(NOW, usegmt=True)}))

    with pytest.raises(TryAgain) as caught:
        sendgrid(vendor.url).send(EMAIL)

    assert caught.value.retry_after == timedelta(0), "that date has passed"


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_a_refusal_is_for_good_and_quotes_sendgrid_but_not_the_address(vendor: Vendor, status: int) -> None:
    error = {"message": "ada@example.org is no address.", "field": "personalizations.0.to.0.email"}
    vendor.will(Answer(status, {"errors": [error]}))

    with pytest.raises(Refused, match=r"is no address\. \(personalizations\.0\.to\.0\.email\)") as caught:
        sendgrid(vendor.url).send(EMAIL)

    assert caught.value.code == str(status)
    assert "ada@" not in str(caught.value)
    assert caught.value.__cause__ is None, "the vendor's error would be kept in history"


def test_an_answer_that_is_not_sendgrids_is_quoted_as_it_is(vendor: Vendor) -> None:
    vendor.will(Answer(403, "blocked by the proxy"))

    with pytest.raises(Refused, match="blocked by the proxy"):
        sendgrid(vendor.url).send(EMAIL)


def test_a_refused_connection_may_be_tried_again() -> None:
    with pytest.raises(TryAgain, match="could not be reached"):
        sendgrid(closed_port()).send(EMAIL)


def test_an_unknown_host_may_be_tried_again() -> None:
    with pytest.raises(TryAgain, match="could not be reached"):
        sendgrid("http://sendgrid.invalid").send(EMAIL)


def test_a_slow_sendgrid_is_given_up_in_time_and_the_outcome_is_unknown(vendor: Vendor) -> None:
    vendor.will(silence)
    began = monotonic()

    with pytest.raises(OutcomeUnknown, match="may have been accepted"):
        sendgrid(vendor.url, timeout_seconds=0.6).send(EMAIL)

    assert 0.5 < monotonic() - began < 5
    assert len(vendor.requests) == 1, "it was not repeated behind our back"


def test_a_reset_after_the_email_left_makes_the_outcome_unknown(vendor: Vendor) -> None:
    vendor.will(reset_after_reading)

    with pytest.raises(OutcomeUnknown):
        sendgrid(vendor.url).send(EMAIL)


def test_a_reset_in_the_middle_of_the_email_may_be_tried_again(vendor: Vendor) -> None:
    vendor.will(reset_before_reading)
    evidence = Attachment(filename="log.txt", media_type="text/plain", content="QUFB" * 6_000_000)

    with pytest.raises(TryAgain, match="could not be reached"):
        sendgrid(vendor.url).send(EMAIL.model_copy(update={"attachments": (evidence,)}))
