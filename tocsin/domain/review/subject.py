"""What is reviewed: a plan with its directory and calendar, on a day; and ways to walk through it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.channel import ChannelName
from tocsin.domain.directory import Contact, Directory
from tocsin.domain.duties import Duty, ObligationSpec, Terms
from tocsin.domain.plan import Path, Plan
from tocsin.domain.state import Target
from tocsin.domain.words import Anchor


@dataclass(frozen=True)
class Promise:
    """An obligation and its place in the plan; `terms` are those of each severity to which it applies."""

    spec: ObligationSpec
    path: Path
    terms: dict[str, Terms]

    @property
    def duties(self) -> Iterator[tuple[Duty, Path]]:
        """What it demands, each with its place."""
        for index, duty in enumerate(self.spec.do):
            yield duty, (*self.path, "do", index, duty.kind)


@dataclass(frozen=True)
class Subject:
    """The plan under review. `calendar` is pinned for the year of `today` and at least the two after it."""

    plan: Plan
    directory: Directory
    calendar: BusinessCalendar
    today: date

    @cached_property
    def promises(self) -> tuple[Promise, ...]:
        """Every obligation of the plan."""
        return tuple(
            Promise(spec, ("obligations", index), self._terms_of(spec))
            for index, spec in enumerate(self.plan.obligations)
        )

    def _terms_of(self, spec: ObligationSpec) -> dict[str, Terms]:
        every = {severity: spec.terms_for(severity) for severity in self.plan.severities}
        return {severity: terms for severity, terms in every.items() if terms.within is not None}

    def holders(self, role: str) -> dict[str, Contact]:
        """Who holds a role in the directory, first choice first."""
        people = self.directory.people
        return {key: people[key] for key in self.directory.holders(role) if key in people}

    def tried_first(self, role: str) -> dict[str, Contact]:
        """Whoever a page for a role may go to first: all who take turns at it, else its first holder."""
        people = self.directory.people
        return {key: people[key] for key in self.directory.rota(role).may_be_first if key in people}

    @cached_property
    def given_in_incidents(self) -> frozenset[str]:
        """The roles that an incident itself gives to somebody: to whoever reports it, or answers a page."""
        assigned = (duty.page.assigns for spec in self.plan.obligations for duty in spec.do if duty.page)
        return frozenset(role for role in (*assigned, self.plan.reporter) if role is not None)

    def members(self, audience: str) -> Iterator[tuple[str, Contact]]:
        """The members of an audience; of every customer's, where each has its own."""
        if self.plan.audiences[audience].of != "customer":
            yield from self.directory.members(Target(audience=audience)).items()
            return
        for customer in self.directory.customers:
            yield from self.directory.members(Target(audience=audience, customer=customer)).items()

    def is_ever_known(self, anchor: Anchor) -> bool:
        """Whether something can set the anchor: `report_sent` is nobody's to state, only a promise's to mark."""
        return anchor is not Anchor.REPORT_SENT or any(
            spec.marks is Anchor.REPORT_SENT for spec in self.plan.obligations
        )


def audiences_of(duty: Duty) -> tuple[str, ...]:
    """Who is told by it."""
    if duty.meeting is not None:
        return duty.meeting.audiences
    return (duty.telling.audience,) if duty.telling is not None else ()


def report_of(plan: Plan, duty: Duty) -> str | None:
    """The plan's report that the duty sends or posts; `None` where it sends none."""
    if duty.report is not None:
        return duty.report.report
    if duty.task is not None:
        return duty.task.letter
    named = duty.notify.message if duty.notify is not None else None
    return named if named in plan.reports else None


def reached_by(contact: Contact, via: tuple[ChannelName, ...]) -> tuple[ChannelName, ...]:
    """Those of the channels on which the contact has an address."""
    return tuple(channel for channel in via if contact.address(channel) is not None)
