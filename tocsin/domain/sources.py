"""Where the lines of reports come from: each source of a plan's `REPORT_SOURCES`, as text, from the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from operator import itemgetter

from tocsin.domain import phases
from tocsin.domain.case import Case
from tocsin.domain.durations import describe
from tocsin.domain.performance import broken_agreement
from tocsin.domain.state import Actor, Mitigation, Obligation, Target
from tocsin.domain.words import Anchor, Phase, StepStatus, Verdict

NONE_RECORDED = "None is recorded"


def local(case: Case, moment: datetime) -> str:
    """A moment on the plan's own wall clock, such as `Tuesday 03 February 2026, 09:00 GMT`."""
    return f"{moment.astimezone(case.calendar.zone):%A %d %B %Y, %H:%M %Z}"


def _severity(case: Case, now: datetime) -> str:
    return case.plan.severities[case.state.severity].title


def _status(case: Case, now: datetime) -> str:
    phase = case.state.phase
    return f"{case.state.status.value}" + (f", in phase {phase.label}" if phase else "")


def _actions_done(case: Case, now: datetime) -> str:
    """Steps, tasks and deployed mitigations, each with whoever did it: whatever is an action was somebody's."""
    done = (*_steps_done(case), *_tasks_done(case), *_mitigations_deployed(case))
    return "\n".join(f"- {what} ({_who(by)})" for what, by in done) or "Nothing is recorded as done yet"


def _steps_done(case: Case) -> Iterator[tuple[str, Actor | None]]:
    for step in (step for phase in Phase for step in case.steps_of(phase)):
        state = case.state.steps.get(step.id)
        if state is not None and state.status is StepStatus.DONE:
            yield step.title, state.by


def _tasks_done(case: Case) -> Iterator[tuple[str, Actor | None]]:
    for task in case.state.tasks.values():
        if task.done is not None:
            yield task.title + (f": {task.outcome}" if task.outcome else ""), task.done_by


def _mitigations_deployed(case: Case) -> Iterator[tuple[str, Actor | None]]:
    for item in case.state.mitigations.values():
        if item.deployed is not None:
            yield item.title, item.deployed_by


def _actions_open(case: Case, now: datetime) -> str:
    steps = [f"- {step.title} ({case.plan.roles[step.role].title})" for step in phases.open_steps(case)]
    tasks = [
        f"- {task.title} ({_whom(case, task.assignee)})"
        for task in case.state.tasks.values()
        if task.done is None
    ]
    return "\n".join(steps + tasks) or "Nothing is open"


def _who(actor: Actor | None) -> str:
    if actor is None or not actor.is_person:
        return "from the record"
    return f"@{actor}"


def _whom(case: Case, assignee: Target) -> str:
    return f"@{assignee.person}" if assignee.person else case.plan.roles[assignee.role or ""].title


def _length_of_outage(case: Case, now: datetime) -> str:
    began = case.when((Anchor.OCCURRED, Anchor.DETECTED))
    if began is None:
        return ""
    ended = case.when((Anchor.MITIGATED, Anchor.RESOLVED))
    length = (ended[1] if ended else now) - began[1]
    whole = timedelta(seconds=round(length.total_seconds()))
    return describe(whole) + ("" if ended else " so far")


def _people_involved(case: Case, now: datetime) -> str:
    return ", ".join(f"@{key}" for key in sorted({*case.state.spoke, *case.state.roles.values()}))


def _detection(case: Case, now: datetime) -> str:
    detected = case.state.anchors.get(Anchor.DETECTED)
    by = _reporter_name(case) if case.state.reporter.is_person else case.state.source
    return f"{local(case, detected.at)}, by {by}" if detected else ""


def _customer_informed(case: Case, now: datetime) -> str:
    """When each way of telling the customer first got through; or the time alone, where somebody stated it."""
    first = {how: at for at, how in sorted(_tellings(case), reverse=True)}
    ways = sorted(first.items(), key=itemgetter(1))
    if ways:
        return "\n".join(f"- {local(case, at)}, {how}" for how, at in ways)
    told = case.state.anchors.get(Anchor.CUSTOMER_NOTIFIED)
    return local(case, told.at) if told else ""


def _tellings(case: Case) -> Iterator[tuple[datetime, str]]:
    """When and how the promises that count as telling the customer got something through to them."""
    telling = {spec.id: spec for spec in case.plan.obligations if spec.marks is Anchor.CUSTOMER_NOTIFIED}
    promises = {key: item for key, item in case.state.obligations.items() if item.spec in telling}
    for message in case.state.messages.values():
        if message.obligation in promises and message.purpose in {"notice", "report"} and message.delivered:
            yield message.delivered, f"by {message.channel} to @{message.reached}"
    for item in promises.values():
        for duty, state in zip(telling[item.spec].do, item.duties, strict=True):
            if duty.task is not None and duty.task.letter is not None and state.done is not None:
                yield state.done, "by letter"


