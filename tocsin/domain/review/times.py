"""Times that are out of proportion: reminders before the clock starts, approvals that can't be asked in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from tocsin.domain.durations import describe
from tocsin.domain.duties import BeforeDue, Terms
from tocsin.domain.plan import Path
from tocsin.domain.review.allowed import first_later, shortest
from tocsin.domain.review.finding import Finding, advice, error, listed
from tocsin.domain.review.subject import Promise, Subject, reached_by


class Before(NamedTuple):
    """Something that is to happen so long before the due time."""

    path: Path
    what: str
    time: timedelta


def out_of_proportion(subject: Subject) -> Iterator[Finding]:
    """Times of a promise that do not fit into one another, and approvals whom nobody can be asked for."""
    for promise in subject.promises:
        yield from _too_early(subject, promise)
        yield from _impacts(subject, promise)
        yield from _approval(subject, promise)


def _too_early(subject: Subject, promise: Promise) -> Iterator[Finding]:
    """What should happen before the clock starts happens when it starts: everything at once.

    In a series, the clock of each starts when the one before it is due.
    """
    allowed = {severity: _least(subject, terms) for severity, terms in promise.terms.items()}
    for before in _befores(promise):
        short = [severity for severity, time in allowed.items() if time < before.time]
        if short:
            weight = error if len(short) == len(allowed) else advice
            under = "" if len(short) == len(allowed) else f" under severity {listed(short)}"
            yield weight(
                (*promise.path, *before.path),
                f"{describe(before.time)} before it is due, its clock does not run yet{under}: {before.what} at once; "
                f"write less",
            )


def _befores(promise: Promise) -> Iterator[Before]:
    spec = promise.spec
    if isinstance(spec.begin, BeforeDue):
        yield Before(("begin", "before_due"), "it begins", spec.begin.before_due)
    for index, time in enumerate(spec.remind):
        yield Before(("remind", index), "whoever owes something is reminded", time)
    if spec.escalate is not None:
        yield Before(
            ("escalate", "before_due"), f'role "{spec.escalate.to}" is paged', spec.escalate.before_due
        )
    if spec.approval is not None and spec.approval.page_before is not None:
        what = f'role "{spec.approval.role}" is paged for approval'
        yield Before(("approval", "page_before"), what, spec.approval.page_before)


def _least(subject: Subject, terms: Terms) -> timedelta:
    """How little time a promise may have: of a series, also between two of it."""
    assert terms.within is not None
    within = shortest(subject.calendar, subject.today, terms.within)
    return within if terms.every is None else min(within, terms.every)


def _impacts(subject: Subject, promise: Promise) -> Iterator[Finding]:
    """An impact that allows as much as the severity does, or more, changes nothing."""
    for severity, terms in promise.terms.items():
        for impact, time in terms.by_impact.items():
            assert terms.within is not None
            if first_later(subject.calendar, subject.today, terms.within, time) is None:
                own = promise.spec.by_severity.get(severity, Terms()).by_impact
                place = ("by_severity", severity, "by_impact", impact) if own else ("by_impact", impact)
                yield advice(
                    (*promise.path, *place),
                    f'impact "{impact}" allows {describe(time)} where severity "{severity}" already allows only '
                    f"{describe(terms.within)}; the shorter holds, so this changes nothing",
                )


def _approval(subject: Subject, promise: Promise) -> Iterator[Finding]:
    approval = promise.spec.approval
    first = next(iter(subject.holders(approval.role).items()), None) if approval else None
    if approval is None or first is None:
        return
    key, person = first
    if not reached_by(person, approval.via):
        yield error(
            (*promise.path, "approval", "via"),
            f'{key}, who approves "{promise.spec.id}", has no address for {listed(list(approval.via))}: nothing could '
            f"ever leave; give them one in the directory",
        )
    begin = promise.spec.begin
    if (
        approval.page_before is not None
        and isinstance(begin, BeforeDue)
        and begin.before_due < approval.page_before
    ):
        yield advice(
            (*promise.path, "approval", "page_before"),
            f"approval is asked for when it begins, {describe(begin.before_due)} before it is due, so {key} is paged "
            f"with the first question; begin earlier, or page later",
        )
    if approval.page_before is not None and not reached_by(person, ("sms", "phone")):
        yield error(
            (*promise.path, "approval", "page_before"),
            f'{key}, who approves "{promise.spec.id}", can\'t be paged without a telephone number; give them one in '
            f"the directory",
        )
