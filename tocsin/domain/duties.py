"""What an obligation demands: its terms (from when, how long) and its duties (what must happen).

A duty is one of

    page       somebody must acknowledge; escalates until they do
    notify     an audience must be told; done when it is delivered
    report     a report must reach an audience; done when it is delivered
    task       somebody must do a thing and say so
    step       a step of the plan must be recorded as done
    meeting    an invitation must reach its audiences, or be confirmed, or the meeting held
    update     somebody must say where things stand
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tocsin.domain.base import Value
from tocsin.domain.channel import ChannelName
from tocsin.domain.durations import Allowance, Duration
from tocsin.domain.words import Anchor


def as_list(given: Any) -> Any:
    """A single word as a list of one: plans may write either."""
    return [given] if isinstance(given, str) else given


Names = Annotated[tuple[str, ...], BeforeValidator(as_list)]
Channels = Annotated[tuple[ChannelName, ...], BeforeValidator(as_list), Field(min_length=1)]
Anchors = Annotated[tuple[Anchor, ...], BeforeValidator(as_list), Field(min_length=1)]


Interval = Annotated[Duration, Field(gt=timedelta(0))]
"""The time between one thing and the next; without any, the next would follow without end."""


UNDELIVERED = timedelta(minutes=30)
"""How long a message may be on its way, where a plan says nothing else, before the next channel is tried as well."""


class Level(Value):
    """One rung of an escalation: who is tried, over which channels, how long each is waited for.

    `supervisor_of` names a role whose holder's supervisor, as the directory has it, is meant; `person` one of its
    people by key. Channels are tried in order, or all of them `at_once`, and all that `repeat` times.
    """

    role: str | None = None
    supervisor_of: str | None = None
    person: str | None = None
    via: Channels
    at_once: bool = False
    wait: Interval = timedelta(minutes=5)
    repeat: Annotated[int, Field(ge=1, le=20)] = 1

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if [self.role, self.supervisor_of, self.person].count(None) != 2:
            raise ValueError("say one of `role`, `supervisor_of` and `person`")
        return self


class PageDuty(Value):
    """Somebody must acknowledge. The levels are climbed in order, then again from the first, until they do.

    Whoever acknowledges takes the role `assigns`, unless somebody holds it already. Where `all` must answer, each
    person on any of the levels is paged for themselves, all at the same time, and it is done when the last of them has
    acknowledged.
    """

    levels: Annotated[tuple[Level, ...], Field(min_length=1)]
    answers: Literal["one", "all"] = "one"
    assigns: str | None = None


class NotifyDuty(Value):
    """An audience must be told, each of its members over the first of `via` that gets through.

    `at_once` takes all of `via` beside one another, and is done when each of them got through. What a vendor took and
    did not report as delivered within `wait` goes over the next channel too.
    """

    audience: str
    via: Channels = ("email",)
    at_once: bool = False
    wait: Interval = UNDELIVERED
    message: str = "notice"

    @property
    def purpose(self) -> Literal["notice"]:
        """What its messages are for."""
        return "notice"

    @property
    def template(self) -> str:
        """What has its words: a template, or a report of the plan."""
        return self.message


class ReportDuty(Value):
    """A report of the plan must reach an audience; what is not delivered within `wait` takes the next channel too."""

    report: str
    audience: str
    via: Channels = ("email",)
    wait: Interval = UNDELIVERED

    @property
    def purpose(self) -> Literal["report"]:
        """What its messages are for."""
        return "report"

    @property
    def template(self) -> str:
        """What has its words: the report of the plan."""
        return self.report


class TaskDuty(Value):
    """Somebody in `role` must do `title` and say so, once the steps `after` which it comes are done.

    `letter` names a report that is to be posted on paper: its letter is what the task is about.
    """

    title: str
    role: str
    after: Names = ()
    letter: str | None = None


class StepDuty(Value):
    """A step of the plan must be recorded as done."""

    step: str


class MeetingDuty(Value):
    """An invitation to `meeting`, for a time inside the window, must reach its audiences.

    `done_when` says whether that is enough, or the meeting must be confirmed, or held with its outcome recorded.
    """

    meeting: str
    audiences: Annotated[tuple[str, ...], Field(min_length=1)]
    length: Duration = timedelta(hours=1)
    agenda: tuple[str, ...] = ()
    done_when: Literal["invited", "confirmed", "held"] = "invited"


class UpdateDuty(Value):
    """Somebody in `role` is asked where things stand, and must say so (`tocsin update`)."""

    role: str


class Duty(Value):
    """Exactly one of the seven things that may be demanded."""

    page: PageDuty | None = None
    notify: NotifyDuty | None = None
    report: ReportDuty | None = None
    task: TaskDuty | None = None
    step: StepDuty | None = None
    meeting: MeetingDuty | None = None
    update: UpdateDuty | None = None

    @model_validator(mode="after")
    def _is_exactly_one(self) -> Self:
        if len(self._demanded) != 1:
            raise ValueError(f"say exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def kind(self) -> str:
        """Which of the seven it is."""
        return self._demanded[0]

    @property
    def telling(self) -> NotifyDuty | ReportDuty | None:
        """What an audience must be told; `None` where something else is demanded."""
        return self.notify or self.report

    @property
    def _demanded(self) -> list[str]:
        """By value, not by what was set: the JSON of a duty names all, the others as null."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


