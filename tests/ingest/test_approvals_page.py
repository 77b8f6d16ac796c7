"""The page behind an approver's link: it shows the very words, and only its buttons act."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.domain import observatory
from tests.ingest.courtroom import Court, Observatory
from tests.ingest.harbour import unavailable
from tocsin.domain import commands as say
from tocsin.domain.approvals import subject_of
from tocsin.domain.proving import Claim, approval_matter
from tocsin.domain.words import Verdict
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.proofs import Proofs
from tocsin.settings import Settings
from tocsin.wordings import WordingStore

KEY = "k1:" + "s" * 32
EIGHT_HOURS = timedelta(hours=8)


@dataclass
class Director:
    """Caroline, with the link that she got, at her telephone."""

    http: httpx.AsyncClient
    court: Court

    @property
    def world(self) -> Observatory:
        return self.court.world

    def link(self, person: str = "caroline", purpose: str = "approval", **changes: Any) -> str:
        approval = self.world.state.approvals[1]
        matter = approval_matter("observatory", self.world.state.id, 1, subject_of(approval))
        claim = Claim(
            matter=matter.model_copy(update={"purpose": purpose}),
            workflow=self.court.workflow,
            person=person,
            expires=approval.due,
        )
        return f"/v1/approvals/{self.court.proofs.link(claim.model_copy(update=changes))}"

    async def opens(self, link: str | None = None) -> httpx.Response:
        return await self.http.get(link or self.link())

    async def presses(self, decision: str, link: str | None = None, **form: str) -> httpx.Response:
        return await self.http.post(link or self.link(), data={"decision": decision, **form})


@pytest.fixture
async def director(tmp_path: Path) -> AsyncIterator[Director]:
    home = tmp_path / "plans" / "observatory"
    home.mkdir(parents=True)
    (home / "plan.yaml").write_text(observatory.PLAN)
    (home / "directory.yaml").write_text(observatory.DIRECTORY)
    settings = Settings(state=tmp_path / "state", signing_keys=KEY)
    world = Observatory.drips(WordingStore(settings.state))
    clock = lambda: world.now  # noqa: E731 — read anew each time
    court = Court(world, Proofs.of(settings, clock), f"incident-{world.state.id}")
    app = create_app(court, PlanLibrary(tmp_path / "plans", settings.state), settings, clock=clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t.example") as http:
        yield Director(http, court)


def assert_says(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    for word in words:
        assert word in answer.text


# ---- looking ----


async def test_the_page_shows_the_very_words_the_promise_and_until_when(director: Director) -> None:
    answer = await director.opens()

    assert_says(
        answer,
        200,
        "The lenders are told",
        "§1",
        "Tuesday 03 February 2026, 17:00 GMT",
        "Dear <em",
        "It drips &lt;b&gt;",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "caroline",
        director.world.state.approvals[1].wording or "",
    )
    assert "<script" not in answer.text


async def test_looking_at_it_changes_nothing_however_often(director: Director) -> None:
    before = director.world.state.model_dump_json()
    for _ in range(3):
        await director.opens()

    assert director.world.state.model_dump_json() == before
    assert (director.court.updated, director.court.signalled) == ([], [])


@pytest.mark.parametrize("link", [None, "/v1/approvals/nonsense"])
async def test_every_page_is_kept_by_nobody_framed_by_nobody_and_tells_nobody_where_it_was(
    director: Director, link: str | None
) -> None:
    headers = (await director.opens(link)).headers

    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-type"].startswith("text/html")
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy


# ---- deciding ----


async def test_a_press_approves_and_the_lenders_are_told_these_words(director: Director) -> None:
    command = re.search(r'name="id" value="([0-9a-f]{32})"', (await director.opens()).text)
    assert command is not None

    answer = await director.presses("approve", id=command[1])

    assert_says(answer, 200, "Approved")
    [commanded] = director.court.updated
    assert (commanded.command.id, commanded.command.actor.via) == (command[1], "link")
    assert director.world.verdict("lenders") is Verdict.MET
    assert (
        "approved by @caroline by the link sent to caroline's address" in director.world.row("lenders").reason
    )


async def test_declining_wants_a_reason_and_puts_it_on_the_record(director: Director) -> None:
    assert_says(await director.presses("decline", reason="  "), 400, "Say why you decline.", "Dear <em")

    assert_says(await director.presses("decline", reason="Not <yet>"), 200, "Declined")
    assert director.world.state.approvals[1].reason == "Not <yet>"
    assert director.world.verdict("lenders") is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize("decision", ["", "perhaps"])
async def test_a_form_that_says_neither_changes_nothing(director: Director, decision: str) -> None:
    assert_says(await director.presses(decision), 400, "Press one of the buttons")
    assert director.court.updated == []


async def test_a_second_press_is_told_what_was_decided(director: Director) -> None:
    await director.presses("approve")

    assert_says(await director.presses("decline", reason="No!"), 409, "This was approved by caroline")
    assert_says(await director.opens(), 409, "Decided already")
    assert len(director.court.updated) == 1


async def test_a_holder_of_another_role_is_refused_in_words(director: Director) -> None:
    answer = await director.presses("approve", director.link(person="edmond"))

    assert_says(answer, 409, "only Director may decide this, and edmond is not, says the directory")
    assert director.world.state.approvals[1].is_open


# ---- links that do not count ----


async def test_a_forged_link_is_forbidden(director: Director) -> None:
    link = director.link()
    forged = link[:-4] + ("AAAA" if not link.endswith("AAAA") else "BBBB")

    assert_says(await director.opens(forged), 403, "This link is not one of ours")
    assert_says(await director.presses("approve", forged), 403, "This link is not one of ours")
    assert director.court.updated == []


async def test_a_link_for_another_purpose_is_forbidden(director: Director) -> None:
    assert_says(await director.presses("approve", director.link(purpose="plan")), 403)


async def test_an_expired_link_is_gone(director: Director) -> None:
    link = director.link()
    director.world.passes(hours=8)

    assert_says(await director.opens(link), 410, "Too late", "2026-02-03 17:00 UTC")
    assert_says(await director.presses("approve", link), 410)


async def test_a_link_about_words_that_were_changed_decides_nothing(director: Director) -> None:
    link = director.link()
    director.world.says(say.Reword, "edmond", approval=1, text="It pours.")

    assert_says(await director.opens(link), 409, "The words were changed")
    assert_says(await director.presses("approve", link), 409, "The words were changed")
    assert_says(await director.opens(), 200, "It pours.")


async def test_when_the_incident_is_over_the_page_says_so(director: Director) -> None:
    director.court.is_there = False

    assert_says(await director.opens(), 410, "waits for no decision any more")


async def test_words_that_were_lost_or_altered_are_not_approved_unseen(director: Director) -> None:
    [file] = director.world.wordings.folder.iterdir() if director.world.wordings else []
    file.write_text('{"subject": "", "body": "All is well"}')

    assert_says(await director.opens(), 503, "nothing can be approved unseen")
    assert_says(await director.presses("approve"), 503)
    assert director.court.updated == []


async def test_a_link_into_an_incident_that_moved_finds_it(director: Director) -> None:
    link = director.link(workflow="incident-OTHER")

    assert_says(await director.opens(link), 200)


# ---- when something is away ----


async def test_without_a_worker_the_decision_is_kept_and_says_so(director: Director) -> None:
    director.court.is_idle = True

    assert_says(await director.presses("approve"), 202, "your decision is kept")
    [(signal, commanded)] = director.court.signalled
    assert (signal, commanded.command.approve) == ("queued_command", True)


async def test_without_temporal_nothing_is_changed_and_the_page_says_so(director: Director) -> None:
    director.court.failure = unavailable()

    assert_says(await director.opens(), 503, "Try again in a minute")
    assert_says(await director.presses("approve"), 503, "it counts once")


async def test_a_waiver_shows_its_reason(director: Director) -> None:
    director.world.says(say.AskForWaiver, "edmond", obligation="lenders", reason="They sit <here>")
    approval = director.world.state.approvals[2]
    matter = approval_matter("observatory", director.world.state.id, 2, subject_of(approval))

    answer = await director.opens(director.link(matter=matter))

    assert_says(answer, 200, "May this promise be waived?", "They sit &lt;here&gt;", "Waive it")
