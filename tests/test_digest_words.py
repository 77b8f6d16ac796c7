"""The words of a digest: how many, the worst first, each with its code, and what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tocsin.digests import DigestTemplates
from tocsin.domain.channel import ChannelName
from tocsin.domain.directory import Contact
from tocsin.domain.lately import Bundle, HeldMessage
from tocsin.domain.sms_text import sms_segments
from tocsin.domain.state import PlanPin
from tocsin.library import PlanLibrary

PLANS = Path(__file__).parents[1] / "plans"
NIGHT = datetime(2026, 11, 24, 3, tzinfo=UTC)
DANA = Contact(name="Dana Reyes", email="dana@example.com", phone="+12025550101")


@pytest.fixture
def words(tmp_path: Path) -> DigestTemplates:
    return DigestTemplates(PlanLibrary(PLANS, tmp_path), "https://tocsin.example.com")


def page(number: int, severity: str = "High", **more: Any) -> HeldMessage:
    values: dict[str, Any] = {
        "message": f"m{number}",
        "workflow": "incident-X",
        "incident": f"{number:05}ABCDE",
        "reference": f"{number:05}",
        "plan": PlanPin(name="allcode", hash="0" * 64),
        "purpose": "page",
        "person": "dana",
        "page": 1,
        "code": f"{number:05}-1",
        "title": f"service {number} is down",
        "severity": severity,
        "rank": {"High": 1, "Low": 3}[severity],
        "created": NIGHT + timedelta(seconds=number),
        **more,
    }
    return HeldMessage(**values)


def notice(number: int, **more: Any) -> HeldMessage:
    return page(number, **{"purpose": "notice", "page": None, "code": "", **more})


def digest(*members: HeldMessage, channel: ChannelName = "sms") -> Bundle:
    return Bundle(id="0123456789", channel=channel, members=members, began=NIGHT)


def text(words: DigestTemplates, *members: HeldMessage, contact: Contact = DANA) -> str:
    sms, note = words.sms(digest(*members), contact, "+12025550101")
    assert note == ""
    assert sms_segments(sms.body)[1] <= 3, sms.body
    return sms.body


def test_a_text_says_how_many_the_worst_first_and_what_to_reply(words: DigestTemplates) -> None:
    assert text(words, page(1, "Low"), page(2, "High")) == (
        "2 messages at once. 00002-1 High: service 2 is down. 00001-1 Low: service 1 is down. "
        "Reply ACK ALL, or a code, to acknowledge."
    )


def test_pages_go_before_notices_which_need_no_reply(words: DigestTemplates) -> None:
    body = text(words, notice(1), page(2, "Low"))

    assert body.index("00002-1") < body.index("00001 High")
    assert "Reply" not in text(words, notice(1), notice(2))


def test_a_page_that_was_repeated_meanwhile_is_said_once(words: DigestTemplates) -> None:
    again = page(1, message="m9")

    assert text(words, page(1), again, page(2)).startswith("2 messages at once.")


@pytest.mark.parametrize("number", [12, 300])
@pytest.mark.parametrize("title", ["checkout is down", "x" * 500, "в" * 300, "🔥" * 100])
def test_however_many_and_whatever_they_say_it_stays_short_with_the_worst_in_it(
    words: DigestTemplates, number: int, title: str
) -> None:
    body = text(words, *(page(each, title=title) for each in range(number)))

    assert body.startswith(f"{number} messages at once. 00000-1 High:")


def test_most_codes_fit_before_words_do(words: DigestTemplates) -> None:
    body = text(words, *(page(each, title="a title of some length, as they are") for each in range(10)))

    assert all(f"{each:05}-1" in body for each in range(10))
    assert body.endswith("Reply ACK ALL, or a code, to acknowledge.")


def test_a_call_reads_the_worst_few_and_asks_for_one_key(words: DigestTemplates) -> None:
    call, note = words.call(digest(*map(page, range(5)), channel="phone"), DANA, "+12025550101")

    assert note == ""
    assert "5 messages have come for you at once, and 5 of them wait for your answer." in call.say
    assert "Incident 0 0 0 0 0, severity High. service 0 is down." in call.say
    assert call.say.endswith("And 2 more.")
    assert call.keys is not None
    assert call.keys.text.startswith("Press 1 to accept all of them.")
    assert call.answer_url is not None
    assert "digest=0123456789" in call.answer_url


@pytest.mark.parametrize(
    ("language", "said", "replied"),
    [
        ("de-AT", "2 Nachrichten auf einmal", "mit ACK ALL"),
        ("es-MX", "2 mensajes a la vez", "Responda ACK ALL"),
        ("fr-CA", "2 messages à la fois", "Répondez ACK ALL"),
    ],
)
def test_it_speaks_the_language_of_whoever_gets_it(
    words: DigestTemplates, language: str, said: str, replied: str
) -> None:
    contact = DANA.model_copy(update={"language": language})
    body = text(words, page(1), page(2), contact=contact)
    call, _ = words.call(digest(page(1), page(2), channel="phone"), contact, "+12025550101")

    assert body.startswith(said)
    assert replied in body
    assert call.language == language


def test_a_drill_is_marked_unless_something_in_it_is_earnest(words: DigestTemplates) -> None:
    drills = [page(1, is_drill=True), page(2, is_drill=True)]

    assert text(words, *drills).startswith("DRILL 2 messages")
    assert text(words, *drills, page(3)).startswith("3 messages")


def test_an_email_lists_all_of_them(words: DigestTemplates) -> None:
    reminders = [notice(each, purpose="reminder", text="Due at noon") for each in range(30)]
    email, note = words.email(digest(*reminders, channel="email"), DANA, "dana@example.com")

    assert note == ""
    assert email.subject == "30 messages at once, the worst High: service 0 is down"
    assert email.text.count("Due at noon.") == email.html.count("Due at noon.") == 30
    assert email.correlation == {"digest": "0123456789"}


def test_a_message_of_a_plan_that_is_not_here_any_more_is_said_too(words: DigestTemplates) -> None:
    stranger = page(1, plan=PlanPin(name="gone", hash="0" * 64))

    assert "00001-1 High" in text(words, stranger, page(2))


def test_people_are_named(words: DigestTemplates) -> None:
    assert "@role" not in text(words, page(1, subject="ask @role/oncall"), page(2))
