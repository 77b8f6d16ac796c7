"""Everything goes wrong at once: whoever is on call gets a few messages and then one that stands for the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count

import httpx
import pytest

from tests.e2e.conftest import lighthouse_stack
from tests.e2e.outside import (
    DEE,
    KIT,
    LONG,
    Message,
    Onlooker,
    let_all_be_well,
    let_recipient,
    running_stack,
    sends,
    wait_until_met,
)
from tests.e2e.payloads import lamp_is_out
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack
from tocsin.holding import HeldBackMessages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FLOOD, EACH, LAMPS = 7, 2, count(1)


@pytest.fixture(scope="module")
def shore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A lighthouse whose keepers get two messages in ten seconds, and then one for the rest."""
    paging = f"paging: {{digest: {{over: {EACH}, per: PT10S}}}}"
    with running_stack(lighthouse_stack(tmp_path_factory.mktemp("shore"), paging=paging)) as stack:
        yield stack


@pytest.fixture
def keeper(shore: Stack) -> Iterator[Play]:
    """Somebody on the shore; the inbox is empty, and all phones are well again afterwards."""
    httpx.delete(f"{shore.sandbox_url}/sandbox/messages").raise_for_status()
    with closing(Onlooker(shore)) as play:
        yield play
        let_all_be_well(shore)


def a_storm(play: Play) -> list[str]:
    """Many lamps go out within a moment."""
    return [play.alert(lamp_is_out(next(LAMPS)))["key"] for _ in range(FLOOD)]


def arrived(play: Play, kind: str, number: int) -> list[Message]:
    """What kit has got, once it is so much."""

    def found() -> list[Message] | None:
        messages = play.messages(kind, KIT)
        return messages if len(messages) >= number else None

    return play.wait_for(f"{number} messages ({kind}) to kit", found, LONG)


def test_many_pages_at_once_are_a_few_texts_and_a_digest_and_one_reply_answers_them_all(
    shore: Stack, keeper: Play
) -> None:
    incidents = a_storm(keeper)

    *alone, digest = arrived(keeper, "sms", EACH + 1)
    assert digest["text"].startswith(f"{FLOOD - EACH} messages at once.")
    assert len(alone) == EACH
    for incident in incidents:
        keeper.wait_for(
            f"the text about {incident} to be known as delivered",
            lambda incident=incident: sends(keeper, incident, channel="sms", state="delivered"),
            LONG,
        )

    assert len(keeper.messages("sms", KIT)) == EACH + 1

    reply = {"from": KIT, "body": "ACK ALL"}
    httpx.post(f"{shore.sandbox_url}/sandbox/reply", json=reply).raise_for_status()
    for incident in incidents:
        assert "acknowledged by @kit" in wait_until_met(keeper, incident, "summon")["reason"]
    assert keeper.messages("", DEE) == []


def test_what_is_held_back_survives_the_death_of_the_worker(shore: Stack, keeper: Play) -> None:
    incidents = a_storm(keeper)
    keeper.wait_for("messages to be held back", HeldBackMessages(shore.state).waiting, LONG)

    shore.kill("worker")
    shore.start_worker()

    for incident in incidents:
        keeper.wait_for(
            f"the text about {incident} to be known as sent",
            lambda incident=incident: [
                each for each in sends(keeper, incident, channel="sms") if each["sent"]
            ],
            LONG,
        )


def test_a_phone_rings_once_at_a_time_and_one_key_in_the_call_for_many_accepts_them_all(
    shore: Stack, keeper: Play
) -> None:
    let_recipient(shore, KIT, "stopped")  # and stays opted out: this is the last test on this shore
    incidents = a_storm(keeper)

    [alone] = arrived(keeper, "call", 1)
    keeper.press(alone, "1")
    [digest] = [call for call in arrived(keeper, "call", 2) if call["id"] != alone["id"]]
    keeper.press(digest, "1")

    for incident in incidents:
        assert "acknowledged by @kit" in wait_until_met(keeper, incident, "summon")["reason"]
    assert len(keeper.messages("call", KIT)) == 2
    assert keeper.messages("", DEE) == []
