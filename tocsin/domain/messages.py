"""What the parts say to one another: the inputs and results of workflows and activities."""

from __future__ import annotations

from typing import Generic, Literal, NamedTuple, TypeVar

from tocsin.domain.base import Moment, Value
from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.channel import ChannelName
from tocsin.domain.events import Alert
from tocsin.domain.picturing import Picture
from tocsin.domain.plan import Digest, Plan
from tocsin.domain.reports import Report
from tocsin.domain.state import Actor, Entry, IncidentState, Meeting, PlanPin, Reporter, Target

T = TypeVar("T")


class IncidentStart(Value):
    """How an incident begins, or goes on: `state` is what a run before this one had reached."""

    key: str
    plan: PlanPin
    title: str
    severity: str
    source: str
    reporter: Actor
    began: Moment
    received: Moment
    occurred: Moment | None = None
    """When it happened, where the report says so."""
    customer: str | None = None
    facts: dict[str, str] = {}
    criteria: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    reported: Reporter = Reporter()
    drill_speed: int = 1
    is_drill: bool = False
    follows: str | None = None
    alerts: tuple[Alert, ...] = ()
    state: IncidentState | None = None
    continue_after: int | None = None
    """History events after which the run continues as new; `None` leaves it to the server's suggestion."""


class IncidentOutcome(Value):
    """How a run of an incident ended; `goes_on_in` is the workflow that has what is still owed."""

    incident: str
    status: str
    goes_on_in: str | None = None
    ended: Moment | None = None


class PostIncidentStart(Value):
    """The whole state of a resolved incident, handed over."""

    state: IncidentState
    continue_after: int | None = None


class OpenRecord(Value):
    """Log an incident: `incident` is its id once it has one; `opened_by` names the run that opened it."""

    key: str
    plan: PlanPin
    opened_by: str
    opened: Moment
    title: str
    incident: str | None = None


class OpenedRecord(Value):
    """The incident is logged: its id, the one before it under the same key, and the pinned plan and calendar.

    `plan_hash` differs from what was asked for only when that version is nowhere to be found.
    """

    incident: str
    follows: str | None
    plan: Plan
    plan_hash: str
    calendar: BusinessCalendar
    bridge_pin: str = ""
    """Drawn by chance for this incident, where the plan has a teleconference bridge."""


class FindRecipients(Value):
    """Ask who belongs to audiences of a plan's directory."""

    plan: str
    audiences: tuple[Target, ...]


class CheckProof(Value):
    """Ask whom a proof shows: for the decision on `approval` of `incident`, about the words or reason with this hash.

    `claimed` is who the caller says they are.
    """

    plan: str
    incident: str
    approval: int
    subject: str
    claimed: str
    proof: str


class Identify(Value):
    """Ask whether the directory of a plan knows a person."""

    plan: str
    person: str


class Person(Value):
    """Somebody whom the directory knows: their key and the roles that they hold."""

    key: str
    roles: tuple[str, ...] = ()


class Asked(Value):
    """What somebody is asked to approve: `subject` is the hash that their proof will be bound to."""

    number: int
    what: Literal["wording", "waiver"]
    promise: str
    obligation: str
    subject: str
    due: Moment
    wording: str | None = None


class Dispatch(Value):
    """One message, ready to be rendered and sent: everything that a template may show, and no address.

    `workflow` is where delivery reports and answers go; `code` is what a person answers to a page.
    """

    message: str
    workflow: str
    incident: str
    reference: str
    plan: PlanPin
    channel: ChannelName
    template: str
    purpose: str
    target: Target
    is_drill: bool
    is_for_outsiders: bool
    subject: str
    text: str
    code: str = ""
    page: int | None = None
    wakes: bool = True
    """Whether it may disturb somebody in their quiet hours."""
    digest: Digest | None = None
    """How many messages a person gets in how much time before more are held back; `None` is without end."""
    title: str
    severity: str
    rank: int | None = None
    """How bad it is among the severities of the plan, counted from 1, the worst; `None` without an incident."""
    status: str
    phase: str
    customer: str | None
    created: Moment
    report: Report | None = None
    picture: Picture | None = None
    meeting: Meeting | None = None
    approval: Asked | None = None
    wording: str | None = None
    """The SHA-256 of approved words, which are sent as they were approved."""


class Drafting(Value):
    """Words that are to be put down for approval: the message as it would go to an audience."""

    dispatch: Dispatch
    text: str = ""
    """Somebody's own words, in the place of the template's."""


class Rendered(NamedTuple, Generic[T]):
    """A message in its words; `note` says what it has to go without, and is empty when that is nothing."""

    message: T
    note: str = ""


class Dispatched(Value):
    """A vendor took it; `reached` is the directory's key of the recipient.

    `note` says what the message had to go without: a template that failed, a PDF that could not be made.
    """

    reached: str
    vendor: str
    vendor_id: str
    segments: int | None = None
    note: str = ""


class KeepEntries(Value):
    """Append timeline entries to an incident's archive; those already there are left alone."""

    incident: str
    entries: tuple[Entry, ...]


class SaveHistories(Value):
    """Save the histories of the workflows of an incident that was opened under `key`, up to now."""

    incident: str
    key: str


class ArchiveIncident(Value):
    """Write an incident's whole record to the archive."""

    state: IncidentState


class CommandReply(Value):
    """What became of an accepted command: where the incident stands now, and what the command put on the timeline."""

    reference: str
    status: str
    phase: str
    severity: str
    recorded: tuple[str, ...] = ()
