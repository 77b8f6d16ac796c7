"""The page behind the link in a page's email: looking changes nothing, its buttons act, and each counts once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.office import library_of_the_harbour
from tests.domain import harbour
from tests.domain.world import World
from tests.ingest.courtroom import Bench, Court
from tests.ingest.harbour import unavailable
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.domain.events import Commanded
from tocsin.domain.proving import Claim, page_matter
from tocsin.domain.state import Actor
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.proofs import Proofs
from tocsin.settings import Settings

KEY = "k1:" + "s" * 32


class Quay(Court):
    """A Temporal that has the harbour's incident."""

    def get_workflow_handle(self, workflow: str) -> Bench:
        return Berth(self, workflow)

    def get_workflow_handle_for(self, run: Callable[..., Any], workflow: str) -> Bench:
        return Berth(self, workflow)


class Berth(Bench):
    """One workflow of the quay."""

    def _decide(self, commanded: Commanded) -> None:
        self.court.world.happens(commanded)


@dataclass
class Pilot:
    """Ana, with the link that she got, at her telephone."""

    http: httpx.AsyncClient
    quay: Quay

    @property
    def world(self) -> World:
        return self.quay.world

    def link(self, person: str = "ana", purpose: str = "page", page: int = 1, **changes: Any) -> str:
        matter = page_matter("harbour", self.world.state.id, page)
        claim = Claim(
            matter=matter.model_copy(update={"purpose": purpose}),
            workflow=self.quay.workflow,
            person=person,
            expires=harbour.MONDAY_NOON + timedelta(hours=24),
        )
        return f"/v1/pages/{self.quay.proofs.link(claim.model_copy(update=changes))}"

    async def opens(self, link: str | None = None) -> httpx.Response:
        return await self.http.get(link or self.link())

    async def presses(self, answer: str, link: str | None = None, **form: str) -> httpx.Response:
        return await self.http.post(link or self.link(), data={"answer": answer, **form})


