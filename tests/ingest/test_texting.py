from __future__ import annotations

import pytest

from tests.ingest.conftest import Post
from tests.ingest.harbour import DEE, DESK, KIT, STRANGER, Incident, unavailable
from tocsin.domain.state import Actor
from tocsin.ingest.texting import LOOKED_THROUGH

FIRST, SECOND = "7F3K2XYZ90", "9ABCDEFGH0"


def incident(id: str) -> Incident:
    return Incident(f"incident-{id}", id)


@pytest.mark.parametrize(
    "text", ["7F3K2-2", " 7f3k2-2 on it", "ACK 7F3K2-2", "ack: 7f3k2–2.", "7F3K2 2", "7F3K2XYZ9O-2"]
)
async def test_the_code_of_a_page_acknowledges_it(post: Post, text: str) -> None:
    post.temporal.runs(incident(FIRST), incident(SECOND))

    reply = await post.sms(KIT, text)

    assert reply == "Received: your acknowledgement of 7F3K2-2."
    [told] = post.temporal.told
    assert (told.workflow, told.signal) == (f"incident-{FIRST}", "queued_command")
    command = told.argument.command
    assert (command.kind, command.incident, command.page) == ("acknowledge", FIRST, 2)
    assert command.actor == Actor(key="kit", via="sms", proof="proven")


async def test_a_text_that_comes_twice_is_one_command(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    for sid in ("SM1", "SM1", "SM2"):
        await post.sms(KIT, "7F3K2-1", sid)

    first, doubled, another = (told.argument.command.id for told in post.temporal.told)
    assert first == doubled != another


async def test_a_number_for_texts_alone_belongs_to_its_person_too(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    await post.sms(DEE, "7F3K2-1")

    assert post.temporal.told[0].argument.command.actor.key == "dee"


async def test_a_number_that_several_people_share_proves_nothing(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    await post.sms(DESK, "7F3K2-1")

    assert post.temporal.told[0].argument.command.actor == Actor(key="desk-early", via="sms", proof="claimed")


@pytest.mark.parametrize("text", ["ACK", "ack", "Acknowledged!"])
async def test_ack_alone_acknowledges_the_only_page_that_waits_for_its_sender(post: Post, text: str) -> None:
    post.temporal.runs(
        incident(FIRST).paged("dee").paged("kit", is_open=False).paged("kit"),
        incident(SECOND).paged("dee"),
    )

    reply = await post.sms(KIT, text)

    assert reply == "Received: your acknowledgement of 7F3K2-3."
    assert post.temporal.told[0].argument.command.page == 3


async def test_ack_alone_from_a_shared_number_names_the_one_who_was_paged(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("desk-late"))

    await post.sms(DESK, "ack")

    assert post.temporal.told[0].argument.command.actor == Actor(key="desk-late", via="sms", proof="claimed")


async def test_ack_alone_asks_which_when_several_pages_wait(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"), incident(SECOND).paged("kit"))

    reply = await post.sms(KIT, "ACK")

    assert reply == "Several pages wait for you. Send the code of one: 7F3K2-1, 9ABCD-1."
    assert post.temporal.told == []


async def test_ack_alone_when_nothing_waits_says_so(post: Post) -> None:
    not_logged_yet = Incident(f"incident-{SECOND}", SECOND, is_logged=False)
    post.temporal.runs(incident(FIRST).paged("dee"), not_logged_yet)

    assert "No page waits for your answer" in await post.sms(KIT, "ACK")
    assert post.temporal.told == []


async def test_ack_alone_asks_for_the_code_when_too_many_incidents_are_open(post: Post) -> None:
    post.temporal.runs(*(Incident(f"incident-{n:010}", f"{n:010}") for n in range(LOOKED_THROUGH)))

    assert "Too many incidents are open" in await post.sms(KIT, "ACK")


async def test_a_code_that_no_open_incident_has_is_said_to_be_none(post: Post) -> None:
    post.temporal.runs(incident(SECOND))

    assert "There is no open incident 7F3K2" in await post.sms(KIT, "7F3K2-2")
    assert post.temporal.told == []


async def test_an_incident_of_a_plan_that_does_not_know_the_number_is_not_touched(post: Post) -> None:
    post.temporal.runs(Incident(f"incident-{FIRST}", FIRST, plan="elsewhere"))

    assert "There is no open incident" in await post.sms(KIT, "7F3K2-2")
    assert post.temporal.told == []


async def test_a_code_that_two_open_incidents_share_changes_neither(post: Post) -> None:
    post.temporal.runs(incident(FIRST), incident("7F3K2AAAAA"))

    assert "More than one open incident begins with 7F3K2" in await post.sms(KIT, "7F3K2-1")
    assert post.temporal.told == []


async def test_a_stranger_is_told_so_and_nothing_is_looked_up(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"))

    assert "not in the directory" in await post.sms(STRANGER, "7F3K2-1")
    assert "not in the directory" in await post.sms("", "ACK")
    assert (post.temporal.told, post.temporal.queries) == ([], [])


@pytest.mark.parametrize("text", ["", "on my way <3 & running", "7F3K2", "'; DROP TABLE-1", "ack me later"])
async def test_any_other_text_is_answered_with_what_to_send(post: Post, text: str) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"))

    assert "send its code, such as 7F3K2-2" in await post.sms(KIT, text)
    assert post.temporal.told == []


@pytest.mark.parametrize("text", ["ACK", "7F3K2-1"])
async def test_a_person_who_texts_while_temporal_is_away_is_asked_to_try_again(post: Post, text: str) -> None:
    post.temporal.failure = unavailable()

    assert "could not be recorded just now" in await post.sms(KIT, text)
