"""Vendors have bad days: everybody is reached all the same, once where that is possible, and the ledger says how."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.e2e.outside import (
    DEE,
    KIT,
    LONG,
    RADIO,
    Message,
    arrived,
    faults_are_used_up,
    first,
    hang_up,
    let_recipient,
    let_vendor,
    reply,
    sends,
    timeline,
    verdict,
    wait_for_verdict,
    wants_texts_again,
)
from tests.e2e.payloads import lamp_is_out
from tocsin.domain import naming
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LATE = "late:12"
"""Seconds; the channels wait for ten."""

BEYOND = 10_000
"""The number of a second lamp, far from those of other tests."""

BAD_MOMENTS = [
    pytest.param("500", 2, id="broken for a while"),
    pytest.param("429", 1, id="busy"),
    pytest.param("drop_before", 1, id="hung up on us"),
    pytest.param("drop_after", 1, id="took it and hung up"),
    pytest.param("drop_after", 2, id="took it, hung up, and again when asked whether it had"),
    pytest.param("malformed", 1, id="took it and mumbled"),
]


def the_only(play: Play, incident: str, kind: str, channel: str) -> Message:
    """The only message of a kind about an incident, once the incident knows what the vendor calls it."""
    known = play.wait_for(
        f"the {kind} to be known as sent",
        lambda: [each for each in sends(play, incident, channel=channel) if each["vendor_id"]],
        LONG,
    )
    (message,) = arrived(play, incident, kind)
    assert [each["vendor_id"] for each in known] == [message["vendor_id"]]
    return message


def kit_answers(house: Stack, play: Play, incident: str, text: Message) -> None:
    """Kit replies with the code in the text, and the promise to summon somebody is kept."""
    reply(house, text, naming.page_code(incident, 1))
    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by sms)")


def is_said_once(play: Play, incident: str, begins: str, has: str = "") -> None:
    """Wait for a line of the timeline; it is the only one of its kind."""

    def lines() -> list[str]:
        return [line for line in timeline(play, incident) if line.startswith(begins) and has in line]

    assert len(play.wait_for(f"{begins} {has} on the timeline", lines, LONG)) == 1


# ---- text messages ----


@pytest.mark.parametrize(("kind", "times"), BAD_MOMENTS)
def test_whatever_twilio_does_once_or_twice_exactly_one_text_arrives_and_is_answered(
    house: Stack, play: Play, lamp: int, kind: str, times: int
) -> None:
    let_vendor(house, "twilio", kind, times=times, path="Messages.json")

    incident = play.alert(lamp_is_out(lamp))["key"]

    text = the_only(play, incident, "sms", "sms")
    kit_answers(house, play, incident, text)
    assert faults_are_used_up(house)
    assert len(arrived(play, incident, "sms")) == 1
    assert arrived(play, incident, "call") == []
    is_said_once(play, incident, f"sms {incident}-m1 to @kit (role keeper)")
    is_said_once(play, incident, f"sms {incident}-m1 to", "delivered")


def test_a_vendor_that_asks_to_wait_is_left_alone_for_so_long(house: Stack, play: Play, lamp: int) -> None:
    let_vendor(house, "twilio", "429", times=1, path="Messages.json", retry_after=3)

    incident = play.alert(lamp_is_out(lamp))["key"]

    text = the_only(play, incident, "sms", "sms")
    opened = datetime.fromisoformat(play.tocsin("show", incident)["opened"])
    assert datetime.fromisoformat(text["at"]) - opened >= timedelta(seconds=3)
    kit_answers(house, play, incident, text)


def test_a_text_that_the_vendor_refuses_is_followed_by_a_call_at_once(
    house: Stack, play: Play, lamp: int
) -> None:
    let_vendor(house, "twilio", "400", times=1, path="Messages.json")

    incident = play.alert(lamp_is_out(lamp))["key"]
    play.press(first(play, incident, "call"), "1")

    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by phone)")
    assert arrived(play, incident, "sms") == []
    assert any(
        "m1 to role keeper: Twilio refused the request with 400" in line for line in timeline(play, incident)
    )


def test_somebody_who_wants_no_texts_is_called_at_once_and_texted_again_once_they_say_so(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "stopped")
    try:
        incident = play.alert(lamp_is_out(lamp))["key"]
        play.press(first(play, incident, "call"), "1")
    finally:
        wants_texts_again(house, play, KIT)

    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by phone)")
    assert arrived(play, incident, "sms") == []
    (refused,) = sends(play, incident, channel="sms")
    assert refused["state"] == "failed"
    assert "they replied STOP" in refused["detail"]
    assert KIT not in refused["detail"], "phone numbers stay out of the record"
    assert any("wants no messages by sms" in line for line in timeline(play, incident))


def test_texts_that_nobody_takes_for_the_better_part_of_a_minute_are_followed_by_a_call(
    house: Stack, play: Play, lamp: int
) -> None:
    let_vendor(house, "twilio", "503", path="Messages.json")
    incident = play.alert(lamp_is_out(lamp))["key"]

    call = first(play, incident, "call", seconds=90)

    assert call["to"] == KIT
    play.press(call, "1")
    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by phone)")
    assert verdict(play, incident, "interim-report#1")[0] == "pending"
    assert any(text.startswith("sms") and "503" in text for text in timeline(play, incident))
    assert arrived(play, incident, "sms") == []


# ---- calls ----


@pytest.mark.parametrize(("kind", "times"), BAD_MOMENTS)
def test_whatever_twilio_does_once_or_twice_exactly_one_call_rings_and_is_answered(
    house: Stack, play: Play, lamp: int, kind: str, times: int
) -> None:
    let_recipient(house, KIT, "landline")
    let_vendor(house, "twilio", kind, times=times, path="Calls.json")

    incident = play.alert(lamp_is_out(lamp))["key"]
    call = first(play, incident, "call")
    play.press(call, "1")

    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @kit (by phone)")
    assert the_only(play, incident, "call", "phone")["id"] == call["id"]
    assert faults_are_used_up(house)
    is_said_once(play, incident, f"sms {incident}-m1 to", "failed: undelivered 30006")
    is_said_once(play, incident, "phone", "answered")


def test_a_call_that_the_vendor_refuses_is_followed_by_one_to_the_deputy(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "landline")
    let_vendor(house, "twilio", "400", times=1, path="Calls.json")

    incident = play.alert(lamp_is_out(lamp))["key"]
    call = first(play, incident, "call")
    play.press(call, "1")

    assert call["to"] == DEE
    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @dee (by phone)")
    assert arrived(play, incident, "call")[1:] == []
    assert any(
        line.startswith("phone") and "Twilio refused the request with 400" in line
        for line in timeline(play, incident)
    )


def test_a_text_that_does_not_arrive_is_followed_by_a_call_and_a_call_that_fails_by_the_deputy(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "undelivered")
    incident = play.alert(lamp_is_out(lamp))["key"]
    call = first(play, incident, "call")

    hang_up(house, call)

    play.press(first(play, incident, "call", to=DEE), "1")
    wait_for_verdict(play, incident, "summon", "met", "acknowledged by @dee (by phone)")
    said = timeline(play, incident)
    assert any("undelivered" in text or "failed" in text for text in said)
    assert any("no answer" in text for text in said)


# ---- email ----


@pytest.mark.parametrize(
    ("kind", "times", "taken"),
    [
        pytest.param("429", 1, 1, id="busy"),
        pytest.param("500", 2, 1, id="broken for a while"),
        pytest.param("drop_before", 1, 1, id="hung up on us"),
        pytest.param("drop_after", 1, 2, id="took it and hung up"),
        pytest.param("malformed", 1, 1, id="took it and mumbled"),
    ],
)
def test_whatever_sendgrid_does_the_report_is_delivered_and_a_repeat_says_that_it_is_one(
    house: Stack, play: Play, lamp: int, kind: str, times: int, taken: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    let_vendor(house, "sendgrid", kind, times=times)

    play.tocsin("report", incident, "interim", "--send", person="kit")

    wait_for_verdict(play, incident, "interim-report#1", "met", "delivered to @radio")
    emails = play.wait_for("every email", lambda: _emails(play, incident, taken), LONG)
    assert len({(email["message_id"], email["subject"]) for email in emails}) == 1
    assert faults_are_used_up(house)
    is_said_once(play, incident, "email", "delivered")


def _emails(play: Play, incident: str, number: int) -> list[Message] | None:
    emails = arrived(play, incident, "email")
    return emails if len(emails) == number else None


def test_a_report_that_sendgrid_refuses_stays_owed_with_the_reason_until_it_is_sent_again(
    house: Stack, play: Play, lamp: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    let_vendor(house, "sendgrid", "400", times=1)

    play.tocsin("report", incident, "interim", "--send", person="kit")
    why = "not delivered to @radio by email: SendGrid refused the email with 400"
    wait_for_verdict(play, incident, "interim-report#1", "pending", why)
    assert arrived(play, incident, "email") == []
    assert any("SendGrid refused the email with 400" in line for line in timeline(play, incident))

    play.tocsin("report", incident, "interim", "--send", person="kit")
    wait_for_verdict(play, incident, "interim-report#1", "met", "delivered to @radio")
    assert len(arrived(play, incident, "email")) == 1


def test_a_report_to_an_address_that_does_not_exist_stays_owed_with_the_reason(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, RADIO, "bounce")
    incident = play.alert(lamp_is_out(lamp))["key"]

    play.tocsin("report", incident, "interim", "--send", person="kit")
    why = "not delivered to @radio by email: bounce 550 5.1.1"
    wait_for_verdict(play, incident, "interim-report#1", "pending", why)

    let_recipient(house, RADIO, "normal")
    play.tocsin("report", incident, "interim", "--send", person="kit")
    wait_for_verdict(play, incident, "interim-report#1", "met", "delivered to @radio")
    returned, delivered = arrived(play, incident, "email")
    assert (returned["status"], delivered["status"]) == ("bounce", "delivered")


# ---- vendors that take a message and do not answer in time ----


def test_what_a_vendor_took_without_answering_in_time_arrives_once_or_says_that_it_is_a_repeat(
    house: Stack, play: Play, lamp: int
) -> None:
    for vendor, path in (("twilio", "Messages.json"), ("twilio", "Calls.json"), ("sendgrid", "mail/send")):
        let_vendor(house, vendor, LATE, times=1, path=path)

    texted = play.alert(lamp_is_out(lamp))["key"]
    text = first(play, texted, "sms")
    play.tocsin("report", texted, "interim", "--send", person="kit")
    let_recipient(house, KIT, "landline")
    called = play.alert(lamp_is_out(lamp + BEYOND))["key"]
    call = first(play, called, "call")
    play.press(call, "1")

    assert the_only(play, texted, "sms", "sms")["id"] == text["id"]
    kit_answers(house, play, texted, text)
    assert the_only(play, called, "call", "phone")["id"] == call["id"]
    wait_for_verdict(play, called, "summon", "met", "acknowledged by @kit (by phone)")
    wait_for_verdict(play, texted, "interim-report#1", "met", "delivered to @radio")
    emails = play.wait_for("the repeat", lambda: _emails(play, texted, 2), LONG)
    assert len({(email["message_id"], email["subject"]) for email in emails}) == 1
    assert faults_are_used_up(house)
