"""CloudEvents 1.0 over HTTP: structured, binary, and in batches.

Source: github.com/cloudevents/spec, `bindings/http-protocol-binding.md`, `formats/json-format.md`,
`http-webhook.md`.

The specification says who sends an event and of what type, but not whether something begins or ends. Here the
type's last word tells, as in `com.example.outage.resolved`; where it is neither one that begins nor one that ends,
`status` or `state` in the data; and where they tell nothing, it fires. Beginning and end are recognised as the same
alert by their source, their subject, and their type without that word. What speaks otherwise is read by a mapping.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError

from tocsin.domain.readings import Reading, Sighting
from tocsin.ingest.bodies import parse_json, read_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.labels import labels_in
from tocsin.ingest.formats.moments import believable
from tocsin.ingest.problems import Problem
from tocsin.sources import Source

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

BEGINS = frozenset(
    {
        "active",
        "alarm",
        "alerting",
        "created",
        "degraded",
        "detected",
        "escalated",
        "failed",
        "fired",
        "firing",
    }
    | {"open", "opened", "raised", "started", "triggered", "updated"}
)
ENDS = frozenset({"cleared", "closed", "ended", "fixed", "healthy", "normal", "ok", "recovered", "resolved"})
"""Last words of a type, in lower case."""

ATTRIBUTE_LENGTH = 1_000
"""Characters of an attribute that names something; keys are made of them."""

_PREFIX = "ce-"
_NOT_IN_HEADERS = {"data", "data_base64", "datacontenttype"}
_ATTRIBUTE = re.compile(r"[a-z0-9]+")
_LAST_WORD = re.compile(r"^(.*?)[._/:-]?([A-Za-z]+)$", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_ORIGIN = re.compile(r"[A-Za-z0-9._:-]{1,255}")

_Name = Annotated[str, Field(min_length=1, max_length=ATTRIBUTE_LENGTH)]


class CloudEvent(BaseModel):
    """One event; attributes that the specification does not name are extensions."""

    model_config = ConfigDict(frozen=True, extra="allow")

    specversion: Literal["1.0"]
    id: _Name
    source: _Name
    type: _Name
    subject: _Name | None = None
    time: AwareDatetime | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: Any = None
    data_base64: str | None = None

    @model_validator(mode="after")
    def _data_once(self) -> Self:
        if self.data is not None and self.data_base64 is not None:
            raise PydanticCustomError("data_twice", "data and data_base64 are both there: send one of them")
        return self

    @cached_property
    def content(self) -> Any:
        """The data, read where it is JSON; `None` where it is nothing that can be read. Raises `Problem`."""
        if self.data_base64 is None:
            return self.data
        try:
            decoded = base64.b64decode(self.data_base64, validate=True)
        except binascii.Error as error:
            raise _wrong(f"data_base64: it is not base64: {error}") from error
        return _content(decoded, self.datacontenttype or "")

    @property
    def key(self) -> str:
        """The same for the event that says that something begins, and for the one that says that it ends."""
        return " ".join(filter(None, (self.source, self.subject, _parted(self.type)[0])))

    @property
    def group(self) -> str:
        """What the event is about, where it says so; else it is alone."""
        return self.subject or self.key

    @property
    def title(self) -> str:
        """What is wrong, in the sender's words."""
        said = _texts(self.content)
        return said.get("summary") or said.get("title") or f"{self.type} {self.subject or ''}"

    def sighting(self, count: int) -> Sighting:
        """The event in our words, said so many times."""
        return Sighting(
            key=self.key,
            is_firing=_is_firing(_parted(self.type)[1], self.content),
            began=believable(self.time) if self.time else None,
            count=count,
            labels=labels_in(self.content) | self._attributes,
            annotations=_texts(self.content),
        )

    @property
    def _attributes(self) -> dict[str, str]:
        more = self.model_extra or {}
        extensions = labels_in({name: value for name, value in more.items() if _ATTRIBUTE.fullmatch(name)})
        named = {"source": self.source, "type": self.type, "subject": self.subject}
        return extensions | {name: value for name, value in named.items() if value}


_EVENT = TypeAdapter(CloudEvent)
_BATCH: TypeAdapter[tuple[CloudEvent, ...]] = TypeAdapter(tuple[CloudEvent, ...])


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """The events, those about one subject together; of the same alert the last word counts. Raises `Problem`."""
    events = events_in(delivered)
    counts = Counter(event.key for event in events)
    groups: dict[str, dict[str, CloudEvent]] = {}
    for event in events:
        groups.setdefault(event.group, {})[event.key] = event
    return tuple(_reading(group, tuple(last.values()), counts) for group, last in groups.items())


