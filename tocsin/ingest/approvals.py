"""The page behind the link that an approver gets. Looking changes nothing; a button on the page acts."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from uuid import uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from tocsin.callbacks import APPROVALS_PATH
from tocsin.domain.commands import CommandRefused
from tocsin.ingest.bodies import Form, body_of, read_form
from tocsin.ingest.deciding import Deciding, Question
from tocsin.ingest.links import NotAsked
from tocsin.ingest.reception import Reception
from tocsin.ingest.webpage import page, say
from tocsin.markdown import to_html
from tocsin.temporal import TemporalUnavailable

REASON_LENGTH = 2_000

_ID = re.compile(r"[0-9a-f]{32}")
_DECISIONS = {"approve": True, "decline": False}

_DONE = {
    ("wording", True): (
        "Approved",
        "The words go out now, exactly as you saw them. You may close this page.",
    ),
    ("wording", False): ("Declined", "The words do not go out. Your reason is on the record."),
    ("waiver", True): (
        "Waived",
        "The promise need not be kept; the record names you. You may close this page.",
    ),
    ("waiver", False): ("Declined", "The promise stays owed. Your reason is on the record."),
}
_KEPT = (
    "Received",
    "Nobody is at work just now to carry it out; your decision is kept, and will be. You are told if it is refused.",
)
_NOT_NOW = ("Not just now", "Nothing was changed. Try again in a minute, or use the code in your message.")
_NOT_TAKEN = (
    "Not just now",
    "Whether your decision arrived is unknown. Press the button again: it counts once.",
)

_log = logging.getLogger(__name__)


class ApprovalPages:
    """Shows what waits for a decision, and takes it."""

    def __init__(self, reception: Reception) -> None:
        self._deciding = Deciding(reception)
        self._library = reception.library
        self.router = APIRouter(tags=["people"])
        path = f"{APPROVALS_PATH}/{{token}}"
        self.router.add_api_route(path, self.show, methods=["GET"], summary="What waits for your decision")
        self.router.add_api_route(path, self.act, methods=["POST"], summary="Approve or decline it")

    async def show(self, token: str) -> HTMLResponse:
        """The page with the words and the two buttons."""
        try:
            return self._page(await self._deciding.question(token))
        except NotAsked as why:
            return say(why.heading, str(why), why.status)
        except TemporalUnavailable as error:
            _log.error("an approval could not be shown: %s", error)
            return say(*_NOT_NOW, HTTPStatus.SERVICE_UNAVAILABLE)

    async def act(self, token: str, request: Request) -> HTMLResponse:
        """Carry out what the button says."""
        form = read_form(await body_of(request))
        try:
            return await self._act(await self._deciding.question(token), form)
        except NotAsked as why:
            return say(why.heading, str(why), why.status)
        except CommandRefused as why:
            return say("Not possible", f"{why}.", HTTPStatus.CONFLICT)
        except TemporalUnavailable as error:
            _log.error("a decision could not be passed on: %s", error)
            return say(*_NOT_TAKEN, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _act(self, question: Question, form: Form) -> HTMLResponse:
        reason, decision = form.get("reason", "").strip(), form.get("decision", "")
        if decision not in _DECISIONS or len(reason) > REASON_LENGTH:
            return self._page(
                question, f"Press one of the buttons; a reason has at most {REASON_LENGTH:,} characters."
            )
        approve = _DECISIONS[decision]
        if not approve and not reason:
            return self._page(question, "Say why you decline.")
        id = form.get("id", "")
        outcome = await self._deciding.decide(
            question, approve, reason, id if _ID.fullmatch(id) else uuid4().hex
        )
        if outcome == "kept":
            return say(*_KEPT, HTTPStatus.ACCEPTED)
        return say(*_DONE[question.approval.what, approve])

    def _page(self, question: Question, complaint: str = "") -> HTMLResponse:
        view, approval, promise, words = question.view, question.approval, question.promise, question.words
        return page(
            "approval.html.j2",
            HTTPStatus.BAD_REQUEST if complaint else HTTPStatus.OK,
            complaint=complaint,
            is_drill=view.is_drill,
            reference=view.reference,
            title=view.title,
            what=approval.what,
            promise=promise.title if promise else approval.obligation,
            clause=promise.clause if promise else "",
            due_local=f"{approval.due.astimezone(self._zone(view.plan)):%A %d %B %Y, %H:%M %Z}",
            due_utc=f"{approval.due:%Y-%m-%d %H:%M} UTC",
            person=question.claim.person,
            reason_asked=approval.text,
            subject=question.claim.matter.subject,
            # Markdown's own raw HTML is off: what comes of it is ours.
            words={"subject": words.subject, "html": Markup(to_html(words.body))} if words else None,  # noqa: S704
            command=uuid4().hex,
        )

    def _zone(self, plan: str) -> ZoneInfo:
        """Where the plan is at home; a plan that was taken away meanwhile has no home."""
        known = self._library.plans.get(plan)
        return ZoneInfo(known.plan.calendar.timezone if known else "UTC")
