"""What every request is held to before anybody looks at it: the number and size of its headers, and its pace.

A sender that trickles keeps a connection, and with many of them a service, for itself. So a body must arrive within
`BODY_SECONDS`, and a second more for each `SLOWEST` bytes that it has brought; what does not is cut off with 408.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.ingest.problems import CountRefusal, Problem, nobody_counts

HEADERS_LIMIT = 100
HEADERS_BYTES = 32 * 1024
BODY_SECONDS = 10.0
SLOWEST = 64 * 1024
"""Bytes a second."""


class Limits:
    """An ASGI middleware that answers 431 itself, which `count` hears, and has 408 answered."""

    def __init__(
        self, app: ASGIApp, body_seconds: float = BODY_SECONDS, count: CountRefusal = nobody_counts
    ) -> None:
        self._app = app
        self._body_seconds = body_seconds
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what keeps to the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _has_too_many(scope["headers"]):
            self._count(_HEADERS_TOO_LARGE.reason)
            await _HEADERS_TOO_LARGE.response()(scope, receive, send)
        else:
            await self._app(scope, _Punctual(receive, self._body_seconds), send)


class _Punctual:
    """Receives a body, and raises `Problem` (408) once it is late."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._due = asyncio.get_running_loop().time() + seconds
        self._is_whole = False

    async def __call__(self) -> Message:
        if self._is_whole:  # what comes now is that the other side went away, whenever that may be
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._due):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                "body-too-slow",
                "the body did not arrive in time; send it again",
                {"Connection": "close"},
            ) from None
        self._is_whole = not message.get("more_body", False)
        self._due += len(message.get("body", b"")) / SLOWEST
        return message


_HEADERS_TOO_LARGE = Problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers-too-large",
    f"send at most {HEADERS_LIMIT} headers of {HEADERS_BYTES:,} bytes in all",
    {"Connection": "close"},
)


def _has_too_many(headers: list[tuple[bytes, bytes]]) -> bool:
    return (
        len(headers) > HEADERS_LIMIT or sum(len(name) + len(value) for name, value in headers) > HEADERS_BYTES
    )
