"""Reports back to the product: signed, in order per message, tried again when the receiver is away."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx

from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.models import Callback, Message
from tocsin.sandbox.signing import EventKey, twilio_signature
from tocsin.sandbox.store import Clock, Store
from tocsin.sandbox.tasks import Background, Rest

EVENT_LANES = 4
EVENTS_PER_POST = 100
ANSWER_WAITS = (0.25, 0.5)
"""Seconds between attempts at a callback whose answer a person waits for on the phone."""

_TRY_AGAIN = frozenset({408, 429})


@dataclass(frozen=True, slots=True)
class Post:
    """One signed request to the product; `label` names it in the log of callbacks."""

    url: str
    body: bytes
    headers: dict[str, str]
    label: str


class UndeliveredError(Exception):
    """The receiver gave no usable answer; the text says which URL and what came back last."""


def twilio_post(auth_token: str, url: str, fields: Mapping[str, str], label: str) -> Post:
    """A form post as Twilio signs it."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Twilio-Signature": twilio_signature(auth_token, url, fields),
        "User-Agent": "TwilioProxy/1.1",
    }
    return Post(url, urlencode(fields).encode(), headers, label)


def sendgrid_post(key: EventKey, url: str, events: Sequence[Mapping[str, Any]], at: float) -> Post:
    """A batch of events as SendGrid signs it at `at`."""
    body = json.dumps(events, separators=(",", ":")).encode()
    timestamp = str(int(at))
    headers = {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": key.sign(timestamp, body),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        "User-Agent": "SendGrid Event API",
    }
    return Post(url, body, headers, "events")


class Courier:
    """Carries posts to the product over a bounded pool of kept connections, and logs each attempt."""

    def __init__(self, config: SandboxConfig, store: Store, background: Background) -> None:
        self._waits = config.callback_waits
        self._store = store
        self._background = background
        self._last: dict[str, asyncio.Task[None]] = {}
        self._clients = _clients(config)
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._idle.put_nowait(client)

    def send(self, message: Message, post: Post) -> None:
        """Deliver `post` after every earlier one about `message`; give up only when all waits are used up."""
        task = self._background.spawn(self._after(self._last.get(message.id), message, post))
        self._last[message.id] = task
        task.add_done_callback(lambda done: self._forget(message.id, done))

    async def deliver(
        self, post: Post, about: Iterable[Message], waits: Sequence[float] | None = None
    ) -> str:
        """Deliver `post` and return the body of the answer. Raises `UndeliveredError`."""
        messages = list(about)
        last = "never tried"
        for wait in (*(self._waits if waits is None else waits), None):
            answer, last = await self._attempt(post)
            self._log(messages, post, last)
            if answer is not None and answer.is_success:
                return answer.text
            if wait is None or (answer is not None and not _worth_repeating(answer)):
                break
            await self._background.sleep(wait)
        raise UndeliveredError(f"{post.url} did not take {post.label}: {last}")

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()

    async def _after(self, earlier: asyncio.Task[None] | None, message: Message, post: Post) -> None:
        if earlier:
            await asyncio.wait([earlier])
        await self.try_to_deliver(post, [message])

    async def try_to_deliver(self, post: Post, about: Iterable[Message]) -> None:
        """Deliver `post`; that it could not be delivered is in the messages' callback logs."""
        try:
            await self.deliver(post, about)
        except UndeliveredError:
            return

    async def _attempt(self, post: Post) -> tuple[httpx.Response | None, str]:
        client = await self._idle.get()
        try:
            answer = await client.post(post.url, content=post.body, headers=post.headers)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            return None, type(error).__name__
        finally:
            self._idle.put_nowait(client)
        return answer, str(answer.status_code)

    def _log(self, messages: Iterable[Message], post: Post, outcome: str) -> None:
        made = Callback(self._store.now(), post.url, post.label, outcome)
        for message in messages:
            self._store.log(message, made)

    def _forget(self, message_id: str, done: asyncio.Task[None]) -> None:
        if self._last.get(message_id) is done:
            del self._last[message_id]


def _clients(config: SandboxConfig) -> list[httpx.AsyncClient]:
    """Many clients with few connections: one pool polls all its idle connections for every request (4 times the cost).

    The last one used goes first, so that a quiet sandbox keeps to one connection.
    """
    limits = httpx.Limits(max_connections=2, max_keepalive_connections=2)
    verify = httpx.create_ssl_context(trust_env=False)
    return [
        httpx.AsyncClient(limits=limits, timeout=config.callback_timeout, trust_env=False, verify=verify)
        for _ in range(config.callback_concurrency)
    ]


def _worth_repeating(answer: httpx.Response) -> bool:
    return answer.is_server_error or answer.status_code in _TRY_AGAIN


@dataclass(slots=True)
class _Lane:
    rest: Rest
    waiting: deque[tuple[Message, dict[str, Any]]] = field(default_factory=deque)
    filled: asyncio.Event = field(default_factory=asyncio.Event)

    async def next_batch(self) -> list[tuple[Message, dict[str, Any]]]:
        if not self.filled.is_set():
            self.rest.begin()
        await self.filled.wait()
        batch = [self.waiting.popleft() for _ in range(min(len(self.waiting), EVENTS_PER_POST))]
        if not self.waiting:
            self.filled.clear()
        return batch


class EventFeed:
    """SendGrid's event webhook: events wait in lanes and go out in batches, in order within one email.

    While the receiver is away a lane stands still and its events pile up behind the one being retried.
    """

    def __init__(
        self, url: str, key: EventKey, courier: Courier, background: Background, clock: Clock
    ) -> None:
        self._url = url
        self._key = key
        self._courier = courier
        self._now = clock
        self._lanes = [_Lane(Rest(background)) for _ in range(EVENT_LANES)]
        for lane in self._lanes if url else ():
            background.spawn(self._run(lane))

    def add(self, message: Message, event: dict[str, Any]) -> None:
        """Report `event` about `message`; without a URL nobody is told."""
        if self._url:
            lane = self._lanes[hash(message.id) % EVENT_LANES]
            lane.waiting.append((message, event))
            lane.filled.set()
            lane.rest.end()

    async def _run(self, lane: _Lane) -> None:
        while True:
            batch = await lane.next_batch()
            post = sendgrid_post(self._key, self._url, [event for _, event in batch], self._now())
            await self._courier.try_to_deliver(post, {message.id: message for message, _ in batch}.values())
