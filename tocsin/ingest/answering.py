"""The page behind the link in a page's email. Looking changes nothing, so that scanners of mail may; its buttons act.

The link proves the person: the receiver has verified its signature, as it has Twilio's for a key on the telephone. They
are answered in their language; a link that tells nobody's is answered in English.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from tocsin.callbacks import PAGES_PATH
from tocsin.domain import naming
from tocsin.domain.commands import Acknowledge, Command, CommandRefused, HandOver
from tocsin.domain.proving import Claim
from tocsin.domain.state import Actor, Page
from tocsin.domain.view import IncidentView
from tocsin.ingest.bodies import Form, body_of, read_form
from tocsin.ingest.carrying import carry_out
from tocsin.ingest.links import QUESTION_PATIENCE, NotAsked, home_of, read_claim
from tocsin.ingest.pagelink import Ending, Link
from tocsin.ingest.reception import Reception
from tocsin.ingest.webpage import page, say
from tocsin.mentions import everybody, named
from tocsin.prompts import Prompts
from tocsin.proofs import Proofs
from tocsin.starting import temporal_answers
from tocsin.temporal import TemporalUnavailable

Answer = Literal["accept", "pass"]

_FORM = re.compile(r"[0-9a-f]{32}")
_ANSWERS: dict[str, Answer] = {"accept": "accept", "pass": "pass"}
_DONE: dict[Answer, Ending] = {"accept": "accepted", "pass": "passed_on"}

_log = logging.getLogger(__name__)


class _NotTheirs(Exception):
    """There is nothing (any more) that this person could answer; `ending` says why, with what it needs."""

    def __init__(self, ending: Ending, status: HTTPStatus, **shown: Any) -> None:
        super().__init__(ending)
        self.ending = ending
        self.status = status
        self.shown = shown


@dataclass(frozen=True)
class Summons:
    """What whoever holds a link is asked: the page as it stands, in its incident, and where that lives."""

    link: Link
    workflow: str
    view: IncidentView
    page: Page


class AnswerPages:
    """Shows a page to whom it was sent, and takes their answer."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._proofs = Proofs.of(reception.settings, reception.clock)
        self._prompts = Prompts(reception.library)
        self.router = APIRouter(tags=["people"])
        path = f"{PAGES_PATH}/{{token}}"
        self.router.add_api_route(
            path, self.show, methods=["GET"], summary="A page that waits for your answer"
        )
        self.router.add_api_route(path, self.act, methods=["POST"], summary="Accept it, or pass it on")

    async def show(self, token: str) -> HTMLResponse:
        """What somebody is asked to take care of, and the two buttons."""

        async def show(link: Link) -> HTMLResponse:
            return _page(await self._summons(link))

        return await self._answer(token, show, "not_now")

    async def act(self, token: str, request: Request) -> HTMLResponse:
        """Carry out what the button says."""
        form = read_form(await body_of(request))

        async def act(link: Link) -> HTMLResponse:
            return await self._act(await self._summons(link), form)

        return await self._answer(token, act, "not_taken")

    async def _answer(
        self, token: str, do: Callable[[Link], Awaitable[HTMLResponse]], away: Ending
    ) -> HTMLResponse:
        """What comes of it, in the person's words; `away` is said when Temporal does not answer."""
        try:
            link = self._link(token)
        except NotAsked as why:
            return say(why.heading, str(why), why.status)
        try:
            self._refuse_strangers(link.claim)
            return await do(link)
        except _NotTheirs as why:
            return link.end(why.ending, why.status, **why.shown)
        except TemporalUnavailable as error:
            _log.error("a page could not be shown, or its answer not passed on: %s", error)
            return link.end(away, HTTPStatus.SERVICE_UNAVAILABLE)

    # What the link is about

    def _link(self, token: str) -> Link:
        """What the link says, in whose words. Raises `NotAsked`."""
        claim = read_claim(self._proofs, token, "page")
        library, plan = self._reception.library, claim.matter.plan
        known = library.plans.get(plan)
        person = library.directory(plan).people.get(claim.person) if known else None
        zone = ZoneInfo(known.plan.calendar.timezone if known else "UTC")
        return Link(claim, token, self._prompts, person.language if person else "", zone)

    def _refuse_strangers(self, claim: Claim) -> None:
        """A link outlives neither the plan nor its person's place in the directory."""
        library, plan = self._reception.library, claim.matter.plan
        if plan not in library.plans or claim.person not in library.directory(plan).people:
            _log.warning("a link was followed of somebody whom the directory of plan %s does not know", plan)
            raise _NotTheirs("leaver", HTTPStatus.FORBIDDEN)

    async def _summons(self, link: Link) -> Summons:
        """What the link asks. Raises `_NotTheirs`, `TemporalUnavailable`."""
        client = await self._reception.client()
        async with temporal_answers(QUESTION_PATIENCE):
            found = await home_of(client, link.claim.workflow, link.incident)
        if found is None:
            raise _NotTheirs("over", HTTPStatus.GONE)
        workflow, view = found
        return Summons(link, workflow, view, self._unanswered(view, link.number))

    def _unanswered(self, view: IncidentView, number: int) -> Page:
        """The page, if somebody must still answer it. Raises `_NotTheirs`."""
        asked = next((each for each in view.pages if each.number == number), None)
        if asked is None or asked.ended is not None:
            raise _NotTheirs("over", HTTPStatus.GONE)
        if (given := asked.acknowledged) is not None:
            by = self._with_names(view, f"@{given.by.key}").removeprefix("@")
            raise _NotTheirs("taken", HTTPStatus.CONFLICT, by=by, moment=given.at)
        return asked

    def _with_names(self, view: IncidentView, text: str) -> str:
        return named(text, everybody(self._reception.library.directory(view.plan), view.customer))

    # Answering

    async def _act(self, summons: Summons, form: Form) -> HTMLResponse:
        link, view = summons.link, summons.view
        answer = _ANSWERS.get(form.get("answer", ""))
        if answer is None:
            return _page(summons, link.say("neither"))
        command = _command(answer, summons, form.get("form", ""))
        try:
            outcome = await carry_out(self._reception, summons.workflow, view.id, command)
        except CommandRefused as why:
            await self._summons(link)  # says itself that somebody was faster, or that it is over by now
            raise _NotTheirs("refused", HTTPStatus.CONFLICT, reason=self._with_names(view, str(why))) from why
        if outcome == "over":
            raise _NotTheirs("over", HTTPStatus.GONE)
        return link.end("kept", HTTPStatus.ACCEPTED) if outcome == "kept" else link.end(_DONE[answer])


def _page(summons: Summons, complaint: str = "") -> HTMLResponse:
    view, link = summons.view, summons.link
    return page(
        "answer.html.j2",
        HTTPStatus.BAD_REQUEST if complaint else HTTPStatus.OK,
        say=link.say,
        lang=link.lang,
        complaint=complaint,
        is_drill=view.is_drill,
        reference=view.reference,
        title=view.title,
        severity=view.severity_title,
        phase=view.phase.label if view.phase else "",
        reason=summons.page.reason,
        since=summons.page.opened,
        person=link.claim.person,
        form=uuid4().hex,
    )


def _command(answer: Answer, summons: Summons, form: str) -> Command:
    """A button that is pressed twice counts once for its `form`; one without a name counts once for its link."""
    seed = form if _FORM.fullmatch(form) else summons.link.token
    id = naming.identify("link", seed, answer)
    actor = Actor(key=summons.link.claim.person, via="link", proof="proven")
    incident, number = summons.view.id, summons.page.number
    if answer == "pass":
        return HandOver(id=id, actor=actor, incident=incident, page=number)
    return Acknowledge(id=id, actor=actor, incident=incident, page=number)
