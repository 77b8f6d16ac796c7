"""Calls that people make: the product answers, asks, and hears what they say."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

from tocsin.sandbox.calls import CallOverError
from tocsin.sandbox.models import Message

from .house import OURS, PHONE, House


def asks(action: str, timeout: int = 5) -> str:
    response = VoiceResponse()
    gather = Gather(input="speech", action=action, timeout=timeout, action_on_empty_result=True)
    gather.say("What has happened?")
    response.append(gather)
    return str(response)


GOODBYE = "<Response><Say>Recorded.</Say><Hangup/></Response>"


def over(message: Message) -> bool:
    return message.kind == "call" and not message.live


def answering(house: House, timeout: int = 5) -> str:
    """Where the product answers calls, with a script for one."""
    house.receiver.answers("/voice", asks(f"{house.receiver.url}/heard", timeout))
    house.receiver.answers("/heard", GOODBYE)
    return f"{house.receiver.url}/voice"


def test_a_person_calls_and_says_what_has_happened(house: House) -> None:
    call = house.sandbox.dial(PHONE, "The quay is on fire", url=answering(house))
    ended = house.sandbox.wait_for(over)

    first, ending = house.receiver.hears("/voice", 2)
    [heard] = house.receiver.hears("/heard")
    assert (first.form["CallStatus"], first.form["Direction"]) == ("ringing", "inbound")
    assert (first.form["From"], first.form["To"], first.form["CallSid"]) == (PHONE, OURS, call.id)
    assert (heard.form["SpeechResult"], heard.form["CallStatus"]) == ("The quay is on fire", "in-progress")
    validator = RequestValidator(house.sandbox.config.auth_token)
    assert validator.validate(heard.url, heard.form, heard.headers["X-Twilio-Signature"])
    assert ending.form["CallStatus"] == "completed"
    assert ended.transcript == [
        ("said", "What has happened?"),
        ("heard", "The quay is on fire"),
        ("said", "Recorded."),
    ]
    assert house.twilio.calls(call.id).fetch().direction == "inbound"


def test_words_that_are_said_during_the_call_are_heard(house: House) -> None:
    call = house.sandbox.dial(PHONE, url=answering(house))
    house.sandbox.wait_for(lambda message: bool(message.said))
    house.sandbox.say(call.id, "Fire")

    assert house.sandbox.wait_for(over).heard == ["Fire"]


def test_silence_is_an_answer_too(house: House) -> None:
    house.sandbox.dial(PHONE, url=answering(house, timeout=1))

    [heard] = house.receiver.hears("/heard")
    assert "SpeechResult" not in heard.form


def test_who_hangs_up_before_saying_anything_is_told_of_as_completed(house: House) -> None:
    call = house.sandbox.dial(PHONE, url=answering(house))
    house.sandbox.wait_for(lambda message: bool(message.said))
    house.sandbox.hang_up(call.id)

    _, ending = house.receiver.hears("/voice", 2)
    assert ending.form["CallStatus"] == "completed"
    assert not any(post.path == "/heard" for post in house.receiver.heard)


def test_the_control_api_dials_and_speaks(open_house: Callable[..., House]) -> None:
    house = open_house()
    url = answering(house)
    with httpx.Client(base_url=house.sandbox.url) as http:
        dialled = http.post("/sandbox/calls", json={"from": PHONE, "url": url})
        house.sandbox.wait_for(lambda message: bool(message.said))
        http.post(f"/sandbox/calls/{dialled.json()['id']}/say", json={"text": "Fire"})
        ended = house.sandbox.wait_for(over)
        late = http.post(f"/sandbox/calls/{ended.id}/say", json={"text": "Fire!"})

    assert (dialled.status_code, dialled.json()["direction"]) == (200, "inbound")
    assert ended.as_json()["heard"] == ["Fire"]
    assert late.status_code == 409


def test_calls_go_to_the_configured_address_unless_they_say_otherwise(
    open_house: Callable[..., House], house: House
) -> None:
    configured = open_house(inbound_call_url=answering(house))

    configured.sandbox.dial(PHONE, "Fire")

    assert configured.sandbox.wait_for(over).heard == ["Fire"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"from": "nobody", "url": "http://x.example/"}, "'nobody' is no number"),
        ({"from": PHONE}, "nobody answers"),
        ({"from": PHONE, "says": 1}, "'says' is what the person says"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(house: House, given: dict[str, object], said: str) -> None:
    answer = httpx.post(f"{house.sandbox.url}/sandbox/calls", json=given)

    assert (answer.status_code, said in answer.json()["error"]) == (400, True)


def test_nothing_can_be_said_into_a_call_that_is_none(house: House) -> None:
    with pytest.raises(CallOverError, match="there is no call CA1"):
        house.sandbox.say("CA1", "Fire")
    with pytest.raises(ValueError, match="nothing was said"):
        house.sandbox.say("CA1", " ")
