from datetime import UTC, datetime

import pytest

from tocsin.channels.deliveries import (
    deliveries_of_sendgrid,
    delivery_of_twilio_call,
    delivery_of_twilio_key,
    delivery_of_twilio_sms,
)
from tocsin.domain.delivery import DeliveryState

from .test_http_answers import NOW


@pytest.mark.parametrize(
    ("status", "error", "state"),
    [
        ("accepted", "", "queued"),
        ("queued", "", "queued"),
        ("sending", "", "queued"),
        ("sent", "", "sent"),
        ("delivered", "", "delivered"),
        ("undelivered", "30003", "failed_for_now"),
        ("undelivered", "30006", "failed"),
        ("failed", "21610", "failed"),
        ("failed", "", "failed"),
    ],
)
def test_twilios_words_for_a_text_message_become_ours(status: str, error: str, state: str) -> None:
    params = {"MessageSid": "SM1", "MessageStatus": status, "To": "+15005550006"}
    report = delivery_of_twilio_sms(params | ({"ErrorCode": error} if error else {}), NOW)

    assert report is not None
    assert (report.vendor, report.vendor_id, report.state, report.at) == ("twilio", "SM1", state, NOW)
    assert report.detail == f"{status} {error}".strip()


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("queued", "queued"),
        ("initiated", "queued"),
        ("ringing", "sent"),
        ("in-progress", "sent"),
        ("busy", "no_answer"),
        ("no-answer", "no_answer"),
        ("failed", "failed"),
        ("canceled", "failed"),
    ],
)
def test_twilios_words_for_a_call_become_ours(status: str, state: str) -> None:
    params = {"CallSid": "CA1", "CallStatus": status, "Timestamp": "Sun, 01 Mar 2026 11:59:00 +0000"}
    report = delivery_of_twilio_call(params, NOW)

    assert report is not None
    assert (report.vendor_id, report.state, report.detail) == ("CA1", state, status)
    assert report.at == datetime(2026, 3, 1, 11, 59, tzinfo=UTC), "Twilio says when"


@pytest.mark.parametrize(
    ("params", "state", "words"),
    [
        ({"AnsweredBy": "human"}, "answered", "a person"),
        ({"AnsweredBy": "machine_start"}, "no_answer", "voicemail (machine_start)"),
        ({"AnsweredBy": "machine_end_beep"}, "no_answer", "voicemail"),
        ({"AnsweredBy": "fax"}, "no_answer", "fax machine"),
        ({"AnsweredBy": "unknown"}, "no_answer", "voicemail, or nobody can say"),
        ({"AnsweredBy": "robot_of_tomorrow"}, "no_answer", "voicemail (robot_of_tomorrow)"),
        ({"CallStatus": "in-progress", "AnsweredBy": "human"}, "answered", "a person"),
        ({"CallStatus": "completed", "AnsweredBy": "human"}, "answered", "a person"),
        ({"CallStatus": "completed", "AnsweredBy": "machine_start"}, "no_answer", "voicemail"),
        ({"CallStatus": "completed"}, "no_answer", "without a key"),
        ({"CallStatus": "busy", "AnsweredBy": "human"}, "no_answer", "busy"),
    ],
)
def test_only_a_person_answers_a_call(params: dict[str, str], state: str, words: str) -> None:
    report = delivery_of_twilio_call({"CallSid": "CA1"} | params, NOW)

    assert report is not None
    assert report.state == state
    assert words in report.detail


def test_a_key_is_pressed_by_a_person() -> None:
    report = delivery_of_twilio_key({"CallSid": "CA1", "Digits": "1"}, NOW)

    assert (report.vendor_id, report.state, report.detail, report.at) == ("CA1", "answered", "key 1", NOW)


@pytest.mark.parametrize("timestamp", ["", "yesterday"])
def test_a_call_without_a_time_has_the_time_it_was_heard_of(timestamp: str) -> None:
    report = delivery_of_twilio_call({"CallSid": "CA1", "CallStatus": "busy", "Timestamp": timestamp}, NOW)

    assert report is not None
    assert report.at == NOW


def test_a_callback_that_says_nothing_of_delivery_is_no_report() -> None:
    assert delivery_of_twilio_sms({"MessageSid": "SM1", "MessageStatus": "teleported"}, NOW) is None
    assert delivery_of_twilio_sms({"MessageStatus": "sent"}, NOW) is None
    assert delivery_of_twilio_call({"CallSid": "CA1"}, NOW) is None
    assert delivery_of_twilio_call({"CallStatus": "busy"}, NOW) is None


def event(name: str, **more: object) -> dict[str, object]:
    return {
        "event": name,
        "email": "ada@example.org",
        "timestamp": int(NOW.timestamp()),
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "tocsin_incident": "7f3k2",
        **more,
    }


def test_sendgrids_events_become_reports_with_what_was_sent_along() -> None:
    events = [
        event(name) for name in ("processed", "deferred", "delivered", "bounce", "dropped", "open", "click")
    ]

    reports = deliveries_of_sendgrid(events)

    assert [report.state for report in reports] == ["sent", "failed_for_now", "delivered", "failed", "failed"]
    assert {report.vendor_id for report in reports} == {"14c5d75ce93.dfd.64b469"}
    assert {report.at for report in reports} == {NOW}
    assert all(report.correlation == {"incident": "7f3k2"} for report in reports)


def test_a_message_id_ends_where_sendgrids_machine_begins() -> None:
    (report,) = deliveries_of_sendgrid(
        [event("processed", sg_message_id="5MHNp6e1T7Sl.recvd-6f7-canary-1.0")]
    )

    assert report.vendor_id == "5MHNp6e1T7Sl"


def test_a_block_passes_and_a_bounce_does_not() -> None:
    blocked, bounced = deliveries_of_sendgrid(
        [event("bounce", type="blocked"), event("bounce", type="bounce")]
    )

    assert (blocked.state, bounced.state) == (DeliveryState.FAILED_FOR_NOW, DeliveryState.FAILED)


def test_a_reason_is_kept_without_the_address() -> None:
    (report,) = deliveries_of_sendgrid([event("bounce", reason="550 5.1.1 <ada@example.org> unknown")])

    assert report.detail == "bounce 550 5.1.1 <(recipient)> unknown"


def test_a_late_bounce_has_no_name_and_is_known_by_what_was_sent_along() -> None:
    late = event("bounce")
    del late["sg_message_id"]

    (report,) = deliveries_of_sendgrid([late])

    assert (report.vendor_id, report.correlation) == ("", {"incident": "7f3k2"})


def test_an_event_without_a_time_is_left_out() -> None:
    assert deliveries_of_sendgrid([event("delivered", timestamp="now"), {}]) == []
