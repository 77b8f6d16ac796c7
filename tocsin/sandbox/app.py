"""Wires the parts of the sandbox into one ASGI app."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.types import ASGIApp, Scope

from tocsin.sandbox.callbacks import Courier, EventFeed
from tocsin.sandbox.calls import Exchange
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.control import Control
from tocsin.sandbox.faults import FaultInjector, FaultTable
from tocsin.sandbox.journal import Journal
from tocsin.sandbox.messages import Texts
from tocsin.sandbox.models import UNFINISHED
from tocsin.sandbox.page import Page
from tocsin.sandbox.sendgrid import Mail
from tocsin.sandbox.signing import EventKey
from tocsin.sandbox.store import Clock, Store
from tocsin.sandbox.tasks import Background
from tocsin.sandbox.twilio import Gate


@dataclass(frozen=True)
class Parts:
    """A running sandbox without its HTTP server; used on one event loop only."""

    config: SandboxConfig
    key: EventKey
    store: Store
    faults: FaultTable
    mail: Mail
    texts: Texts
    exchange: Exchange
    background: Background

    def app(self, reset: Callable[[Scope], None]) -> ASGIApp:
        """The ASGI app; `reset` breaks a connection off, for the faults that need it."""
        control = Control(self.store, self.texts, self.exchange, self.faults, self.key.public_key)
        page = Page(self.store, self.faults)
        vendors = [*self.mail.routes(), *self.texts.routes(), *self.exchange.routes()]
        return FaultInjector(
            Starlette(routes=[*vendors, *control.routes(), *page.routes()]), self.faults, reset
        )

    def resume(self) -> None:
        """Carry on with everything that was under way when the state was last written."""
        carriers = {"email": self.mail.resume, "sms": self.texts.resume, "call": self.exchange.resume}
        for message in self.store.select():
            if message.status in UNFINISHED:
                carriers[message.kind](message)


@asynccontextmanager
async def opened(
    config: SandboxConfig, key: EventKey, clock: Clock = time.time, background: Background | None = None
) -> AsyncIterator[Parts]:
    """The parts, wired; on leaving, work under way is cancelled and files and connections are closed.

    `clock` gives the time that messages and reports carry; `background` lets it pass.
    """
    store = Store(config.max_messages, Journal(config.state_file) if config.state_file else None, clock)
    background = background or Background()
    courier = Courier(config, store, background)
    gate = Gate(config.account_sid, config.auth_token)
    feed = EventFeed(config.events_url, key, courier, background, clock)
    mail = Mail(config, store, feed, background)
    texts = Texts(config, store, courier, background, gate)
    exchange = Exchange(config, store, courier, background, gate)
    parts = Parts(config, key, store, FaultTable(), mail, texts, exchange, background)
    try:
        parts.resume()
        yield parts
    finally:
        await background.stop()
        await courier.close()
        store.close()
