"""What a rehearsal shows: one shape for tests, for programs (`--output json`) and for people."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tocsin.domain.base import Moment, Value
from tocsin.domain.channel import ChannelName
from tocsin.domain.durations import Duration
from tocsin.domain.state import Actor
from tocsin.domain.view import IncidentView, LedgerRow


class TimelineEntry(Value):
    """One line of an incident's timeline; `offset` is counted from the beginning of the rehearsal."""

    at: Moment
    offset: Duration
    incident: str
    number: int
    by: Actor
    kind: str
    text: str


class SentFile(Value):
    """A file that went with an email. Its `content` is there for whoever reads the result in Python."""

    name: str
    media_type: str
    size: int
    content: Annotated[bytes, Field(exclude=True, repr=False)] = b""


class Received(Value):
    """One message as it reached somebody, or did not.

    `to` is the directory's key. `state` is the vendor's last word; `answer` is what came back: the text of a reply, or
    the keys that were pressed. Of a call, `text` is what was said.
    """

    at: Moment
    offset: Duration
    to: str
    name: str
    address: str
    channel: ChannelName
    purpose: str
    subject: str
    text: str
    html: str
    attachments: tuple[SentFile, ...]
    state: str
    answer: str = ""


class Said(Value):
    """What became of something that somebody said in the scenario."""

    at: Moment
    offset: Duration
    who: str
    line: str
    outcome: Literal["accepted", "refused", "queued"]
    reason: str = ""
    expected: Literal["accepted", "refused"] | None = None

    @property
    def is_as_expected(self) -> bool:
        """Whether it went as the scenario says; one that says nothing expects nothing."""
        return self.expected is None or (self.expected == "refused") == (self.outcome == "refused")


class Recorded(Value):
    """One incident of a rehearsal: usually the only one; an alert that fires after the resolution opens another."""

    view: IncidentView
    timeline: tuple[TimelineEntry, ...]
    ledger: tuple[LedgerRow, ...]


class Result(Value):
    """A rehearsal that was played: `began` is when the incident began, `ended` when the last of it happened.

    `archive` is the folder in which the records are, for as long as the stage is open.
    """

    scenario: str
    title: str
    plan: str
    plan_title: str
    organisation: str
    timezone: str
    began: Moment
    ended: Moment
    incidents: tuple[Recorded, ...]
    messages: tuple[Received, ...]
    said: tuple[Said, ...]
    archive: Path

    @property
    def view(self) -> IncidentView:
        """The first incident, as it stood in the end."""
        return self.incidents[0].view

    @property
    def timeline(self) -> tuple[TimelineEntry, ...]:
        """What happened, of all incidents, in order."""
        entries = [entry for incident in self.incidents for entry in incident.timeline]
        return tuple(sorted(entries, key=lambda entry: entry.at))

    def owed_since(self, key: str) -> datetime | None:
        """When a promise went on the record as owed; `None` for one that never did."""
        begun = (entry for entry in self.timeline if entry.kind == "owed" and f"({key}): due " in entry.text)
        return next((entry.at for entry in begun), None)

    @property
    def ledger(self) -> tuple[LedgerRow, ...]:
        """Every promise, of one incident after the other."""
        return tuple(row for incident in self.incidents for row in incident.ledger)

    @property
    def refusals(self) -> tuple[Said, ...]:
        """What somebody said and was refused, with the reasons."""
        return tuple(each for each in self.said if each.outcome == "refused")

    @property
    def surprises(self) -> tuple[Said, ...]:
        """What went otherwise than the scenario says."""
        return tuple(each for each in self.said if not each.is_as_expected)

    def to(self, key: str) -> tuple[Received, ...]:
        """What one party received, in order."""
        return tuple(message for message in self.messages if message.to == key)


def offset(moment: datetime, began: datetime) -> timedelta:
    """How long after the beginning, to the second."""
    return timedelta(seconds=max(0, round((moment - began).total_seconds())))
