"""The ways in which a batch of a broadcast's rows leaves: as one email, as texts, or as a copy to the drill inbox."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from typing import Protocol

from tocsin.bulkwords import BulkWords
from tocsin.domain.broadcasts import (
    HTML_NAME_TAG,
    LARGEST_BATCH,
    NAME_TAG,
    Batch,
    BatchRefused,
    BulkEmailChannel,
    BulkSmsChannel,
    Row,
)
from tocsin.domain.channel import AccountRefused, Email, EmailChannel, Receipt, Refused
from tocsin.domain.messages import Dispatch


class Sender(Protocol):
    """Hands rows to a vendor."""

    @property
    def largest(self) -> int:
        """How many rows go together now; that changes where one way out takes over from another."""

    can_be_asked: bool
    """Whether the vendor knows what it took, so that nothing is doubled after an answer that was lost."""

    def send(self, rows: Sequence[Row], number: int | None, since: datetime | None) -> None:
        """Hand them over, all or nobody. Raises `ChannelError`; `BatchRefused` for those who are at fault.

        `number` tells the copies in a drill inbox apart. `since` then some of them may have been handed over already.
        """


class Emails:
    """Rows as recipients of one email, each of whom gets it alone."""

    can_be_asked = False

    def __init__(self, channel: BulkEmailChannel, words: BulkWords) -> None:
        self._channel = channel
        self._words = words

    @property
    def largest(self) -> int:
        """As many as the channel takes now."""
        return self._channel.largest

    def send(self, rows: Sequence[Row], number: int | None, since: datetime | None) -> None:
        """Hand over rows of one style."""
        self._channel.send(Batch(self._words.email(rows[0].style, number), rows))


class OneByOne:
    """Email to many over a channel for one, by a way that takes no batches."""

    largest = 1

    def __init__(self, channel: EmailChannel) -> None:
        self._channel = channel

    def send(self, batch: Batch) -> Receipt:
        """Hand the only one of a batch over. Raises `ChannelError`."""
        email, (row,) = batch.email, batch.rows
        single = Email(
            to=row.to,
            to_name=row.name,
            subject=email.subject.replace(NAME_TAG, row.name),
            text=email.text.replace(NAME_TAG, row.name),
            html=email.html.replace(HTML_NAME_TAG, escape(row.name)),
            message_id=email.message_id,
            correlation={**email.correlation, "row": str(row.number)},
            attachments=email.attachments,
        )
        try:
            return self._channel.send(single)
        except AccountRefused:
            raise
        except Refused as error:
            raise BatchRefused(str(error), error.code, (0,)) from None


class Texts:
    """Rows as one text message each, no faster than the pace."""

    largest = 1
    can_be_asked = True

    def __init__(self, channel: BulkSmsChannel, words: BulkWords, pace: Pace) -> None:
        self._channel = channel
        self._words = words
        self._pace = pace

    def send(self, rows: Sequence[Row], number: int | None, since: datetime | None) -> None:
        """Hand over one row."""
        self._pace.wait()
        for row in rows:
            self._channel.send(self._words.sms(row), since)


class Pace:
    """At most so many in a second, over all threads of this process; `None` is without limit."""

    def __init__(self, per_second: float | None) -> None:
        self._apart = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for the next turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._apart
        if turn > now:
            time.sleep(turn - now)


@dataclass(frozen=True)
class Ways:
    """The ways out to many."""

    email: BulkEmailChannel
    sms: BulkSmsChannel
    pace: Pace


class Drill:
    """Sends one copy of each batch to the drill inbox, and nothing to anybody else."""

    largest = LARGEST_BATCH
    can_be_asked = False

    def __init__(self, sender: Sender, inbox: str) -> None:
        self._sender = sender
        self._inbox = inbox

    def send(self, rows: Sequence[Row], number: int | None, since: datetime | None) -> None:
        """Send what the first of them would have got."""
        try:
            self._sender.send([replace(rows[0], to=self._inbox)], rows[0].number, since)
        except BatchRefused as error:
            raise Refused(f"the drill inbox cannot be written to: {error}", error.code) from None


def sender_of(ways: Ways, dispatch: Dispatch, words: BulkWords, inbox: str | None) -> Sender:
    """How a dispatch's rows leave; where there is an `inbox`, in a drill, to that alone."""
    sender: Sender = (
        Emails(ways.email, words) if dispatch.channel == "email" else Texts(ways.sms, words, ways.pace)
    )
    return sender if inbox is None else Drill(sender, inbox)
