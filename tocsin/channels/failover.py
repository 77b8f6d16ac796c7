"""More than one way out: when a vendor's account does not work, the next one takes over within the same attempt.

| the first account's answer | what follows, in the same attempt |
| --- | --- |
| it took the message | nothing: the receipt names the account |
| `TryAgain`, `AccountRefused` | the message goes by the next account whose breaker lets it through |
| `NotCarried` | the message goes by the next account; nothing was asked, so nothing is said about the first |
| `Refused` | nothing: a number that does not exist or that opted out is no better elsewhere |
| `OutcomeUnknown` | nothing: it may have the message. Twilio was asked and could not say; mail cannot be asked |

A message never waits for a breaker: when all are open, it goes by the account that is due soonest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from tocsin.channels.addresses import NotCarried
from tocsin.channels.breaker import Breaker, BreakerState
from tocsin.channels.metrics import VendorMetrics
from tocsin.domain.channel import (
    AccountRefused,
    Call,
    ChannelError,
    ChannelName,
    OutcomeUnknown,
    Receipt,
    Refused,
    TryAgain,
)

M = TypeVar("M")

_OUTCOMES: tuple[tuple[type[ChannelError], str], ...] = (
    (TryAgain, "try_again"),
    (AccountRefused, "account_refused"),
    (Refused, "refused"),
    (OutcomeUnknown, "outcome_unknown"),
)
"""How metrics and `/healthz` call them; the narrower first."""


@dataclass(frozen=True)
class Way(Generic[M]):
    """One vendor's account: its breaker, how it is given a message and, where it can be, asked what it took.

    One that can be asked asks by itself before it raises `OutcomeUnknown`, and raises `TryAgain` when it has nothing.
    """

    breaker: Breaker
    send: Callable[[M], Receipt]
    find: Callable[[M, datetime], Receipt | None] | None = None

    @property
    def name(self) -> str:
        """The account's name, as it stands on receipts and in metrics."""
        return self.breaker.name


class Failover(Generic[M]):
    """A channel over several ways, in the order of preference; may be shared between threads."""

    def __init__(self, channel: ChannelName, ways: Sequence[Way[M]], metrics: VendorMetrics) -> None:
        if not ways:
            raise ValueError(f"{channel} needs one way out at least")
        self._channel = channel
        self._ways = tuple(ways)
        self._metrics = metrics

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._channel!r}, {[way.name for way in self._ways]})"

    def send(self, message: M) -> Receipt:
        """Hand `message` to the first account that takes it. Raises `ChannelError`, after the module's table."""
        failures: list[ChannelError] = []
        for way in self._to_try(message):
            try:
                return self._through(way, message)
            except (TryAgain, AccountRefused, NotCarried) as error:
                failures.append(error)
        raise _all_failed(failures)

    def find(self, message: M, since: datetime) -> Receipt | None:
        """The receipt of a message that an earlier attempt may have handed over; None when no account has it.

        Every account is asked. One that does not answer is asked again by the next attempt, until its breaker opens:
        from then on the message goes another way, which may be the second time. Raises `ChannelError`.
        """
        asked = [way for way in self._ways if way.find]
        unheard: list[tuple[Way[M], ChannelError]] = []
        for way in asked:
            try:
                if receipt := _ask(way, message, since):
                    return receipt
            except ChannelError as error:
                way.breaker.failed(_outcome(error), _seconds_to_wait(error))
                unheard.append((way, error))
        if unheard and len(unheard) == len(asked):
            raise _all_failed([error for _, error in unheard])
        for way, silence in unheard:
            if way.breaker.state is not BreakerState.OPEN and not isinstance(silence, AccountRefused):
                raise TryAgain(f"{way.name} may have the message and could not be asked: {silence}")
        return None

    def _able(self, message: M) -> Sequence[Way[M]]:
        """The ways that can take such a message."""
        return self._ways

    def _to_try(self, message: M) -> Iterator[Way[M]]:
        """Those whose breaker lets the message through; when none does, all of them, the one that is due soonest first:
        a breaker spares a vendor, and must not cost anybody a page."""
        nobody, ways = True, self._able(message)
        for way in ways:
            if way.breaker.admits():
                nobody = False
                yield way
        if nobody:
            yield from sorted(ways, key=lambda way: way.breaker.due_in)

    def _through(self, way: Way[M], message: M) -> Receipt:
        """Send by one way, and tell its breaker and the metrics how it went."""
        started = time.monotonic()
        try:
            receipt = way.send(message)
        except NotCarried:
            raise  # the vendor was not asked
        except ChannelError as error:
            self._failed(way, error, time.monotonic() - started)
            raise
        way.breaker.succeeded()
        self._metrics.asked(way.name, self._channel, "sent", time.monotonic() - started)
        return _by(way, receipt)

    def _failed(self, way: Way[M], error: ChannelError, seconds: float) -> None:
        outcome = _outcome(error)
        if outcome == "refused":
            way.breaker.succeeded()  # to say no to a recipient, a vendor must be there
        else:
            way.breaker.failed(outcome, _seconds_to_wait(error))
        self._metrics.asked(way.name, self._channel, outcome, seconds)


class PhoneFailover(Failover[Call]):
    """Calls over several ways."""

    def call(self, call: Call) -> Receipt:
        """Ask the first account that takes it to place `call`. Raises `ChannelError`."""
        return self.send(call)


def _outcome(error: ChannelError) -> str:
    return next(outcome for kind, outcome in _OUTCOMES if isinstance(error, kind))


def _ask(way: Way[M], message: M, since: datetime) -> Receipt | None:
    receipt = way.find(message, since) if way.find else None
    return _by(way, receipt) if receipt else None


def _by(way: Way[M], receipt: Receipt) -> Receipt:
    return receipt.model_copy(update={"vendor": way.name})


def _seconds_to_wait(error: ChannelError) -> float:
    wait = error.retry_after if isinstance(error, TryAgain) else None
    return wait.total_seconds() if wait else 0.0


def _all_failed(failures: Sequence[ChannelError]) -> ChannelError:
    """What is to be said of several failures: try again, if that may help with any of them.

    A time is named only if all of those named one: for a vendor that named none, the sender's own waits are right.
    """
    passing = [failure for failure in failures if not isinstance(failure, Refused)]
    if len(failures) == 1 or not passing:
        return failures[0]
    waits = [failure.retry_after if isinstance(failure, TryAgain) else None for failure in passing]
    named = [wait for wait in waits if wait is not None]
    words = "; ".join(str(failure) for failure in failures)
    return TryAgain(words, min(named) if len(named) == len(waits) else None)
