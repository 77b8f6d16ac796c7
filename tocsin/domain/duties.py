"""What an obligation demands: its terms (from when, how long) and its duties (what must happen).

A duty is one of

    page       somebody must acknowledge; escalates until they do
    notify     an audience must be told; done when it is delivered
    report     a report must reach an audience; done when it is delivered
    task       somebody must do a thing and say so
    step       a step of the plan must be recorded as done
    meeting    an invitation must reach its audience
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from tocsin.domain.base import Value
from tocsin.domain.channel import ChannelName
from tocsin.domain.durations import Allowance, Duration
from tocsin.domain.words import Anchor


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


Channels = Annotated[tuple[ChannelName, ...], BeforeValidator(_as_list), Field(min_length=1)]
Anchors = Annotated[tuple[Anchor, ...], BeforeValidator(_as_list), Field(min_length=1)]


Interval = Annotated[Duration, Field(gt=timedelta(0))]
"""The time between one thing and the next; without any, the next would follow without end."""


class Level(Value):
    """One rung of an escalation: who is tried, over which channels in order, how long each is waited for."""

    role: str
    via: Channels
    wait: Interval = timedelta(minutes=5)


class PageDuty(Value):
    """Somebody must acknowledge. The levels are climbed in order, then again from the first, until they do.

    Whoever acknowledges takes the role `assigns`, unless somebody holds it already.
    """

    levels: Annotated[tuple[Level, ...], Field(min_length=1)]
    assigns: str | None = None


class NotifyDuty(Value):
    """An audience must be told, each of its members over the first of `via` that gets through."""

    audience: str
    via: Channels = ("email",)
    message: str = "notice"


class ReportDuty(Value):
    """A report of the plan must reach an audience."""

    report: str
    audience: str
    via: Channels = ("email",)


class TaskDuty(Value):
    """Somebody in `role` must do `title` and say so."""

    title: str
    role: str


class StepDuty(Value):
    """A step of the plan must be recorded as done."""

    step: str


class MeetingDuty(Value):
    """An invitation to `meeting`, for a time inside the window, must reach its audiences."""

    meeting: str
    audiences: Annotated[tuple[str, ...], Field(min_length=1)]
    length: Duration = timedelta(hours=1)


class Duty(Value):
    """Exactly one of the six things that may be demanded."""

    page: PageDuty | None = None
    notify: NotifyDuty | None = None
    report: ReportDuty | None = None
    task: TaskDuty | None = None
    step: StepDuty | None = None
    meeting: MeetingDuty | None = None

    @model_validator(mode="after")
    def _is_exactly_one(self) -> Self:
        if len(self._demanded) != 1:
            raise ValueError(f"say exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def kind(self) -> str:
        """Which of the six it is."""
        return self._demanded[0]

    @property
    def _demanded(self) -> list[str]:
        """By value, not by what was set: the JSON of a duty names all six, five of them as null."""
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


class BeforeDue(Value):
    """A beginning that is counted back from the due time."""

    before_due: Duration


class Terms(Value):
    """From which anchors (the earliest known wins), within what time, and how often again."""

    from_: Annotated[Anchors | None, Field(alias="from")] = None
    within: Allowance | None = None
    every: Interval | None = None

    @field_validator("within")
    @classmethod
    def _takes_time(cls, within: Allowance | None) -> Allowance | None:
        if within is not None and within.elapsed == timedelta(0):
            raise ValueError("nothing can be done in no time; say how much is allowed, such as PT15M")
        return within


class ObligationSpec(Terms):
    """One promise of the policy.

    `by_severity` overrides the terms for some severities; an obligation that has no `within` for a severity does not
    apply to it. `requires: customer` makes it apply only to incidents that concern a customer. It recurs `every` so
    often until one of the anchors in `until` is known. Unmet at its due time it pages `when_late`; it is `missed` when
    `grace` has passed after that, or when the incident closes. Once it is kept, the anchor that it `marks` is known.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    clause: str
    source: Literal["policy", "convention"] = "policy"
    requires: Literal["customer"] | None = None
    by_severity: dict[str, Terms] = {}
    until: Anchors | None = None
    do: Annotated[tuple[Duty, ...], Field(min_length=1)]
    begin: Literal["at_once"] | BeforeDue = "at_once"
    remind: tuple[Duration, ...] = ()
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
            from_=own.from_ or self.from_, within=own.within or self.within, every=own.every or self.every
        )

    @property
    def recurs(self) -> bool:
        """Whether it is owed again and again, for some severity at least."""
        return self.every is not None or any(terms.every is not None for terms in self.by_severity.values())
