"""Keys on the telephone: each test is somebody who was called, what they press, and what they hear."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from tests.ingest.conftest import PUBLIC_URL, Post
from tests.ingest.harbour import NOON, Incident, Told, unavailable
from tests.ingest.test_monitors import assert_problem
from tocsin.callbacks import key_url
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.state import Actor, Message, Target
from tocsin.ingest.keys import ASKED_AT_MOST

ID = "7F3K2XYZ90"
FLOW = f"incident-{ID}"


def summoned(person: str = "kit", **page: object) -> Incident:
    """An open incident that has called somebody about its only page."""
    return Incident(FLOW, ID).paged(person, via="phone", **page)


def told_something() -> Incident:
    """An open incident that has called Kit to tell something."""
    incident = Incident(FLOW, ID)
    notice = Message(
        id=f"{ID}-m7",
        purpose="notice",
        template="notice",
        target=Target(audience="pilots", member="kit"),
        channel="phone",
        subject="The north basin is closed",
        reached="kit",
        created=NOON,
    )
    incident.messages.append(notice)
    return incident


@dataclass
class Line:
    """A call that Kit, or somebody else, has taken."""

    post: Post
    url: str

    @classmethod
    def about(cls, post: Post, page: int | None = 1, language: str = "en-US", message: str = "m1") -> Line:
        url = key_url(
            *(PUBLIC_URL, FLOW, ID, page, "kit"), message=f"{ID}-{message}", plan="harbour", language=language
        )
        return cls(post, url)

    async def press(self, key: str, call: str = "CA1") -> Heard:
        form = {"CallSid": call, "Digits": key, "To": "+12025550101", "CallStatus": "in-progress"}
        answer = await self.post.twilio(self.url.removeprefix(PUBLIC_URL), form)
        assert answer.status_code == 200
        heard = Heard(answer.text)
        if heard.asks_at:
            self.url = heard.asks_at
        return heard


@dataclass
class Heard:
    """What the person hears."""

    document: str

    @property
    def words(self) -> list[str]:
        return [say.text or "" for say in ElementTree.fromstring(self.document).iter("Say")]

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def languages(self) -> list[str | None]:
        return [say.get("language") for say in ElementTree.fromstring(self.document).iter("Say")]

    @property
    def asks_at(self) -> str:
        found = re.search(r'action="([^"]*)"', self.document)
        return html.unescape(found[1]) if found else ""


def commands(post: Post) -> list[Told]:
    return [told for told in post.temporal.told if told.signal in {"command", "queued_command"}]


def reports(post: Post) -> list[Told]:
    return [told for told in post.temporal.told if told.signal == "delivery"]


# ---- accepting, passing on ----


async def test_1_accepts_the_page_for_the_person_who_was_called(post: Post) -> None:
    post.temporal.runs(summoned())

    heard = await Line.about(post).press("1")

    assert heard.words == [
        "Thank you. You have accepted page 7 F 3 K 2, 1, and nobody else is called for it. Goodbye."
    ]
    assert heard.asks_at == ""
    [told] = commands(post)
    command = told.argument.command
    assert (told.workflow, told.signal) == (FLOW, "command")
    assert (command.kind, command.incident, command.page) == ("acknowledge", ID, 1)
    assert command.actor == Actor(key="kit", via="phone", proof="proven")


async def test_2_passes_the_page_on(post: Post) -> None:
    post.temporal.runs(summoned())

    heard = await Line.about(post).press("2")

    assert heard.text.startswith("Thank you. You have passed on page 7 F 3 K 2, 1. Whoever is next")
    [told] = commands(post)
    command = told.argument.command
    assert (command.kind, command.page, command.role, command.person) == ("hand_over", 1, None, None)
    assert command.actor == Actor(key="kit", via="phone", proof="proven")


@pytest.mark.parametrize("key", ["1", "2"])
async def test_a_key_shows_that_a_person_took_the_call(post: Post, key: str) -> None:
    post.temporal.runs(summoned())

    await Line.about(post).press(key)

    [told] = reports(post)
    assert told.argument.message == f"{ID}-m1"
    report = told.argument.report
    assert (report.vendor_id, report.state, report.detail) == ("CA1", DeliveryState.ANSWERED, f"key {key}")


async def test_a_key_that_twilio_reports_twice_is_one_command_and_is_answered_alike(post: Post) -> None:
    post.temporal.runs(summoned())

    answers = [await Line.about(post).press("1", call) for call in ("CA1", "CA1", "CA2")]

    assert len({answer.text for answer in answers}) == 1
    first, doubled, another = (told.argument.command.id for told in commands(post))
    assert first == doubled != another


async def test_accepting_and_passing_on_in_one_call_are_two_commands(post: Post) -> None:
    post.temporal.runs(summoned())

    await Line.about(post).press("1")
    await Line.about(post).press("2")

    accepted, passed_on = (told.argument.command.id for told in commands(post))
    assert accepted != passed_on


async def test_while_no_worker_answers_the_key_is_kept_and_not_claimed_to_count(post: Post) -> None:
    post.temporal.runs(summoned())
    post.temporal.is_idle = True

    heard = await Line.about(post).press("1")

    assert "is kept, and will count in a moment" in heard.text
    [told] = commands(post)
    assert told.signal == "queued_command"


# ---- what cannot be done is said ----


async def test_who_is_late_hears_who_was_first(post: Post) -> None:
    incident = summoned(by="dee")
    incident.refusal = "page 1 was already acknowledged by @dee (by phone)"
    post.temporal.runs(incident)

    heard = await Line.about(post).press("1")

    assert heard.text == "Dee has already accepted page 7 F 3 K 2, 1. Nothing was changed. Goodbye."
    assert reports(post) == []


async def test_who_accepts_what_is_theirs_already_is_told_so(post: Post) -> None:
    incident = summoned(by="kit")
    incident.refusal = "page 1 was already acknowledged by @kit"
    post.temporal.runs(incident)

    assert "You have already accepted page" in (await Line.about(post).press("1", "CA2")).text


async def test_a_page_that_has_ended_is_not_received(post: Post) -> None:
    incident = summoned(is_open=False)
    incident.refusal = "page 1 has ended"
    post.temporal.runs(incident)

    assert "Nobody needs to answer page 7 F 3 K 2, 1 any more" in (await Line.about(post).press("2")).text


async def test_any_other_reason_is_read_out_in_the_language_that_it_is_in(post: Post) -> None:
    incident = summoned()
    incident.refusal = "only whoever holds the page may do that"
    post.temporal.runs(incident)

    heard = await Line.about(post, language="de-DE").press("2")

    assert heard.words[-1] == "only whoever holds the page may do that"
    assert heard.languages == ["de-DE", "en-US"]


@pytest.mark.parametrize("key", ["1", "2"])
async def test_who_answers_about_an_incident_that_is_over_is_told_so(post: Post, key: str) -> None:
    heard = await Line.about(post).press(key)

    assert heard.text == "This incident is over. Nobody needs to answer any more. Goodbye."


async def test_a_person_on_the_phone_hears_that_the_answer_was_not_recorded_and_may_try_again(
    post: Post,
) -> None:
    post.temporal.runs(summoned())
    post.temporal.failure = unavailable()
    line = Line.about(post)
    sorry = await line.press("1")
    post.temporal.failure = None

    thanks = await line.press("1")

    assert "could not be recorded just now" in sorry.text
    assert "You have accepted page" in thanks.text


# ---- other keys ----


@pytest.mark.parametrize("key", ["0", "*", "#", "9"])
async def test_any_other_key_is_explained_and_asked_for_again(post: Post, key: str) -> None:
    post.temporal.runs(summoned())
    line = Line.about(post)

    heard = await line.press(key)

    assert heard.words[0] == "That key has no meaning here."
    assert "Press 1 to accept. Press 2 to pass it on" in heard.words[1]
    assert post.temporal.told == []
    assert "You have accepted page" in (await line.press("1")).text


@pytest.mark.parametrize("key", ["3", "9"])
async def test_a_stuck_key_does_not_go_on_for_ever(post: Post, key: str) -> None:
    post.temporal.runs(summoned())
    line = Line.about(post)

    heard = [await line.press(key) for _ in range(ASKED_AT_MOST)]

    assert [bool(each.asks_at) for each in heard] == [True] * (ASKED_AT_MOST - 1) + [False]
    assert heard[-1].words[-1] == "We did not receive an answer. Goodbye."
    assert post.temporal.told == []


# ---- hearing it again ----


async def test_3_says_the_message_again(post: Post) -> None:
    post.temporal.runs(summoned())
    line = Line.about(post)

    heard = await line.press("3")

    assert heard.text.count("Harbour Ltd, incident 7 F 3 K 2, severity Closed.") == 2
    assert heard.text.count("Fog in the north basin.") == 2
    assert "Press 1 to accept." in heard.text
    assert parse_qs(urlsplit(line.url).query)["asked"] == ["2"]
    assert "You have accepted page" in (await line.press("1")).text


@pytest.mark.parametrize("trouble", ["over", "away", "forgotten"])
async def test_a_message_that_cannot_be_said_again_is_not_made_up(post: Post, trouble: str) -> None:
    incident = summoned()
    if trouble == "forgotten":
        incident.messages.clear()
    if trouble != "over":
        post.temporal.runs(incident)
    if trouble == "away":
        post.temporal.failure = unavailable()

    heard = await Line.about(post).press("3")

    assert heard.words[0] == "The message cannot be repeated just now."
    assert "Press 1 to accept." in heard.words[1]


# ---- messages that only tell something ----


async def test_1_shows_that_a_message_was_heard(post: Post) -> None:
    post.temporal.runs(told_something())

    heard = await Line.about(post, page=None, message="m7").press("1")

    assert heard.text == "Thank you. It is recorded that you heard this. Goodbye."
    [told] = post.temporal.told
    assert (told.workflow, told.signal, told.argument.message) == (FLOW, "delivery", f"{ID}-m7")
    assert told.argument.report.state is DeliveryState.ANSWERED


async def test_nothing_can_be_passed_on_that_is_no_page(post: Post) -> None:
    post.temporal.runs(told_something())
    line = Line.about(post, page=None, message="m7")

    heard = await line.press("2")

    assert heard.words[0] == "That key has no meaning here."
    assert "Press 1 to confirm that you heard this." in heard.words[1]
    assert "north basin is closed" in (await line.press("3")).text
    assert post.temporal.told == []


async def test_a_message_about_an_incident_that_is_over_is_not_recorded_as_heard(post: Post) -> None:
    heard = await Line.about(post, page=None, message="m7").press("1")

    assert "This incident is over" in heard.text


async def test_while_temporal_is_away_nothing_is_recorded_as_heard(post: Post) -> None:
    post.temporal.failure = unavailable()

    heard = await Line.about(post, page=None, message="m7").press("1")

    assert "could not be recorded" in heard.text
    assert "Press 1 to confirm" in heard.text


# ---- languages, and URLs ----


async def test_the_answer_is_in_the_language_of_the_call(post: Post) -> None:
    post.temporal.runs(summoned())
    line = Line.about(post, language="es-MX")

    unknown, again, thanks = [await line.press(key) for key in "931"]

    assert unknown.words[0] == "Esa tecla no tiene ninguna función."
    assert again.text.startswith("Le llama Tocsin.")
    assert thanks.text.startswith("Gracias. Ha aceptado el aviso 7 F 3 K 2, 1")
    assert {*unknown.languages, *again.languages, *thanks.languages} == {"es-MX"}


async def test_a_url_of_an_earlier_version_still_accepts_its_page(post: Post) -> None:
    post.temporal.runs(summoned())
    url = f"/v1/twilio/key?workflow={FLOW}&incident={ID}&page=1&person=kit"

    answer = await post.twilio(url, {"CallSid": "CA1", "Digits": "1"})

    assert "You have accepted page" in answer.text
    assert reports(post) == []


@pytest.mark.parametrize("url", ["page=two", "page=1&asked=many"])
async def test_a_url_with_a_number_that_is_none_is_refused(post: Post, url: str) -> None:
    whole = f"/v1/twilio/key?workflow={FLOW}&incident={ID}&person=kit&{url}"

    assert_problem(await post.twilio(whole, {"CallSid": "CA1", "Digits": "1"}), 400, "incomplete-url")
