"""Messages to large audiences: what their workflow, its activities and their vendors say to one another.

A broadcast goes to a *list*. The list is pinned once: its rows that can be written to are put down in the order in
which they will be sent, and everything after that speaks of *positions* in that order, counted from 0. Names and
addresses stay in the state folder; a workflow's history has counts and hashes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import Field

from tocsin.domain.base import Moment, Value
from tocsin.domain.case import Case
from tocsin.domain.channel import Attachment, ChannelName, Receipt, Refused, Sms
from tocsin.domain.dispatching import dispatch_of_broadcast
from tocsin.domain.messages import Dispatch
from tocsin.domain.state import BroadcastCounts, BroadcastState, Sha256

LARGEST_BATCH = 1_000
"""Personalizations in one request to SendGrid."""

BROADCAST_ID = re.compile(r"[0-9A-Z]{10}(?:-b[0-9]{1,9})?")
"""What `naming.broadcast_id` and `naming.identify` make: also the name of a folder."""

BroadcastId = Annotated[str, Field(pattern=rf"^{BROADCAST_ID.pattern}$")]

SAYS_NAME = re.compile(r"\{\{\s*name\s*(?:\|\s*([^{}|]*?)\s*)?\}\}")
"""What stands for a recipient's name in a broadcast's words; behind the bar, what is said to those without one."""


# ---- the workflow and its activities ----


class Progress(Value):
    """How far a broadcast has come, carried from run to run: the list once it is pinned, and what was reported last."""

    sha256: Sha256 | None = None
    counts: BroadcastCounts = BroadcastCounts()
    reported: int = 0
    """In quarters of its recipients."""


class BroadcastStart(Value):
    """A message to everybody on a list.

    The dispatch's `message` is the broadcast's id, its target the audience. Without an `incident` there is nobody whom
    it reports to.
    """

    broadcast: BroadcastId
    list: str
    dispatch: Dispatch
    progress: Progress = Progress()
    continue_after: int | None = None
    """History events after which the run continues as new; `None` leaves it to the server's suggestion."""


class BroadcastOutcome(Value):
    """How a broadcast ended; the problem is empty when everybody was written to who could be."""

    counts: BroadcastCounts
    problem: str = ""


class PinList(Value):
    """Put a list down as it is now, for a broadcast over a channel."""

    broadcast: BroadcastId
    plan: str
    list: str
    channel: ChannelName
    dispatch: Dispatch


class PinnedList(Value):
    """A list as it was put down: its hash, and how many rows can be written to, and cannot.

    A `problem` says why nobody on it can be written to.
    """

    sha256: Sha256 | None = None
    counts: BroadcastCounts = BroadcastCounts()
    doubled: int = 0
    """Rows with an address that stands further up already: they are written to once, and counted once."""
    problem: str = ""


class SendShare(Value):
    """Go on with a broadcast where its journal says that it stands, for one share of the work."""

    broadcast: BroadcastId
    sha256: Sha256
    dispatch: Dispatch


class Share(Value):
    """Where a broadcast stands after a share of the work: `counts` are those of the whole."""

    counts: BroadcastCounts


Doing = Literal["pins the list", "sends", "reports", "is over"]
"""What a broadcast's workflow is at."""


class BroadcastStanding(Value):
    """A broadcast as its workflow knows it."""

    broadcast: str
    list: str
    channel: ChannelName
    audience: str
    counts: BroadcastCounts
    doing: Doing
    problem: str = ""


def start_of(case: Case, broadcast: BroadcastState, workflow: str, now: datetime) -> BroadcastStart:
    """How an incident begins a broadcast: with everything that its template may show, as the record stands `now`."""
    wanted = case.plan.audiences[broadcast.audience].list
    assert wanted is not None, f"audience {broadcast.audience} has no list"
    dispatch = dispatch_of_broadcast(case, broadcast, workflow, now)
    return BroadcastStart(broadcast=broadcast.id, list=wanted, dispatch=dispatch)


def quarters(counts: BroadcastCounts) -> int:
    """How many quarters of the recipients are behind us: reports are as sparse as that."""
    return 4 * (counts.recipients - counts.left) // max(counts.recipients, 1)


# ---- one row, and one batch ----


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody on a pinned list: where they stand in their list, and where they are reached.

    `number` is the line of a file, or counts what an adapter gave, from 1.
    """

    number: int
    to: str
    name: str = ""
    key: str = ""
    language: str = ""

    @property
    def style(self) -> tuple[bool, str]:
        """Those whose message is worded alike: with or without a name, in one language."""
        return bool(self.name), self.language


class BulkEmail(Value):
    """One email to many, each of whom gets it alone; the tags below mark where their name is put.

    Its `message_id` is the same for everybody, as on a mailing list: whoever gets a repeat can recognise it.
    `correlation` comes back with every delivery event, with the row's number beside it.
    """

    subject: str
    text: str
    html: str
    message_id: str
    correlation: dict[str, str]
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes to a vendor in one request: the words, and to whom."""

    email: BulkEmail
    rows: Sequence[Row] = field(repr=False)


NAME_TAG, HTML_NAME_TAG = "%recipient-name%", "%recipient-name-html%"
"""What a vendor replaces by each recipient's name, in plain text and in HTML."""


class BatchRefused(Refused):
    """The vendor took nothing of a batch, because of some of its recipients: `positions` in the batch are at fault.

    Without any, it did not say who.
    """

    def __init__(self, message: str, code: str = "", positions: Sequence[int] = ()) -> None:
        super().__init__(message, code)
        self.positions = tuple(positions)


class BulkEmailChannel(Protocol):
    """Sends the same email to many; `largest` is how many it takes at once."""

    @property
    def largest(self) -> int: ...  # noqa: D102 - described by its class

    def send(self, batch: Batch) -> Receipt:
        """Hand all of `batch` to the vendor, or nothing. Raises `ChannelError`; `BatchRefused` for its recipients."""


class BulkSmsChannel(Protocol):
    """Sends one text after the other."""

    def send(self, sms: Sms, since: datetime | None) -> Receipt:
        """Hand `sms` to the vendor, unless it was taken `since` then. Raises as a `BulkEmailChannel` does."""


# ---- what a list may give ----


class RecipientLike(Protocol):
    """A row as an adapter may give it: an object with these attributes. A mapping with these keys does as well.

    `email` is a plain address, `phone` E.164; what is absent, `None` or empty is not there. `key` names the recipient
    where a problem is listed, such as a customer number; `language` is a BCP 47 tag.
    """

    email: str | None
    phone: str | None
    name: str | None
    key: str | None
    language: str | None


FIELDS = ("email", "phone", "name", "key", "language")
"""The columns of a list."""


class DeliveryNote(Value):
    """What a vendor reported of one row: `state` is a `DeliveryState`."""

    row: int
    state: str
    at: Moment


class Suppression(Value):
    """An address that is out of use by a vendor's word: `bounced`, `complained`, `unsubscribed`."""

    address: str = Field(repr=False)
    reason: str
    at: Moment
