from __future__ import annotations

import re

import pytest

from tests.ingest.harbour import KIT, STRANGER, unavailable
from tests.ingest.newsroom import PUBLIC_URL, Newsroom
from tests.ingest.test_monitors import assert_problem
from tocsin.domain.naming import identify
from tocsin.domain.state import Actor, Reporter

RINGS = {"CallSid": "CA1", "From": KIT, "To": "+12025550000", "CallStatus": "ringing"}
SPOKEN = RINGS | {"CallStatus": "in-progress", "SpeechResult": "Fog in the north basin.", "Confidence": "0.9"}
SILENCE = RINGS | {"CallStatus": "in-progress"}
HEARD = "heard=1"


async def test_a_caller_is_asked_what_has_happened(room: Newsroom) -> None:
    answer = await room.call(RINGS)

    assert answer.headers["content-type"].startswith("application/xml")
    assert "Harbour Ltd, incident reports" in answer.text
    assert f'action="{PUBLIC_URL}/v1/reports/phone/harbour?{HEARD}"' in answer.text
    assert 'input="speech"' in answer.text
    assert 'actionOnEmptyResult="true"' in answer.text
    assert room.temporal.started == []


async def test_what_a_caller_says_opens_an_incident_and_its_reference_is_read_out(room: Newsroom) -> None:
    answer = await room.call(SPOKEN, HEARD)

    start = room.start
    assert (start.key, start.title) == (identify("harbour", "phone", "CA1"), "Fog in the north basin.")
    assert start.reporter == Actor(key="kit", via="phone", proof="claimed")
    assert start.reported == Reporter(kind="employee", channel="phone")
    assert [note.text for note in room.said] == ["Fog in the north basin."]
    assert answer.text.count(", ".join(start.key[:5])) == 2
    assert "<Hangup" in answer.text


@pytest.mark.parametrize(
    ("number", "name"),
    [(KIT, "kit"), (STRANGER, STRANGER), ("+12025550150", "acme/soc-desk"), ("", "number withheld")],
)
async def test_a_caller_who_is_not_understood_is_to_be_called_back(
    room: Newsroom, number: str, name: str
) -> None:
    answer = await room.call(SILENCE | {"From": number}, HEARD)

    assert room.start.title == f"Reported by phone, nothing understood: call back {name}"
    assert "you will be called back" in answer.text
    assert room.said == []


async def test_a_call_that_breaks_off_opens_an_incident_too(room: Newsroom) -> None:
    await room.call(RINGS)
    await room.call(RINGS | {"CallStatus": "completed"})

    assert "call back kit" in room.start.title


async def test_a_call_is_one_report_however_often_twilio_tells_of_it(room: Newsroom) -> None:
    first, again = [await room.call(SPOKEN, HEARD) for _ in range(2)]
    await room.call(RINGS | {"CallStatus": "completed"})

    assert first.text == again.text
    assert len({started["id"] for started in room.temporal.started}) == 1
    assert room.said[0].id == room.said[1].id


async def test_while_temporal_is_away_the_caller_is_asked_to_stay_on_the_line(room: Newsroom) -> None:
    room.temporal.failure = unavailable()
    sorry = await room.call(SPOKEN, HEARD)
    room.temporal.failure = None
    [action] = re.findall(r'action="([^"]*)"', sorry.text)

    thanks = await room.call(SPOKEN, action.partition("?")[2])

    assert "could not be recorded just now" in sorry.text
    assert "Your report is recorded" in thanks.text


async def test_a_call_that_broke_off_while_temporal_was_away_is_not_claimed_to_be_recorded(
    room: Newsroom,
) -> None:
    room.temporal.failure = unavailable()

    assert_problem(await room.call(RINGS | {"CallStatus": "completed"}), 503, "temporal-unavailable")


async def test_without_twilios_signature_no_call_is_believed(room: Newsroom) -> None:
    assert_problem(await room.call(SPOKEN, HEARD, signature="bm90IHR3aWxpbw=="), 403, "not-signed-by-twilio")
    assert room.temporal.started == []