def _reading(group: str, events: Sequence[CloudEvent], counts: Counter[str]) -> Reading:
    sightings = tuple(event.sighting(counts[event.key]) for event in events)
    reading = Reading(group=group, sightings=sightings)
    telling = events[sightings.index(reading.telling)]
    return reading.model_copy(update={"title": telling.title})


def events_in(delivered: Delivered) -> tuple[CloudEvent, ...]:
    """The events of a request, in whichever of the three modes they came. Raises `Problem`."""
    media = _media_type(delivered.headers.get("content-type", ""))
    if media == STRUCTURED:
        return (event_in(delivered.body),)
    if media == BATCH:
        return read_json(_BATCH, delivered.body)
    if media.startswith("application/cloudevents"):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unknown-event-format",
            f"{media}: events are read as JSON; send {STRUCTURED} or {BATCH}",
        )
    return (_binary(delivered),)


def event_in(body: bytes) -> CloudEvent:
    """An event that was written as JSON as a whole. Raises `Problem`."""
    return read_json(_EVENT, body)


def is_structured(content: Any) -> bool:
    """Whether JSON is an event as a whole, whatever it is called."""
    return isinstance(content, dict) and {"specversion", "source", "type"} <= content.keys()


def is_cloudevent(delivered: Delivered) -> bool:
    """Whether a request says that it holds a CloudEvent."""
    media = _media_type(delivered.headers.get("content-type", ""))
    return media.startswith("application/cloudevents") or f"{_PREFIX}specversion" in delivered.headers


def handshake(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that tell a sender, who asks by `OPTIONS`, that it may deliver here. Raises `Problem`.

    It asks so that it does not flood strangers on somebody's word; that is no permission to be believed, which the
    source's lock gives. `headers` are by their names in lower case.
    """
    origin = headers.get("webhook-request-origin", "")
    if not _ORIGIN.fullmatch(origin):
        raise _wrong("WebHook-Request-Origin: it names no host that asks to deliver here")
    return {"Allow": "OPTIONS, POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}


def _binary(delivered: Delivered) -> CloudEvent:
    """Attributes in headers, data in the body."""
    said = {
        name.removeprefix(_PREFIX): _decoded(name, value)
        for name, value in delivered.headers.items()
        if name.startswith(_PREFIX)
    }
    if not said:
        raise _wrong(
            f"this is no CloudEvent: it has no headers that begin with ce-, and its Content-Type is neither "
            f"{STRUCTURED} nor {BATCH}"
        )
    attributes = {name: value for name, value in said.items() if name not in _NOT_IN_HEADERS}
    event = read_json(_EVENT, json.dumps(attributes).encode())
    media = delivered.headers.get("content-type", "")
    return event.model_copy(update={"datacontenttype": media, "data": _content(delivered.body, media)})


def _decoded(name: str, value: str) -> str:
    """A header's value without quotes, and percent-decoded once, as the binding demands in 3.1.3.2."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        value = _ESCAPED.sub(r"\1", value[1:-1])
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise _wrong(f"{name}: what is percent-encoded in it is not UTF-8") from error


def _content(body: bytes, datacontenttype: str) -> Any:
    """What the data says: read where it is JSON, text where it is text, else nothing. Raises `Problem`."""
    media = _media_type(datacontenttype)
    if not body:
        return None
    if not media or media.endswith(("/json", "+json")):
        return parse_json(body)
    return body.decode("utf-8", "replace") if media.startswith("text/") else None


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _parted(type: str) -> tuple[str, str]:
    """A type without its last word, and that word, where it says that something begins or ends; else the type alone."""
    match = _LAST_WORD.match(type)
    if match is None or match[2].lower() not in BEGINS | ENDS:
        return type, ""
    return match[1], match[2].lower()


def _is_firing(word: str, content: Any) -> bool:
    if word:
        return word in BEGINS
    said = [content.get(name) for name in ("status", "state")] if isinstance(content, dict) else []
    return not any(isinstance(value, str) and value.lower() in ENDS for value in said)


def _texts(content: Any) -> dict[str, str]:
    """What the data says in words: its texts, or itself where it is one."""
    if isinstance(content, str):
        return {"data": content}
    pairs = content.items() if isinstance(content, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}


def _wrong(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "wrong-shape", detail)
