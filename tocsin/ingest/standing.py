"""How it stands with a page whose answer was refused, so that its author hears why in their own language."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from tocsin.domain.state import Page
from tocsin.ingest.links import home_of
from tocsin.ingest.reception import Reception
from tocsin.starting import temporal_answers
from tocsin.temporal import TemporalUnavailable

ANOTHER_LOOK = timedelta(seconds=2)
"""How long whoever was refused waits to be told why in their own language."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """Why a page takes no answer, as texts and calls say it; `by` has it where it is `taken`.

    `refused` explains nothing: what is left are the incident's own words, which are English.
    """

    why: Literal["already_yours", "taken", "ended", "refused"]
    by: str = ""


async def standing_of(
    reception: Reception, workflow: str, incident: str, number: int, people: Collection[str]
) -> Standing:
    """How it stands with a page, for `people`, who may have taken it themselves.

    `refused` also when nobody can say in time.
    """
    page = await _page(reception, workflow, incident, number)
    if page is not None and page.acknowledged is not None:
        by = page.acknowledged.by.key
        return Standing("already_yours") if by in people else Standing("taken", by)
    if page is not None and page.ended is not None:
        return Standing("ended")
    return Standing("refused")


async def _page(reception: Reception, workflow: str, incident: str, number: int) -> Page | None:
    try:
        client = await reception.client()
        async with temporal_answers(ANOTHER_LOOK):
            home = await home_of(client, workflow, incident)
    except TemporalUnavailable as error:
        _log.info("how it stands with a page could not be asked: %s", error)
        return None
    pages = home[1].pages if home else ()
    return next((page for page in pages if page.number == number), None)
