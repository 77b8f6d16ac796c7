"""SendGrid's signed event webhook: what became of emails, told to the incidents that sent them.

Source: docs.sendgrid.com/for-developers/tracking-events. Events come in batches, doubled at times, and a batch that is
not answered with 2xx comes again whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse

from tocsin.callbacks import EVENTS_PATH
from tocsin.channels.deliveries import deliveries_of_sendgrid
from tocsin.domain.delivery import DeliveryReport
from tocsin.domain.events import Delivery
from tocsin.ingest.bodies import body_of, read_json
from tocsin.ingest.broadcasts import BroadcastReports
from tocsin.ingest.eventkey import EventKey, EventKeyMissing
from tocsin.ingest.problems import Problem, unavailable
from tocsin.ingest.reception import Reception
from tocsin.ingest.together import Together
from workflows.incident import IncidentWorkflow

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
MESSAGES_AT_ONCE = 10

_EVENTS = TypeAdapter(list[dict[str, Any]])
_log = logging.getLogger(__name__)


class SendGridCallbacks:
    """The endpoint for SendGrid. Raises `SettingsError` when the key that checks its signatures is none."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._together = Together(reception)
        self._broadcasts = BroadcastReports(reception.settings.state)
        self._key = EventKey(reception.settings)
        self.router = APIRouter(tags=["vendors"])
        self.router.add_api_route(EVENTS_PATH, self.events, methods=["POST"], summary="What became of emails")

    async def events(self, request: Request) -> JSONResponse:
        """Tell each incident what became of its emails, in the order of the events."""
        body = await body_of(request)
        self._refuse_unless_signed(request, body)
        events = read_json(_EVENTS, body)
        reports = deliveries_of_sendgrid(events)
        places = asyncio.Semaphore(MESSAGES_AT_ONCE)
        told = await asyncio.gather(*(self._tell(places, each) for each in _by_message(reports)))
        digests = [each for each in reports if each.is_news and "digest" in each.correlation]
        told += [await self._together.tell(each.correlation["digest"], each) for each in digests]
        await self._broadcasts.keep(events, reports)
        return JSONResponse({"told": sum(told)})

    def _refuse_unless_signed(self, request: Request, body: bytes) -> None:
        signature = request.headers.get(SIGNATURE_HEADER, "")
        timestamp = request.headers.get(TIMESTAMP_HEADER, "")
        if not self._is_signed(signature, timestamp, body):
            _log.warning("refused events whose signature is not SendGrid's")
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-signed-by-sendgrid",
                "the signature is not SendGrid's for this body; switch the signed event webhook on, and set "
                "SENDGRID_EVENTS_PUBLIC_KEY (or …_KEY_FILE) to its verification key",
            )

    def _is_signed(self, signature: str, timestamp: str, body: bytes) -> bool:
        try:
            return self._key.made(signature, timestamp, body)
        except EventKeyMissing as error:
            _log.error("events cannot be checked, and are asked for again: %s", error)
            raise unavailable("the key that checks events is not there yet", "no-event-key") from error

    async def _tell(self, places: asyncio.Semaphore, deliveries: list[tuple[str, Delivery]]) -> int:
        async with places:
            told = [
                await self._reception.tell(workflow, delivery.incident, IncidentWorkflow.delivery, delivery)
                for workflow, delivery in deliveries
            ]
        return sum(told)


def _by_message(reports: Iterable[DeliveryReport]) -> list[list[tuple[str, Delivery]]]:
    """The reports that tell something new of messages of ours, those about one message together and in order."""
    messages: dict[str, list[tuple[str, Delivery]]] = defaultdict(list)
    for report in reports:
        about = report.correlation
        if report.is_news and {"workflow", "incident", "message"} <= about.keys():
            delivery = Delivery(incident=about["incident"], message=about["message"], report=report)
            messages[delivery.message].append((about["workflow"], delivery))
    return list(messages.values())
