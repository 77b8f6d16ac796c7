"""Hours in which a page could disturb nobody: everybody who has the role is quiet then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from heapq import merge
from itertools import takewhile
from zoneinfo import ZoneInfo

from tocsin.domain.calendar import WEEKDAYS
from tocsin.domain.review.finding import Finding, advice, listed
from tocsin.domain.review.subject import Subject

_LOOKED_AT = timedelta(weeks=1)


def quiet_nights(subject: Subject) -> Iterator[Finding]:
    """Levels that, in incidents which wake nobody, find everybody quiet at once, and no last resort behind them."""
    paging = subject.plan.paging
    if paging.wakes is None or paging.last_resort is not None:
        return
    asleep = [severity for severity in subject.plan.severities if severity not in paging.wakes]
    for promise in subject.promises:
        for duty, path in promise.duties:
            for rung, level in enumerate(duty.page.levels if duty.page is not None else ()):
                when = _first_quiet(subject, level.role) if level.role is not None else None
                if asleep and when is not None:
                    yield _finding(subject, level.role or "", asleep, when, (*path, "levels", rung, "role"))


def _finding(
    subject: Subject, role: str, severities: list[str], when: datetime, path: tuple[str | int, ...]
) -> Finding:
    local = when.astimezone(ZoneInfo(subject.calendar.timezone))
    day = WEEKDAYS[local.weekday()].capitalize()
    return advice(
        path,
        f'on {day} at {local:%H:%M} ({subject.calendar.timezone}) everybody who has role "{role}" has quiet hours, and '
        f"severity {listed(severities)} wakes nobody: such a page then waits; let somebody be disturbed, or name a "
        f"`last_resort`",
    )


def _first_quiet(subject: Subject, role: str) -> datetime | None:
    """The first moment of the coming week at which everybody is quiet: some quiet hours begin then, or a duty ends."""
    begins = datetime.combine(subject.today, time(0), tzinfo=UTC)
    spans = [hours for contact in subject.holders(role).values() for hours in contact.quiet]
    moments = merge(*(each.edges(begins) for each in spans), subject.directory.rota(role).changes(begins))
    ahead = takewhile(lambda moment: moment < begins + _LOOKED_AT, moments) if spans else ()
    return next((moment for moment in ahead if _all_are_quiet(subject, role, moment)), None)


def _all_are_quiet(subject: Subject, role: str, moment: datetime) -> bool:
    people = subject.directory.people
    holders = [people[key] for key in subject.directory.in_turn(role, moment) if key in people]
    return bool(holders) and all(holder.quiet_at(moment) is not None for holder in holders)
