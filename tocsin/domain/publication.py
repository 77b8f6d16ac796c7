"""What is known of a version of a plan that is published, and what the parts say to one another about it.

`tocsin.domain.readership` decides. People appear by the directory's keys. What an acknowledgement is worth is what
proves it: a link or a code that was sent to that person's own address, or their own token.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from tocsin.domain.base import Moment, Record, Value
from tocsin.domain.state import Actor, PlanPin, Target

Ending = Literal["everybody has acknowledged", "the time is over", "a newer version was published"]
"""Why nobody is asked any more."""


class NotPublishable(Exception):
    """Nobody can be asked to acknowledge this version; the text says why, and what to do."""


class Reader(Value):
    """Somebody who must acknowledge: by which key, and as whom the directory reaches them."""

    key: str
    target: Target


class Acknowledged(Value):
    """One person's acknowledgement of one version: when, and by what proof."""

    version: str
    who: str
    at: Moment
    how: str


class ReaderState(Record):
    """How far it has come with one reader: in how many rounds they were written to, and whether they answered.

    `failure` says why the last message did not go out.
    """

    target: Target
    round: int = 0
    times: int = 0
    failure: str = ""
    acknowledged: Acknowledged | None = None


class PublicationState(Record):
    """One version's publication, whole; it is carried through continue-as-new."""

    plan: PlanPin
    title: str
    published: Moment
    due: Moment
    remind_every: timedelta
    round: int = 1
    readers: dict[str, ReaderState] = {}
    superseded_by: str | None = None

    @property
    def lacking(self) -> tuple[str, ...]:
        """Who has not acknowledged."""
        return tuple(key for key, reader in self.readers.items() if reader.acknowledged is None)


# What the parts say to one another


class PublishPlan(Value):
    """Have a version acknowledged; `state` is what a run before this one had reached."""

    plan: PlanPin
    by: Actor
    state: PublicationState | None = None
    continue_after: int | None = None
    """History events after which the run continues as new; `None` leaves it to the server's suggestion."""


class RecordPublication(Value):
    """Put on the record that a version is published, and find what its plan says about that."""

    plan: PlanPin
    by: Actor
    at: Moment


class Published(Value):
    """A version that is published: until when it is to be acknowledged, and how often people are reminded.

    `earlier` are the versions that are still being asked about; `overtaken_by` is a later one that was published
    before this could be recorded.
    """

    title: str
    due: Moment
    remind_every: timedelta
    earlier: tuple[str, ...] = ()
    overtaken_by: str | None = None


class Readership(Value):
    """Who must acknowledge a version as the directory is now, and who has."""

    readers: tuple[Reader, ...]
    acknowledged: tuple[Acknowledged, ...] = ()


class AskReader(Value):
    """Write to one reader; `round` counts from 1."""

    plan: PlanPin
    reader: Reader
    round: int
    published: Moment
    due: Moment


class Acknowledging(Value):
    """Somebody says that they have read a version; `proof` shows that it is they."""

    person: str
    proof: str


class RecordAcknowledgement(Value):
    """Check the proof of an acknowledgement, and put it on the record."""

    plan: PlanPin
    person: str
    proof: str
    at: Moment


class AcknowledgementFinding(Value):
    """What came of it: the acknowledgement, or the reason why it does not count."""

    acknowledged: Acknowledged | None = None
    reason: str = ""


class RecordEnding(Value):
    """Put on the record that nobody is asked any more, and who has not acknowledged."""

    plan: PlanPin
    at: Moment
    why: Ending
    lacking: tuple[str, ...]


class ReaderView(Value):
    """A reader as people see them."""

    key: str
    times_asked: int
    failure: str
    acknowledged: Acknowledged | None


class PublicationView(Value):
    """A publication as it stands; `problem` says why it came to nothing, when it did."""

    plan: PlanPin
    title: str = ""
    published: Moment | None = None
    due: Moment | None = None
    ended: Ending | None = None
    readers: tuple[ReaderView, ...] = ()
    problem: str = ""

    @property
    def lacking(self) -> tuple[str, ...]:
        """Who has not acknowledged."""
        return tuple(reader.key for reader in self.readers if reader.acknowledged is None)
