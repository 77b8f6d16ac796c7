"""Promises that are not what the policy demands, or that can't be kept by anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tocsin.domain.durations import describe
from tocsin.domain.plan import Path
from tocsin.domain.review.allowed import first_later
from tocsin.domain.review.finding import Finding, advice, error, listed
from tocsin.domain.review.subject import Promise, Subject, audiences_of
from tocsin.domain.words import Anchor

_MINUTE = "%Y-%m-%d %H:%M"


def doubtful(subject: Subject) -> Iterator[Finding]:
    """Severities and impacts without a time, times that the clause does not allow, clocks that never start or stop."""
    yield from _severities_without_a_time(subject)
    yield from _impacts_without_a_time(subject)
    yield from _titles_given_twice(subject)
    for promise in subject.promises:
        yield from _clause(promise)
        yield from _slower_than_its_clause(subject, promise)
        yield from _clocks(subject, promise)
        yield from _customers(subject, promise)
        yield from _approval(subject, promise)


def _severities_without_a_time(subject: Subject) -> Iterator[Finding]:
    timed = {severity for promise in subject.promises for severity in promise.terms}
    for severity in subject.plan.severities:
        if severity not in timed:
            yield error(
                ("severities", severity),
                f'no obligation has a time for severity "{severity}": nothing is owed for such an incident; give it '
                f"`within`, in common or under `by_severity`",
            )


def _impacts_without_a_time(subject: Subject) -> Iterator[Finding]:
    """An impact must shorten some time, under every severity: else it changes nothing there."""
    for impact in subject.plan.impacts:
        without = [each for each in subject.plan.severities if not _has_a_time(subject, each, impact)]
        if len(without) == len(subject.plan.severities):
            yield error(
                ("impacts", impact),
                f'no obligation has a time for impact "{impact}": an incident that has it is treated as any other; '
                f"give it one under `by_impact`",
            )
        elif without:
            yield advice(
                ("impacts", impact),
                f'impact "{impact}" has no time of its own under severity {listed(without)}; say so under `by_impact`, '
                f"or leave it if none was agreed",
            )


def _has_a_time(subject: Subject, severity: str, impact: str) -> bool:
    known = (promise.terms.get(severity) for promise in subject.promises)
    return any(terms is not None and impact in terms.by_impact for terms in known)


def _titles_given_twice(subject: Subject) -> Iterator[Finding]:
    given = Counter(promise.spec.title for promise in subject.promises)
    seen: dict[str, str] = {}
    for promise in subject.promises:
        spec = promise.spec
        if given[spec.title] > 1 and (first := seen.setdefault(spec.title, spec.id)) != spec.id:
            yield advice(
                (*promise.path, "title"),
                f'"{first}" has this title too: its emails and its line on the ledger look the same; say what tells '
                f"them apart",
            )


def _clause(promise: Promise) -> Iterator[Finding]:
    if not promise.spec.clause.strip():
        yield error(
            (*promise.path, "clause"),
            "the clause is empty, so nobody can say what is broken when this is missed; name the policy's section, "
            "and say `source: convention` where it is silent",
        )


def _slower_than_its_clause(subject: Subject, promise: Promise) -> Iterator[Finding]:
    """The time of each severity against what the clause allows. An exception that holds for the clause allows more."""
    allowed = promise.spec.allowed
    if allowed is None or _is_excepted(subject, promise.spec.clause):
        return
    for severity, terms in promise.terms.items():
        assert terms.within is not None
        anchor = first_later(subject.calendar, subject.today, terms.within, allowed)
        if anchor is not None:
            due, latest = (subject.calendar.due(anchor, each) for each in (terms.within, allowed))
            local = subject.calendar.local
            yield error(
                _place_of_terms(promise, severity),
                f'severity "{severity}" gets {describe(terms.within)}, and {promise.spec.clause} allows '
                f"{describe(allowed)}: counted from {local(anchor):{_MINUTE}} it is due {local(due):{_MINUTE}}, and "
                f"the clause is broken at {local(latest):{_MINUTE}}; promise less, or record the approved exception",
            )


def _is_excepted(subject: Subject, clause: str) -> bool:
    today = subject.today
    return any(
        each.clause == clause and each.approved_on <= today <= each.until for each in subject.plan.exceptions
    )


def _place_of_terms(promise: Promise, severity: str) -> Path:
    own = promise.spec.by_severity.get(severity)
    if own is not None and own.within is not None:
        return (*promise.path, "by_severity", severity, "within")
    return (*promise.path, "within")


def _clocks(subject: Subject, promise: Promise) -> Iterator[Finding]:
    """Clocks that nothing starts, and series that nothing ends, or that are over when they begin."""
    spec = promise.spec
    starts = {anchor for terms in promise.terms.values() for anchor in terms.from_ or ()}
    if starts and not any(map(subject.is_ever_known, starts)):
        yield error(
            (*promise.path, "from"),
            f'the clock of "{spec.id}" never starts: nothing sets {_named(starts)}; let an obligation say `marks` it, '
            f"or count from another anchor",
        )
    if spec.until is None:
        return
    if not any(map(subject.is_ever_known, spec.until)):
        yield error(
            (*promise.path, "until"),
            f'"{spec.id}" never ends: nothing sets {_named(set(spec.until))}; let an obligation say `marks` it, or '
            f"end it with another anchor",
        )
    elif starts and starts <= set(spec.until):
        yield error(
            (*promise.path, "until"),
            f'"{spec.id}" is over when it begins: {_named(starts)} starts it and ends it; name another anchor',
        )


def _named(anchors: set[Anchor]) -> str:
    return listed(sorted(f"`{anchor}`" for anchor in anchors))


def _customers(subject: Subject, promise: Promise) -> Iterator[Finding]:
    spec, plan = promise.spec, subject.plan
    if "late_report" in spec.requires and "employee" not in plan.report_within:
        yield error(
            (*promise.path, "requires"),
            f'"{spec.id}" is owed only after a late report, and no report is ever late; say how long an employee may '
            f"take, such as `report_within: {{employee: PT24H}}`",
        )
    if "customer" in spec.requires:
        return
    for duty, path in promise.duties:
        for audience in audiences_of(duty):
            if plan.audiences[audience].of == "customer":
                yield advice(
                    path,
                    f'audience "{audience}" is each customer\'s own: in an incident without a customer nobody is told, '
                    f'and "{spec.id}" is missed; say `requires: customer`',
                )


def _told_freely(subject: Subject, audiences: list[str]) -> bool:
    """Whether they hear of other things without anybody's word: then they are insiders, and this is a decision."""
    freely = (spec for spec in subject.plan.obligations if spec.approval is None)
    return any(
        audience in audiences_of(duty) for spec in freely for duty in spec.do for audience in audiences
    )


def _approval(subject: Subject, promise: Promise) -> Iterator[Finding]:
    spec = promise.spec
    if spec.approval is None:
        return
    told = [audience for duty in spec.do for audience in audiences_of(duty)]
    if not told:
        yield error(
            (*promise.path, "approval"),
            f'"{spec.id}" tells nobody anything, so there is nothing to approve; leave the approval out',
        )
    elif "late_report" in spec.requires:
        return  # what is said of a person waits for a person, also within the house
    elif not any(subject.plan.audiences[audience].external for audience in told) and not _told_freely(
        subject, told
    ):
        yield advice(
            (*promise.path, "approval"),
            f"an approval holds back what goes to {listed(told)}, who are your own; if they are outsiders, say "
            f"`external: true`, else ask whether it must wait",
        )
