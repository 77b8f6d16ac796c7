"""The plan: one organisation's response policy as data.

Roles, audiences, severities, facts and steps are names that the plan gives; who stands behind roles and audiences is
in the directory (`tocsin.domain.directory`). `tocsin.domain.references` finds references to
names that do not exist.
"""

from __future__ import annotations

from datetime import date, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from tocsin.domain.base import Value
from tocsin.domain.calendar import CalendarSpec
from tocsin.domain.channel import ChannelName
from tocsin.domain.durations import Duration
from tocsin.domain.duties import Interval, Level, Names, ObligationSpec, as_list
from tocsin.domain.handling import AlertHandling
from tocsin.domain.words import Phase

Path = tuple[str | int, ...]
"""Where something stands in the plan file: keys and indices from its root."""

FactType = Literal["text", "number", "moment", "duration", "yes or no", "choice"]

REPORT_SOURCES = {
    "company": "the organisation's name",
    "customer": "the customer's name",
    "title": "what the incident is called",
    "severity": "the severity and what it means",
    "status": "whether it goes on, and the phase",
    "actions_done": "what has been done so far",
    "actions_open": "what remains to be done",
    "length_of_outage": "from occurrence to the end of the impact",
    "people_involved": "everybody who took part",
    "detection": "how and when it was detected",
    "customer_informed": "when and how the customer was told",
    "last_update": "the newest status update",
    "timeline": "the record, entry by entry",
    "confirmation": "whether it is confirmed or still suspected",
    "impact": "what it hits: the plan's impacts that hold",
    "bridge": "the teleconference bridge, with its PIN",
    "reporter": "who reported it, over which channel",
    "mitigations": "what was found to help, whether it was tested, whether it is deployed",
    "evidence": "what was preserved, by name and hash",
    "meetings": "the meetings, with what came of them",
    "promises": "what was promised, and what became of it",
    "agreement": "the agreement with the client, and whom to ask about it",
}
"""What a report's field may take from the record, beside `anchor:…`, `fact:…`, `role:…` (its holder) and
`contact:…` (the same, with the ways to reach them)."""


LEAST_URGENT = 1_000
"""A rank behind every severity's: of what has none, such as one that the plan of today does not have any more."""


class Severity(Value):
    """How bad it is; rank 1 is the worst. `response_plan` names the steps that it selects."""

    rank: Annotated[int, Field(ge=1)]
    title: str
    response_plan: str | None = None


class Criterion(Value):
    """A characteristic that makes an incident at least `severity`; `vendor` names the supplier that it says is down."""

    severity: str
    title: str
    vendor: str | None = None


class Impact(Value):
    """Somebody or something that an incident may hit, beside what its severity says: consumers, the brand."""

    title: str


class Role(Value):
    """A part that somebody plays. `cover` says when somebody must be there; the directory knows people's hours."""

    title: str
    cover: Literal["24/7", "working hours"] | None = None


class Audience(Value):
    """Who is told. `of: customer` means that each customer has its own; external ones are replaced in a drill.

    The members are in the directory, or, where there are too many for that, in a `list`: a CSV file in the folder
    `lists/` beside the plan, or an installed adapter (`tocsin.audiences`). A message to it has got through once
    a vendor took it for at least the share `enough` of its rows.
    """

    title: str
    of: Literal["customer"] | None = None
    external: bool = False
    enough: Annotated[float, Field(gt=0, le=1)] = 0.9
    list: (
        Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9_-]*\.csv|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$")] | None
    ) = None


class FactSpec(Value):
    """A piece of knowledge that a report needs, its type, and the role that owes it; a `choice` has its `choices`."""

    title: str
    owed_by: str
    type: FactType = "text"
    choices: tuple[str, ...] = ()


