"""One message stood for several: what the vendors say of it, and the key that was pressed, reaches each of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.ingest.conftest import PUBLIC_URL, Post
from tests.ingest.harbour import KIT, NOON, Incident, unavailable
from tests.ingest.test_monitors import assert_problem
from tocsin.callbacks import digest_key_url, digest_status_url
from tocsin.domain.commands import Acknowledge
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.digests import Together
from tocsin.domain.lately import HeldMessage
from tocsin.domain.messages import Dispatch
from tocsin.domain.plan import Digest
from tocsin.domain.state import Actor, PlanPin, Target
from tocsin.holding import HeldBackMessages
from tocsin.settings import Settings

FIRST, SECOND = "7F3K2XYZ90", "9QQQQXYZ90"


def held(incident: str, page: int | None) -> Dispatch:
    return Dispatch(
        message=f"{incident}-m1",
        workflow=f"incident-{incident}",
        incident=incident,
        reference=incident[:5],
        plan=PlanPin(name="harbour", hash="0" * 64),
        channel="phone",
        template="page",
        purpose="page" if page else "notice",
        target=Target(role="pilot"),
        is_drill=False,
        is_for_outsiders=False,
        subject="",
        text="",
        code=f"{incident[:5]}-{page}" if page else "",
        page=page,
        digest=Digest(over=1, per=timedelta(minutes=1)),
        title="The basin is closed",
        severity="Closed",
        status="open",
        phase="1",
        customer=None,
        created=NOON,
    )


@pytest.fixture
def digest(settings: Settings, post: Post) -> str:
    """A digest to Kit: a page of one incident, and a notice of another; both of them are open."""
    post.temporal.runs(Incident(f"incident-{FIRST}", FIRST), Incident(f"incident-{SECOND}", SECOND))
    register = HeldBackMessages(settings.state)
    early = held(FIRST, 1).model_copy(update={"message": "early"})
    register.admit(early, "kit", KIT, 1, NOON)
    for dispatch in (held(FIRST, 2), held(SECOND, None)):
        register.admit(dispatch, "kit", KIT, 1, NOON)
    together = register.admit(held(FIRST, 2), "kit", KIT, 2, NOON + timedelta(minutes=1))
    assert isinstance(together, Together)
    return together.bundle.id


def status(digest: str) -> str:
    return digest_status_url(PUBLIC_URL, digest).removeprefix(PUBLIC_URL)


def key(digest: str, language: str = "en-US", asked: int = 1) -> str:
    return digest_key_url(PUBLIC_URL, digest, language, asked).removeprefix(PUBLIC_URL)


async def test_its_delivery_is_told_to_every_incident_in_it(post: Post, digest: str) -> None:
    answer = await post.twilio(status(digest), {"MessageSid": "SM1", "MessageStatus": "delivered"})

    assert answer.json() == {"outcome": "told"}
    told = {each.argument.incident: each.argument for each in post.temporal.told}
    assert {FIRST: f"{FIRST}-m1", SECOND: f"{SECOND}-m1"} == {id: each.message for id, each in told.items()}
    assert {(each.report.state, each.reached) for each in told.values()} == {(DeliveryState.DELIVERED, "kit")}


async def test_key_1_accepts_every_page_in_it_and_shows_that_the_rest_was_heard(
    post: Post, digest: str
) -> None:
    answer = await post.twilio(key(digest), {"CallSid": "CA1", "Digits": "1", "To": KIT})

    assert "Your answer is kept for all of them" in answer.text
    commands = [each.argument.command for each in post.temporal.told if each.signal == "queued_command"]
    assert [(type(each), each.incident, each.page) for each in commands] == [(Acknowledge, FIRST, 2)]
    assert commands[0].actor == Actor(key="kit", via="phone", proof="proven")
    heard = [each.argument for each in post.temporal.told if each.signal == "delivery"]
    assert {each.message for each in heard} == {f"{FIRST}-m1", f"{SECOND}-m1"}
    assert {each.report.state for each in heard} == {DeliveryState.ANSWERED}


async def test_a_callback_that_comes_twice_is_the_same_command(post: Post, digest: str) -> None:
    for _ in range(2):
        await post.twilio(key(digest), {"CallSid": "CA1", "Digits": "1", "To": KIT})

    commands = [each.argument.command for each in post.temporal.told if each.signal == "queued_command"]
    assert len(commands) == 2
    assert len({each.id for each in commands}) == 1


async def test_key_3_says_all_of_it_again(post: Post, digest: str) -> None:
    answer = await post.twilio(key(digest), {"CallSid": "CA1", "Digits": "3", "To": KIT})

    assert answer.text.count("2 messages have come for you at once") == 2
    assert "asked=2" in answer.text
    assert post.temporal.told == []


async def test_any_other_key_is_told_what_the_keys_do_and_not_for_ever(post: Post, digest: str) -> None:
    first = await post.twilio(key(digest, "de-DE"), {"CallSid": "CA1", "Digits": "7", "To": KIT})
    last = await post.twilio(key(digest, asked=5), {"CallSid": "CA1", "Digits": "7", "To": KIT})

    assert "Drücken Sie die 1, um alle anzunehmen." in first.text
    assert "<Gather" in first.text
    assert "<Gather" not in last.text


async def test_without_temporal_the_key_is_asked_for_again(post: Post, digest: str) -> None:
    post.temporal.failure = unavailable()

    answer = await post.twilio(key(digest), {"CallSid": "CA1", "Digits": "1", "To": KIT})

    assert "could not be recorded" in answer.text
    assert "<Gather" in answer.text


async def test_a_reminder_by_mail_is_told_of_to_every_incident_in_it(post: Post, digest: str) -> None:
    event = {"event": "delivered", "timestamp": 1772366400, "sg_message_id": "x", "tocsin_digest": digest}

    answer = await post.sendgrid([event])

    assert answer.json() == {"told": 1}
    assert {each.argument.incident for each in post.temporal.told} == {FIRST, SECOND}


@pytest.mark.parametrize("unknown", ["0123456789", "../held/salt", "x"])
async def test_a_digest_that_nobody_knows_changes_nothing(post: Post, unknown: str) -> None:
    delivered = await post.twilio(status(unknown), {"MessageSid": "SM1", "MessageStatus": "delivered"})
    pressed = await post.twilio(key(unknown), {"CallSid": "CA1", "Digits": "1"})

    assert delivered.json() == {"outcome": "nothing to tell"}
    assert "Nobody needs to answer" in pressed.text
    assert post.temporal.told == []


async def test_without_twilios_signature_nothing_is_believed(post: Post, digest: str) -> None:
    for url in (status(digest), key(digest)):
        answer = await post.twilio(url, {"CallSid": "CA1", "Digits": "1"}, signature="forged")
        assert_problem(answer, 403, "not-signed-by-twilio")


def test_a_digest_says_nothing_of_how_people_are_reached(settings: Settings, digest: str) -> None:
    kept = Path(settings.state / "digests" / f"{digest}.json").read_text()

    assert KIT not in kept
    assert "address" not in HeldMessage.model_fields
