"""The page behind the link in a page's email. Looking changes nothing, so that scanners of mail may; its buttons act.

The link proves the person: the receiver has verified its signature, as it has Twilio's for a key on the telephone.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal
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
from tocsin.ingest.reception import Reception
from tocsin.ingest.webpage import page, say
from tocsin.proofs import Proofs
from tocsin.starting import temporal_answers
from tocsin.temporal import TemporalUnavailable

Answer = Literal["accept", "pass"]

_FORM = re.compile(r"[0-9a-f]{32}")
_ANSWERS: dict[str, Answer] = {"accept": "accept", "pass": "pass"}

_DONE = {
    "accept": ("You have it", "It is on the record that you take care of it. You may close this page."),
    "pass": ("Passed on", "Whoever is next is asked now. You may close this page."),
}
_KEPT = (
    "Received",
    "Nobody is at work just now to put it on the record; your answer is kept, and will be. You are told if it is "
    "refused.",
)
_NOT_NOW = ("Not just now", "Nothing was changed. Try again in a minute, or use the code in your message.")
_NOT_TAKEN = (
    "Not just now",
    "Whether your answer arrived is unknown. Press the button again: it counts once.",
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Summons:
    """What whoever holds a link is asked: the page as it stands, in its incident, and where that lives."""

    claim: Claim
    token: str
    workflow: str
    view: IncidentView
    page: Page

    @property
    def code(self) -> str:
        """What is answered by other ways, such as `7F3K2-2`."""
        return naming.page_code(self.view.id, self.page.number)


class AnswerPages:
    """Shows a page to whom it was sent, and takes their answer."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._proofs = Proofs.of(reception.settings, reception.clock)
        self.router = APIRouter(tags=["people"])
        path = f"{PAGES_PATH}/{{token}}"
        self.router.add_api_route(
            path, self.show, methods=["GET"], summary="A page that waits for your answer"
        )
        self.router.add_api_route(path, self.act, methods=["POST"], summary="Accept it, or pass it on")

    async def show(self, token: str) -> HTMLResponse:
        """What somebody is asked to take care of, and the two buttons."""
        try:
            return self._page(await self._summons(token))
        except NotAsked as why:
            return say(why.heading, str(why), why.status)
        except TemporalUnavailable as error:
            _log.error("a page could not be shown: %s", error)
            return say(*_NOT_NOW, HTTPStatus.SERVICE_UNAVAILABLE)

    async def act(self, token: str, request: Request) -> HTMLResponse:
        """Carry out what the button says."""
        form = read_form(await body_of(request))
        try:
            return await self._act(await self._summons(token), form)
        except NotAsked as why:
            return say(why.heading, str(why), why.status)
        except CommandRefused as why:
            return say("Not possible", f"{why}; nothing was changed.", HTTPStatus.CONFLICT)
        except TemporalUnavailable as error:
            _log.error("an answer could not be passed on: %s", error)
            return say(*_NOT_TAKEN, HTTPStatus.SERVICE_UNAVAILABLE)

    # What the link is about

    async def _summons(self, token: str) -> Summons:
        """What the link asks. Raises `NotAsked`, `TemporalUnavailable`."""
        claim = read_claim(self._proofs, token, "page")
        self._refuse_strangers(claim)
        incident, _, number = claim.matter.about.partition("/")
        client = await self._reception.client()
        async with temporal_answers(QUESTION_PATIENCE):
            found = await home_of(client, claim.workflow, incident)
        if found is None:
            raise _over(naming.spoken(incident))
        workflow, view = found
        return Summons(claim, token, workflow, view, _unanswered(view, int(number)))

    def _refuse_strangers(self, claim: Claim) -> None:
        """A link outlives neither the plan nor its person's place in the directory."""
        library, plan = self._reception.library, claim.matter.plan
        if plan not in library.plans or claim.person not in library.directory(plan).people:
            _log.warning("a link was followed of somebody whom the directory of plan %s does not know", plan)
            raise NotAsked(
                HTTPStatus.FORBIDDEN,
                "This link counts no more",
                "Whom it was sent to is not in the directory any more. Nothing was changed.",
            )

    # Answering

    async def _act(self, summons: Summons, form: Form) -> HTMLResponse:
        answer = _ANSWERS.get(form.get("answer", ""))
        if answer is None:
            return self._page(summons, "Press one of the two buttons.")
        command = _command(answer, summons, form.get("form", ""))
        outcome = await carry_out(self._reception, summons.workflow, summons.view.id, command)
        if outcome == "over":
            raise _over(summons.view.reference)
        return say(*_KEPT, HTTPStatus.ACCEPTED) if outcome == "kept" else say(*_DONE[answer])

    def _page(self, summons: Summons, complaint: str = "") -> HTMLResponse:
        view = summons.view
        return page(
            "answer.html.j2",
            HTTPStatus.BAD_REQUEST if complaint else HTTPStatus.OK,
            complaint=complaint,
            is_drill=view.is_drill,
            reference=view.reference,
            code=summons.code,
            title=view.title,
            severity=view.severity_title,
            phase=view.phase.label if view.phase else "",
            reason=summons.page.reason,
            since_local=f"{summons.page.opened.astimezone(self._zone(view.plan)):%A %d %B %Y, %H:%M %Z}",
            since_utc=f"{summons.page.opened:%Y-%m-%d %H:%M} UTC",
            person=summons.claim.person,
            form=uuid4().hex,
        )

    def _zone(self, plan: str) -> ZoneInfo:
        return ZoneInfo(self._reception.library.plans[plan].plan.calendar.timezone)


def _unanswered(view: IncidentView, number: int) -> Page:
    """The page, if somebody must still answer it. Raises `NotAsked`."""
    asked = next((each for each in view.pages if each.number == number), None)
    if asked is None or asked.ended is not None:
        raise _over(naming.page_code(view.id, number))
    if asked.acknowledged is not None:
        given = asked.acknowledged
        raise NotAsked(
            HTTPStatus.CONFLICT,
            "Answered already",
            f"{given.by} has it, since {given.at:%Y-%m-%d %H:%M} UTC; nothing was changed.",
        )
    return asked


def _command(answer: Answer, summons: Summons, form: str) -> Command:
    """A button that is pressed twice counts once for its `form`; one without a name counts once for its link."""
    seed = form if _FORM.fullmatch(form) else summons.token
    id = naming.identify("link", seed, answer)
    actor = Actor(key=summons.claim.person, via="link", proof="proven")
    incident, number = summons.view.id, summons.page.number
    if answer == "pass":
        return HandOver(id=id, actor=actor, incident=incident, page=number)
    return Acknowledge(id=id, actor=actor, incident=incident, page=number)


def _over(what: str) -> NotAsked:
    return NotAsked(
        HTTPStatus.GONE, "This is over", f"Nobody needs to answer {what} any more. Nothing was changed."
    )
