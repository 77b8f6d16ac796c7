"""What arrived at the sandbox, and when, by the sandbox's own clock: looking late makes nothing later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx

LOOK_EVERY = 0.025
"""Seconds between two looks: each costs the sandbox about a millisecond, on cores that all processes share."""

LOOK_AT_MANY_EVERY = 1.0
"""The same for some hundred messages at once, which cost it more."""

QUIET_FOR = 0.25
"""How long nothing may have happened at the sandbox for it to count as quiet."""

PATIENCE = 180.0
"""How long something may take that is waited for."""


@dataclass(frozen=True)
class Text:
    """A text message, or a call: when it arrived (seconds since the epoch, to the millisecond), its words, its subject.

    `incident` and `message` are Tocsin's ids, from the URL to which its delivery is reported; empty without one.
    """

    at: float
    body: str
    incident: str
    message: str

    @classmethod
    def of(cls, shown: dict[str, Any]) -> Self:
        """From a message as the sandbox shows it."""
        about = parse_qs(urlsplit(shown["status_callback"]).query)
        return cls(
            at=datetime.fromisoformat(shown["at"]).timestamp(),
            body=shown["body"],
            incident=about.get("incident", [""])[0],
            message=about.get("message", [""])[0],
        )


Subject = Callable[[Text], str]
"""What a message is about."""


def by_incident(text: Text) -> str:
    """The incident that a message is about."""
    return text.incident


def by_words(text: Text) -> str:
    """What a message says; the yardsticks' say nothing but their own name."""
    return text.body


def first_arrivals(texts: Iterable[Text], subject: Subject) -> dict[str, float]:
    """When the first message about each subject arrived."""
    first: dict[str, float] = {}
    for text in texts:
        about = subject(text)
        first[about] = min(text.at, first.get(about, text.at))
    return first


@asynccontextmanager
async def _patience(otherwise: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError:
        raise TimeoutError(f"{otherwise} within {PATIENCE:g} s") from None


class Inbox:
    """The sandbox, seen through its control API. Raises `httpx.HTTPError` when it is not there."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url)

    async def texts(self, since: float) -> list[Text]:
        """The text messages that arrived at `since` (seconds since the epoch) or later, oldest first."""
        return [Text.of(shown) for shown in await self._messages("sms", since)]

    async def calls(self, since: float) -> list[Text]:
        """The same of calls."""
        return [Text.of(shown) for shown in await self._messages("call", since)]

    async def count_mails(self, since: float) -> int:
        """How many mails arrived since then."""
        return len(await self._messages("email", since))

    async def expect(self, fits: Callable[[Text], bool], since: float) -> Text:
        """The first text message since then that fits. Raises `TimeoutError`."""
        async with _patience("a text message did not arrive"):
            while True:
                for text in await self.texts(since):
                    if fits(text):
                        return text
                await asyncio.sleep(LOOK_EVERY)

    async def all_about(self, wanted: set[str], subject: Subject, since: float, settle: float) -> list[Text]:
        """The text messages about what is wanted since then, once each has one or is missing, and no more come.

        Missing is what did not come while no other came for long either: however slow the machine is, what is late is
        not lost. No more come when none has for `settle` seconds. Raises `TimeoutError` when they never stop.
        """
        with suppress(TimeoutError):
            await self._expect_all(wanted, subject, since)
        return [text for text in await self._settled(since, settle) if subject(text) in wanted]

    async def _expect_all(self, wanted: set[str], subject: Subject, since: float) -> None:
        missing = wanted
        while missing:
            async with _patience("not every text message arrived"):
                missing = await self._fewer(missing, subject, since)

    async def _fewer(self, missing: set[str], subject: Subject, since: float) -> set[str]:
        """What is missing still, once that is less."""
        while True:
            left = missing - {subject(text) for text in await self.texts(since)}
            if len(left) < len(missing):
                return left
            await asyncio.sleep(LOOK_AT_MANY_EVERY)

    async def _settled(self, since: float, for_seconds: float) -> list[Text]:
        """All text messages since then, once none has come for so long, whatever mails do."""
        async with _patience("text messages did not stop coming"):
            before, after = -1, len(texts := await self.texts(since))
            while before != after:
                await asyncio.sleep(for_seconds)
                before, after = after, len(texts := await self.texts(since))
        return texts

    async def quiet(self, for_seconds: float = QUIET_FOR) -> None:
        """Wait until nothing arrives and nothing is reported back any more. Raises `TimeoutError`."""
        async with _patience("the sandbox did not come to rest"):
            before, after = None, await self._pulse()
            while before != after:
                await asyncio.sleep(for_seconds)
                before, after = after, await self._pulse()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def break_down(self, **fault: Any) -> None:
        """Have a vendor misbehave, as `tocsin.sandbox.faults.Fault` says, until `recover`."""
        (await self._http.post("/sandbox/faults", json=fault)).raise_for_status()

    async def recover(self) -> None:
        """All vendors of this sandbox are well again."""
        (await self._http.delete("/sandbox/faults")).raise_for_status()

    async def _messages(self, kind: str, since: float) -> list[dict[str, Any]]:
        query = {"kind": kind, "since": str(since), "limit": "200000"}
        answer = await self._http.get("/sandbox/messages", params=query)
        messages: list[dict[str, Any]] = answer.raise_for_status().json()["messages"]
        return messages

    async def _pulse(self) -> str:
        answer = await self._http.get("/sandbox/pulse")
        answer.raise_for_status()
        return str(answer.json()["version"])
