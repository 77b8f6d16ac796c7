from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from temporalio.testing import ActivityEnvironment
from twilio.rest import Client

from activities.phone import PhoneActivities
from tests.gates import OpenGate
from tests.test_rendering import page
from tests.workflows.lighthouse import MemoryDirectories, PlainRenderer
from tocsin.channels import twiml
from tocsin.channels.twilio_voice import TwilioVoice
from tocsin.domain.channel import Call, OutcomeUnknown, Refused, Spoken, TryAgain
from tocsin.domain.messages import Dispatched
from tocsin.domain.state import Target

from .vendor import Answer, Vendor, reset_after_reading, silence

LONG_AGO = datetime.now(UTC) - timedelta(minutes=1)
CALL = Call(
    to="+4915005550006",
    say="Störung & Ausfall.",
    language="de-AT",
    keys=Spoken(text="Drücken Sie die 1.", language="de"),
    silence=Spoken(text="We did not receive a key."),
    answer_url="https://t.example/answer?i=7f3k2&s=1",
    status_callback="https://t.example/call",
)


@pytest.fixture
def voice(twilio: Client) -> TwilioVoice:
    return TwilioVoice(twilio, "+15005550001")


def test_a_call_says_its_words_and_reports_its_progress(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(Answer(201, {"sid": "CA1", "status": "queued"}))

    receipt = voice.call(CALL)

    assert (receipt.vendor, receipt.vendor_id, receipt.status) == ("twilio", "CA1", "queued")
    (request,) = vendor.requests
    assert request.path == f"/2010-04-01/Accounts/AC{'0' * 32}/Calls.json"
    assert request.form == {
        "To": [CALL.to],
        "From": ["+15005550001"],
        "Twiml": [twiml.spoken(CALL)],
        "StatusCallback": [CALL.status_callback],
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "MachineDetection": ["Enable"],
        "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": [CALL.status_callback],
    }


def test_a_call_that_twilio_refuses_is_for_good(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(Answer(400, {"code": 21215, "message": "Geo-permission", "status": 400}))

    with pytest.raises(Refused, match="Geo-permission") as caught:
        voice.call(CALL)

    assert caught.value.code == "21215"


def test_a_busy_twilio_may_be_called_again(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(Answer(503))

    with pytest.raises(TryAgain, match="503"):
        voice.call(CALL)


def placed(sid: str = "CA1", created: datetime | None = None) -> dict[str, Any]:
    return {
        "sid": sid,
        "status": "queued",
        "date_created": format_datetime(created or datetime.now(UTC)),
    }


def listing(*calls: dict[str, Any]) -> Answer:
    return Answer(200, {"calls": list(calls), "page_size": 20, "next_page_uri": None})


def another(message: str) -> Call:
    """A call to the same person about something else."""
    return CALL.model_copy(update={"status_callback": f"https://t.example/call?message={message}"})


@pytest.mark.parametrize("no_answer", [reset_after_reading, silence])
def test_when_no_answer_comes_back_twilio_is_asked_and_the_call_is_found(
    vendor: Vendor, impatient_twilio: Client, no_answer: Any
) -> None:
    vendor.will(no_answer, listing(placed("CA2")))

    receipt = TwilioVoice(impatient_twilio, "+15005550001").call(CALL)

    assert receipt.vendor_id == "CA2"
    sent, asked = vendor.requests
    assert (sent.method, asked.method) == ("POST", "GET")
    assert (asked.query["To"], asked.query["From"]) == ([CALL.to], ["+15005550001"])


def test_when_twilio_has_no_such_call_it_may_be_placed_again(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(reset_after_reading, listing(placed(created=LONG_AGO)))

    with pytest.raises(TryAgain, match="no record of the call"):
        voice.call(CALL)


def test_when_twilio_cannot_be_asked_either_the_outcome_stays_unknown(
    vendor: Vendor, voice: TwilioVoice
) -> None:
    vendor.will(reset_after_reading, Answer(503))

    with pytest.raises(OutcomeUnknown, match="nor could Twilio be asked"):
        voice.call(CALL)


def test_an_acceptance_that_cannot_be_read_is_looked_up(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(Answer(201, b"<html>a proxy's page</html>"), listing(placed("CA3")))

    assert voice.call(CALL).vendor_id == "CA3"


def test_a_call_about_something_else_is_not_taken_for_this_one(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(Answer(201, placed("CA1")), listing(placed("CA1")), listing(placed("CA2"), placed("CA1")))
    voice.call(another("m1"))

    assert voice.find(another("m2"), LONG_AGO) is None
    found = voice.find(another("m2"), LONG_AGO)
    assert found is not None
    assert found.vendor_id == "CA2"


def test_a_call_that_was_placed_and_not_reported_is_found_as_itself(
    vendor: Vendor, voice: TwilioVoice
) -> None:
    vendor.will(Answer(201, placed("CA1")), listing(placed("CA2"), placed("CA1")), listing(placed("CA1")))
    voice.call(another("m1"))
    voice.find(another("m2"), LONG_AGO)

    again = voice.find(another("m1"), LONG_AGO)

    assert again is not None
    assert again.vendor_id == "CA1"


def test_one_call_is_found_by_one_message_however_many_look_for_it(
    vendor: Vendor, voice: TwilioVoice
) -> None:
    vendor.will(*[listing(placed("CA1"))] * 20)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: voice.find(another(f"m{number}"), LONG_AGO), range(20)))

    assert [receipt.vendor_id for receipt in found if receipt] == ["CA1"]


def place(voice: TwilioVoice, attempt: int) -> Dispatched:
    """Run the activity that calls the lighthouse's keeper, as the worker does for this attempt."""
    environment = ActivityEnvironment()
    environment.info = replace(ActivityEnvironment.default_info(), attempt=attempt, scheduled_time=LONG_AGO)
    activities = PhoneActivities(voice, MemoryDirectories(), PlainRenderer(), OpenGate())
    to_the_keeper = page(channel="phone", target=Target(role="keeper"), created=LONG_AGO)
    return environment.run(activities.call, to_the_keeper)


def test_a_second_attempt_asks_before_it_calls(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(listing(placed("CA5")))

    assert place(voice, attempt=2).vendor_id == "CA5"
    assert [request.method for request in vendor.requests] == ["GET"]


def test_a_second_attempt_calls_when_the_first_did_not(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(listing(), Answer(201, placed("CA6")))

    assert place(voice, attempt=2).vendor_id == "CA6"
    assert [request.method for request in vendor.requests] == ["GET", "POST"]


def test_a_first_attempt_calls_at_once(vendor: Vendor, voice: TwilioVoice) -> None:
    vendor.will(Answer(201, placed("CA7")))

    assert place(voice, attempt=1).vendor_id == "CA7"


# ---- what is said ----


def verbs(document: str) -> Iterator[tuple[str, str | None, str | None]]:
    for verb in ElementTree.fromstring(document).iter():
        if verb.tag not in {"Response", "Gather"}:
            yield verb.tag, verb.text, verb.get("language")


def test_a_call_speaks_twice_each_sentence_in_its_language_and_waits_for_one_key() -> None:
    gather = ElementTree.fromstring(twiml.spoken(CALL))[0]

    assert gather.attrib == {
        "numDigits": "1",
        "action": CALL.answer_url,
        "method": "POST",
        "timeout": "8",
        "finishOnKey": "",
    }
    assert [verb.tag for verb in gather] == ["Say", "Say", "Pause", "Say", "Say"]
    message, keys = ("Say", "Störung & Ausfall.", "de-AT"), ("Say", "Drücken Sie die 1.", "de-DE")
    assert list(verbs(twiml.spoken(CALL))) == [
        *(message, keys, ("Pause", None, None), message, keys),
        ("Say", "We did not receive a key.", "en-US"),
        ("Hangup", None, None),
    ]


def test_a_call_that_nobody_can_answer_takes_no_key() -> None:
    mute = CALL.model_copy(update={"answer_url": None, "keys": None})

    assert [verb.tag for verb in ElementTree.fromstring(twiml.spoken(mute))] == ["Say", "Pause", "Say"]


@pytest.mark.parametrize("say", ["checkout is down. " * 400, "&<>" * 1_500, "支払い停止。" * 800])
def test_however_long_a_message_twilio_takes_it_and_the_keys_are_said(say: str) -> None:
    document = twiml.spoken(CALL.model_copy(update={"say": say}))

    assert len(document) <= twiml.LONGEST
    assert document.count("Drücken Sie die 1.") == 2
    assert "We did not receive a key." in document
    said = ElementTree.fromstring(document)[0][0].text or ""
    assert said.endswith("...")
    assert len(said) > 200


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        ("es-MX", "es-MX"),
        ("es-mx", "es-MX"),
        ("es-CL", "es-ES"),
        ("es", "es-ES"),
        ("zh-Hant-TW", "zh-TW"),
        ("en-GB", "en-GB"),
        ("sw-KE", "sw-KE"),
    ],
)
def test_each_language_is_read_by_a_voice_that_twilio_has(language: str, voice: str) -> None:
    assert twiml.voice_for(language) == voice


def test_a_key_is_thanked_for() -> None:
    say, hangup = ElementTree.fromstring(twiml.thanks("Acknowledged. Thank you.", "en-GB"))

    assert (say.text, say.get("language"), hangup.tag) == ("Acknowledged. Thank you.", "en-GB", "Hangup")


def test_a_key_without_meaning_is_asked_for_again() -> None:
    document = twiml.asked([Spoken(text="No."), Spoken(text="Pulse 1.", language="es")], "https://t/k", None)

    assert [verb.tag for verb in ElementTree.fromstring(document)] == ["Gather", "Hangup"]
    assert list(verbs(document))[:2] == [("Say", "No.", "en-US"), ("Say", "Pulse 1.", "es-ES")]
