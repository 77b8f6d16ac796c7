"""What people can tell an incident to do: plain data, the same from the CLI, a telephone key or an SMS.

Each carries an id under which it is applied once, however often it arrives, and its actor. Refusals are raised as
`CommandRefused`, whose text is the reason that the person reads.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from tocsin.domain.base import Moment, Value
from tocsin.domain.durations import Duration
from tocsin.domain.state import Actor, Sha256, Witness

Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class CommandRefused(Exception):
    """A command makes no sense now, or not from this person; the text is the reason."""


class HandingOver(CommandRefused):
    """The incident is moving to another workflow this very moment; there the command can be carried out."""


class _Base(Value):
    id: Annotated[str, Field(min_length=8, max_length=64)]
    actor: Actor
    incident: str | None = None


class Acknowledge(_Base):
    """Answer a page, or all open ones: somebody is on it."""

    kind: Literal["acknowledge"] = "acknowledge"
    page: int | None = None


class HandOver(_Base):
    """Pass a page on: an open one to whoever is next on its levels, or at once to somebody by name; one that was
    acknowledged to somebody by name, who holds it from when they acknowledge."""

    kind: Literal["hand_over"] = "hand_over"
    page: int
    role: str | None = None
    person: str | None = None
    reason: str = ""


class OptOut(_Base):
    """Somebody wants no more messages over a channel, or wants them again (`back`)."""

    kind: Literal["opt_out"] = "opt_out"
    channel: Literal["sms"] = "sms"
    back: bool = False


class Merge(_Base):
    """Go on with the work in another incident, `into`, which was opened under `key`; what both promised is kept."""

    kind: Literal["merge"] = "merge"
    into: str
    key: str
    reason: str = ""


class AddNote(_Base):
    """Put a line on the timeline."""

    kind: Literal["note"] = "note"
    text: Text


class GiveUpdate(_Base):
    """Say where things stand; the next notices and reports carry it."""

    kind: Literal["update"] = "update"
    text: Text


class FinishStep(_Base):
    """Record a step as done, or skipped with a reason."""

    kind: Literal["step"] = "step"
    step: str
    skip: bool = False
    reason: str = ""


class AssignRole(_Base):
    """Give a role to a person for this incident."""

    kind: Literal["assign"] = "assign"
    role: str
    person: str


class PageSomebody(_Base):
    """Page a role or a person until they acknowledge."""

    kind: Literal["page"] = "page"
    role: str | None = None
    person: str | None = None
    reason: Text


class Classify(_Base):
    """Set the severity, by name or by the plan's criteria, and whom it hits. `loosen` lets later deadlines replace
    earlier promises, with the reason."""

    kind: Literal["classify"] = "classify"
    severity: str | None = None
    criteria: tuple[str, ...] = ()
    impacts: tuple[str, ...] = ()
    reason: str = ""
    loosen: bool = False


class GiveEstimate(_Base):
    """Answer how long it is expected to last, with one of the plan's choices."""

    kind: Literal["estimate"] = "estimate"
    choice: str


class StateFact(_Base):
    """Record a fact that the plan names."""

    kind: Literal["fact"] = "fact"
    name: str
    value: Text


class SetAnchor(_Base):
    """Record when something happened from which clocks run, or correct it."""

    kind: Literal["anchor"] = "anchor"
    anchor: str
    at: Moment
    reason: str = ""


class AddTask(_Base):
    """Give a person or a role something to do."""

    kind: Literal["add_task"] = "add_task"
    title: Text
    role: str | None = None
    person: str | None = None
    within: Duration | None = None
    due: Moment | None = None
    after: tuple[int | str, ...] = ()


class FinishTask(_Base):
    """Report a task as done."""

    kind: Literal["finish_task"] = "finish_task"
    task: int
    outcome: str = ""


class Mitigate(_Base):
    """Record a measure: that it was found (a `title` and a `measure`), tested with a result, or deployed."""

    kind: Literal["mitigate"] = "mitigate"
    action: Literal["identify", "test", "deploy"]
    mitigation: int | None = None
    title: str = ""
    measure: Literal["short_term", "remediation"] = "short_term"
    result: str = ""


class NameVendor(_Base):
    """Say that a supplier is down, or up again."""

    kind: Literal["vendor"] = "vendor"
    vendor: str
    is_down: bool
    reason: str = ""


class SetInterval(_Base):
    """Agree on another interval for a recurring promise; it counts from the next one on."""

    kind: Literal["interval"] = "interval"
    obligation: str
    every: Annotated[Duration, Field(gt=timedelta(0))]
    reason: Text


class AskForWaiver(_Base):
    """Ask that a promise be waived; whoever the plan names for it has to approve, before it is due."""

    kind: Literal["waiver"] = "waiver"
    obligation: str
    reason: Text


class Decide(_Base):
    """Approve or decline what waits for approval. `proof` is a signed link's token, the code that was sent to the
    approver, or their own token; `witness` is what the workflow found it to prove."""

    kind: Literal["decide"] = "decide"
    approval: int
    approve: bool
    reason: str = ""
    proof: str = ""
    witness: Witness | None = None


class Reword(_Base):
    """Put other words in the place of a draft that waits for approval."""

    kind: Literal["reword"] = "reword"
    approval: int
    text: Text


class AddEvidence(_Base):
    """Put a preserved file on the record: its content is kept under its hash, `origin` is where it was taken from."""

    kind: Literal["evidence"] = "evidence"
    sha256: Sha256
    size: int = Field(ge=0)
    name: Annotated[str, Field(min_length=1, max_length=255)]
    origin: Annotated[str, Field(min_length=1, max_length=1_000)]
    note: Annotated[str, Field(max_length=2_000)] = ""


class Resolve(_Base):
    """The incident is over; `at` is when its impact ended, if not now."""

    kind: Literal["resolve"] = "resolve"
    summary: Text
    at: Moment | None = None


class DeclareUnresolvable(_Base):
    """It cannot be resolved in the time that the policy allows; a date is proposed instead."""

    kind: Literal["unresolvable"] = "unresolvable"
    reason: Text
    proposed: Moment


class Dismiss(_Base):
    """A false alarm."""

    kind: Literal["dismiss"] = "dismiss"
    reason: Text


class Reopen(_Base):
    """Resolved too early: back to ongoing assessment."""

    kind: Literal["reopen"] = "reopen"
    reason: Text


class Close(_Base):
    """Nothing more is owed. `anyway` closes with open obligations, which are then missed."""

    kind: Literal["close"] = "close"
    reason: str = ""
    anyway: bool = False


class SendReport(_Base):
    """Send the open report now, rather than at its time."""

    kind: Literal["send_report"] = "send_report"
    report: str


class ChangeMeeting(_Base):
    """Move, confirm, hold or cancel a meeting."""

    kind: Literal["meeting"] = "meeting"
    meeting: str
    action: Literal["move", "confirm", "hold", "cancel"]
    at: Moment | None = None
    outcome: str = ""


Command = Annotated[
    Acknowledge
    | HandOver
    | OptOut
    | Merge
    | AddNote
    | GiveUpdate
    | FinishStep
    | AssignRole
    | PageSomebody
    | Classify
    | GiveEstimate
    | StateFact
    | SetAnchor
    | AddTask
    | FinishTask
    | Mitigate
    | NameVendor
    | SetInterval
    | AskForWaiver
    | Decide
    | Reword
    | AddEvidence
    | Resolve
    | DeclareUnresolvable
    | Dismiss
    | Reopen
    | Close
    | SendReport
    | ChangeMeeting,
    Field(discriminator="kind"),
]
