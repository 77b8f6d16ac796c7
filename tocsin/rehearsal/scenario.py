"""A scenario as it is written: how an incident begins, how people and vendors behave, and who says what when."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from tocsin.domain.base import Value
from tocsin.domain.channel import ChannelName
from tocsin.domain.durations import Duration
from tocsin.domain.duties import Names, as_list
from tocsin.domain.shifts import Key

DEFAULT_END = timedelta(days=14)
READS_A_TEXT_AFTER = timedelta(minutes=1)
PICKS_UP_AFTER = timedelta(seconds=10)
"""A phone rings for less than half a minute: whoever answers it does so at once."""

AnsweredChannel = Literal["sms", "phone"]
AnsweredChannels = Annotated[tuple[AnsweredChannel, ...], BeforeValidator(as_list)]


class Alert(Value):
    """A monitor's alert, as Alertmanager posts it."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}


class Report(Value):
    """What somebody reports, as with `tocsin declare`.

    `by` is their key in the directory; with a `kind`, it may be anybody in their own words. `knew` and `occurred` are
    how long before the beginning they knew, and it happened.
    """

    title: Annotated[str, Field(min_length=1)]
    by: Annotated[str, Field(min_length=1)]
    kind: Literal["employee", "customer", "stakeholder"] | None = None
    channel: Literal["cli", "email", "phone", "ticket"] = "cli"
    knew: Duration | None = None
    occurred: Duration | None = None
    severity: str | None = None
    criteria: Names = ()
    customer: str | None = None
    facts: dict[str, str] = {}


class Habit(Value):
    """How somebody answers: every page by text message `after` they got it, every call while it rings, or neither."""

    answers: AnsweredChannels = ()
    after: Duration = READS_A_TEXT_AFTER


class Trouble(Value):
    """What is wrong with a vendor, between two moments counted from the beginning.

    `down` answers 503 to everything, `busy` 429; `fails` takes every message and reports that it did not arrive.
    """

    is_: Annotated[Literal["down", "busy", "fails"], Field(alias="is")]
    from_: Annotated[Duration, Field(alias="from")] = timedelta(0)
    until: Duration | None = None


def _as_trouble(given: object) -> object:
    return {"is": given} if isinstance(given, str) else given


class AlertStep(Value):
    """The monitor speaks again: that it is resolved, or that it fires (again)."""

    resolved: bool = False


class PostStep(Value):
    """A supplier publishes something on its status feed."""

    vendor: str
    title: str
    text: str = ""
    is_over: bool = False


class KeptFile(Value):
    """A file that is preserved as evidence: its name, where it was taken `from`, and what is in it."""

    name: Annotated[str, Field(min_length=1)]
    from_: Annotated[str, Field(alias="from", min_length=1)]
    text: str


class Step(Value):
    """What happens at a moment: exactly one of the kinds in `STEP_KINDS`.

    `says` is a command line of `tocsin` without that word and without the reference. With `decides`, `who` opens the
    link of the newest mail that asks them `about` a promise, and presses a button on the page; `with_code_of` somebody
    else, they type the code of that person's mail under their own name. `rewords` puts other words in the place of
    those that wait for approval. `answers` changes how `who` answers from now on; the last text message that waits for
    them is answered at once, and so is a phone that rings.
    """

    at: Duration
    who: Key | None = None
    says: str | None = None
    decides: Literal["approve", "decline"] | None = None
    about: str | None = None
    reason: str = ""
    with_code_of: Key | None = None
    rewords: str | None = None
    keeps: KeptFile | None = None
    expect: Literal["accepted", "refused"] | None = None
    answers: AnsweredChannels | None = None
    alert: AlertStep | None = None
    vendor_post: PostStep | None = None

    @property
    def kinds(self) -> list[str]:
        """Which of the things that can happen this is; one, in a scenario that makes sense."""
        return [kind for kind in STEP_KINDS if getattr(self, kind) is not None]


STEP_KINDS = ("says", "decides", "rewords", "keeps", "answers", "alert", "vendor_post")


class Scenario(Value):
    """One rehearsal: `begins` is local time of the plan's calendar, `ends` how long is watched at most."""

    scenario: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    plan: str
    begins: str
    ends: Duration = DEFAULT_END
    alert: Alert | None = None
    report: Report | None = None
    people: dict[Key, Habit] = {}
    vendors: dict[ChannelName, Annotated[Trouble, BeforeValidator(_as_trouble)]] = {}
    steps: tuple[Step, ...] = ()
