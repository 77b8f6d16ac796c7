"""AWS Health's events, as EventBridge passes them on: through SNS, to an API destination, or as CloudEvents.

Source: docs.aws.amazon.com/health/latest/ug/aws-health-events-eventbridge-schema.html. One event of AWS is one
incident, with an alert for each account that it affects. `open` fires and `closed` resolves; `upcoming` is neither:
it is noted in the incident that is open, and opens none. What AWS only announces is `open` as well, so a plan that
wants troubles alone asks for `eventTypeCategory: issue`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasGenerator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.bodies import parse_json, read_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.awstimes import lenient
from tocsin.ingest.formats.cloudevents import (
    BATCH,
    STRUCTURED,
    event_in,
    events_in,
    is_cloudevent,
    is_structured,
)
from tocsin.ingest.formats.snsenvelope import is_enveloped, message_in
from tocsin.sources import Source

CONTENT_TYPES = ("text/plain", "application/json", STRUCTURED, BATCH)
"""SNS's, an API destination's, and those of CloudEvents."""

UPCOMING = "is announced, says AWS Health"

LONGEST_ARN = 1_600
"""As AWS has it."""

MOST_ENTITIES = 100
"""How many of the affected entities are named."""


class _Camel(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=AliasGenerator(validation_alias=to_camel)
    )


class Description(_Camel):
    """What AWS says of an event, in one language."""

    language: str = ""
    latest_description: str = ""


class Entity(_Camel):
    """Something of ours that is affected: an instance, a database."""

    entity_value: str = ""
    status: str | None = None

    def __str__(self) -> str:
        return f"{self.entity_value} ({self.status})" if self.status else self.entity_value


class HealthDetail(_Camel):
    """What has happened, to which service, and whom it affects."""

    event_arn: Annotated[str, Field(min_length=1, max_length=LONGEST_ARN)]
    service: str | None = None
    event_type_code: str | None = None
    event_type_category: str | None = None
    event_scope_code: str | None = None
    event_region: str | None = None
    status_code: str | None = None
    affected_account: Annotated[str | None, Field(max_length=LONGEST_ARN)] = None
    start_time: Annotated[datetime | None, BeforeValidator(lenient)] = None
    end_time: Annotated[datetime | None, BeforeValidator(lenient)] = None
    event_description: tuple[Description, ...] | None = None
    affected_entities: tuple[Entity, ...] | None = None

    @property
    def description(self) -> str:
        """In English where AWS says it in that, else in whichever language comes first."""
        said = self.event_description or ()
        english = (each for each in said if each.language.lower().startswith("en"))
        chosen = next(english, said[0] if said else Description())
        return chosen.latest_description.replace("\\n", "\n").strip()


class HealthEvent(_Camel):
    """The event as EventBridge passes it on; `account` is whom it was told, who may be another than whom it affects."""

    account: str | None = None
    detail: HealthDetail

    def reading(self, now: datetime) -> Reading:
        """The event in our words."""
        detail, account = self.detail, self.detail.affected_account or self.account
        status = self._status(now)
        sighting = Sighting(
            key=" ".join(filter(None, (detail.event_arn, account))),
            is_firing=status not in {"closed", "upcoming"},
            remark=UPCOMING if status == "upcoming" else "",
            began=detail.start_time,
            labels=dict(self._labels(account)),
            annotations=dict(self._annotations()),
        )
        title = " ".join(filter(None, (detail.service, detail.event_type_code, detail.event_region)))
        return Reading(group=detail.event_arn, sightings=(sighting,), title=title or detail.event_arn)

    def _status(self, now: datetime) -> str:
        """What AWS says, or, as older events leave it out, what their times say."""
        if self.detail.status_code:
            return self.detail.status_code.lower()
        return "closed" if self.detail.end_time and self.detail.end_time <= now else "open"

    def _labels(self, account: str | None) -> Iterator[tuple[str, str]]:
        detail = self.detail
        said = {
            "alertname": detail.event_type_code,
            "service": detail.service,
            "eventTypeCategory": detail.event_type_category,
            "eventScopeCode": detail.event_scope_code,
            "region": detail.event_region,
            "account": account,
        }
        yield from ((name, value) for name, value in said.items() if value)

    def _annotations(self) -> Iterator[tuple[str, str]]:
        entities = [str(each) for each in self.detail.affected_entities or () if each.entity_value]
        more = [f"and {len(entities) - MOST_ENTITIES} more"] if len(entities) > MOST_ENTITIES else []
        said = {
            "description": self.detail.description,
            "affected": "\n".join(entities[:MOST_ENTITIES] + more),
        }
        yield from ((name, value) for name, value in said.items() if value)


_EVENT = TypeAdapter(HealthEvent)


def is_health_event(content: Any) -> bool:
    """Whether a message is one of these."""
    detail = content.get("detail") if isinstance(content, dict) else None
    return isinstance(detail, dict) and "eventArn" in detail


def reading_of(message: bytes, now: datetime) -> Reading:
    """What a message says. Raises `Problem`."""
    return read_json(_EVENT, message).reading(now)


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """The events that were delivered, however; none where SNS asks something itself. Raises `Problem`."""
    return tuple(reading_of(message, delivered.received) for message in _messages(delivered))


def _messages(delivered: Delivered) -> Iterator[bytes]:
    if is_cloudevent(delivered) and not is_enveloped(delivered):
        yield from (_unwrapped(event.content) for event in events_in(delivered))
    elif (message := message_in(delivered)) is not None:
        yield _unwrapped(event_in(message).content) if is_structured(parse_json(message)) else message


def _unwrapped(data: Any) -> bytes:
    """The event in a CloudEvent's data, which some bridges make of its detail alone."""
    is_detail = isinstance(data, dict) and "eventArn" in data
    return json.dumps({"detail": data} if is_detail else data).encode()
