from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest
import uvicorn

from tests.ingest.harbour import KIT, STRANGER, unavailable
from tests.ingest.newsroom import PUBLIC_URL, Newsroom, Temporal, newsroom
from tests.ingest.test_monitors import assert_problem
from tocsin.domain.naming import identify
from tocsin.domain.state import Actor, Reporter
from tocsin.ingest.app import create_app
from tocsin.sandbox.server import Sandbox
from tocsin.settings import Settings

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


async def test_a_call_from_a_telephone_of_the_sandbox_opens_an_incident(tmp_path: Path) -> None:
    temporal = Temporal()
    with socket.create_server(("127.0.0.1", 0)) as listener, Sandbox() as sandbox:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        house = Settings(
            public_url=url, twilio_auth_token=sandbox.config.auth_token, state=tmp_path / "state"
        )
        app = create_app(temporal, newsroom(tmp_path), house)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        sandbox.dial(KIT, "Fog in the north basin", url=f"{url}/v1/reports/phone/harbour")
        call = await sandbox.expect(lambda message: message.status == "completed")
        server.should_exit = True
        await serving

    start, *again = [started["start"] for started in temporal.started]
    assert {each.key for each in again} <= {start.key}  # told once more that the call has ended
    assert (start.title, start.reporter.key) == ("Fog in the north basin", "kit")
    assert ", ".join(start.key[:5]) in call.said[-1]
