"""The page behind the link that a reader of a plan gets. Looking changes nothing; the button acknowledges."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from tocsin.acknowledgements import AcknowledgementRegister
from tocsin.acknowledging import NobodyAsks, NotAcknowledged, TemporalPublications
from tocsin.callbacks import PLANS_PATH
from tocsin.domain.inshort import promises_of
from tocsin.domain.plan import Plan
from tocsin.domain.proving import Claim, Expired, NoSigningKeys, NotProven
from tocsin.domain.publication import Acknowledging, NotPublishable
from tocsin.domain.readership import version_of
from tocsin.domain.state import PlanPin
from tocsin.ingest.reception import Reception
from tocsin.ingest.webpage import page, say
from tocsin.proofs import Proofs
from tocsin.publishing import version_in
from tocsin.temporal import TemporalUnavailable

_DONE = (
    "Acknowledged",
    "Thank you: it is on the record that you have read this version. You may close this page.",
)
_BEFORE = (
    "Acknowledged already",
    "It is on the record that you have read this version; nothing was changed.",
)
_KEPT = (
    "Received",
    "Nobody is at work just now to put it on the record; it is kept, and will be. If it does not count, you are asked "
    "again.",
)
_OVER = (
    "This is over",
    "Nobody is asked to acknowledge this version any more: the time is over, or there is a newer one.",
)
_NOT_NOW = ("Not just now", "Whether it arrived is unknown. Press the button again: it counts once.")
_FORGED = (
    "This link is not one of ours",
    "Open it again from the message that you got, whole. If it stays so, use the code in the message.",
)
_UNKNOWN = (
    "The policy cannot be shown",
    "Nothing was changed, and nothing can be acknowledged unseen. Tell whoever runs Tocsin; its log says why.",
)

_log = logging.getLogger(__name__)


class _Unanswerable(Exception):
    """Nothing can be acknowledged through this link: the page that says so."""

    def __init__(self, page: HTMLResponse) -> None:
        super().__init__()
        self.page = page


class PlanPages:
    """Shows a version of a plan to whoever must acknowledge it, and takes their acknowledgement."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._proofs = Proofs.of(reception.settings, reception.clock)
        self._register = AcknowledgementRegister(reception.settings.state)
        self.router = APIRouter(tags=["people"])
        path = f"{PLANS_PATH}/{{token}}"
        self.router.add_api_route(path, self.show, methods=["GET"], summary="A policy to acknowledge")
        self.router.add_api_route(path, self.act, methods=["POST"], summary="Acknowledge it")

    async def show(self, token: str) -> HTMLResponse:
        """The page with the promises and the button."""
        try:
            claim = self._claim(token)
            plan = await asyncio.to_thread(self._plan, claim)
        except _Unanswerable as why:
            return why.page
        return page(
            "plan.html.j2",
            title=plan.title,
            organisation=plan.organisation,
            version=version_of(claim.matter.subject),
            person=claim.person,
            due_local=f"{claim.expires.astimezone(ZoneInfo(plan.calendar.timezone)):%A %d %B %Y, %H:%M %Z}",
            promises=promises_of(plan),
            hash=claim.matter.subject,
        )

    async def act(self, token: str) -> HTMLResponse:
        """Put on the record that whoever got the link has read it."""
        try:
            claim = self._claim(token)
            await asyncio.to_thread(self._plan, claim)
        except _Unanswerable as why:
            return why.page
        try:
            return await self._acknowledge(claim, token)
        except NobodyAsks:
            known = await asyncio.to_thread(self._register.acknowledged, _pin(claim))
            is_known = claim.person in {each.who for each in known}
            return say(*_BEFORE) if is_known else say(*_OVER, HTTPStatus.GONE)
        except NotAcknowledged as why:
            return say("Not possible", f"{why}.", HTTPStatus.CONFLICT)
        except TemporalUnavailable as error:
            _log.error("an acknowledgement could not be passed on: %s", error)
            return say(*_NOT_NOW, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _acknowledge(self, claim: Claim, token: str) -> HTMLResponse:
        publications = TemporalPublications(await self._reception.client())
        said = Acknowledging(person=claim.person, proof=token)
        acknowledged = await publications.acknowledge(_pin(claim), said)
        return say(*_DONE) if acknowledged else say(*_KEPT, HTTPStatus.ACCEPTED)

    def _claim(self, token: str) -> Claim:
        """What the link says. Raises `_Unanswerable`."""
        try:
            claim = self._proofs.read_link(token)
        except Expired as error:
            raise _Unanswerable(say("Too late", f"{error}.", HTTPStatus.GONE)) from error
        except NoSigningKeys as error:
            _log.error("a link was followed that cannot be checked: %s", error)
            raise _Unanswerable(
                say("Not possible here", str(error), HTTPStatus.SERVICE_UNAVAILABLE)
            ) from error
        except NotProven as error:
            _log.warning("a link was followed that is not ours: %s", error)
            raise _Unanswerable(say(*_FORGED, HTTPStatus.FORBIDDEN)) from error
        if claim.matter.purpose != "plan":
            raise _Unanswerable(say(*_FORGED, HTTPStatus.FORBIDDEN))
        return claim

    def _plan(self, claim: Claim) -> Plan:
        """The very version that the link is about. Raises `_Unanswerable`."""
        try:
            return version_in(self._reception.library, _pin(claim))
        except NotPublishable as error:
            _log.error("a plan cannot be shown to its reader: %s", error)
            raise _Unanswerable(say(*_UNKNOWN, HTTPStatus.SERVICE_UNAVAILABLE)) from error


def _pin(claim: Claim) -> PlanPin:
    return PlanPin(name=claim.matter.plan, hash=claim.matter.subject)
