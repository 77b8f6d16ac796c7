"""Vendors have bad days: everybody is reached all the same, once where that is possible, and the record says how."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.e2e.outside import (
    DEE,
    KIT,
    LONG,
    Message,
    arrived,
    faults_are_used_up,
    first,
    hang_up,
    ledger,
    let_recipient,
    let_vendor,
    sends,
    timeline,
    wait_until_met,
)
from tests.e2e.payloads import lamp_is_out
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def the_text_that_is_known(play: Play, incident: str) -> Message:
    """The only text message of an incident, once the incident knows what the vendor calls it."""
    known = play.wait_for(
        "the text message to be known as sent and delivered",
        lambda: _sent_and_delivered(play, incident),
        LONG,
    )
    (text,) = arrived(play, incident, "sms")
    assert [message["vendor_id"] for message in known] == [text["vendor_id"]]
    return text


def _sent_and_delivered(play: Play, incident: str) -> list[Message]:
    """A delivery report may overtake the answer to the send, so both are asked for."""
    delivered = sends(play, incident, channel="sms", state="delivered")
    return [message for message in delivered if message["vendor_id"]]


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        pytest.param("500", 2, id="broken for a while"),
        pytest.param("drop_before", 1, id="hung up on us"),
        pytest.param("drop_after", 1, id="took it and hung up"),
        pytest.param("drop_after", 2, id="took it, hung up, and again when asked whether it had"),
        pytest.param("malformed", 1, id="took it and mumbled"),
    ],
)
def test_whatever_twilio_does_once_or_twice_exactly_one_text_arrives(
    house: Stack, play: Play, lamp: int, kind: str, times: int
) -> None:
    let_vendor(house, "twilio", kind, times=times, path="Messages.json")

    incident = play.alert(lamp_is_out(lamp))["incident"]

    the_text_that_is_known(play, incident)
    assert faults_are_used_up(house)


def test_a_vendor_that_asks_to_wait_is_left_alone_for_so_long(house: Stack, play: Play, lamp: int) -> None:
    let_vendor(house, "twilio", "429", times=1, path="Messages.json", retry_after=3)

    incident = play.alert(lamp_is_out(lamp))["incident"]

    text = the_text_that_is_known(play, incident)
    opened = datetime.fromisoformat(play.tocsin("show", incident)["opened"])
    assert datetime.fromisoformat(text["at"]) - opened >= timedelta(seconds=3)


@pytest.mark.parametrize(("kind", "taken"), [("429", 1), ("500", 1), ("drop_after", 2), ("malformed", 1)])
def test_whatever_sendgrid_does_once_the_report_is_delivered_and_a_repeat_says_that_it_is_one(
    house: Stack, play: Play, lamp: int, kind: str, taken: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["incident"]
    let_vendor(house, "sendgrid", kind, times=1)

    play.tocsin("report", incident, "interim", "--send", person="kit")

    wait_until_met(play, incident, "interim-report#1")
    emails = play.wait_for("every email", lambda: _emails(play, incident, taken), LONG)
    assert len({(email["message_id"], email["subject"]) for email in emails}) == 1


def _emails(play: Play, incident: str, number: int) -> list[Message] | None:
    emails = arrived(play, incident, "email")
    return emails if len(emails) == number else None


def test_a_text_that_the_vendor_will_never_take_is_followed_by_a_call_at_once(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "stopped")

    incident = play.alert(lamp_is_out(lamp))["incident"]

    call = first(play, incident, "call")
    assert call["to"] == KIT
    assert arrived(play, incident, "sms") == []
    (refused,) = sends(play, incident, channel="sms")
    assert refused["state"] == "failed"
    assert "21610" in refused["detail"]
    assert KIT not in refused["detail"], "phone numbers stay out of the record"


def test_a_text_that_does_not_arrive_is_followed_by_a_call_and_a_call_that_fails_by_the_deputy(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, KIT, "undelivered")
    incident = play.alert(lamp_is_out(lamp))["incident"]
    call = first(play, incident, "call")

    hang_up(house, call)

    to_the_deputy = play.wait_for(
        "the deputy's phone to ring",
        lambda: next((each for each in arrived(play, incident, "call") if each["to"] == DEE), None),
        LONG,
    )
    play.press(to_the_deputy, "1")
    row = wait_until_met(play, incident, "summon")
    assert "acknowledged by @dee" in row["reason"]
    said = timeline(play, incident)
    assert any("undelivered" in text or "failed" in text for text in said)
    assert any("no answer" in text for text in said)


def test_texts_that_nobody_takes_for_the_better_part_of_a_minute_are_followed_by_a_call(
    house: Stack, play: Play, lamp: int
) -> None:
    let_vendor(house, "twilio", "503", path="Messages.json")
    incident = play.alert(lamp_is_out(lamp))["incident"]

    call = first(play, incident, "call", seconds=90)

    assert call["to"] == KIT
    play.press(call, "1")
    row = wait_until_met(play, incident, "summon")
    assert "acknowledged by @kit" in row["reason"]
    assert ledger(play, incident)["interim-report#1"]["verdict"] == "pending"
    assert any(text.startswith("sms") and "503" in text for text in timeline(play, incident))
    assert arrived(play, incident, "sms") == []
