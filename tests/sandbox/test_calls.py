"""Calls through Twilio's SDK: ringing, answering, pressing keys, hanging up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Gather, VoiceResponse

from tocsin.sandbox import twiml
from tocsin.sandbox.calls import CallOverError
from tocsin.sandbox.line import APOLOGY
from tocsin.sandbox.models import Message

from .house import OURS, PHONE, House

ALL_EVENTS = ["initiated", "ringing", "answered", "completed"]


def question(action: str, timeout: int = 5) -> str:
    """What a page says: the incident, then a key to press, then good-bye."""
    response = VoiceResponse()
    response.say("Incident 7F3K2.")
    gather = Gather(num_digits=1, action=action, timeout=timeout)
    gather.say("Press 1 to acknowledge.")
    response.append(gather)
    response.say("Nothing was pressed.")
    return str(response)


def place(house: House, document: str = "<Response><Say>Hello.</Say></Response>", **changes: Any) -> Any:
    values = {
        "to": PHONE,
        "from_": OURS,
        "twiml": document,
        "status_callback": f"{house.receiver.url}/progress",
        "status_callback_event": ALL_EVENTS,
    }
    return house.twilio.calls.create(**{**values, **changes})


def over(message: Message) -> bool:
    return message.kind == "call" and not message.live


def ringing(message: Message) -> bool:
    return message.status == "ringing"


def progress(house: House, count: int) -> list[str]:
    return [post.form["CallStatus"] for post in house.receiver.hears("/progress", count)]


def test_a_key_pressed_on_a_ringing_call_reaches_the_product_and_its_answer_is_spoken(house: House) -> None:
    action = f"{house.receiver.url}/key?page=p-1"
    house.receiver.answers("/key?page=p-1", "<Response><Say>Thank you, Ana.</Say><Hangup/></Response>")

    call = place(house, question(action))
    assert call.status == "queued"
    assert call.sid.startswith("CA")
    house.sandbox.wait_for(ringing)
    house.sandbox.press(call.sid, "1")

    ended = house.sandbox.wait_for(over)
    assert ended.status == "completed"
    assert ended.transcript == [
        ("said", "Incident 7F3K2."),
        ("said", "Press 1 to acknowledge."),
        ("pressed", "1"),
        ("said", "Thank you, Ana."),
    ]
    [key] = house.receiver.hears("/key?page=p-1")
    assert (key.form["Digits"], key.form["CallSid"], key.form["CallStatus"]) == ("1", call.sid, "in-progress")
    validator = RequestValidator(house.sandbox.config.auth_token)
    assert validator.validate(action, key.form, key.headers["X-Twilio-Signature"])


def test_progress_is_reported_in_order_with_valid_signatures(house: House) -> None:
    call = place(house)
    house.sandbox.answer(call.sid)

    posts = house.receiver.hears("/progress", 4)

    assert [post.form["CallStatus"] for post in posts] == ["initiated", "ringing", "in-progress", "completed"]
    assert [post.form["SequenceNumber"] for post in posts] == ["0", "1", "2", "3"]
    validator = RequestValidator(house.sandbox.config.auth_token)
    assert all(validator.validate(post.url, post.form, post.headers["X-Twilio-Signature"]) for post in posts)
    fetched = house.twilio.calls(call.sid).fetch()
    assert (fetched.status, fetched.duration) == ("completed", "1")


def test_only_the_events_asked_for_are_reported_and_the_end_when_none_was(house: House) -> None:
    call = place(house, status_callback_event=[])
    house.sandbox.answer(call.sid)
    house.sandbox.wait_for(lambda message: any(made.outcome == "200" for made in message.callbacks))

    assert progress(house, 1) == ["completed"]


def test_a_phone_that_nobody_answers_rings_out(open_house: Callable[..., House]) -> None:
    house = open_house(ring_seconds=0.1)

    call = place(house)

    assert progress(house, 3) == ["initiated", "ringing", "no-answer"]
    assert house.twilio.calls(call.sid).fetch().status == "no-answer"
    with pytest.raises(CallOverError, match="is over \\(no-answer\\)"):
        house.sandbox.press(call.sid, "1")


@pytest.mark.parametrize(
    ("behaviour", "reported"),
    [
        ("busy", ["initiated", "ringing", "busy"]),
        ("failed", ["initiated", "failed"]),
        ("voicemail", ["initiated", "ringing", "in-progress", "completed"]),
    ],
)
def test_a_phone_behaves_as_configured(house: House, behaviour: str, reported: list[str]) -> None:
    house.sandbox.behave(PHONE, behaviour)

    place(house, question(f"{house.receiver.url}/key"))

    assert progress(house, len(reported)) == reported
    assert [heard for heard in house.receiver.heard if heard.path == "/key"] == []


def detecting(house: House, **changes: Any) -> Any:
    """A call that wants to know who takes it, as soon as that is known."""
    wanted = {
        "machine_detection": "Enable",
        "async_amd": "true",
        "async_amd_status_callback": f"{house.receiver.url}/taken",
    }
    return place(house, question(f"{house.receiver.url}/key", timeout=0), **{**wanted, **changes})


@pytest.mark.parametrize(("behaviour", "taker"), [("voicemail", "machine_start"), ("press:1", "human")])
def test_who_took_a_call_is_reported_to_whoever_asked(house: House, behaviour: str, taker: str) -> None:
    house.sandbox.behave(PHONE, behaviour)

    call = detecting(house)

    [taken] = house.receiver.hears("/taken")
    assert taken.form == {
        "CallSid": call.sid,
        "AccountSid": house.sandbox.config.account_sid,
        "AnsweredBy": taker,
        "MachineDetectionDuration": "0",
    }
    validator = RequestValidator(house.sandbox.config.auth_token)
    assert validator.validate(taken.url, taken.form, taken.headers["X-Twilio-Signature"])
    ended = house.receiver.hears("/progress", 4)[-1]
    assert (ended.form["CallStatus"], ended.form["AnsweredBy"]) == ("completed", taker)
    assert house.twilio.calls(call.sid).fetch().answered_by == taker


def test_a_person_who_picks_up_is_a_human_and_a_phone_that_rings_out_is_nobody(
    open_house: Callable[..., House],
) -> None:
    house = open_house(ring_seconds=5)
    call = detecting(house)
    house.sandbox.answer(call.sid)
    assert house.receiver.hears("/taken")[0].form["AnsweredBy"] == "human"

    house.sandbox.behave(PHONE, "busy")
    refused = detecting(house)
    house.sandbox.wait_for(lambda m: m.id == refused.sid and over(m))
    assert house.twilio.calls(refused.sid).fetch().answered_by is None
    assert len(house.receiver.hears("/taken")) == 1


def test_nobody_is_told_who_took_a_call_that_did_not_ask(house: House) -> None:
    house.sandbox.behave(PHONE, "voicemail")

    place(house)

    assert "AnsweredBy" not in house.receiver.hears("/progress", 4)[-1].form


def test_a_phone_can_be_made_to_answer_and_press_by_itself(house: House) -> None:
    house.sandbox.behave(PHONE, "press:1")

    place(house, question(f"{house.receiver.url}/key"))

    assert house.receiver.hears("/key")[0].form["Digits"] == "1"


def test_hanging_up_a_ringing_phone_is_busy_and_an_answered_one_completed(house: House) -> None:
    refused = place(house)
    house.sandbox.hang_up(refused.sid)
    assert house.sandbox.wait_for(lambda m: m.id == refused.sid and over(m)).status == "busy"

    answered = place(house, question(f"{house.receiver.url}/key"))
    house.sandbox.answer(answered.sid)
    house.sandbox.wait_for(lambda m: m.id == answered.sid and len(m.said) == 2)
    house.sandbox.hang_up(answered.sid)
    assert house.sandbox.wait_for(lambda m: m.id == answered.sid and over(m)).status == "completed"


def test_a_person_who_presses_nothing_hears_the_rest(house: House) -> None:
    call = place(house, question(f"{house.receiver.url}/key", timeout=0))
    house.sandbox.answer(call.sid)

    ended = house.sandbox.wait_for(over)
    assert ended.said[-1] == "Nothing was pressed."
    assert ended.digits == []


def test_a_call_by_url_fetches_its_twiml_and_follows_relative_addresses(house: House) -> None:
    house.receiver.answers("/voice/start", question("key"))
    house.receiver.answers("/voice/key", "<Response><Redirect>bye</Redirect></Response>")
    house.receiver.answers("/voice/bye", "<Response><Say>Good-bye.</Say></Response>")

    call = place(house, twiml=None, url=f"{house.receiver.url}/voice/start")
    house.sandbox.press(call.sid, "1")

    assert house.sandbox.wait_for(over).said[-1] == "Good-bye."


@pytest.mark.parametrize("answer", ["not xml", "<Response><Dial>+15005550101</Dial></Response>"])
def test_an_answer_that_is_no_twiml_is_apologised_for_as_the_vendor_does(house: House, answer: str) -> None:
    house.receiver.answers("/key", answer)

    call = place(house, question(f"{house.receiver.url}/key"))
    house.sandbox.press(call.sid, "1")

    ended = house.sandbox.wait_for(over)
    assert ended.said[-1] == APOLOGY
    assert ended.error_message


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": ""}, 21201),
        ({"to": "555"}, 21211),
        ({"from_": ""}, 21213),
        ({"from_": "Tocsin"}, 21212),
        ({"twiml": None}, 21205),
        ({"twiml": None, "url": "not a url"}, 21205),
        ({"twiml": "x" * 4001}, 20001),
        ({"timeout": 601}, 20001),
        ({"status_callback": "http://under_score.example/x"}, 21609),
        ({"async_amd_status_callback": "taken"}, 21609),
        ({"machine_detection": "Perhaps"}, 20001),
    ],
)
def test_what_the_vendor_refuses_is_refused_with_its_code(
    house: House, changes: dict[str, Any], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        place(house, **changes)

    assert (refusal.value.status, refusal.value.code) == (400, code)


def test_calls_are_listed_by_recipient_and_status(house: House) -> None:
    call = place(house)
    house.sandbox.answer(call.sid)
    house.sandbox.wait_for(over)
    place(house, to="+15005550101")

    assert [listed.sid for listed in house.twilio.calls.list(to=PHONE)] == [call.sid]
    assert [listed.sid for listed in house.twilio.calls.list(status="completed")] == [call.sid]


@pytest.mark.parametrize("keys", ["", "x", "1 2"])
def test_only_keys_of_a_phone_can_be_pressed(house: House, keys: str) -> None:
    call = place(house)
    with pytest.raises(ValueError, match="no keys of a phone"):
        house.sandbox.press(call.sid, keys)


def test_an_entry_without_a_fixed_length_ends_with_its_finish_key(house: House) -> None:
    call = place(house, f'<Response><Gather action="{house.receiver.url}/key"/></Response>')
    house.sandbox.press(call.sid, "4711#")

    assert house.receiver.hears("/key")[0].form["Digits"] == "4711"


def test_a_document_type_is_refused_before_any_entity_is_read() -> None:
    with pytest.raises(twiml.TwimlError, match="document type"):
        twiml.parse('<!DOCTYPE x [<!ENTITY a "b">]><Response/>')
