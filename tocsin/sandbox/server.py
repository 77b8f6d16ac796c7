"""`Sandbox`: start one, look inside, act as the people at the phones, stop it.

with Sandbox(SandboxConfig(events_url="http://127.0.0.1:8000/events")) as sandbox:
    SendGridAPIClient("SG.sandbox", host=sandbox.url).send(mail)
    delivered = sandbox.wait_for(lambda message: message.status == "delivered")
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import uvicorn

from tocsin.sandbox.app import Parts, opened
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.faults import Fault, Vendor
from tocsin.sandbox.models import Kind, Message
from tocsin.sandbox.signing import EventKey
from tocsin.sandbox.store import Predicate
from tocsin.sandbox.wire import Connections

T = TypeVar("T")

START_SECONDS = 10.0
STOP_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 1
"""How long a request under way may take to end when the sandbox stops."""


class SandboxStartError(Exception):
    """The sandbox could not start; the text says why and what to change."""


class Sandbox:
    """A sandbox in a thread of its own; a context manager, in `with` and in `async with`.

    Messages it hands out are snapshots. Acting as a person (`press`, `reply`, …) returns as soon as the act is done
    and never waits for the product's answer, so it is safe on the event loop that also serves the product;
    `wait_for` blocks its thread, `expect` does not.
    """

    def __init__(self, config: SandboxConfig | None = None) -> None:
        self.config = config or SandboxConfig()
        file = self.config.event_key_file
        self._key = EventKey.at(file) if file else EventKey.generate()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._parts: Parts | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._ready: Future[None] = Future()
        self._port = self.config.port

    @property
    def url(self) -> str:
        """The base URL for both SDKs, the control API and the page, without a slash at the end."""
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{self._port}"

    @property
    def events_public_key(self) -> str:
        """The event webhook's verification key, as SendGrid shows it."""
        return self._key.public_key

    def start(self) -> Self:
        """Listen, and serve in a thread; started again, on the same port. Raises `SandboxStartError`."""
        listener = self._listen()
        self._ready = Future()
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="tocsin-sandbox", daemon=True
        )
        self._thread.start()
        self._ready.result(START_SECONDS)
        return self

    def stop(self, wait: bool = True) -> None:
        """Stop serving; unless told otherwise, wait until everything is closed."""
        if self._server:
            self._server.should_exit = True
        if self._thread and wait:
            self._thread.join(STOP_SECONDS)

    async def serve(self, announce: Callable[[str], None]) -> None:
        """Serve on the running event loop until interrupted; `announce` is told the URL.

        Raises `SandboxStartError`.
        """
        listener = self._listen()
        announce(self.url)
        await self._serve(listener)

    def messages(self, kind: Kind | None = None, to: str | None = None) -> list[Message]:
        """What was sent, oldest first."""
        return self._on_loop(lambda parts: [message.snapshot() for message in parts.store.select(kind, to)])

    def wait_for(self, predicate: Predicate, timeout: float = 5.0) -> Message:
        """The first message that fits, now or within `timeout` seconds. Raises `TimeoutError`."""
        waiting = self._on_loop(lambda parts: parts.store.watch(predicate))
        try:
            return waiting.result(timeout)
        except TimeoutError:
            waiting.cancel()
            raise TimeoutError(f"no message fitted within {timeout:g} s; {self._inventory()}") from None

    async def expect(self, predicate: Predicate, timeout: float = 5.0) -> Message:  # noqa: ASYNC109 - as in wait_for
        """`wait_for`, for coroutines."""
        return await asyncio.to_thread(self.wait_for, predicate, timeout)

    def press(self, sid: str, digits: str) -> None:
        """Press keys on a call, picking up first if it rings. Raises `CallOverError`, `ValueError`."""
        self._on_loop(lambda parts: parts.exchange.press(sid, digits))

    def answer(self, sid: str) -> None:
        """Pick up a ringing call and listen. Raises `CallOverError`."""
        self._on_loop(lambda parts: parts.exchange.pick_up(sid))

    def dial(self, person: str, *says: str, url: str = "") -> Message:
        """`person` (a number) calls us, and says so much when asked; `url` answers, else the configured one.

        Raises `ValueError`.
        """
        return self._on_loop(lambda parts: parts.exchange.dial(person, says, url).snapshot())

    def say(self, sid: str, words: str) -> None:
        """Say something into a call. Raises `CallOverError`, `ValueError`."""
        self._on_loop(lambda parts: parts.exchange.say(sid, words))

    def hang_up(self, sid: str) -> None:
        """Hang up, or refuse a ringing call. Raises `CallOverError`."""
        self._on_loop(lambda parts: parts.exchange.hang_up(sid))

    def reply(self, person: str, body: str, to: str = "") -> Message:
        """`person` (a number) texts `body` to `to`, or to whoever texted them last; the inbound SMS."""
        return self._on_loop(lambda parts: parts.texts.reply(person, body, to).snapshot())

    def fault(self, vendor: Vendor, kind: str, **how: Any) -> None:
        """Let `vendor` misbehave: `kind` and `how` (times, probability, seed, …) as in `Fault`."""
        fault = Fault(vendor=vendor, kind=kind, **how)
        self._on_loop(lambda parts: parts.faults.add(fault))

    def clear_faults(self) -> None:
        """All is well again."""
        self._on_loop(lambda parts: parts.faults.clear())

    def behave(self, recipient: str, behaviour: str) -> None:
        """Make an address or a number behave so (`bounce`, `landline`, `press:1`, …). Raises `ValueError`."""
        self._on_loop(lambda parts: parts.store.set_behaviour(recipient, behaviour))

    def clear(self) -> None:
        """Forget all messages."""
        self._on_loop(lambda parts: parts.store.clear())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _listen(self) -> socket.socket:
        config = self.config
        try:
            family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
            listener = socket.create_server((config.host, self._port), family=family, backlog=2048)
            # Without it the second part of an answer waits 40 ms for the client's kernel to acknowledge the first.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise SandboxStartError(
                f"the sandbox cannot listen on {config.host}:{self._port} ({error}); name another port, or 0 for any"
            ) from error
        self._port = listener.getsockname()[1]
        return listener

    def _run(self, listener: socket.socket) -> None:
        try:
            asyncio.run(self._serve(listener))
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)  # it is raised again in `start`

    async def _serve(self, listener: socket.socket) -> None:
        with listener:
            await self._serve_on(listener)

    async def _serve_on(self, listener: socket.socket) -> None:
        async with opened(self.config, self._key) as parts:
            connections = Connections()
            self._loop, self._parts = asyncio.get_running_loop(), parts
            self._server = uvicorn.Server(uvicorn_config(parts, connections))
            self._ready.set_result(None)  # the socket listens already; what comes now waits in its backlog
            await self._server.serve(sockets=[listener])

    def _on_loop(self, act: Callable[[Parts], T]) -> T:
        """Run `act` where everything happens, and hand back what it returned or raised."""
        if self._loop is None or self._parts is None:
            raise RuntimeError("the sandbox is not running; call start(), or use it in a with statement")
        return asyncio.run_coroutine_threadsafe(_call(act, self._parts), self._loop).result(START_SECONDS)

    def _inventory(self) -> str:
        lines = [f"{m.kind} to {m.to}: {m.status}" for m in self.messages()[-10:]]
        return "the latest are: " + "; ".join(lines) if lines else "nothing was sent"


def uvicorn_config(parts: Parts, connections: Connections) -> uvicorn.Config:
    """How the parts are served."""
    return uvicorn.Config(
        parts.app(connections.reset),
        http=connections.protocol(),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def _call(act: Callable[[Parts], T], parts: Parts) -> T:
    return act(parts)