def _last_update(case: Case, now: datetime) -> str:
    update = case.state.last_update
    return f"{update.text} ({local(case, update.at)})" if update else _status(case, now)


def _timeline(case: Case, now: datetime) -> str:
    kept = case.state.timeline
    archived = kept[0].number - 1 if kept else case.state.entries
    before = [f"- the first {archived} entries are in the archive"] if archived else []
    return "\n".join([*before, *(f"- {local(case, entry.at)}: {entry.text}" for entry in kept)])


def _confirmation(case: Case, now: datetime) -> str:
    confirmed = case.state.anchors.get(Anchor.CONFIRMED)
    return f"Confirmed on {local(case, confirmed.at)}" if confirmed else "Suspected; not yet confirmed"


def _impact(case: Case, now: datetime) -> str:
    return ", ".join(case.plan.impacts[name].title for name in case.state.impacts)


def _bridge(case: Case, now: datetime) -> str:
    bridge = case.plan.bridge
    return f"{bridge.number}, PIN {case.state.bridge_pin}" if bridge and case.state.bridge_pin else ""


def _reporter(case: Case, now: datetime) -> str:
    reported, name = case.state.reported, _reporter_name(case)
    knew = f"; known to them since {local(case, reported.knew)}" if reported.knew else ""
    return f"{name} ({reported.kind}), by {reported.channel}, {local(case, case.state.opened)}{knew}"


def _reporter_name(case: Case) -> str:
    who = case.state.reporter
    return case.state.reported.contact or (f"@{who.key}" if who.is_person else f"monitor {who.key}")


def _mitigations(case: Case, now: datetime) -> str:
    lines = [
        f"- {item.title} ({item.kind.replace('_', ' ')}): {_how_far(case, item)}"
        for item in case.state.mitigations.values()
    ]
    return "\n".join(lines) or NONE_RECORDED


def _how_far(case: Case, item: Mitigation) -> str:
    if item.tested is None:
        return "identified, not yet tested"
    if item.deployed is None:
        return f"tested — {item.result}; not yet deployed"
    return f"tested — {item.result}; deployed {local(case, item.deployed)}"


def _evidence(case: Case, now: datetime) -> str:
    lines = [
        f"- {item.name}, {item.size:,} bytes, from {item.origin}: SHA-256 {item.sha256}"
        for item in case.state.evidence.values()
    ]
    return "\n".join(lines) or NONE_RECORDED


def _meetings(case: Case, now: datetime) -> str:
    lines = [
        f"- {item.title}, {local(case, item.starts)}: {item.status}"
        + (f" — {item.outcome}" if item.outcome else "")
        for item in case.state.meetings.values()
    ]
    return "\n".join(lines) or NONE_RECORDED


def _promises(case: Case, now: datetime) -> str:
    return "\n".join(
        f"- {case.plan.obligation(item.spec).title}, due {local(case, item.due)}: {item.verdict}{_breach(case, item)}"
        for item in sorted(case.state.obligations.values(), key=lambda item: item.due)
    )


def _breach(case: Case, item: Obligation) -> str:
    broken = broken_agreement(case.plan, item.spec) if item.verdict is Verdict.MISSED else ""
    return f", which breaks {broken}" if broken else ""


def _agreement(case: Case, now: datetime) -> str:
    agreement = case.plan.agreement
    if agreement is None:
        return ""
    named = f"{agreement.title} ({agreement.reference})"
    if agreement.contact is None:
        return named
    holder = case.state.roles.get(agreement.contact) or f"role/{agreement.contact}"
    return f"{named}; ask @@{holder} ({case.plan.roles[agreement.contact].title})"


SOURCES: dict[str, Callable[[Case, datetime], str]] = {
    "company": lambda case, now: case.plan.organisation,
    "customer": lambda case, now: f"@{case.state.customer}" if case.state.customer else "",
    "title": lambda case, now: case.state.title,
    "severity": _severity,
    "status": _status,
    "actions_done": _actions_done,
    "actions_open": _actions_open,
    "length_of_outage": _length_of_outage,
    "people_involved": _people_involved,
    "detection": _detection,
    "customer_informed": _customer_informed,
    "last_update": _last_update,
    "timeline": _timeline,
    "confirmation": _confirmation,
    "impact": _impact,
    "bridge": _bridge,
    "reporter": _reporter,
    "mitigations": _mitigations,
    "evidence": _evidence,
    "meetings": _meetings,
    "promises": _promises,
    "agreement": _agreement,
}
"""By the names that plans use; an empty text means that nobody knows yet."""
