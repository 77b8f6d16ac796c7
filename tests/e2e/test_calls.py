"""A page on the telephone, seen from outside: heard again, passed on, taken by a machine; and rung once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.outside import (
    DEE,
    KIT,
    LONG,
    Message,
    arrived,
    faults_are_used_up,
    first,
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


def called(house: Stack, play: Play, lamp: int) -> tuple[str, Message]:
    """An incident whose keeper cannot be texted, and is called at once."""
    let_recipient(house, KIT, "landline")
    incident = play.alert(lamp_is_out(lamp))["key"]
    return incident, first(play, incident, "call")


def hears(house: Stack, play: Play, call: Message, words: str) -> str:
    """Wait until a call has said something; all that it has said."""

    def said() -> str | None:
        url = f"{house.sandbox_url}/sandbox/messages/{call['id']}"
        body: Any = httpx.get(url).raise_for_status().json()["body"]
        return body if words in body else None

    return play.wait_for(f'"{words}" on the telephone', said, LONG)


def test_a_page_is_heard_again_passed_on_and_does_not_stop_at_a_machine(
    house: Stack, play: Play, lamp: int
) -> None:
    let_recipient(house, DEE, "voicemail")
    incident, call = called(house, play, lamp)

    play.press(call, "3")
    hears(house, play, call, "Press 3 to hear this again.\nThis is Tocsin")
    play.press(call, "2")
    heard = hears(house, play, call, "Thank you. You have passed on page")
    assert heard.count("incident " + " ".join(incident[:5])) == 4, "twice, and twice again"

    play.wait_for("the deputy's machine", lambda: sends(play, incident, state="no_answer"), LONG)
    assert any("voicemail (machine_start)" in line for line in timeline(play, incident))
    (answered,) = sends(play, incident, state="answered")
    assert (answered["channel"], answered["reached"]) == ("phone", "kit")
    assert nobody_has_acknowledged(play, incident)

    let_recipient(house, DEE, "normal")
    play.tocsin("ack", incident, person="dee")
    wait_until_met(play, incident, "summon")


def nobody_has_acknowledged(play: Play, incident: str) -> bool:
    """Whether the page still waits: neither passing on nor a machine has answered it."""
    pages = play.tocsin("show", incident, quiet=True)["pages"]
    return all(page["acknowledged"] is None for page in pages)


def test_a_call_that_twilio_placed_without_saying_so_rings_once(house: Stack, play: Play, lamp: int) -> None:
    let_vendor(house, "twilio", "drop_after", times=1, path="Calls.json")

    incident, call = called(house, play, lamp)
    play.press(call, "1")

    wait_until_met(play, incident, "summon")
    assert faults_are_used_up(house)
    assert [placed["id"] for placed in arrived(play, incident, "call")] == [call["id"]]
    assert [known["vendor_id"] for known in sends(play, incident, channel="phone")] == [call["id"]]
