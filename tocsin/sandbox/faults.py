"""Bad days of a vendor, on demand: the product's behaviour then is what the tests are about."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from random import Random
from typing import Literal

from pydantic import Field
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.domain.base import Value

Vendor = Literal["sendgrid", "twilio"]

_PREFIXES: dict[Vendor, str] = {"sendgrid": "/v3/", "twilio": "/2010-04-01/"}


class Fault(Value):
    """What goes wrong with requests to one vendor, and for how many of them.

    `400` (for good), `401`, `429` (with `Retry-After`), `500` and `503` answer so and accept nothing. `slow:SECONDS`
    waits, then serves; `late:SECONDS` accepts, then waits before it answers. `drop_before` resets the connection and
    accepts nothing; `drop_after` accepts, then resets it; `malformed` accepts, then answers what no client can read.
    Of the requests whose path contains `path`, each is hit with `probability` (drawn from `seed`), until `times` of
    them were; without `times`, until faults are cleared.
    """

    vendor: Vendor
    kind: str = Field(
        pattern=r"^(40[01]|429|500|503|(slow|late):\d+(\.\d+)?|drop_before|drop_after|malformed)$"
    )
    times: int | None = Field(default=None, gt=0)
    probability: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0
    retry_after: int = Field(default=1, ge=0, description="seconds, for 429")
    path: str = ""


class _Armed:
    """A fault and how much of it is left."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.left = fault.times
        self._dice = Random(fault.seed)  # noqa: S311 - reproducible bad luck, not a secret

    def hits(self, path: str) -> bool:
        fault = self.fault
        if self.left == 0 or not path.startswith(_PREFIXES[fault.vendor]) or fault.path not in path:
            return False
        if fault.probability < 1 and self._dice.random() >= fault.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True


class FaultTable:
    """The faults in force; the one set first that hits a request decides."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """Put `fault` in force."""
        self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """All is well again."""
        self._armed.clear()

    def lift(self, path: str) -> None:
        """All is well again with requests to `path`."""
        self._armed = [armed for armed in self._armed if armed.fault.path != path]

    def active(self) -> list[Fault]:
        """The faults that can still hit; `times` is what is left."""
        return [
            armed.fault.model_copy(update={"times": armed.left}) for armed in self._armed if armed.left != 0
        ]

    def __str__(self) -> str:
        return ", ".join(f"{fault.vendor} {fault.kind} {fault.times}" for fault in self.active())

    def draw(self, path: str) -> Fault | None:
        """The fault that hits a request to `path`, if any does."""
        return next((armed.fault for armed in self._armed if armed.hits(path)), None)


class FaultInjector:
    """ASGI middleware in front of both vendors. `reset` breaks the connection of a scope off at once."""

    def __init__(self, app: ASGIApp, table: FaultTable, reset: Callable[[Scope], None]) -> None:
        self._app = app
        self._table = table
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, well or badly."""
        fault = self._table.draw(scope["path"]) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._misbehave(fault, scope, receive, send)

    async def _misbehave(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        kind, _, seconds = fault.kind.partition(":")
        if kind == "slow":
            await asyncio.sleep(float(seconds))
            await self._app(scope, receive, send)
        elif kind == "late":
            await self._app(scope, receive, _delaying(send, float(seconds)))
        elif kind == "malformed":
            await self._app(scope, receive, _garbling(send))
        elif kind == "drop_after":
            await self._app(scope, receive, _swallow)
            await self._break_off(scope, receive)
        elif kind == "drop_before":
            await self._break_off(scope, receive)
        else:
            await _refusal(fault, int(kind))(scope, receive, send)

    async def _break_off(self, scope: Scope, receive: Receive) -> None:
        """Reset the connection and wait until the server knows, so that it answers nothing itself."""
        self._reset(scope)
        while (await receive())["type"] != "http.disconnect":
            pass


_WORDS: dict[int, tuple[str, int]] = {
    400: ("Bad Request", 20001),
    401: ("Authentication failed", 20003),
    429: ("Too Many Requests", 20429),
    500: ("Service unavailable", 20500),
    503: ("Service unavailable", 20500),
}
"""What a refusal says, by its status, and the code that Twilio has for it."""


def _refusal(fault: Fault, status: int) -> JSONResponse:
    headers = {"Retry-After": str(fault.retry_after)} if status == 429 else None
    text, code = _WORDS[status]
    if fault.vendor == "sendgrid":
        return JSONResponse({"errors": [{"message": text, "field": None, "help": None}]}, status, headers)
    more = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse({"code": code, "message": text, "more_info": more, "status": status}, status, headers)


async def _swallow(message: Message) -> None:
    """Let an answer vanish."""


def _delaying(send: Send, seconds: float) -> Send:
    """A `send` that begins to answer only after a while."""

    async def delayed(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(seconds)
        await send(message)

    return delayed


def _garbling(send: Send) -> Send:
    """A `send` that keeps an answer's status and spoils everything else."""
    garbage = json.dumps({"sid": "<html>"}).encode()[:-6]

    async def garbled(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(garbage)).encode()),
            ]
            await send({**message, "headers": headers})
        elif not message.get("more_body"):
            await send({"type": "http.response.body", "body": garbage})

    return garbled
