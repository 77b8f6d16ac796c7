"""A crowd for the lighthouse to tell: a broadcaster in memory, and a plan that has ships on a list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.workflows import lighthouse
from tocsin.domain.broadcasts import PinList, PinnedList, SendShare, Share
from tocsin.domain.messages import OpenedRecord, OpenRecord
from tocsin.domain.plan import Plan
from tocsin.domain.state import BroadcastCounts
from tocsin.yamlfile import parse

SHIPS = """
  - id: warn-ships
    title: Every ship is warned
    clause: "5"
    from: aware
    within: PT1H
    do: [{notify: {audience: ships}}]
intake:"""

SHARE = 10_000


@dataclass
class FakeBroadcaster:
    """Writes to nobody and counts them; fails with the next of `failures` before it does, and waits at its gate."""

    recipients: int = 3
    malformed: int = 0
    problem: str = ""
    share: int = SHARE
    failures: list[Exception] = field(default_factory=list)
    pinned: list[PinList] = field(default_factory=list)
    shares: list[SendShare] = field(default_factory=list)
    accepted: int = 0
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def pin(self, request: PinList) -> PinnedList:
        """Find everybody at once."""
        self.pinned.append(request)
        return PinnedList(sha256="0" * 64, counts=self._counts, problem=self.problem)

    def send(self, share: SendShare, goes_on: Callable[[], bool]) -> Share:
        """Write to one share of them."""
        assert goes_on()
        self.shares.append(share)
        self.gate.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.accepted = min(self.accepted + self.share, self.recipients - self.malformed)
        return Share(counts=self._counts)

    @property
    def _counts(self) -> BroadcastCounts:
        return BroadcastCounts(recipients=self.recipients, malformed=self.malformed, accepted=self.accepted)


@dataclass
class Harbour(lighthouse.MemoryArchive):
    """An archive whose plan warns every ship."""

    def open(self, record: OpenRecord) -> OpenedRecord:
        """Log the incident under that plan."""
        text = lighthouse.PLAN.replace("\nintake:", SHIPS).replace(
            "\nfacts:", "\n  ships: {title: Every ship, external: true, list: ships.csv}\nfacts:"
        )
        return super().open(record).model_copy(update={"plan": parse(text, Plan)})