class Step(Value):
    """One thing to do in a phase, once the steps `after` which it comes are done; in incidents with one of the criteria
    `only_for` which it is, where it names any.

    `done_when` lets the record itself complete it: `deployed` by a mitigation that is deployed, of one kind where it
    names that, `held:…` by the meeting of an obligation.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    role: str
    after: Names = ()
    only_for: Names = ()
    done_when: Annotated[
        str | None,
        Field(
            pattern=r"^(acknowledged|estimated|deployed(:(short_term|remediation))?|anchor:[a-z_]+|fact:[a-z_]+|held:[a-z][a-z0-9-]*)$"
        ),
    ] = None


class Estimate(Value):
    """The question how long it will last: its choices, and the strategies that an answer opens as steps of phase 3."""

    fact: str
    choices: Annotated[tuple[str, ...], Field(min_length=1)]
    strategies: dict[str, tuple[Step, ...]] = {}


class PhaseSpec(Value):
    """What a phase asks for, besides the steps of the selected response plan."""

    title: str
    steps: tuple[Step, ...] = ()


class ResponsePlan(Value):
    """The steps that a severity selects, by the phase in which they open."""

    title: str
    steps: dict[Phase, tuple[Step, ...]]


class Feed(Value):
    """Where a vendor says how it is: an RSS feed, or a list of incidents as Google publishes it (`incidents.json`).

    Only posts in which one of the words in `about` appears are taken; without any, all are.
    """

    url: Annotated[str, Field(pattern=r"^https?://")]
    format: Literal["rss", "google"]
    every: Interval = timedelta(minutes=5)
    about: Names = ()


class Vendor(Value):
    """A supplier. While it is down, the channels that it `carries` are not used, and `instead` are where no other is
    left. Its `feed` is read meanwhile; a new post becomes an update."""

    title: str
    carries: Annotated[tuple[ChannelName, ...], BeforeValidator(as_list)] = ()
    instead: Annotated[tuple[ChannelName, ...], BeforeValidator(as_list)] = ()
    feed: Feed | None = None


class Bridge(Value):
    """The teleconference bridge: its number, and how many digits the PIN has that each incident is given."""

    number: str
    pin_digits: Annotated[int, Field(ge=4, le=10)] = 6


class Product(Value):
    """What the plan protects: a description, the flows of data, and where the diagrams are."""

    name: str
    description: Annotated[str, Field(min_length=1)]
    data_flows: Annotated[tuple[str, ...], Field(min_length=1)]
    diagrams: Annotated[tuple[str, ...], Field(min_length=1)]


class Agreement(Value):
    """The agreement with a client that a broken promise breaks, and the role to be asked about it."""

    title: str
    reference: str
    contact: str | None = None


class PolicyException(Value):
    """A departure from the policy, approved in advance, in writing: by whom, when, until when, and where that is."""

    clause: str
    what: str
    approved_by: Annotated[str, Field(min_length=1)]
    approved_on: date
    until: date
    record: Annotated[str, Field(min_length=1)]


class Publication(Value):
    """Who must acknowledge a new version of the plan: audiences and roles, within what time, reminded how often."""

    audiences: Names = ()
    roles: Names = ()
    within: Interval = timedelta(days=14)
    remind_every: Interval = timedelta(days=3)


class TaskRules(Value):
    """When the assignee of a task is reminded before it is due, and which role is paged when it is overdue."""

    remind: tuple[Duration, ...] = ()
    when_late: str | None = None


class LastResort(Level):
    """Who is paged as well once nobody has answered for so many rounds."""

    after_rounds: Annotated[int, Field(ge=1)] = 1


class Digest(Value):
    """More than so many messages (`over`) to one person over one channel within `per` are held back, and then come
    together in one."""

    over: Annotated[int, Field(ge=1)] = 5
    per: Interval = timedelta(minutes=1)


class PagingRules(Value):
    """What holds for every page of a plan.

    One that nobody answers goes on at its full pace for so many `rounds`; after that, each try is waited for `then` at
    least. It never ends by itself: the `last_resort` is tried too, and the page is overdue, which it is after its first
    round where the plan names none. An overdue page does not mind quiet hours, nor do incidents of the severities in
    `wakes`; without that list, none does. An acknowledgement `holds` for so long, by severity, after its author was
    last heard of; then the page begins again. `troubles_to` is the role that is told when somebody cannot be reached
    by their own doing, such as after a reply of STOP.
    """

    rounds: Annotated[int, Field(ge=1)] = 12
    then: Interval = timedelta(hours=1)
    last_resort: LastResort | None = None
    wakes: Names | None = None
    holds: dict[str, Interval] = {}
    troubles_to: str | None = None
    digest: Digest = Digest()


class ReportField(Value):
    """One line of a report: its heading, and where on the record its text comes from."""

    heading: str
    source: str


class ReportSpec(Value):
    """A report's title and fields, in order."""

    title: str
    fields: Annotated[tuple[ReportField, ...], Field(min_length=1)]


