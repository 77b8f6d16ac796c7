"""What is known of one incident. All of it is data: timers, pages and mails are derived from it, so a run that
continues as new, or a worker that starts again, goes on where it stood."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from tocsin.domain.base import Moment, Record, Value
from tocsin.domain.calendar import PersonalHours
from tocsin.domain.channel import ChannelName
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.handling import AlertHandling
from tocsin.domain.words import Anchor, Phase, Status, StepStatus, Verdict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""The hash of a content, in hexadecimal."""


class PlanPin(Value):
    """The plan that an incident runs, by name and by the hash of its content."""

    name: str
    hash: str


class Actor(Value):
    """Who spoke. `claimed` unless the way they spoke proves it: their own phone, a signed link, their own token."""

    key: str
    via: Literal["cli", "sms", "phone", "link", "email", "ticket", "monitor", "tocsin"] = "cli"
    proof: Literal["claimed", "proven"] = "claimed"

    @property
    def is_person(self) -> bool:
        """Whether somebody spoke, rather than the plan or a monitor."""
        return self.via not in {"tocsin", "monitor"}

    def __str__(self) -> str:
        """Such as `dana (by phone)` or `dana (claimed)`."""
        if not self.is_person:
            return self.key
        return f"{self.key} ({f'by {self.via}' if self.proof == 'proven' else 'claimed'})"


TOCSIN = Actor(key="tocsin", via="tocsin", proof="proven")
"""The actor of what the plan itself makes happen."""


class Entry(Value):
    """One line of the timeline."""

    number: int
    at: Moment
    by: Actor
    kind: str
    text: str


class AnchorTime(Value):
    """When an anchor happened, when that was put on the record, and by whom.

    `stated` when somebody gave or corrected the time itself, rather than doing what the anchor is named for.
    """

    at: Moment
    recorded: Moment
    by: Actor
    reason: str = ""
    stated: bool = False


class Fact(Value):
    """A piece of knowledge, with its author and its age."""

    value: str
    at: Moment
    by: Actor


class StepState(Value):
    """What became of a step."""

    status: StepStatus = StepStatus.OPEN
    at: Moment | None = None
    by: Actor | None = None
    reason: str = ""


class AlertState(Value):
    """What a monitor last said under one key of its own, and how often it said so.

    `since` is when the word was received by which it is as it is: an earlier one that comes late changes nothing.
    `changes` are the times at which it went on or off of late; it `flaps` when they are too many.
    """

    firing: bool
    first: Moment
    last: Moment
    count: int = 1
    since: Moment | None = None
    changes: tuple[Moment, ...] = ()
    flaps: bool = False


class Target(Value):
    """Who is to be reached; the directory says how, at the moment of sending.

    Exactly one of: somebody who holds `role`; the `person`; the `member` of an `audience` (of `customer`, where
    audiences belong to customers). With `supervisor`, that person's supervisor is meant.
    """

    role: str | None = None
    person: str | None = None
    audience: str | None = None
    member: str | None = None
    customer: str | None = None
    supervisor: bool = False
    turn: int = 0
    """Which holder of a role, counted from 0 and round again after the last."""
    last: tuple[str, ...] = ()
    """Those who are tried only when no other holder is left: they have passed it on."""

    def __str__(self) -> str:
        """Such as `role oncall` or `customer_soc/soc-desk`."""
        if self.audience:
            return f"{self.audience}/{self.member}" if self.member else self.audience
        whom = self.person or f"role {self.role}"
        return f"the supervisor of {whom}" if self.supervisor else whom


class Message(Record):
    """One message to one target over one channel.

    `purpose` says what it is for; `state` moves forward only. `attempt` counts sends after failures for now;
    `reached` is the directory's key of the person or contact that the message was sent to.
    """

    id: str
    purpose: Literal["page", "notice", "report", "invitation", "reminder", "refusal", "approval", "trouble"]
    template: str
    target: Target
    channel: ChannelName
    fallbacks: tuple[ChannelName, ...] = ()
    obligation: str | None = None
    page: int | None = None
    approval: int | None = None
    wording: str | None = None
    """The SHA-256 of the approved words, which are sent exactly."""
    subject: str = ""
    text: str = ""
    state: DeliveryState = DeliveryState.QUEUED
    detail: str = ""
    lacks: str = ""
    """What kept it from its proper form, where plain words went out, or something of it stayed behind."""
    reached: str | None = None
    vendor: str | None = None
    vendor_id: str | None = None
    segments: int | None = None
    """What a text message costs: carriers bill by segment (`tocsin.domain.sms_text`)."""
    created: Moment
    sent: Moment | None = None
    delivered: Moment | None = None
    attempt: int = 1
    retry_at: Moment | None = None
    wait: timedelta | None = None
    """How long it may be on its way before its next channel is tried as well; `moves_on_at` is when that is over."""
    moves_on_at: Moment | None = None
    succeeded_by: str | None = None


