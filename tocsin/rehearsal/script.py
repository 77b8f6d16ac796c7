"""A scenario made ready to be played: read from its file, and refused with line and column where it contradicts itself,
its plan, or the directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from tocsin import yamlfile
from tocsin.cli.errors import CliError
from tocsin.cli.speaking import command_of, mistake_in
from tocsin.domain.directory import Contact, Directory
from tocsin.ingest.intake import NoPlanMatches, alert_of
from tocsin.library import LoadedPlan, PlanLibrary
from tocsin.modelerrors import Trail
from tocsin.rehearsal import names
from tocsin.rehearsal.beginnings import moment_of
from tocsin.rehearsal.monitor import payload_of
from tocsin.rehearsal.scenario import READS_A_TEXT_AFTER, STEP_KINDS, AnsweredChannel, Scenario, Step
from tocsin.yamlfile import Document, YamlError

Mistake = tuple[Trail, str]
"""Where in the scenario, and what is wrong."""


@dataclass(frozen=True)
class Script:
    """A scenario with its plan, and the moment at which it begins."""

    scenario: Scenario
    plan: LoadedPlan
    begins: datetime

    @property
    def ends(self) -> datetime:
        """Until when is watched, at most."""
        return self.begins + self.scenario.ends


def read(path: Path, library: PlanLibrary, now: datetime) -> Script:
    """Read a scenario file; `now` is when it would be played. Raises `YamlError` with everything that is wrong."""
    return prepare(yamlfile.read(path), library, now)


def prepare(document: Document, library: PlanLibrary, now: datetime) -> Script:
    """Make a scenario ready. Raises `YamlError` with everything that is wrong."""
    scenario = document.validate(Scenario)
    plan = library.plans.get(scenario.plan)
    if plan is None:
        known = f'there is no plan "{scenario.plan}"; there are {", ".join(library.plans)}'
        raise YamlError([document.problem(("plan",), known)])
    try:
        begins = moment_of(scenario.begins, plan.plan.calendar.timezone, now)
    except ValueError as error:
        raise YamlError([document.problem(("begins",), str(error))]) from error
    script = Script(scenario, plan, begins)
    mistakes = [*_beginning(script, library), *_people(script), *_vendors(scenario), *_steps(script)]
    if mistakes:
        raise YamlError(document.problem(at, what) for at, what in mistakes)
    return script


# How it begins


def _beginning(script: Script, library: PlanLibrary) -> Iterator[Mistake]:
    scenario = script.scenario
    if (scenario.alert is None) == (scenario.report is None):
        yield (), "say how it begins: either `alert`, what a monitor says, or `report`, what a person says"
    elif scenario.alert is not None:
        yield from _alert(script, library)
    else:
        yield from _report(script)


def _alert(script: Script, library: PlanLibrary) -> Iterator[Mistake]:
    try:
        alert = alert_of(payload_of(script.scenario, script.begins).reading, library, script.begins)
    except NoPlanMatches as error:
        yield ("alert", "labels"), str(error)
        return
    if alert.plan.name != script.scenario.plan:
        yield (
            ("alert", "labels"),
            f'these labels open an incident under the plan "{alert.plan.name}", not "{script.scenario.plan}"',
        )


def _report(script: Script) -> Iterator[Mistake]:
    report, plan, directory = script.scenario.report, script.plan.plan, script.plan.directory
    assert report is not None
    if report.kind is None:
        yield from _known(("report", "by"), "person", report.by, names.reporters(directory))
    if report.severity is not None:
        yield from _known(("report", "severity"), "severity", report.severity, plan.severities)
    if report.customer is not None:
        yield from _known(("report", "customer"), "customer", report.customer, directory.customers)
    for criterion in report.criteria:
        yield from _known(("report", "criteria"), "criterion", criterion, plan.criteria)
    for fact in report.facts:
        yield from _known(("report", "facts", fact), "fact", fact, plan.facts)


# How people and vendors behave


def _people(script: Script) -> Iterator[Mistake]:
    contacts = names.contacts(script.plan.directory)
    for key, habit in script.scenario.people.items():
        if key not in contacts:
            yield ("people", key), names.unknown("person", key, contacts)
            continue
        yield from _reachable(("people", key, "answers"), key, contacts[key], habit.answers)
        if habit.after != READS_A_TEXT_AFTER and "sms" not in habit.answers:
            yield (
                ("people", key, "after"),
                "this is how long a text message waits for its answer; a phone is answered while it rings, or not",
            )


def _reachable(
    at: Trail, key: str, contact: Contact, channels: tuple[AnsweredChannel, ...]
) -> Iterator[Mistake]:
    for channel in channels:
        if contact.address(channel) is None:
            yield at, f"{key} has no phone number for {channel} in the directory"


def _vendors(scenario: Scenario) -> Iterator[Mistake]:
    for channel, trouble in scenario.vendors.items():
        if trouble.from_ > scenario.ends:
            yield ("vendors", channel, "from"), "comes after the end of the rehearsal"
        if trouble.until is not None and trouble.until <= trouble.from_:
            yield ("vendors", channel, "until"), "is not after `from`"


# What happens


def _steps(script: Script) -> Iterator[Mistake]:
    before = timedelta(0)
    for number, step in enumerate(script.scenario.steps):
        at: Trail = ("steps", number)
        if step.at < before:
            yield (
                (*at, "at"),
                "comes before the step above it; put the steps in the order in which they happen",
            )
        if step.at > script.scenario.ends:
            yield (*at, "at"), "comes after the end of the rehearsal; move `ends`, or leave it out"
        before = max(before, step.at)
        yield from _step(script, step, at)


def _step(script: Script, step: Step, at: Trail) -> Iterator[Mistake]:
    if len(step.kinds) != 1:
        yield (
            at,
            f"a step is exactly one of {', '.join(STEP_KINDS)}; this has {', '.join(step.kinds) or 'none'}",
        )
        return
    if step.who is None and step.kinds[0] in _BY_PEOPLE:
        yield at, "say who: `who: PERSON`, their key in the directory"
        return
    if step.expect is not None and step.kinds[0] not in _ANSWERED:
        yield (*at, "expect"), "only what somebody says or decides is accepted or refused"
    if step.about is not None and step.kinds[0] not in {"decides", "rewords"}:
        yield (*at, "about"), "only who decides, or finds other words, does so about a promise"
    if step.decides is None and (step.reason or step.with_code_of):
        yield at, "`reason` and `with_code_of` belong to `decides`"
    yield from _what_happens(script, step, at)


_BY_PEOPLE = frozenset({"says", "decides", "rewords", "keeps", "answers"})


_ANSWERED = frozenset({"says", "decides", "rewords", "keeps"})


def _what_happens(script: Script, step: Step, at: Trail) -> Iterator[Mistake]:
    directory = script.plan.directory
    if step.says is not None:
        yield from _person((*at, "who"), step.who or "", directory)
        yield from _says(script, step, at)
    elif step.decides is not None or step.rewords is not None:
        yield from _decides(script, step, at)
    elif step.keeps is not None:
        yield from _person((*at, "who"), step.who or "", directory)
    elif step.answers is not None:
        contacts = names.contacts(directory)
        if step.who not in contacts:
            yield (*at, "who"), names.unknown("person", step.who or "", contacts)
        else:
            yield from _reachable((*at, "answers"), step.who, contacts[step.who], step.answers)
    elif step.alert is not None and script.scenario.alert is None:
        yield (*at, "alert"), "no monitor has spoken: the scenario begins with a report"
    elif step.vendor_post is not None:
        yield from _known(
            (*at, "vendor_post", "vendor"), "vendor", step.vendor_post.vendor, script.plan.plan.vendors
        )


def _says(script: Script, step: Step, at: Trail) -> Iterator[Mistake]:
    try:
        command = command_of(step.says or "", step.who or "", script.begins + step.at)
    except (CliError, click.ClickException) as error:
        yield (*at, "says"), mistake_in(error)
        return
    if step.expect == "refused":
        return  # that it names what does not exist may be the very reason
    for mistake in names.unknown_in(command, script.plan):
        yield (*at, "says"), mistake


def _decides(script: Script, step: Step, at: Trail) -> Iterator[Mistake]:
    directory = script.plan.directory
    yield from _person((*at, "who"), step.who or "", directory)
    promises = [spec.id for spec in script.plan.plan.obligations]
    yield from _known((*at, "about"), "promise", (step.about or "").partition("#")[0], promises)
    if step.with_code_of is not None:
        yield from _person((*at, "with_code_of"), step.with_code_of, directory)
    if step.decides == "decline" and not step.reason:
        yield (*at, "decides"), "whoever declines says why: `reason: …`"


def _person(at: Trail, key: str, directory: Directory) -> Iterator[Mistake]:
    yield from _known(at, "person", key, directory.people)


def _known(at: Trail, kind: str, name: str, known: object) -> Iterator[Mistake]:
    if name not in list(known):  # type: ignore[call-overload]
        yield at, names.unknown(kind, name, known)  # type: ignore[arg-type]
