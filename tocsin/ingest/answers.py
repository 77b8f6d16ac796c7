"""What a monitor is answered where its format has no answer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from starlette.responses import JSONResponse, Response

from tocsin.domain.readings import Reading
from tocsin.ingest.intake import NoPlanMatches
from tocsin.ingest.problems import Problem
from tocsin.starting import Started


def plainly(readings: Sequence[Reading], started: Sequence[Started]) -> Response:
    """Where it went, or all of them where a request held more than one group."""
    is_heard = any(each.outcome != "nothing open" for each in started)
    status = HTTPStatus.ACCEPTED if is_heard else HTTPStatus.OK
    told = [_told(each) for each in started]
    return JSONResponse(told[0] if len(told) == 1 else {"incidents": told}, status)


def _told(started: Started) -> dict[str, str]:
    """Not the incident's id: whether the group's first is open or a later one, Temporal does not say."""
    return {
        "key": started.incident_key,
        "workflow": started.workflow_id,
        "outcome": started.outcome,
    }


def no_plan(unwanted: Sequence[tuple[Reading, NoPlanMatches]], started: Sequence[Started]) -> Problem:
    """Says which groups were left, and where the others went."""
    detail = "; ".join(dict.fromkeys(str(why) for _, why in unwanted))
    if not started:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-plan", detail)
    more = {
        "unwanted": [reading.group for reading, _ in unwanted],
        "taken": [_told(each) for each in started],
    }
    said = f"{detail}. Of {len(unwanted) + len(started)} groups {len(started)} were taken"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-plan", said, more=more)