class Acknowledgement(Value):
    """Who answered a page, and when; `heard` is when they last gave a sign of themselves."""

    by: Actor
    at: Moment
    heard: Moment | None = None


class PageLevel(Value):
    """A rung of an escalation that runs: its target, channels in order or all at once, and the wait after each."""

    target: Target
    via: tuple[ChannelName, ...]
    at_once: bool = False
    wait: timedelta
    repeat: int = 1
    added: Literal["last resort", "handed on", "asked again"] | None = None
    """Why it is there, where the plan's own levels for this page do not have it."""


class Page(Record):
    """An escalation: where it stands on its levels, and who answered.

    `level` and `channel` are indices into the levels; a level whose channels are tried at once is one rung, with
    `channel` 0, and a repeated one goes on counting. `round` counts from 1; `next_at` is when the next rung is tried;
    `trying` are the messages of this one. `overdue` is since when nobody has answered for too long. The acknowledgement
    of a summons, which calls somebody to the incident itself, can run out; those that did are in `lapsed`. `hands_over`
    is the number of the page that this one takes over.
    """

    number: int
    reason: str
    obligation: str | None = None
    levels: tuple[PageLevel, ...]
    assigns: str | None = None
    is_summons: bool = False
    is_personal: bool = False
    """Whether nobody but those whom it was sent to may answer it: where all must answer, one cannot for another."""
    level: int = 0
    channel: int = -1
    round: int = 1
    next_at: Moment | None
    trying: tuple[str, ...] = ()
    opened: Moment
    overdue: Moment | None = None
    acknowledged: Acknowledgement | None = None
    lapsed: tuple[Acknowledgement, ...] = ()
    hands_over: int | None = None
    passed_on: tuple[str, ...] = ()
    """Who has passed it on: they are tried last."""
    ended: Moment | None = None

    @property
    def levels_of_the_plan(self) -> tuple[PageLevel, ...]:
        """Its levels, but for those that were added meanwhile."""
        return tuple(level for level in self.levels if level.added is None)

    @property
    def is_open(self) -> bool:
        """Whether somebody must still answer."""
        return self.acknowledged is None and self.ended is None


class DueChange(Value):
    """A due time that was replaced, and why."""

    due: Moment
    replaced: Moment
    reason: str


class Judgement(Value):
    """A verdict that a corrected anchor has overtaken: it stays on the ledger beside the new one."""

    verdict: Verdict
    due: Moment
    settled: Moment | None
    replaced: Moment
    reason: str


class DutyState(Record):
    """How far one of an obligation's duties has come; `refs` name its page, task, step, meeting, or messages.

    `lacking` are the audiences for which the directory had nobody; `approval` is the number of the approval that its
    messages wait for.
    """

    kind: str
    begun: Moment | None = None
    done: Moment | None = None
    refs: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    approval: int | None = None
    note: str = ""


