"""What stands before every message, standing open: nobody has had too many, nobody has opted out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from temporalio import activity

from activities.holding import Sending
from tocsin.domain.messages import Dispatch, Dispatched


class OpenGate:
    """Lets every message out by itself."""

    def send(self, dispatch: Dispatch, sending: Sending[Any]) -> Dispatched:
        return sending.by_itself(may_have_left=activity.info().attempt > 1)


class MemoryOptOuts:
    """Remembers who wants no text messages."""

    def __init__(self) -> None:
        self.stopped: set[str] = set()

    def has(self, number: str) -> bool:
        return number in self.stopped

    def stop(self, numbers: Iterable[str], at: datetime) -> None:
        self.stopped.update(numbers)
