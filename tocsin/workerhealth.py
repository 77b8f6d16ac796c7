"""What a worker says of itself over HTTP: whether it lives, whether people can be reached, and its metrics.

| path | 200 | 503 |
| --- | --- | --- |
| `/livez` | every worker runs and Temporal answers | a new process might help, or Temporal is away |
| `/healthz` | that, and each channel has a way out | or every way of a channel is shut: nobody can be reached by it |
| `/metrics` | numbers for Prometheus | never |

The first two say as JSON what is wrong. Nothing here names a person or an incident, and nobody is asked who they are:
the address is for this machine, or a network of one's own.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from tocsin.settings import SettingsError, host_and_port
from tocsin.waysout import Channels

TEMPORAL_PATIENCE = timedelta(seconds=2)
GRACE_SECONDS = 1
"""How long answers under way may take when the worker stops."""


class WorkerHealth:
    """The endpoints of one worker process."""

    def __init__(self, client: Client, workers: Sequence[Worker], channels: Channels) -> None:
        self._client = client
        self._workers = workers
        self._channels = channels
        self.app = Starlette(
            routes=[
                Route("/livez", self.livez),
                Route("/healthz", self.healthz),
                Route("/metrics", self.metrics),
            ]
        )
        self.app.router.redirect_slashes = False  # to the Host that whoever asks has named

    async def livez(self, request: Request) -> JSONResponse:
        """Whether this process works."""
        return _answer(await self._troubles())

    async def healthz(self, request: Request) -> JSONResponse:
        """Whether it works and can reach people, and how each way out does."""
        return _answer([*await self._troubles(), *self._shut_channels()], **self._state())

    async def metrics(self, request: Request) -> Response:
        """The counters of the ways out."""
        return Response(generate_latest(self._channels.registry), media_type=CONTENT_TYPE_LATEST)

    async def _troubles(self) -> list[str]:
        stopped = [worker.task_queue for worker in self._workers if not worker.is_running]
        if stopped:
            return [f"not running: {', '.join(stopped)}"]
        try:
            healthy = await self._client.service_client.check_health(timeout=TEMPORAL_PATIENCE)
        except RPCError as error:
            return [f"Temporal does not answer: {error.message}"]
        return [] if healthy else ["Temporal says that it is not healthy"]

    def _shut_channels(self) -> list[str]:
        return [
            f"every way out by {channel} is shut: {', '.join(breaker.name for breaker in breakers)}"
            for channel, breakers in self._channels.breakers.items()
            if all(breaker.state == "open" for breaker in breakers)
        ]

    def _state(self) -> dict[str, Any]:
        breakers = self._channels.breakers
        return {
            "queues": [worker.task_queue for worker in self._workers],
            "channels": {channel: [way.name for way in ways] for channel, ways in breakers.items()},
            "vendors": {
                breaker.name: {"breaker": breaker.state, "last_failure": _failure(breaker.last_failure)}
                for ways in breakers.values()
                for breaker in ways
            },
        }


class _Failure(Protocol):
    """What a breaker says of the latest failure."""

    @property
    def kind(self) -> str: ...

    @property
    def seconds_ago(self) -> float: ...


def _failure(last: _Failure | None) -> dict[str, str] | None:
    if last is None:
        return None
    at = datetime.now(UTC) - timedelta(seconds=last.seconds_ago)
    return {"kind": last.kind, "at": at.isoformat(timespec="seconds")}


def _answer(problems: list[str], **more: Any) -> JSONResponse:
    status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
    return JSONResponse({"status": "ill" if problems else "ok", "problems": problems, **more}, status)


@asynccontextmanager
async def served(health: WorkerHealth, address: str) -> AsyncIterator[None]:
    """Serve at `host:port` on the running event loop. Raises `SettingsError` when that address cannot be had."""
    config = uvicorn.Config(
        health.app,
        log_level="warning",
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config)
    with _listening(address) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]), name="worker-http")
        try:
            yield
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """Leaves the signals to the worker, whose process this is."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listening(address: str) -> socket.socket:
    host, port = host_and_port(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(
            f"TOCSIN_WORKER_HTTP: cannot listen on {address} ({error}); "
            "each worker on a machine needs a port of its own"
        ) from error
    # Without it the second part of an answer waits 40 ms for the client's kernel to acknowledge the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
