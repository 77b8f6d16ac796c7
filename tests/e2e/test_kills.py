"""Processes are killed without warning; nothing accepted is lost, and repeats are recognisable."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.outside import (
    LONG,
    arrived,
    dead,
    faults_are_used_up,
    first,
    let_vendor,
    sends,
    wait_until_met,
)
from tests.e2e.payloads import lamp_is_out
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_a_worker_killed_in_the_middle_of_its_sends_loses_no_message_and_repeats_recognisably(
    house: Stack, play: Play, lamp: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    first(play, incident, "sms")
    let_vendor(house, "sendgrid", "slow:2", times=1)
    let_vendor(house, "twilio", "slow:2", times=1, path="Messages.json")
    play.tocsin("report", incident, "interim", "--send", person="kit")
    play.tocsin("page", incident, "we need you", "--person", "dee", person="kit")
    play.wait_for("both sends to be under way", lambda: faults_are_used_up(house), LONG)

    with dead(house, "worker"):
        pass

    wait_until_met(play, incident, "interim-report#1")
    play.wait_for("the page to be known as sent", lambda: len(_pages(play, incident)) == 2, LONG)
    assert len(arrived(play, incident, "sms")) == 2, "Twilio was asked before the second attempt"
    emails = arrived(play, incident, "email")
    assert len(emails) <= 2, "only the send that was in flight may repeat"
    assert len({email["message_id"] for email in emails}) == 1, (
        "SendGrid can't be asked; a repeat says that it is one"
    )
    assert len({email["subject"] for email in emails}) == 1


def _pages(play: Play, incident: str) -> list[str]:
    return [message["id"] for message in sends(play, incident, channel="sms") if message["vendor_id"]]


def test_a_server_killed_after_the_alert_was_accepted_pages_all_the_same(
    house: Stack, play: Play, lamp: int
) -> None:
    with dead(house, "worker"):
        incident = play.alert(lamp_is_out(lamp))["key"]
        with dead(house, "temporal"):
            pass

    first(play, incident, "sms")


def test_a_receiver_killed_and_started_again_takes_what_the_vendors_kept(
    house: Stack, play: Play, lamp: int
) -> None:
    with dead(house, "worker"):
        incident = play.alert(lamp_is_out(lamp))["key"]
        house.kill("receiver")
    try:
        first(play, incident, "sms")
    finally:
        house.start_receiver()

    play.wait_for(
        "the delivery report to reach the incident",
        lambda: sends(play, incident, channel="sms", state="delivered"),
        LONG,
    )


def test_while_temporal_is_away_an_alert_is_refused_with_503_and_taken_on_the_next_try(
    house: Stack, play: Play, lamp: int
) -> None:
    url = f"{house.receiver_url}/v1/alertmanager"
    with dead(house, "temporal"):
        answer = httpx.post(url, json=lamp_is_out(lamp), timeout=10)
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0

    taken = play.wait_for("the receiver to reach Temporal", lambda: _taken(url, lamp), LONG)
    first(play, taken, "sms")
    assert [each["incident"] for each in play.tocsin("list") if f"lamp {lamp} " in each["title"]] == [taken]


def _taken(url: str, lamp: int) -> str | None:
    answer = httpx.post(url, json=lamp_is_out(lamp), timeout=10)
    return str(answer.json()["key"]) if answer.is_success else None
