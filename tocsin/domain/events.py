"""What can happen to an incident: a monitor speaks, a person commands, the world reports back, time passes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tocsin.domain.base import Moment, Value
from tocsin.domain.calendar import PersonalHours
from tocsin.domain.channel import ChannelName
from tocsin.domain.commands import Command
from tocsin.domain.delivery import DeliveryReport
from tocsin.domain.handling import AlertHandling
from tocsin.domain.state import Actor, BroadcastCounts, PlanPin


class Alert(Value):
    """What a monitor says about one of its own keys, already read against the plan that it matched.

    `key` is the workflow's key (a hash of plan, source and group), `group` the group itself, whole, so that a
    collision is found rather than merged. `alerts` maps the source's own alert keys to whether they fire.
    """

    kind: Literal["alert"] = "alert"
    key: str
    source: str
    group: str
    plan: PlanPin
    title: str
    severity: str
    alerts: dict[str, bool]
    began: Moment
    received: Moment
    customer: str | None = None
    facts: dict[str, str] = {}
    criteria: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    """How often each was said, where it was more than once: repeats are put together before they come here."""
    handling: AlertHandling = AlertHandling()
    repeats: bool = False
    """Whether it says only what was said before; `received` is when it was last said."""
    remarks: dict[str, str] = {}
    """What is said of alerts besides whether they fire: that somebody has acknowledged one elsewhere."""

    @property
    def is_firing(self) -> bool:
        """Whether any alert of the group fires."""
        return any(self.alerts.values())


class Commanded(Value):
    """A person's command, from somebody whom the directory knows."""

    kind: Literal["commanded"] = "commanded"
    command: Command


class Sent(Value):
    """A vendor took a message; `reached` is the directory's key of whom it was sent to."""

    kind: Literal["sent"] = "sent"
    message: str
    reached: str
    vendor_id: str
    vendor: str = ""
    segments: int | None = None
    note: str = ""
    """What kept it from its proper form, where plain words went out instead."""


class NotSent(Value):
    """A message could not be handed over: `never` will be with these contents, or not `for_now`."""

    kind: Literal["not_sent"] = "not_sent"
    message: str
    again: Literal["never", "for_now"]
    detail: str
    opted_out: str | None = None
    """The directory's key of whoever wants no messages over this channel, where that is why."""


class Delivery(Value):
    """A vendor reports how far a message has come.

    `reached` is the directory's key of whom it was sent to, for a message that went out in a digest: the incident may
    not have been told yet that it has left.
    """

    kind: Literal["delivery"] = "delivery"
    incident: str
    message: str
    report: DeliveryReport
    reached: str = ""


class Recipient(Value):
    """A member of an audience: its key, the channels that it wants to be told over, and the hours of its work."""

    key: str
    via: tuple[ChannelName, ...] = ()
    hours: PersonalHours | None = None


class RecipientsFound(Value):
    """The directory's members of an audience; empty when it has none."""

    kind: Literal["recipients_found"] = "recipients_found"
    errand: str
    members: tuple[Recipient, ...]


class Drafted(Value):
    """Words that wait for approval have been put down; `sha256` is their hash."""

    kind: Literal["drafted"] = "drafted"
    errand: str
    sha256: str


class VendorPost(Value):
    """A supplier has published something about its own trouble; `is_over` when it says that it has ended."""

    kind: Literal["vendor_post"] = "vendor_post"
    vendor: str
    id: str
    title: str
    text: str
    link: str = ""
    published: Moment
    is_over: bool = False


class FeedRead(Value):
    """A supplier's feed was read: the ids of the posts in it, or what the `problem` is."""

    kind: Literal["feed_read"] = "feed_read"
    vendor: str
    seen: tuple[str, ...] = ()
    problem: str = ""


class BroadcastReported(Value):
    """How far a message to a large audience has come; `done` when there is nobody left, or nothing more can be done,
    which the `problem` then says."""

    kind: Literal["broadcast_reported"] = "broadcast_reported"
    broadcast: str
    counts: BroadcastCounts
    done: bool = False
    problem: str = ""


class TakenIn(Value):
    """Another incident was merged into this one."""

    kind: Literal["taken_in"] = "taken_in"
    incident: str
    key: str
    title: str
    by: Actor


class Forwarded(Value):
    """Another incident was told something; or not, because it is over."""

    kind: Literal["forwarded"] = "forwarded"
    errand: str
    was_told: bool


class EntriesKept(Value):
    """The oldest timeline entries are in the archive, up to and including this number."""

    kind: Literal["entries_kept"] = "entries_kept"
    errand: str
    up_to: int


class PhaseReached(Value):
    """The story has come to a phase (the workflow's `run` says so)."""

    kind: Literal["phase_reached"] = "phase_reached"
    phase: str


class TimePassed(Value):
    """Something may have become due."""

    kind: Literal["time_passed"] = "time_passed"


Event = Annotated[
    Alert
    | Commanded
    | Sent
    | NotSent
    | Delivery
    | RecipientsFound
    | Drafted
    | VendorPost
    | FeedRead
    | BroadcastReported
    | TakenIn
    | Forwarded
    | EntriesKept
    | PhaseReached
    | TimePassed,
    Field(discriminator="kind"),
]


class Latecomer(Value):
    """An event that arrived while the incident was being handed over, for its successor."""

    event: Event


def fires(event: Event) -> bool:
    """Whether a monitor says that something is wrong."""
    return isinstance(event, Alert) and event.is_firing
