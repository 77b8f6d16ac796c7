from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.ingest.harbour import unavailable
from tests.ingest.newsroom import Newsroom
from tests.ingest.test_monitors import assert_problem
from tocsin.domain.naming import identify
from tocsin.domain.state import Actor, Reporter
from tocsin.ingest.bodies import BODY_LIMIT

TICKET: dict[str, Any] = {
    "id": "SUP-4711",
    "subject": "Nobody can moor",
    "body": "Since noon.",
    "requester": {"name": "The SOC", "email": "soc@acme.example"},
}


async def test_a_customers_ticket_opens_an_incident_under_its_id(room: Newsroom) -> None:
    answer = await room.ticket(
        TICKET
        | {"severity": "closed", "facts": {"place": "North"}, "knew_since": "2026-11-24T11:00:00+01:00"}
    )

    key = identify("harbour", "ticket", "SUP-4711")
    assert (answer.status_code, answer.json()["incident"]) == (202, key)
    start = room.start
    assert (start.key, start.title, start.severity) == (key, "Nobody can moor", "closed")
    assert (start.customer, start.facts) == ("acme", {"place": "North"})
    assert start.reporter == Actor(key="acme/soc-desk", via="ticket", proof="claimed")
    assert start.reported == Reporter(
        kind="customer", channel="ticket", knew=datetime(2026, 11, 24, 10, tzinfo=UTC)
    )
    assert [note.text for note in room.said] == ["Ticket SUP-4711: Since noon."]


async def test_whoever_the_directory_does_not_know_is_on_the_record_in_their_own_words(
    room: Newsroom,
) -> None:
    await room.ticket(TICKET | {"requester": {"name": "Jo\nDoe", "email": "jo@elsewhere.example"}})

    assert room.start.reported == Reporter(
        kind="stakeholder", channel="ticket", contact="Jo Doe <jo@elsewhere.example>"
    )


async def test_a_ticket_that_comes_again_says_the_same_once_and_something_new_as_a_note(
    room: Newsroom,
) -> None:
    for body in ("Since noon.", "Since noon.", "Since noon. Ice now."):
        assert (await room.ticket(TICKET | {"body": body})).status_code == 202

    first, again, more = room.said
    assert first.id == again.id != more.id
    assert len({started["id"] for started in room.temporal.started}) == 1


@pytest.mark.parametrize("type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_what_is_not_called_json_is_no_ticket(room: Newsroom, type: str) -> None:
    answer = await room.ticket(TICKET, type=type)

    assert_problem(answer, 415, "wrong-content-type")
    assert answer.headers["accept"] == "application/json"
    assert room.temporal.started == []


async def test_a_ticket_may_name_its_character_set(room: Newsroom) -> None:
    assert (await room.ticket(TICKET, type="Application/JSON; charset=utf-8")).status_code == 202


async def test_a_ticket_without_a_body_opens_its_incident_in_silence(room: Newsroom) -> None:
    await room.ticket(TICKET | {"body": " \n"})

    [started] = room.temporal.started
    assert (started["start_signal"], room.said) == (None, [])


async def test_what_comes_after_the_resolution_goes_where_the_incident_lives_on(room: Newsroom) -> None:
    first = await room.ticket(TICKET)
    key = first.json()["incident"]
    room.temporal.moves_on(key)

    answer = await room.ticket(TICKET | {"body": "Fog again."})

    assert (answer.status_code, answer.json()["outcome"]) == (202, "over")
    [told] = room.temporal.told
    assert told.workflow == f"post-incident-{key}"


async def test_a_ticket_whose_incident_is_closed_is_refused_rather_than_lost(room: Newsroom) -> None:
    first = await room.ticket(TICKET)
    room.temporal.ends(first.json()["workflow"])

    answer = await room.ticket(TICKET | {"body": "Fog again."})

    assert "under another id" in assert_problem(answer, 409, "incident-closed")["detail"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"severity": "foggy"}, "it has closed, slow"),
        ({"customer": "nobody"}, "it has acme"),
        ({"facts": {"mood": "bad"}}, "it has description, place"),
        ({"knew_since": "2026-11-24T12:06:00Z"}, "has not come yet"),
    ],
)
async def test_what_the_plan_does_not_know_is_refused(
    room: Newsroom, wrong: dict[str, Any], said: str
) -> None:
    assert said in assert_problem(await room.ticket(TICKET | wrong), 422, "refused")["detail"]
    assert room.temporal.started == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": 4711}, "id"),
        ({"subject": " "}, "subject"),
        ({"requester": "Jo"}, "requester"),
        ({"knew_since": "2026-11-24T12:00:00"}, "knew_since"),
        ({"knew_since": "0001-01-01T00:00:00+14:00"}, "knew_since"),
        ({"knew_since": "9999-12-31T23:59:59-14:00"}, "knew_since"),
        ({"facts": ["fog"]}, "facts"),
    ],
)
async def test_a_field_of_the_wrong_shape_is_named(room: Newsroom, wrong: dict[str, Any], field: str) -> None:
    problem = assert_problem(await room.ticket(TICKET | wrong), 400, "wrong-shape")

    assert [each["field"] for each in problem["errors"]] == [field]


async def test_only_a_token_for_reports_may_hand_in_tickets(room: Newsroom) -> None:
    for token in ("", "alarm", "help-desk-downstair"):
        assert_problem(await room.ticket(TICKET, token), 401, "unknown-token")
    assert room.temporal.started == []


async def test_what_is_too_long_or_not_json_is_refused(room: Newsroom) -> None:
    assert_problem(await room.ticket(b" " * (BODY_LIMIT + 1)), 413, "body-too-long")
    assert_problem(await room.ticket(b"[" * 10_000), 400, "not-json")


async def test_while_temporal_is_away_the_ticket_is_asked_for_again(room: Newsroom) -> None:
    room.temporal.failure = unavailable()

    assert_problem(await room.ticket(TICKET), 503, "temporal-unavailable")
