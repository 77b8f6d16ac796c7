"""What vendors report of messages to large audiences: written into the broadcast's own file, and told to no workflow.

A hundred thousand reports, one by one, would be as many events of history. An address that is out of use is remembered,
whichever of our mails it was that came back.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from tocsin.broadcastfiles import BroadcastFolder
from tocsin.callbacks import BROADCAST_STATUS_PATH
from tocsin.channels.deliveries import delivery_of_twilio_sms
from tocsin.channels.suppressing import suppressions_of_sendgrid
from tocsin.domain.broadcasts import BROADCAST_ID, DeliveryNote
from tocsin.domain.delivery import DeliveryReport
from tocsin.ingest.problems import unavailable
from tocsin.ingest.reception import Reception
from tocsin.ingest.signed import TwilioSigned
from tocsin.suppressions import Suppressions

_ROW = re.compile(r"[0-9]{1,9}")
_log = logging.getLogger(__name__)


class BroadcastReports:
    """Keeps what vendors report below the state folder."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._suppressions = Suppressions(state)

    async def keep(self, events: Sequence[Mapping[str, Any]], reports: Iterable[DeliveryReport]) -> int:
        """Remember addresses that are out of use, and write down what is news of broadcasts; how much that was.

        Raises `Problem` (503) when the disk does not take it: what was not kept comes again.
        """
        notes = _by_broadcast(reports)
        try:
            await asyncio.to_thread(self._write, events, notes)
        except OSError as error:
            _log.error("what vendors report of broadcasts cannot be kept, and is asked for again: %s", error)
            raise unavailable("the reports cannot be kept now", "not-kept") from error
        return sum(map(len, notes.values()))

    def _write(
        self, events: Sequence[Mapping[str, Any]], notes: Mapping[str, Sequence[DeliveryNote]]
    ) -> None:
        if suppressions := suppressions_of_sendgrid(events):
            self._suppressions.add(suppressions)
        for broadcast, of_it in notes.items():
            BroadcastFolder(self._state, broadcast).keep_deliveries(of_it)


class BroadcastTexts:
    """Where Twilio reports how far the texts to an audience have come."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._signed = TwilioSigned(reception.settings)
        self._reports = BroadcastReports(reception.settings.state)
        self.router = APIRouter(tags=["vendors"])
        self.router.add_api_route(
            BROADCAST_STATUS_PATH,
            self.status,
            methods=["POST"],
            summary="How far a text to an audience has come",
        )

    async def status(self, request: Request) -> JSONResponse:
        """Write down what became of one text."""
        form = await self._signed.form(request)
        report = delivery_of_twilio_sms(form, self._reception.clock())
        about = {name: request.query_params.get(name, "") for name in ("broadcast", "row")}
        reports = [report.model_copy(update={"correlation": about})] if report else []
        kept = await self._reports.keep([], reports)
        return JSONResponse({"outcome": "kept" if kept else "nothing to keep"})


def _by_broadcast(reports: Iterable[DeliveryReport]) -> Mapping[str, Sequence[DeliveryNote]]:
    """The news of each broadcast. Names that are none of ours are left out: a vendor's signature vouches for the vendor
    alone."""
    notes: dict[str, list[DeliveryNote]] = defaultdict(list)
    for report in reports:
        broadcast, row = report.correlation.get("broadcast", ""), report.correlation.get("row", "")
        if report.is_news and BROADCAST_ID.fullmatch(broadcast) and _ROW.fullmatch(row):
            notes[broadcast].append(DeliveryNote(row=int(row), state=report.state, at=report.at))
    return notes
