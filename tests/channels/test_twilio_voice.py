from xml.etree import ElementTree

import pytest
from twilio.rest import Client

from tocsin.channels import twiml
from tocsin.channels.twilio_voice import TwilioVoice
from tocsin.domain.channel import Call, OutcomeUnknown, Refused, TryAgain

from .vendor import Answer, Vendor, silence

CALL = Call(
    to="+4915005550006",
    say="Störung & Ausfall. Drücken Sie die 1.",
    language="de-DE",
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


def test_a_call_without_an_answer_may_have_been_placed(vendor: Vendor, impatient_twilio: Client) -> None:
    vendor.will(silence)

    with pytest.raises(OutcomeUnknown, match="may have been accepted"):
        TwilioVoice(impatient_twilio, "+15005550001").call(CALL)


def test_a_call_speaks_twice_and_waits_for_one_key() -> None:
    gather, *after = ElementTree.fromstring(twiml.spoken(CALL))

    assert gather.attrib == {"numDigits": "1", "action": CALL.answer_url, "method": "POST", "timeout": "8"}
    assert [verb.tag for verb in gather] == ["Say", "Pause", "Say"]
    assert {(say.text, say.get("language")) for say in gather.iter("Say")} == {(CALL.say, "de-DE")}
    assert [(verb.tag, verb.text) for verb in after] == [
        ("Say", "We did not receive a key."),
        ("Hangup", None),
    ]


def test_a_call_that_only_informs_takes_no_key() -> None:
    verbs = ElementTree.fromstring(twiml.spoken(CALL.model_copy(update={"answer_url": None})))

    assert [verb.tag for verb in verbs] == ["Say", "Pause", "Say"]


def test_a_key_is_thanked_for() -> None:
    say, hangup = ElementTree.fromstring(twiml.thanks("Acknowledged. Thank you.", "en-GB"))

    assert (say.text, say.get("language"), hangup.tag) == ("Acknowledged. Thank you.", "en-GB", "Hangup")


def test_a_key_without_meaning_is_asked_for_again() -> None:
    verbs = ElementTree.fromstring(twiml.again(CALL))

    assert [verb.tag for verb in verbs] == ["Say", "Gather", "Say", "Hangup"]