@pytest.fixture
async def pilot(tmp_path: Path) -> AsyncIterator[Pilot]:
    library = PlanLibrary(library_of_the_harbour(tmp_path), tmp_path / "state")
    settings = Settings(state=tmp_path / "state", signing_keys=KEY)
    world = World()
    world.alert()
    clock = lambda: world.now  # noqa: E731 — read anew each time
    quay = Quay(world, Proofs.of(settings, clock), f"incident-{world.state.id}")
    app = create_app(quay, library, settings, clock=clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t.example") as http:
        yield Pilot(http, quay)


def assert_says(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.text


# ---- looking ----


async def test_the_page_says_what_it_is_about_and_who_is_asked(pilot: Pilot) -> None:
    reference = pilot.world.state.reference

    answer = await pilot.opens()

    assert_says(answer, 200, reference, "The wind rises", "Gale", "Monday 01 June 2026, 13:00", "ana")
    assert_says(answer, 200, "I take it", "Pass it on")
    assert "<script" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_title_with_markup_is_shown_and_not_obeyed(pilot: Pilot) -> None:
    pilot.world.state.title = "<script>alert(1)</script>"

    assert_says(await pilot.opens(), 200, "&lt;script&gt;alert(1)")


async def test_a_scanner_that_opens_it_however_often_changes_nothing(pilot: Pilot) -> None:
    before = pilot.world.state.model_dump_json()
    for _ in range(3):
        await pilot.opens()
        await pilot.http.head(pilot.link())

    assert pilot.world.state.model_dump_json() == before
    assert (pilot.quay.updated, pilot.quay.signalled) == ([], [])


# ---- answering ----


async def test_a_press_acknowledges_and_the_link_proves_who_it_was(pilot: Pilot) -> None:
    assert_says(await pilot.presses("accept"), 200, "You have it")

    acknowledged = pilot.world.state.pages[1].acknowledged
    assert acknowledged is not None
    assert acknowledged.by == Actor(key="ana", via="link", proof="proven")
    assert pilot.world.state.roles["watch_officer"] == "ana"


async def test_passing_it_on_asks_whoever_is_next_at_once(pilot: Pilot) -> None:
    assert pilot.world.reached == [("sms", "ana")]

    assert_says(await pilot.presses("pass"), 200, "Passed on")

    assert pilot.world.reached[-1] == ("phone", "rui")
    assert pilot.world.state.pages[1].is_open


@pytest.mark.parametrize("with_its_form", [True, False])
async def test_a_button_that_is_pressed_twice_counts_once(pilot: Pilot, with_its_form: bool) -> None:
    shown = re.search(r'name="form" value="([0-9a-f]{32})"', (await pilot.opens()).text)
    assert shown is not None
    form = {"form": shown[1]} if with_its_form else {}

    first, again = [await pilot.presses("pass", **form) for _ in range(2)]

    assert (first.status_code, again.status_code) == (200, 200)
    assert len({commanded.command.id for commanded in pilot.quay.updated}) == 1
    assert pilot.world.reached[1:] == [("phone", "rui")]


async def test_accepting_twice_is_told_that_it_is_known_and_counts_once(pilot: Pilot) -> None:
    await pilot.presses("accept")

    assert_says(await pilot.presses("accept"), 409, "Answered already", "Ana has it")
    assert len(pilot.quay.updated) == 1


async def test_who_changes_their_mind_after_passing_it_on_may_still_take_it(pilot: Pilot) -> None:
    shown = re.search(r'name="form" value="([0-9a-f]{32})"', (await pilot.opens()).text)
    assert shown is not None

    await pilot.presses("pass", form=shown[1])
    assert_says(await pilot.presses("accept", form=shown[1]), 200, "You have it")

    assert not pilot.world.state.pages[1].is_open


@pytest.mark.parametrize("answer", ["", "perhaps"])
async def test_a_form_that_says_neither_changes_nothing(pilot: Pilot, answer: str) -> None:
    assert_says(await pilot.presses(answer), 400, "Press one of the two buttons")
    assert pilot.quay.updated == []


async def test_what_somebody_else_has_answered_says_by_whom(pilot: Pilot) -> None:
    pilot.world.acknowledges("eva")

    assert_says(await pilot.opens(), 409, "Answered already", "Eva has it")
    assert_says(await pilot.presses("accept"), 409, "nothing was changed")
    assert pilot.quay.updated == []


async def test_who_was_faster_between_two_looks_is_named(pilot: Pilot) -> None:
    race = pilot.quay.world

    class Faster(Berth):
        def _decide(self, commanded: Commanded) -> None:
            race.acknowledges("eva")
            super()._decide(commanded)

    pilot.quay.get_workflow_handle_for = lambda run, workflow: Faster(pilot.quay, workflow)  # type: ignore[method-assign]

    assert_says(await pilot.presses("accept"), 409, "Answered already", "Eva has it")


# ---- links that do not count ----


async def test_a_forged_link_is_forbidden(pilot: Pilot) -> None:
    link = pilot.link()
    forged = link[:-4] + ("AAAA" if not link.endswith("AAAA") else "BBBB")

    assert_says(await pilot.opens(forged), 403, "This link is not one of ours")
    assert_says(await pilot.presses("accept", forged), 403, "This link is not one of ours")
    assert_says(await pilot.presses("accept", "/v1/pages/nonsense"), 403)
    assert pilot.quay.updated == []


async def test_a_link_for_another_purpose_is_forbidden(pilot: Pilot) -> None:
    assert_says(await pilot.presses("accept", pilot.link(purpose="approval")), 403)


async def test_a_pages_link_opens_no_approval(pilot: Pilot) -> None:
    assert_says(await pilot.opens(pilot.link().replace("/pages/", "/approvals/")), 403)


async def test_a_leavers_link_counts_no_more(pilot: Pilot) -> None:
    link = pilot.link(person="zoe")

    assert_says(await pilot.presses("accept", link), 403, "not in the directory any more")
    assert pilot.quay.updated == []


async def test_an_expired_link_is_gone(pilot: Pilot) -> None:
    link = pilot.link()
    pilot.world.now += timedelta(hours=24)

    assert_says(await pilot.opens(link), 410, "Too late", "2026-06-02 12:00 UTC")
    assert_says(await pilot.presses("accept", link), 410)
    assert pilot.quay.updated == []


async def test_a_page_that_has_ended_needs_no_answer(pilot: Pilot) -> None:
    pilot.world.says(say.Resolve, summary="It blew over")

    assert_says(await pilot.opens(), 410, "This is over")


async def test_a_page_of_an_incident_that_is_over_needs_no_answer(pilot: Pilot) -> None:
    pilot.quay.is_there = False

    assert_says(await pilot.opens(), 410, "This is over")
    assert_says(await pilot.presses("accept"), 410, "This is over")


async def test_a_link_into_an_incident_that_moved_finds_it(pilot: Pilot) -> None:
    assert_says(await pilot.presses("accept", pilot.link(workflow="incident-OTHER")), 200, "You have it")


# ---- when something is away ----


async def test_without_a_worker_the_answer_is_kept_and_says_so(pilot: Pilot) -> None:
    pilot.quay.is_idle = True

    assert_says(await pilot.presses("accept"), 202, "your answer is kept")
    [(signal, commanded)] = pilot.quay.signalled
    assert (signal, commanded.command.kind) == ("queued_command", "acknowledge")


async def test_without_temporal_nothing_is_changed_and_the_page_says_so(pilot: Pilot) -> None:
    pilot.quay.failure = unavailable()

    assert_says(await pilot.opens(), 503, "Try again in a minute")
    assert_says(await pilot.presses("accept"), 503, "it counts once")


# ---- in whose words ----


@pytest.fixture
def german(pilot: Pilot, tmp_path: Path) -> Pilot:
    """Ana reads German, by the directory of now."""
    [directory] = tmp_path.rglob("directory.yaml")
    directory.write_text(directory.read_text().replace("{name: Ana,", "{name: Ana, language: de-AT,"))
    return pilot


async def test_the_page_is_in_the_language_of_whoever_was_asked(german: Pilot) -> None:
    answer = await german.opens()

    assert_says(answer, 200, '<html lang="de-AT">', "Ich übernehme", "Weitergeben", "01.06.2026, 13:00")
    assert "I take it" not in answer.text
    assert_says(await german.presses(""), 400, "Drücken Sie eine der beiden")
    assert_says(await german.presses("accept"), 200, '<html lang="de-AT">', "Sie haben übernommen")
    assert_says(await german.opens(), 409, "Schon beantwortet", "Ana hat übernommen, am 01.06.2026")


async def test_what_the_incident_refuses_is_said_in_its_own_words(german: Pilot) -> None:
    class Stubborn(Berth):
        def _decide(self, commanded: Commanded) -> None:
            raise CommandRefused("page 1 is @rui's already")

    german.quay.get_workflow_handle_for = lambda run, workflow: Stubborn(german.quay, workflow)  # type: ignore[method-assign]

    assert_says(await german.presses("pass"), 409, "auf Englisch: page 1 is Rui&#39;s already.")


async def test_a_link_that_tells_nobody_is_answered_in_english(german: Pilot) -> None:
    assert_says(await german.opens("/v1/pages/nonsense"), 403, '<html lang="en">', "not one of ours")
    assert_says(await german.opens(german.link(person="zoe")), 403, '<html lang="en-US">', "counts no more")
