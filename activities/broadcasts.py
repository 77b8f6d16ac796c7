"""Sending to large audiences. Results hold counts and hashes, never names or addresses.

A share of the work that fails goes on where the journal says, so each attempt begins where the last one ended. It fails
with an `ApplicationError` of one of these types, and all but the first are tried again for as long as it takes:

    Refused          the vendor will never take this message; never retried
    TryAgain         the vendor, the list's adapter or the disk is busy or out of reach; after a vendor's Retry-After
    AccountRefused   the vendor does not serve this account; somebody must put that right
    OutcomeUnknown   some may have been written to; they are once more, and counted
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.sending import in_short, named_failures
from tocsin.domain.broadcasts import PinList, PinnedList, SendShare, Share
from tocsin.domain.channel import AccountRefused

HEARTBEAT_EVERY = timedelta(seconds=5)


class Broadcaster(Protocol):
    """Pins lists and hands batches over (`tocsin.broadcasting` has the one for files and vendors)."""

    def pin(self, request: PinList) -> PinnedList:
        """Put a list down as it is now; once for each broadcast."""

    def send(self, share: SendShare, goes_on: Callable[[], bool]) -> Share:
        """Go on where the broadcast stands, while that is wanted. Raises `ChannelError`."""


class BroadcastActivities:
    """The activities of a broadcast."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster

    @activity.defn(name="pin_list")
    def pin(self, request: PinList) -> PinnedList:
        """Read a list once, and put down who is on it."""
        with beating():
            return self._broadcaster.pin(request)

    @activity.defn(name="send_share")
    def send(self, share: SendShare) -> Share:
        """Hand over a share of what is left; less, when this worker is about to stop."""
        with beating(), _named():
            return self._broadcaster.send(share, lambda: not activity.is_worker_shutdown())


@contextmanager
def beating() -> Iterator[None]:
    """Heartbeat while something blocks, so that only a worker that died is taken for dead."""
    over = threading.Event()

    def beat() -> None:
        activity.heartbeat()
        while not over.wait(HEARTBEAT_EVERY.total_seconds()):
            activity.heartbeat()

    # The activity's context is the thread's own, and the thread that beats is another one.
    beats = threading.Thread(target=contextvars.copy_context().run, args=(beat,), name="heartbeat")
    beats.start()
    try:
        yield
    finally:
        over.set()
        beats.join()


@contextmanager
def _named() -> Iterator[None]:
    """As for a message to one, but an account that is not served can be put right while the broadcast waits."""
    with named_failures():
        try:
            yield
        except AccountRefused as error:
            raise ApplicationError(in_short(str(error)), type="AccountRefused") from None