class BeforeDue(Value):
    """A beginning that is counted back from the due time."""

    before_due: Duration


class Escalation(BeforeDue):
    """Who is paged, and how long before the due time, when something is still owed then."""

    to: str


class ApprovalSpec(Value):
    """Nothing leaves before a holder of `role`, as the directory has it, has approved its exact words.

    They are asked over `via` when the promise begins, reminded so long before it is due, and from `page_before` on
    paged. Without their approval by then, nothing is sent and the promise is missed.
    """

    role: str
    via: Channels = ("email", "sms")
    remind: tuple[Duration, ...] = ()
    page_before: Duration | None = None


class Terms(Value):
    """From which anchors (the earliest known wins), within what time, and how often again.

    `by_impact` allows less time where the incident has that impact; the shortest holds.
    """

    from_: Annotated[Anchors | None, Field(alias="from")] = None
    within: Allowance | None = None
    every: Interval | None = None
    by_impact: dict[str, Allowance] = {}

    @field_validator("within")
    @classmethod
    def _takes_time(cls, within: Allowance | None) -> Allowance | None:
        if within is not None and within.elapsed == timedelta(0):
            raise ValueError("nothing can be done in no time; say how much is allowed, such as PT15M")
        return within


class ObligationSpec(Terms):
    """One promise of the policy.

    `by_severity` overrides the terms for some severities; an obligation that has no `within` for a severity does not
    apply to it. `requires` makes it apply only to incidents that concern a customer (`customer`) or that an employee
    reported later than the plan's `report_within` allows (`late_report`), `only_for` only to those with one of these
    criteria. It recurs `every` so often until one of the anchors in `until` is known. What is still owed for it is
    asked for at each `remind`, and `escalate` pages somebody over it. Unmet at its due time it pages `when_late`; it is
    `missed` when `grace` has passed after that, or when the incident closes. Once it is kept, the anchor that it
    `marks` is known. `allowed` is what the clause itself allows, where the plan promises something else; `agreement`
    what a missed one breaks, where that is not the plan's own.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    clause: str
    source: Literal["policy", "convention"] = "policy"
    allowed: Allowance | None = None
    agreement: str | None = None
    requires: Annotated[tuple[Literal["customer", "late_report"], ...], BeforeValidator(as_list)] = ()
    only_for: Names = ()
    by_severity: dict[str, Terms] = {}
    until: Anchors | None = None
    do: Annotated[tuple[Duty, ...], Field(min_length=1)]
    begin: Literal["at_once"] | BeforeDue = "at_once"
    remind: tuple[Duration, ...] = ()
    escalate: Escalation | None = None
    approval: ApprovalSpec | None = None
    waivable_by: str | None = None
    when_late: str | None = None
    grace: Allowance | None = None
    marks: Anchor | None = None

    @model_validator(mode="after")
    def _has_terms(self) -> Self:
        if self.within is None and not self.by_severity:
            raise ValueError("say `within`, or terms `by_severity`")
        if self.recurs and self.until is None:
            raise ValueError("an obligation that comes `every` so often must say `until` which anchor")
        return self

    def terms_for(self, severity: str) -> Terms:
        """The terms that hold for `severity`: its own where it has them, the common ones elsewhere."""
        own = self.by_severity.get(severity, Terms())
        return Terms.model_construct(
            from_=own.from_ or self.from_,
            within=own.within or self.within,
            every=own.every or self.every,
            by_impact=own.by_impact or self.by_impact,
        )

    @property
    def recurs(self) -> bool:
        """Whether it is owed again and again, for some severity at least."""
        return self.every is not None or any(terms.every is not None for terms in self.by_severity.values())
