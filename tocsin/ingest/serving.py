"""Serving the receiver with uvicorn: what it refuses to start with, how long a sender may take, and how it ends.

uvicorn waits for the head of a request as long as a byte comes now and then. Here a request that has begun has
`HEAD_SECONDS` for its head; how long its body may take is held by `tocsin.ingest.limits`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from tocsin.ingest.codec_gate import is_only_here
from tocsin.ingest.limits import BODY_SECONDS, HEADERS_BYTES
from tocsin.ingest.problems import COUNT_REFUSAL, CountRefusal, Problem, nobody_counts
from tocsin.ingest.tokens import Tokens
from tocsin.settings import VARIABLES, Settings, SettingsError
from tocsin.sourcefiles import unsecured
from tocsin.sources import ALERTMANAGER, Source

HEAD_SECONDS: Final = 10.0
GRACE_SECONDS: Final = int(BODY_SECONDS) + 5
"""How long requests under way may take when the service is told to stop: to arrive, and for Temporal's answer."""

REPORTS = "reports from people"


def refuse_unsecured(
    settings: Settings, sources: Sequence[Source], host: str, insecure_loopback: bool
) -> None:
    """Raise `SettingsError` where anybody could report, unless that was asked for and nobody else can reach it."""
    tokens = Tokens(settings.ingest_tokens.get_secret_value())
    reports = Tokens(settings.report_tokens.get_secret_value(), VARIABLES["report_tokens"])
    open_to_all = unsecured(sources, bool(tokens)) + ([] if tokens or reports else [REPORTS])
    if not open_to_all or (insecure_loopback and is_only_here(host, settings.public_url)):
        return
    raise SettingsError("\n".join([*map(_remedy, open_to_all), _WAY_OUT]))


def _remedy(name: str) -> str:
    ways = {
        ALERTMANAGER.source: f"set {VARIABLES['ingest_tokens']} to name:token pairs",
        REPORTS: f"set {VARIABLES['report_tokens']} to name:token pairs",
    }
    return (
        f"not secured: {name}; {ways.get(name, 'write what its senders must show under `lock` in its file')}"
    )


_WAY_OUT = (
    "anybody who reaches the receiver could open incidents. On a machine of your own, --insecure-loopback lets it "
    f"start as it is, with --host and {VARIABLES['public_url']} at 127.0.0.1"
)


def served(app: ASGIApp) -> uvicorn.Config:
    """How the receiver is served."""
    return uvicorn.Config(
        app,
        http=PunctualProtocol,
        ws="none",
        log_config=None,
        access_log=False,  # callback URLs name people by their keys
        server_header=False,
        h11_max_incomplete_event_size=HEADERS_BYTES,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


class PunctualProtocol(H11Protocol):
    """HTTP that gives up on a head that does not come to its end, and on a body that goes on after the answer.

    What it refuses itself is counted where the app's lifespan state says (`COUNT_REFUSAL`).
    """

    head_seconds = HEAD_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """The first head is awaited from now on."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Once a head is whole there is no hurry, until something more is begun."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """A problem (RFC 9457) where uvicorn would answer in plain text."""
        self._end_with(
            Problem(
                HTTPStatus.BAD_REQUEST,
                "not-http",
                f"this is no HTTP/1.1 request, or its headers are longer than {HEADERS_BYTES:,} bytes",
            )
        )

    def _wait(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(self.head_seconds, self._give_up)

    def _wait_no_more(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        detail = f"the headers did not arrive within {self.head_seconds:g} s"
        self._end_with(Problem(HTTPStatus.REQUEST_TIMEOUT, "headers-too-slow", detail))

    def _end_with(self, problem: Problem) -> None:
        """Say why, where an answer may still begin, and hang up."""
        if self.transport.is_closing():
            return
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            count: CountRefusal = self.app_state.get(COUNT_REFUSAL, nobody_counts)
            count(problem.reason)
            answer = problem.response()
            headers = [*answer.raw_headers, (b"connection", b"close")]
            for event in (
                h11.Response(status_code=problem.status.value, headers=headers),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
