"""What was sent, newest last, bounded; and how each recipient behaves."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from typing import Any

from tocsin.sandbox.journal import Journal
from tocsin.sandbox.models import JOURNALLED, Callback, Kind, Message

BEHAVIOURS = (
    "normal, absent (the same: mail and SMS arrive, the phone rings out), bounce, dropped (mail), "
    "undelivered, landline, stopped (SMS), busy, failed, voicemail (calls: a machine answers), "
    "press:KEYS (calls: picks up and presses them)"
)
"""How a recipient can behave, for people."""

BEHAVIOUR = re.compile(
    r"normal|absent|bounce|dropped|undelivered|landline|stopped|busy|failed|voicemail|press:[0-9*#A-Da-d]+"
)

Predicate = Callable[[Message], bool]

Clock = Callable[[], float]
"""Seconds since the epoch."""


class Store:
    """Messages by id, and an index by recipient; the oldest give way when `limit` is reached. `now` is the time.

    Not thread-safe on purpose: everything happens on the sandbox's event loop.
    """

    def __init__(self, limit: int, journal: Journal | None = None, clock: Clock = time.time) -> None:
        self._limit = limit
        self.now = clock
        self._messages: dict[str, Message] = {}
        self._by_recipient: dict[str, deque[str]] = {}
        self._behaviours: dict[str, str] = {}
        self._usual: dict[Kind, str] = {}
        self._watchers: list[tuple[Predicate, Future[Message]]] = []
        self._journal = journal
        self.version = 0
        if journal:
            self._replay(journal.entries())
            journal.open()

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, message: Message) -> None:
        """Keep a new message."""
        self._keep(message)
        self._write({"add": {name: getattr(message, name) for name in JOURNALLED}})
        self._changed(message)

    def change(self, message: Message, **values: Any) -> None:
        """Set fields of a kept message."""
        for name, value in values.items():
            setattr(message, name, value)
        self._write({"change": message.id, "values": values})
        self._changed(message)

    def log(self, message: Message, callback: Callback) -> None:
        """Add one attempt at a callback to a message; not journalled."""
        message.callbacks.append(callback)
        self._changed(message)

    def get(self, message_id: str) -> Message | None:
        """The message with this id, if it is still kept."""
        return self._messages.get(message_id)

    def newest(
        self, kind: Kind | None = None, to: str | None = None, since: float = 0.0
    ) -> Iterator[Message]:
        """Messages, newest first, that fit every condition given."""
        for message in self._candidates(to):
            if message.at < since:
                return
            if kind is None or message.kind == kind:
                yield message

    def select(
        self, kind: Kind | None = None, to: str | None = None, since: float = 0.0, limit: int | None = None
    ) -> list[Message]:
        """The newest `limit` messages that fit, oldest of them first."""
        found = list(islice(self.newest(kind, to, since), limit))
        found.reverse()
        return found

    def clear(self) -> None:
        """Forget all messages; recipients keep their behaviour."""
        self._forget()
        self._write({"clear": True})
        self.version += 1

    def behaviour(self, recipient: str, kind: Kind) -> str:
        """How `recipient` behaves when reached so; `normal` when nobody said."""
        return self._behaviours.get(recipient) or self._usual.get(kind, "normal")

    def behaviours(self) -> dict[str, str]:
        """Every recipient whose behaviour was set."""
        return dict(self._behaviours)

    def set_behaviour(self, recipient: str, behaviour: str) -> None:
        """Make `recipient` behave so from now on. Raises `ValueError` for what nobody does."""
        if not BEHAVIOUR.fullmatch(behaviour):
            raise ValueError(f"'{behaviour}' is no behaviour; {BEHAVIOURS}")
        self._behave(recipient, behaviour)
        self._write({"recipient": recipient, "behaviour": behaviour})
        self.version += 1

    def set_usual(self, kind: Kind, behaviour: str) -> None:
        """How everybody behaves whose own behaviour nobody set. Raises `ValueError` for what nobody does."""
        if not BEHAVIOUR.fullmatch(behaviour):
            raise ValueError(f"'{behaviour}' is no behaviour; {BEHAVIOURS}")
        self._usual[kind] = behaviour

    def watch(self, predicate: Predicate) -> Future[Message]:
        """A future for the first message that fits, among those kept (oldest first) and those to come."""
        waiting: Future[Message] = Future()
        found = next(filter(predicate, self._messages.values()), None)
        if found:
            waiting.set_result(found.snapshot())
        else:
            self._watchers.append((predicate, waiting))
        return waiting

    def close(self) -> None:
        """Close the journal and release everybody who waits."""
        for _, waiting in self._watchers:
            waiting.cancel()
        if self._journal:
            self._journal.close()

    def _candidates(self, to: str | None) -> Iterator[Message]:
        if to is None:
            return reversed(self._messages.values())
        return (self._messages[message_id] for message_id in reversed(self._by_recipient.get(to, ())))

    def _keep(self, message: Message) -> None:
        if len(self._messages) >= self._limit:
            self._evict_oldest()
        self._messages[message.id] = message
        self._by_recipient.setdefault(message.to, deque()).append(message.id)

    def _evict_oldest(self) -> None:
        oldest = self._messages.pop(next(iter(self._messages)))
        ids = self._by_recipient[oldest.to]
        ids.popleft()
        if not ids:
            del self._by_recipient[oldest.to]

    def _forget(self) -> None:
        self._messages.clear()
        self._by_recipient.clear()

    def _behave(self, recipient: str, behaviour: str) -> None:
        if behaviour in {"normal", "absent"}:
            self._behaviours.pop(recipient, None)
        else:
            self._behaviours[recipient] = behaviour

    def _changed(self, message: Message) -> None:
        self.version += 1
        message.version = self.version
        if self._watchers:
            self._watchers = [watcher for watcher in self._watchers if not _met(watcher, message)]

    def _write(self, entry: dict[str, Any]) -> None:
        if self._journal:
            self._journal.append(entry)

    def _replay(self, entries: Iterable[dict[str, Any]]) -> None:
        for entry in entries:
            self._replay_one(entry)

    def _replay_one(self, entry: dict[str, Any]) -> None:
        if "add" in entry:
            self._keep(Message(**entry["add"]))
        elif "change" in entry:
            self._replay_change(entry)
        elif "recipient" in entry:
            self._behave(entry["recipient"], entry["behaviour"])
        elif "clear" in entry:
            self._forget()

    def _replay_change(self, entry: dict[str, Any]) -> None:
        message = self._messages.get(entry["change"])
        if message:  # else: evicted since
            for name, value in entry["values"].items():
                setattr(message, name, value)


def _met(watcher: tuple[Predicate, Future[Message]], message: Message) -> bool:
    """Whether `watcher` needs no more messages: it found this one, its predicate failed, or nobody waits."""
    predicate, waiting = watcher
    if waiting.done():
        return True
    try:
        fits = predicate(message)
    except Exception as error:  # noqa: BLE001 - the caller's own code; it is raised where the caller waits
        waiting.set_exception(error)
        return True
    if fits:
        waiting.set_result(message.snapshot())
    return fits