class IntakeRule(Value):
    """Which alerts open incidents under this plan, and what their labels mean.

    `source` is a source's name or its format, `*` for any. `when` maps labels to patterns (`*` for any value); the
    first rule of any plan whose patterns all match wins. `severity` maps the values of `severity_label` to severities
    of the plan; the worst of them and of the `criteria` that the rule, or the alert's `criteria_label`, names is taken.
    `vendor_label` names suppliers that are down.
    """

    source: Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9-]*)$")]
    when: dict[str, Names] = {}
    severity_label: str = "severity"
    severity: dict[str, str] = {}
    otherwise: str
    criteria: Names = ()
    criteria_label: str | None = None
    vendor_label: str | None = None
    customer_label: str | None = None
    handling: AlertHandling = AlertHandling()
    facts: dict[str, Annotated[str, Field(pattern=r"^(label|annotation):.+$")]] = {}

    def matches(self, labels: dict[str, str]) -> bool:
        """Whether every label that the rule names is there with a value that it allows."""
        return all(
            any(fnmatchcase(labels[label], pattern) for pattern in patterns) if label in labels else False
            for label, patterns in self.when.items()
        )

    def severity_of(self, labels: dict[str, str]) -> str:
        """The plan's severity for an alert with these labels."""
        return self.severity.get(labels.get(self.severity_label, ""), self.otherwise)


class Plan(Value):
    """One organisation's policy: everything that the code would otherwise have to know.

    Whoever reports an incident takes the role `reporter`. A report later than `report_within` after its author knew is
    late. A plan for a `client` describes its `product`.
    """

    plan: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    organisation: str
    calendar: CalendarSpec
    severities: Annotated[dict[str, Severity], Field(min_length=1)]
    criteria: dict[str, Criterion] = {}
    roles: Annotated[dict[str, Role], Field(min_length=1)]
    audiences: dict[str, Audience] = {}
    facts: dict[str, FactSpec] = {}
    estimate: Estimate | None = None
    phases: dict[Phase, PhaseSpec]
    response_plans: dict[str, ResponsePlan] = {}
    impacts: dict[str, Impact] = {}
    vendors: dict[str, Vendor] = {}
    bridge: Bridge | None = None
    tasks: TaskRules = TaskRules()
    paging: PagingRules = PagingRules()
    reporter: str | None = None
    report_within: dict[Literal["employee", "customer", "stakeholder"], Interval] = {}
    client: str | None = None
    product: Product | None = None
    agreement: Agreement | None = None
    exceptions: tuple[PolicyException, ...] = ()
    publication: Publication | None = None
    reports: dict[str, ReportSpec] = {}
    obligations: Annotated[tuple[ObligationSpec, ...], Field(min_length=1)]
    intake: tuple[IntakeRule, ...] = ()

    def obligation(self, id: str) -> ObligationSpec:
        """The promise with this id. Raises `KeyError` when the plan has none."""
        for spec in self.obligations:
            if spec.id == id:
                return spec
        raise KeyError(id)

    def steps_of(self, phase: Phase, severity: str, estimate: str | None = None) -> tuple[Step, ...]:
        """The steps of `phase`: its own, those of the response plan that `severity` selects, and in phase 3 those of
        the strategy for that `estimate`."""
        own = self.phases[phase].steps if phase in self.phases else ()
        selected = self.response_plans.get(self.severities[severity].response_plan or "")
        steps = own + (selected.steps.get(phase, ()) if selected else ())
        if phase is Phase.BACKUP_AND_MEETING and self.estimate is not None:
            steps += self.estimate.strategies.get(estimate or "", ())
        return steps

    def worst_of(self, criteria: tuple[str, ...]) -> str:
        """The severity of an incident with these characteristics: the worst that any demands, else the mildest."""
        demanded = [self.criteria[name].severity for name in criteria]
        by_rank = sorted(self.severities, key=lambda name: self.severities[name].rank)
        return min(demanded, key=lambda name: self.severities[name].rank) if demanded else by_rank[-1]
