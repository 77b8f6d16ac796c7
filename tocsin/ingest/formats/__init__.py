"""What monitors send, format by format: each turns a request into readings (`tocsin.domain.readings`).

A format is a function from what was delivered, and the source that it came from, to readings. It raises `Problem` for
what it cannot read; nothing else may come out of it, whatever a stranger sends.
`tocsin.ingest.formats.table` has them all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel
from starlette.responses import Response

from tocsin.domain.readings import Reading
from tocsin.ingest.bodies import BODY_LIMIT
from tocsin.ingest.problems import Problem
from tocsin.sources import Source
from tocsin.starting import Started

JSON = ("application/json",)


@dataclass(frozen=True)
class Delivered:
    """A request as it came: its body, its headers by their names in lower case, and when."""

    body: bytes
    headers: Mapping[str, str]
    received: datetime


Format = Callable[[Delivered, Source], tuple[Reading, ...]]
"""Reads a request; several readings where a request holds alerts that do not belong together, none for a greeting."""

Answer = Callable[[Sequence[Reading], Sequence[Started]], Response]
"""What the sender hears once Temporal has what it said: the readings of the request, and where they went."""

Verify = Callable[[Delivered, Source], Awaitable[None]]
"""Makes sure of who sent it where that takes more than a shared secret. Raises `Problem`."""

Handshake = Callable[[Mapping[str, str]], Mapping[str, str]]
"""The headers that tell a sender, who asks by `OPTIONS` with these, that it may deliver here. Raises `Problem`."""


@dataclass(frozen=True)
class Dialect:
    """How the senders of a format speak, and how they want to be spoken to.

    `content_types` are the media types of its requests; `("*",)` takes any, and a request that names none. `schema` is
    the body for the documentation of the API; without one it is free. `answer` and `refusal` are for senders that read
    what they are answered. `taken` is called once Temporal has everything in a request. `prepare` is called for each
    source when the receiver starts, and may raise `YamlError`. `in_thread` is for readers that may take longer than the
    event loop can wait.
    """

    read: Format
    content_types: tuple[str, ...] = JSON
    schema: type[BaseModel] | None = None
    answer: Answer | None = None
    refusal: Callable[[Problem], Response] = Problem.response
    verify: Verify | None = None
    taken: Callable[[Delivered, Source], None] | None = None
    handshake: Handshake | None = None
    prepare: Callable[[Source], None] | None = None
    in_thread: bool = False
    limit: int = BODY_LIMIT
    """Bytes of the body."""
