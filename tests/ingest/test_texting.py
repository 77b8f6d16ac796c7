"""People answer by text, from any number of theirs, and are told what became of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.ingest.conftest import Post
from tests.ingest.harbour import (
    DEE,
    DEE_AT_HOME,
    DESK,
    KIT,
    NOON,
    STRANGER,
    FakeTemporal,
    Incident,
    Told,
    unavailable,
    write_plans,
)
from tocsin.domain.state import Actor
from tocsin.ingest.reception import Reception
from tocsin.ingest.texting import PAGES_AT_ONCE, Texting
from tocsin.ingest.waiting import LOOKED_THROUGH
from tocsin.library import PlanLibrary
from tocsin.settings import Settings

FIRST, SECOND = "7F3K2XYZ90", "9ABCDEFGH0"


def incident(id: str) -> Incident:
    return Incident(f"incident-{id}", id)


def answered(post: Post) -> list[tuple[str, str, int]]:
    """Every command that arrived: what it is, the incident, the page."""
    return [(c.kind, c.incident, c.page) for c in (told.argument.command for told in post.temporal.told)]


# ---- by code ----


@pytest.mark.parametrize(
    "text",
    [
        "7F3K2-2",
        " 7f3k2-2 on it",
        "7F3K2-2, got it, thanks!",
        "7F3K2-2: I'm on it",
        "7F3K2-2 ack",
        "ACK 7F3K2-2",
        "ACK 7F3K2-2, can't say for how long",
        "ack: 7f3k2–2.",
        "7F3K2 2",
        "7F3K2XYZ9O-2",
    ],
)
async def test_the_code_of_a_page_acknowledges_it(post: Post, text: str) -> None:
    post.temporal.runs(incident(FIRST), incident(SECOND))

    reply = await post.sms(KIT, text)

    assert reply == "Acknowledged: 7F3K2-2."
    [told] = post.temporal.told
    assert (told.workflow, told.signal) == (f"incident-{FIRST}", "command")
    assert answered(post) == [("acknowledge", FIRST, 2)]
    assert told.argument.command.actor == Actor(key="kit", via="sms", proof="proven")


@pytest.mark.parametrize("text", ["7F3K2-2 9ABCD-1", "ack 7f3k2-2, 9abcd 1 thanks", "7F3K2-2 and 9ABCD-1"])
async def test_several_codes_in_one_text_are_all_acknowledged(post: Post, text: str) -> None:
    post.temporal.runs(incident(FIRST), incident(SECOND))

    assert await post.sms(KIT, text) == "Acknowledged: 7F3K2-2, 9ABCD-1."
    assert answered(post) == [("acknowledge", FIRST, 2), ("acknowledge", SECOND, 1)]


async def test_of_several_codes_each_is_told_its_own_fate(post: Post) -> None:
    faster = incident(SECOND)
    faster.refusal = "page 1 was already acknowledged by @dee (by sms)"
    post.temporal.runs(incident(FIRST), faster)

    reply = await post.sms(KIT, "7F3K2-2 9ABCD-1 ZZZZZ-4")

    assert reply == (
        "Acknowledged: 7F3K2-2. 9ABCD-1: page 1 was already acknowledged by Dee (by sms). "
        "There is no open incident ZZZZZ that you could answer. Check the code in the message that you got."
    )


async def test_a_word_and_a_number_after_a_code_are_no_code(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    assert await post.sms(KIT, "ACK 7F3K2-2 there 10 minutes") == "Acknowledged: 7F3K2-2."


async def test_a_text_that_comes_twice_is_one_command_with_one_answer(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    replies = [await post.sms(KIT, "7F3K2-1", sid) for sid in ("SM1", "SM1", "SM2")]

    first, doubled, another = (told.argument.command.id for told in post.temporal.told)
    assert first == doubled != another
    assert replies[0] == replies[1]


@pytest.mark.parametrize("number", [DEE, DEE_AT_HOME])
async def test_every_number_of_a_person_is_theirs(post: Post, number: str) -> None:
    post.temporal.runs(incident(FIRST))

    await post.sms(number, "7F3K2-1")

    assert post.temporal.told[0].argument.command.actor == Actor(key="dee", via="sms", proof="proven")


async def test_a_number_that_several_people_share_proves_nothing(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    await post.sms(DESK, "7F3K2-1")

    assert post.temporal.told[0].argument.command.actor == Actor(key="desk-early", via="sms", proof="claimed")


async def test_an_incident_that_moved_after_its_resolution_is_found(post: Post) -> None:
    moved = incident(FIRST)
    moved.is_over = True
    post.temporal.runs(moved, Incident(f"post-incident-{FIRST}", FIRST))

    assert await post.sms(KIT, "7F3K2-1") == "Acknowledged: 7F3K2-1."
    assert post.temporal.told[0].workflow == f"post-incident-{FIRST}"


async def test_a_code_of_an_incident_that_is_over_is_said_to_be(post: Post) -> None:
    ended = incident(FIRST)
    ended.is_over = True
    post.temporal.runs(ended)

    reply = await post.sms(KIT, "7F3K2-2")

    assert reply == "The incident is over, so nobody needs to answer: 7F3K2-2."
    assert post.temporal.told == []


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


async def test_more_codes_than_are_answered_at_once_are_asked_for_again(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    reply = await post.sms(KIT, " ".join(f"7F3K2-{n}" for n in range(1, PAGES_AT_ONCE + 3)))

    assert len(post.temporal.told) == PAGES_AT_ONCE
    assert reply.endswith(f"Up to {PAGES_AT_ONCE} are answered at once: send the other 2 again.")


# ---- ACK alone ----


@pytest.mark.parametrize("text", ["ACK", "ack", "Acknowledged!"])
async def test_ack_alone_acknowledges_the_only_page_that_waits_for_its_sender(post: Post, text: str) -> None:
    post.temporal.runs(
        incident(FIRST).paged("dee").paged("kit", is_open=False).paged("kit"),
        incident(SECOND).paged("dee"),
    )

    assert await post.sms(KIT, text) == "Acknowledged: 7F3K2-3."
    assert answered(post) == [("acknowledge", FIRST, 3)]


async def test_ack_alone_from_a_second_number_finds_what_was_sent_to_the_first(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("dee"))

    assert await post.sms(DEE_AT_HOME, "ACK") == "Acknowledged: 7F3K2-1."


async def test_ack_alone_from_a_shared_number_names_the_one_who_was_paged(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("desk-late"))

    await post.sms(DESK, "ack")

    assert post.temporal.told[0].argument.command.actor == Actor(key="desk-late", via="sms", proof="claimed")


async def test_ack_alone_asks_which_when_several_pages_wait(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"), incident(SECOND).paged("kit"))

    reply = await post.sms(KIT, "ACK")

    assert reply == "Several pages wait for you. Send the code of one, or ACK ALL: 7F3K2-1, 9ABCD-1."
    assert post.temporal.told == []


async def test_ack_alone_when_nothing_waits_says_so(post: Post) -> None:
    not_logged_yet = Incident(f"incident-{SECOND}", SECOND, is_logged=False)
    post.temporal.runs(incident(FIRST).paged("dee"), not_logged_yet)

    assert "No page waits for your answer" in await post.sms(KIT, "ACK")
    assert post.temporal.told == []


@pytest.mark.parametrize(("by", "said"), [("dee", "Dee has"), ("kit", "You have")])
async def test_ack_alone_for_what_was_answered_says_by_whom(post: Post, by: str, said: str) -> None:
    post.temporal.runs(incident(FIRST).paged("kit", by=by))

    reply = await post.sms(KIT, "ACK")

    assert reply == f"No page waits for your answer any more. {said} already acknowledged 7F3K2-1."
    assert post.temporal.told == []


async def test_ack_alone_asks_for_the_code_when_too_many_incidents_are_open(post: Post) -> None:
    post.temporal.runs(*(Incident(f"incident-{n:010}", f"{n:010}") for n in range(LOOKED_THROUGH)))

    assert "Too many incidents are open" in await post.sms(KIT, "ACK")


# ---- ACK ALL ----


async def test_ack_all_acknowledges_every_page_that_waits_for_its_sender_and_names_them(post: Post) -> None:
    post.temporal.runs(
        incident(FIRST).paged("kit").paged("dee").paged("kit"),
        incident(SECOND).paged("kit").paged("kit", by="dee"),
    )

    assert await post.sms(KIT, "ACK ALL") == "Acknowledged: 7F3K2-1, 7F3K2-3, 9ABCD-1."
    assert answered(post) == [
        ("acknowledge", FIRST, 1),
        ("acknowledge", FIRST, 3),
        ("acknowledge", SECOND, 1),
    ]


async def test_ack_all_with_one_page_acknowledges_it(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"))

    assert await post.sms(KIT, "ack all!") == "Acknowledged: 7F3K2-1."


async def test_ack_all_with_none_says_so(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("dee"))

    assert "No page waits for your answer" in await post.sms(KIT, "ACK ALL")
    assert post.temporal.told == []


def a_flood(pages: int) -> Incident:
    flood = incident(FIRST)
    for _ in range(pages):
        flood.paged("kit")
    return flood


async def test_ack_all_answers_all_of_a_flood_and_names_as_many_as_anybody_reads(post: Post) -> None:
    post.temporal.runs(a_flood(2 * PAGES_AT_ONCE + 5))

    reply = await post.sms(KIT, "ACK ALL")

    assert len(post.temporal.told) == 2 * PAGES_AT_ONCE + 5
    assert reply.startswith("Acknowledged: 7F3K2-1, 7F3K2-2, ")
    assert reply.endswith("7F3K2-20 and 25 more.")


async def test_ack_all_begins_with_the_worst(post: Post) -> None:
    slow = a_flood(PAGES_AT_ONCE)
    slow.severity = "slow"
    gone = Incident("incident-GONE000000", "GONE000000", severity="renamed since").paged("kit")
    post.temporal.runs(gone, slow, incident(SECOND).paged("kit"))

    reply = await post.sms(KIT, "ACK ALL")

    assert reply.startswith("Acknowledged: 9ABCD-1, 7F3K2-1, ")
    assert answered(post)[-1] == ("acknowledge", "GONE000000", 1)


@pytest.mark.parametrize(("word", "left", "more"), [("ACK", 1, "1 more waits"), ("PASS", 5, "5 more wait")])
async def test_what_there_is_no_time_for_still_waits_and_is_said_to(
    post: Post, library: PlanLibrary, settings: Settings, word: str, left: int, more: str
) -> None:
    post.temporal.runs(a_flood(PAGES_AT_ONCE + left))
    reception = Reception(post.temporal, library, settings, lambda: NOON)  # type: ignore[arg-type]

    reply = await Texting(reception, time_to_begin=timedelta(0)).answer(KIT, f"{word} all", "SM1")

    assert len(post.temporal.told) == PAGES_AT_ONCE
    assert reply.endswith(f"7F3K2-20. {more}: send {word} ALL again.")


async def test_of_many_refusals_as_many_are_said_as_fit_into_a_reply(post: Post) -> None:
    flood = a_flood(PAGES_AT_ONCE + 3)
    flood.refusal = "it was already acknowledged by @dee (by sms)"
    post.temporal.runs(flood)

    reply = await post.sms(KIT, "ACK ALL")

    assert len(reply) < 1600
    assert reply.endswith("3 more could not be answered either.")


async def test_ack_all_in_a_flood_says_that_older_incidents_were_not_looked_through(post: Post) -> None:
    post.temporal.runs(
        *(Incident(f"incident-{n:010}", f"{n:010}").paged("dee") for n in range(LOOKED_THROUGH - 1))
    )
    post.temporal.runs(incident(FIRST).paged("kit"))

    reply = await post.sms(KIT, "ACK ALL")

    assert reply == "Acknowledged: 7F3K2-1. In older incidents more may wait: send their codes."


# ---- PASS ----


@pytest.mark.parametrize(
    "text",
    [
        "7F3K2-2 can't, on a plane",
        "7F3K2-2 no",
        "7F3K2-2 not me",
        "7F3K2-2 there 10 minutes",
        "ACK 7F3K2-2 pass",
    ],
)
async def test_a_code_with_words_that_do_not_agree_answers_nothing_and_says_how(
    post: Post, text: str
) -> None:
    post.temporal.runs(incident(FIRST))

    reply = await post.sms(KIT, text)

    assert reply == await post.sms(KIT, "what is this?")
    assert answered(post) == []


@pytest.mark.parametrize(
    "text", ["PASS 7F3K2-2", "pass on 7f3k2-2", "7F3K2-2 PASS", "7F3K2-2, pass on please"]
)
async def test_pass_and_a_code_passes_that_page_on(post: Post, text: str) -> None:
    post.temporal.runs(incident(FIRST))

    assert await post.sms(KIT, text) == "Passed on to whoever is next: 7F3K2-2."
    assert answered(post) == [("hand_over", FIRST, 2)]
    assert post.temporal.told[0].argument.command.actor.key == "kit"


async def test_pass_alone_passes_the_only_page_on(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("dee").paged("kit"))

    assert await post.sms(KIT, "PASS") == "Passed on to whoever is next: 7F3K2-2."


async def test_pass_alone_asks_which_when_several_wait(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"), incident(SECOND).paged("kit"))

    reply = await post.sms(KIT, "Pass")

    assert reply.startswith("Several pages wait for you. Send PASS and the code of one, or PASS ALL: 7F3K2-1")
    assert post.temporal.told == []


async def test_a_pass_that_comes_twice_is_one_command_and_no_acknowledgement(post: Post) -> None:
    post.temporal.runs(incident(FIRST))

    for text in ("PASS 7F3K2-1", "PASS 7F3K2-1", "7F3K2-1"):
        await post.sms(KIT, text)

    first, doubled, acknowledged = (told.argument.command.id for told in post.temporal.told)
    assert first == doubled != acknowledged


# ---- nobody at work, nobody known, nothing understood ----


async def test_without_a_worker_an_answer_is_kept_and_said_to_be(post: Post) -> None:
    post.temporal.is_idle = True
    post.temporal.runs(incident(FIRST))

    reply = await post.sms(KIT, "7F3K2-2")

    assert reply == (
        "Received, and kept until somebody is at work (you get a text if it is refused): 7F3K2-2."
    )
    [told] = post.temporal.told
    assert (told.signal, told.argument.command.page) == ("queued_command", 2)


@pytest.mark.parametrize("text", ["7F3K2-1", "ACK", "ACK ALL", "PASS", "HELP"])
@pytest.mark.parametrize("number", [STRANGER, ""])
async def test_a_stranger_is_told_so_and_nothing_is_looked_up(post: Post, number: str, text: str) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"))

    assert "not in the directory" in await post.sms(number, text)
    assert (post.temporal.told, post.temporal.queries) == ([], [])


@pytest.mark.parametrize(
    "text", ["", "on my way <3 & running", "7F3K2", "'; DROP TABLE-1", "ack me later", "HELP", "yes"]
)
async def test_any_other_text_is_answered_with_what_to_send(post: Post, text: str) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"))

    assert "send its code, such as 7F3K2-2" in await post.sms(KIT, text)
    assert post.temporal.told == []


@pytest.mark.parametrize("text", ["ACK", "7F3K2-1", "PASS ALL"])
async def test_a_person_who_texts_while_temporal_is_away_is_asked_to_try_again(post: Post, text: str) -> None:
    post.temporal.failure = unavailable()

    assert "could not be recorded just now" in await post.sms(KIT, text)


# ---- STOP, and START ----


def opt_outs(post: Post) -> list[tuple[str, str, bool]]:
    """Who was said to want no texts, or texts again, to which incident."""

    def read(told: Told) -> tuple[str, str, bool]:
        command = told.argument.command
        assert command.kind == "opt_out"
        return command.incident, command.actor.key, command.back

    return [read(told) for told in post.temporal.told]


@pytest.mark.parametrize("word", ["STOP", "stop.", "Unsubscribe", "CANCEL", "end", "QUIT", "STOP ALL"])
async def test_stop_is_noted_and_told_to_the_incidents_that_wait_for_a_text(post: Post, word: str) -> None:
    post.temporal.runs(incident(FIRST).paged("kit").paged("kit"), incident(SECOND).paged("kit", via="phone"))

    reply = await post.sms(KIT, word)

    assert "You get no more text messages" in reply
    assert post.opt_outs.has(KIT)
    assert opt_outs(post) == [(FIRST, "kit", False)]


async def test_what_twilio_took_for_stop_is_answered_by_twilio_alone(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"))

    assert await post.sms(KIT, "Arrêt", OptOutType="STOP") == "<Response></Response>"
    assert post.opt_outs.has(KIT)
    assert opt_outs(post) == [(FIRST, "kit", False)]
    assert await post.sms(KIT, "INFO", OptOutType="HELP") == "<Response></Response>"


async def test_stop_from_a_second_number_ends_the_texts_to_the_first(post: Post) -> None:
    await post.sms(DEE_AT_HOME, "STOP")

    assert post.opt_outs.has(DEE)

    await post.sms(DEE_AT_HOME, "START")

    assert not post.opt_outs.has(DEE)


async def test_stop_from_a_stranger_is_honoured_too(post: Post) -> None:
    assert "You get no more text messages" in await post.sms(STRANGER, "STOP")

    assert post.opt_outs.has(STRANGER)
    assert post.temporal.queries == []


@pytest.mark.parametrize("word", ["START", "unstop", "yes"])
async def test_start_brings_the_texts_back_and_tells_the_incidents(post: Post, word: str) -> None:
    await post.sms(KIT, "STOP")
    post.temporal.runs(incident(FIRST).paged("kit", via="phone"))

    assert "You get text messages again" in await post.sms(KIT, word, "SM2")
    assert not post.opt_outs.has(KIT)
    assert opt_outs(post) == [(FIRST, "kit", True)]


async def test_a_stop_that_comes_twice_is_one_command(post: Post) -> None:
    post.temporal.runs(incident(FIRST).paged("kit"))

    await post.sms(KIT, "STOP")
    await post.sms(KIT, "STOP")

    first, doubled = (told.argument.command.id for told in post.temporal.told)
    assert first == doubled


async def test_stop_is_noted_also_while_temporal_is_away(post: Post) -> None:
    post.temporal.failure = unavailable()

    assert "You get no more text messages" in await post.sms(KIT, "STOP")
    assert post.opt_outs.has(KIT)


async def test_a_stop_that_cannot_be_noted_is_not_said_to_be(post: Post) -> None:
    post.opt_outs.path.mkdir(parents=True)

    assert "could not be recorded just now" in await post.sms(KIT, "STOP")


# ---- in whose words ----


@pytest.fixture
def abroad(tmp_path: Path) -> PlanLibrary:
    """The harbour, where Kit speaks Mexican Spanish."""
    plans = write_plans(tmp_path / "plans")
    directory = plans / "harbour" / "directory.yaml"
    directory.write_text(directory.read_text().replace("{name: Kit,", "{name: Kit, language: es-MX,"))
    return PlanLibrary(plans, tmp_path / "state")


@pytest.fixture
def texting(temporal: FakeTemporal, abroad: PlanLibrary, settings: Settings) -> Texting:
    return Texting(Reception(temporal, abroad, settings, lambda: NOON))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("7F3K2-1", "Aceptado: 7F3K2-1."),
        ("PASS", "Pasado a la siguiente persona: 7F3K2-1."),
        ("HELP", "Para aceptar un aviso"),
        ("STOP", "No recibira mas SMS de nosotros"),
        ("ZZZZZ-1", "No hay ningun incidente abierto ZZZZZ"),
    ],
)
async def test_a_person_is_answered_in_their_language(
    texting: Texting, temporal: FakeTemporal, text: str, said: str
) -> None:
    temporal.runs(incident(FIRST).paged("kit"))

    assert (await texting.answer(KIT, text, "SM1")).startswith(said)


async def test_a_stranger_is_answered_in_english(texting: Texting) -> None:
    assert (await texting.answer(STRANGER, "ACK", "SM1")).startswith("This number is not in the directory")


async def test_who_was_faster_is_named_in_the_language_of_whoever_asked(
    texting: Texting, temporal: FakeTemporal
) -> None:
    temporal.runs(incident(FIRST).paged("kit", by="dee"))

    assert (
        await texting.answer(KIT, "ACK", "SM1")
        == "Ya ningún aviso espera su respuesta. Dee ya aceptó 7F3K2-1."
    )


@pytest.mark.parametrize(
    ("by", "text", "said"),
    [
        ("dee", "7F3K2-1", "Dee ya aceptó 7F3K2-1."),
        ("kit", "7F3K2-1", "Usted ya había aceptado 7F3K2-1."),
        (None, "7F3K2-1", "Ya no hace falta responder a 7F3K2-1."),
        (None, "7F3K2-9", "7F3K2-9: no ha sido posible. El motivo, en inglés: no, Dee."),
    ],
)
async def test_why_it_was_refused_is_said_in_their_language_where_that_can_be(
    texting: Texting, temporal: FakeTemporal, by: str | None, text: str, said: str
) -> None:
    refusing = incident(FIRST).paged("kit", by=by, is_open=by is not None)
    refusing.refusal = "no, @dee"
    temporal.runs(refusing)

    assert await texting.answer(KIT, text, "SM1") == said
