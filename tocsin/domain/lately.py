"""What one address has got lately over one channel, what is held back from it, and which digests are under way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

from tocsin.domain.base import Moment, Record, Value
from tocsin.domain.channel import ChannelName
from tocsin.domain.messages import Dispatch, Dispatched
from tocsin.domain.plan import Digest
from tocsin.domain.state import PlanPin

K = TypeVar("K", int, str)

WORST = 1
"""The rank of a plan's worst severity, as `Dispatch.rank` counts."""

FORGOTTEN = timedelta(hours=1)
"""What was held back, or under way, for so long has nobody any more who asks for it: its incident has ended."""

COUNTED = 100
"""How many of the latest messages are counted, if the rule does not want more: an address in a drill gets thousands."""

REMEMBERED = timedelta(hours=3)
"""How long it is known what went along in a digest; whoever asks later, after an outage, goes out again as itself."""


class HeldMessage(Value):
    """A message that is held back: what a digest says of it, and where its deliveries and answers go.

    `person` is the directory's key of whom it is for; there is no address in it.
    """

    message: str
    workflow: str
    incident: str
    reference: str
    plan: PlanPin
    purpose: str
    person: str
    page: int | None = None
    code: str = ""
    title: str
    subject: str = ""
    text: str = ""
    severity: str
    rank: int | None = None
    is_drill: bool = False
    created: Moment

    @classmethod
    def of(cls, dispatch: Dispatch, person: str) -> HeldMessage:
        """What is kept of a dispatch to `person` while it is held back."""
        shared = {name: getattr(dispatch, name) for name in cls.model_fields if name != "person"}
        return cls(**shared, person=person)


class Bundle(Value):
    """The messages that go out together; `began` is when that was first tried."""

    id: str
    channel: ChannelName
    members: tuple[HeldMessage, ...]
    began: Moment

    def has(self, message: str) -> bool:
        """Whether the message is in it."""
        return any(member.message == message for member in self.members)


class UnderWay(Value):
    """A digest that is being sent, by whoever claimed it last."""

    bundle: Bundle
    claimed: Moment


class Gone(Value):
    """A digest of these messages that a vendor took, as `sent` says."""

    messages: tuple[str, ...]
    sent: Dispatched
    at: Moment


class Lately(Record):
    """What one address has got lately over one channel, and what it is spared for now.

    `passed` are the messages that left, with their times; the messages in `waiting` are held back `until` then. `ranks`
    says when the last page of each rank left, and `worst` when the last one of an incident of the worst severity.
    """

    passed: dict[str, Moment] = {}
    ranks: dict[int, Moment] = {}
    worst: dict[str, Moment] = {}
    waiting: list[HeldMessage] = []
    until: Moment | None = None
    under_way: list[UnderWay] = []
    gone: list[Gone] = []

    def is_waiting(self, message: str) -> bool:
        """Whether the message is held back."""
        return any(each.message == message for each in self.waiting)

    def gone_with(self, message: str) -> Gone | None:
        """The digest in which the message has gone."""
        return next((each for each in self.gone if message in each.messages), None)

    def under_way_with(self, message: str) -> UnderWay | None:
        """The digest in which the message is being sent."""
        return next((each for each in self.under_way if each.bundle.has(message)), None)

    def hold(self, message: HeldMessage) -> None:
        """Hold a message back. One that is held back already may live in another workflow by now."""
        for place, each in enumerate(self.waiting):
            if each.message == message.message:
                self.waiting[place] = message
                return
        self.waiting.append(message)

    def note_page(self, message: Dispatch | HeldMessage, now: datetime) -> None:
        """Remember what a page that leaves is about."""
        if message.purpose == "page" and message.rank is not None:
            self.ranks[message.rank] = now
            if message.rank == WORST:
                self.worst[message.incident] = now

    def drop(self, bundle: Bundle) -> None:
        """The digest is not under way any more."""
        self.under_way = [each for each in self.under_way if each.bundle.id != bundle.id]

    def forget(self, rule: Digest | None, now: datetime) -> None:
        """Drop what is of no more use, to a rule that counts so many within so long either."""
        counted, over = (max(FORGOTTEN, rule.per), rule.over) if rule else (FORGOTTEN, 0)
        most = max(2 * over, COUNTED)
        self.passed = _newest(self.passed, most, now - counted)
        self.ranks = _newest(self.ranks, most, now - counted)
        self.worst = _newest(self.worst, most, now - counted)
        if self.until is not None and self.until < now - FORGOTTEN:
            self.waiting, self.until = [], None
        self.under_way = [each for each in self.under_way if each.bundle.began > now - FORGOTTEN]
        self.gone = [each for each in self.gone if each.at > now - REMEMBERED]


def _newest(times: dict[K, Moment], most: int, after: datetime) -> dict[K, Moment]:
    return {key: at for key, at in list(times.items())[-most:] if at > after}