class Obligation(Record):
    """An armed promise: its clock, what has been done about it, and the verdict.

    `severity` is the one whose terms set the due time: a milder one that came later does not loosen it by itself.
    `None`, in what older versions wrote, is the incident's own.
    """

    key: str
    spec: str
    occurrence: int = 1
    severity: str | None = None
    anchor: Anchor
    anchored: Moment
    due: Moment
    begins: Moment
    duties: list[DutyState]
    verdict: Verdict = Verdict.PENDING
    settled: Moment | None = None
    reason: str = ""
    changes: tuple[DueChange, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    reminded: tuple[Moment, ...] = ()
    pressed: bool = False
    """Whether somebody was paged because something was still owed shortly before the due time."""
    escalated: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it is still owed, in time or not."""
        return not self.verdict.is_settled

    @property
    def is_set_aside(self) -> bool:
        """Whether it was counted from an anchor that was withdrawn; its key ends in `~` and a number."""
        return "~" in self.key


class Task(Record):
    """Something that a person has to do and to report as done, once the tasks and steps `after` which it comes are.

    Its assignee is `reminded` before it is due, and somebody is paged when it is `overdue`.
    """

    number: int
    title: str
    assignee: Target
    due: Moment | None = None
    opened: Moment
    after: tuple[int | str, ...] = ()
    reminded: Moment | None = None
    overdue: bool = False
    done: Moment | None = None
    done_by: Actor | None = None
    outcome: str = ""
    obligation: str | None = None


class Mitigation(Record):
    """A measure against the incident: for the short term, or the remediation. It is deployed after it was tested."""

    number: int
    title: str
    kind: Literal["short_term", "remediation"]
    by: Actor
    identified: Moment
    tested: Moment | None = None
    tested_by: Actor | None = None
    result: str = ""
    deployed: Moment | None = None
    deployed_by: Actor | None = None


class Witness(Value):
    """Who proved to be themselves, how, and which roles the directory gives them.

    It is written by the workflow after the proof was checked where the key is; whatever a caller puts here is ignored.
    """

    person: str
    roles: tuple[str, ...]
    how: str


class Approval(Record):
    """Something that waits for the word of a role: exact words that are to be sent, or the waiver of a promise.

    `wording` is the SHA-256 of the words; `text` is what a waiver is asked for.
    """

    number: int
    what: Literal["wording", "waiver"]
    obligation: str
    duty: int | None = None
    role: str
    wording: str | None = None
    drafted: Moment | None = None
    """When the words were taken from the record; `None` for somebody's own words."""
    text: str = ""
    asked: Moment
    by: Actor
    due: Moment
    reminded: int = 0
    page: int | None = None
    decision: Literal["approved", "declined", "overtaken"] | None = None
    decided: Moment | None = None
    witness: Witness | None = None
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether somebody's word is still waited for."""
        return self.decision is None


class VendorState(Value):
    """What is known of a supplier's trouble: since when it is down, by whose word, until when.

    `seen` are the ids of the posts in its feed that were read, oldest first; `unreadable` says that the record has it
    that the feed cannot be read.
    """

    since: Moment
    by: Actor
    until: Moment | None = None
    seen: tuple[str, ...] = ()
    unreadable: bool = False

    @property
    def is_down(self) -> bool:
        """Whether the trouble goes on."""
        return self.until is None


class Reporter(Value):
    """Who told us, over which channel, what they are to the organisation, and since when they knew."""

    kind: Literal["monitor", "employee", "customer", "stakeholder"] = "monitor"
    channel: Literal["monitor", "email", "phone", "ticket", "cli"] = "monitor"
    contact: str = ""
    """Their own words for who they are, where the directory does not know them."""
    knew: Moment | None = None


class Attendee(Value):
    """Somebody who belongs to a meeting, and the hours of their work where the directory has them."""

    target: Target
    hours: PersonalHours | None = None


class Meeting(Record):
    """A meeting that was proposed; `sequence` counts its revisions (iCalendar SEQUENCE)."""

    id: str
    title: str
    obligation: str | None = None
    starts: Moment
    ends: Moment
    sequence: int = 0
    status: Literal["proposed", "confirmed", "held", "cancelled"] = "proposed"
    agenda: tuple[str, ...] = ()
    attendees: tuple[Attendee, ...] = ()
    confirmed: Moment | None = None
    held: Moment | None = None
    by: Actor | None = None
    """Who said last what became of it."""
    outcome: str = ""


class Evidence(Value):
    """A file that was preserved: its hash names its content in the store, `size` is in bytes.

    `origin` is where it was taken from, such as `web-3:/var/log/auth.log`; `by` says who did, and `at` when it was put
    on the record.
    """

    number: int
    sha256: Sha256
    size: int
    name: str
    origin: str
    at: Moment
    by: Actor
    note: str = ""


class Errand(Value):
    """Work for the outside world that a decision asked for and that has not been reported back yet."""

    id: str
    kind: Literal["send", "find_recipients", "keep_entries", "draft", "broadcast", "forward"]
    message: str | None = None
    audience: Target | None = None
    obligation: str | None = None
    duty: int | None = None
    entries: int = 0
    text: str = ""
    broadcast: str | None = None
    incident: str | None = None
    workflow: str | None = None
    signal: Literal["taken_in", "queued_command"] | None = None
    """For the kind `forward`: which incident is told, where it was opened, and by which signal; `text` is its JSON."""


class MergedIncident(Value):
    """The other one of two incidents that are one."""

    id: str
    key: str
    title: str = ""
    at: Moment
    by: Actor


class BroadcastCounts(Value):
    """How many of a large audience: in all, taken by a vendor, and those who could not be written to, by reason."""

    recipients: int = 0
    accepted: int = 0
    malformed: int = 0
    suppressed: int = 0
    refused: int = 0
    may_be_doubled: int = 0
    """Those in the batch that was under way when a worker died: it was sent again."""

    @property
    def left(self) -> int:
        """How many are still to be written to."""
        return self.recipients - self.accepted - self.malformed - self.suppressed - self.refused


class BroadcastState(Record):
    """A message to a large audience: its own workflow (`naming.broadcast_workflow`) sends it and reports back."""

    id: str
    obligation: str | None = None
    audience: str
    purpose: Literal["notice", "report"] = "notice"
    template: str = "notice"
    channel: ChannelName
    subject: str = ""
    wording: str | None = None
    """The SHA-256 of the approved words, which are sent exactly."""
    started: Moment
    counts: BroadcastCounts = BroadcastCounts()
    done: Moment | None = None
    problem: str = ""


class Outcome(Value):
    """What became of a command: accepted, or refused with the reason."""

    accepted: bool
    reason: str = ""


class IncidentState(Record):
    """One incident, whole. Carried through continue-as-new and handed from the incident to what follows it.

    `spoke` and `last_update` outlive the timeline's old entries, which go to the archive: reports need them.
    """

    id: str
    key: str
    plan: PlanPin
    title: str
    severity: str
    opened: Moment
    source: str
    reporter: Actor
    drill_speed: int = Field(default=1, ge=1)
    is_drill: bool = False
    follows: str | None = None
    customer: str | None = None
    reported: Reporter = Reporter()
    bridge_pin: str = ""
    status: Status = Status.OPEN
    ended: Moment | None = None
    """When it was resolved or dismissed, by the clock rather than by anybody's word."""
    phase: Phase | None = None
    criteria: tuple[str, ...] = ()
    impacts: tuple[str, ...] = ()
    vendors: dict[str, VendorState] = {}
    anchors: dict[Anchor, AnchorTime] = {}
    facts: dict[str, Fact] = {}
    roles: dict[str, str] = {}
    steps: dict[str, StepState] = {}
    alerts: dict[str, AlertState] = {}
    handling: AlertHandling = AlertHandling()
    silent_since: Moment | None = None
    """Since when no alert fires."""
    end_proposed: bool = False
    merged: dict[str, MergedIncident] = {}
    """The incidents that were merged into this one, by their ids."""
    merged_into: MergedIncident | None = None
    obligations: dict[str, Obligation] = {}
    pages: dict[int, Page] = {}
    messages: dict[str, Message] = {}
    broadcasts: dict[str, BroadcastState] = {}
    tasks: dict[int, Task] = {}
    mitigations: dict[int, Mitigation] = {}
    approvals: dict[int, Approval] = {}
    intervals: dict[str, timedelta] = {}
    """The intervals of recurring promises that were agreed during the incident, by the plan's id of the promise."""
    reports_sent: dict[str, Moment] = {}
    """When reports left, by the promise that they kept: what was known before is marked as carried forward."""
    meetings: dict[str, Meeting] = {}
    evidence: dict[int, Evidence] = {}
    errands: dict[str, Errand] = {}
    timeline: list[Entry] = []
    entries: int = 0
    spoke: tuple[str, ...] = ()
    last_update: Entry | None = None
    opted_out: tuple[str, ...] = ()
    """Who wants no messages over which channel, such as `dana sms`; each is reported once."""
    messages_made: int = 0
    seen: dict[str, Outcome] = {}

    @property
    def reference(self) -> str:
        """The five characters that people say."""
        return self.id[:5]

    @property
    def is_open(self) -> bool:
        """Whether somebody still works on it."""
        return self.status is Status.OPEN
