"""PagerDuty's Events API, version 2: what every tool can send that can page through PagerDuty.

Source: developer.pagerduty.com/docs/events-api-v2. One `dedup_key` is one incident. Where an event has none, PagerDuty
draws one by chance; here it is a hash of what the event says, so that the same event, sent again after an answer that
never arrived, joins the incident that it opened.

Of what a tool says in `custom_details` everything that is a single value becomes a label, which plans can match and
facts can be read from; the event's own fields come first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from starlette.responses import JSONResponse, Response

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.bodies import read_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.labels import LENGTH, labels_in
from tocsin.ingest.formats.moments import believable
from tocsin.ingest.problems import Problem
from tocsin.sources import Source
from tocsin.starting import Started

EVENT_LIMIT = 512 * 1024
"""Bytes, as PagerDuty has it."""

DEDUP_KEY_LENGTH = 255

PROCESSED = "Event processed"
ACKNOWLEDGED = "acknowledged, says the monitor; nobody here has answered"

_OWN_LABELS = {"severity", "source", "component", "group", "class_"}


def _or_nothing(value: Any, read: ValidatorFunctionWrapHandler) -> datetime | None:
    """A time that makes no sense says nothing; no alert is refused for it."""
    try:
        moment: datetime | None = read(value)
    except ValidationError:
        return None
    return None if moment is None else believable(moment)


class _Foreign(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Link(_Foreign):
    """Where to read more."""

    href: str
    text: str | None = None

    def __str__(self) -> str:
        return f"{self.text}: {self.href}" if self.text else self.href


class EventPayload(_Foreign):
    """What is wrong, and with what."""

    summary: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)]
    severity: Literal["critical", "error", "warning", "info"]
    timestamp: Annotated[datetime | None, WrapValidator(_or_nothing)] = None
    component: str | None = None
    group: str | None = None
    class_: Annotated[str | None, Field(alias="class")] = None
    custom_details: Any = None

    @property
    def labels(self) -> dict[str, str]:
        """The event's own fields, and of its details what is a single value."""
        own = self.model_dump(include=_OWN_LABELS, by_alias=True, exclude_none=True)
        return labels_in(self.custom_details, "custom_details") | {
            name: value[:LENGTH] for name, value in own.items()
        }


class Event(_Foreign):
    """An event as it is posted: with what is wrong when it is a trigger, else with the key of an earlier one."""

    routing_key: Annotated[str, Field(min_length=1)]
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: Annotated[str | None, Field(max_length=DEDUP_KEY_LENGTH)] = None
    payload: EventPayload | None = None
    client: str | None = None
    client_url: str | None = None
    links: tuple[Link, ...] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.event_action == "trigger" and self.payload is None:
            raise PydanticCustomError("no_payload", "payload is missing: a trigger says what is wrong")
        if self.event_action != "trigger" and not self.dedup_key:
            raise PydanticCustomError("no_key", "dedup_key is missing: it says which event is meant")
        return self

    @property
    def key(self) -> str:
        """The key that was sent, or else one that the same event would have again."""
        if self.dedup_key:
            return self.dedup_key
        said = self.model_dump_json(exclude={"routing_key": True, "payload": {"timestamp"}}, by_alias=True)
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    @property
    def reading(self) -> Reading:
        """The event in our words. That a tool acknowledged it is a remark: it wakes nobody, and lets nobody sleep."""
        payload = self.payload
        sighting = Sighting(
            key=self.key,
            is_firing=self.event_action == "trigger",
            remark=ACKNOWLEDGED if self.event_action == "acknowledge" else "",
            began=payload.timestamp if payload else None,
            labels=payload.labels if payload else {},
            annotations=self._annotations,
        )
        return Reading(
            group=self.key,
            sightings=(sighting,),
            title=payload.summary if payload else "",
            labels=sighting.labels,
            annotations=sighting.annotations,
        )

    @property
    def _annotations(self) -> dict[str, str]:
        said = {
            "summary": self.payload.summary if self.payload else None,
            "client": self.client,
            "client_url": self.client_url,
            "links": "\n".join(map(str, self.links or ())),
        }
        return {name: value for name, value in said.items() if value}


_EVENT = TypeAdapter(Event)


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """The event that a tool posted. Raises `Problem`."""
    return (read_json(_EVENT, delivered.body).reading,)


def answer(readings: Sequence[Reading], started: Sequence[Started]) -> Response:
    """What PagerDuty's clients expect to hear once Temporal has the event, and its key, which may be new to them."""
    said = {"status": "success", "message": PROCESSED, "dedup_key": readings[0].group}
    return JSONResponse(said, HTTPStatus.ACCEPTED)


def refusal(problem: Problem) -> Response:
    """What PagerDuty's clients expect to hear when an event is not taken: 400 or 5xx, and `errors` that they log.

    Beside it stands what a problem says everywhere here; only `status` is a word, as theirs is.
    """
    is_at_fault = problem.status < HTTPStatus.INTERNAL_SERVER_ERROR
    wrong = [f"{each['field']}: {each['problem']}" for each in problem.more.get("errors", ())]
    theirs = {
        "status": "invalid event" if is_at_fault else "not processed",
        "message": "Event object is invalid" if is_at_fault else problem.detail,
        "errors": wrong or [problem.detail],
    }
    status = HTTPStatus.BAD_REQUEST if is_at_fault else problem.status
    told = Problem(status, problem.reason, problem.detail, problem.headers, {**problem.more, **theirs})
    response = told.response()
    response.headers["content-type"] = "application/json"
    return response
