"""Hours that a role must cover and none of its holders works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tocsin.domain.calendar import WEEKDAYS, BusinessCalendar, PersonalHours
from tocsin.domain.hours import RecurringHours
from tocsin.domain.review.finding import Finding, error
from tocsin.domain.review.subject import Subject

Span = tuple[datetime, datetime]
"""From and until, in UTC."""

Worked = PersonalHours | RecurringHours
"""What somebody works: by their own hours, or by a shift."""

Cover = Literal["24/7", "working hours"]

_WEEKS = 53
"""A year of weeks: the clocks of a plan and of its people need not change on the same day."""

_SHOWN = 3
"""How many kinds of week are told apart in a message."""


def uncovered_hours(subject: Subject) -> Iterator[Finding]:
    """Roles whose `cover` is more than the hours of all of their holders and shifts together."""
    for name, role in subject.plan.roles.items():
        hours = list(_hours_in(subject, name))
        known = [each for each in hours if each is not None]
        if role.cover is None or not hours or len(known) < len(hours):
            continue  # nobody holds it, which is found elsewhere; or somebody does who always works
        if missing := _missing(subject, role.cover, known):
            yield error(
                ("roles", name, "cover"),
                f'nobody who holds role "{name}" works {missing} ({subject.calendar.timezone}), and its cover is '
                f"{role.cover}: a page then reaches people who are off; give somebody those hours, or say what "
                f"cover was agreed",
            )


def _hours_in(subject: Subject, role: str) -> Iterator[Worked | None]:
    """The hours of each holder and shift of a role; `None` for somebody who always works."""
    rota, people = subject.directory.rota(role), subject.directory.people
    yield from (people[key].hours for key in rota.holders if key in people)
    yield from rota.shifts


def _missing(subject: Subject, cover: Cover, people: list[Worked]) -> str:
    """The hours without cover, local to the plan; where weeks differ, the commonest, each with such a week."""
    first = subject.today - timedelta(days=subject.today.weekday())
    seen: Counter[str] = Counter()
    example: dict[str, date] = {}
    for monday in (first + timedelta(weeks=week) for week in range(_WEEKS)):
        if gaps := _gaps(subject.calendar, cover, people, monday):
            seen[gaps] += 1
            example.setdefault(gaps, monday)
    common = [gaps for gaps, _ in seen.most_common(_SHOWN)]
    if len(common) == 1 and seen.total() == _WEEKS:
        return common[0]
    return "; ".join(f"{gaps} (as in the week of {example[gaps]})" for gaps in common)


def _gaps(calendar: BusinessCalendar, cover: Cover, people: list[Worked], monday: date) -> str:
    wanted = list(_spans(_hours_of(calendar, cover), monday, range(7)))
    # A day of somebody far east or west begins or ends on another day of the plan's.
    covered = sorted(span for hours in people for span in _spans(hours, monday, range(-2, 9)))
    gaps = [gap for span in wanted for gap in _without(span, covered)]
    return ", ".join(_in_words(gap, calendar.zone) for gap in _joined(gaps))


def _hours_of(calendar: BusinessCalendar, cover: Cover) -> PersonalHours:
    if cover == "24/7":
        return PersonalHours(timezone=calendar.timezone)
    return PersonalHours(timezone=calendar.timezone, week=calendar.week, hours=calendar.hours)


def _spans(hours: Worked, monday: date, days: range) -> Iterator[Span]:
    zone, opens, closes = ZoneInfo(hours.timezone), hours.hours.opens, hours.hours.closes
    for day in (monday + timedelta(days=offset) for offset in days):
        if WEEKDAYS[day.weekday()] in hours.week:
            last = day + timedelta(days=1) if closes <= opens else day
            yield _instant(day, opens, zone), _instant(last, closes, zone)


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def _without(span: Span, covered: list[Span]) -> Iterator[Span]:
    """What is left of a span; `covered` is sorted."""
    begins, ends = span
    for opens, closes in covered:
        if opens >= ends:
            break
        if opens > begins:
            yield begins, opens
        begins = max(begins, closes)
    if begins < ends:
        yield begins, ends


def _joined(gaps: list[Span]) -> list[Span]:
    """Gaps that follow one another without a pause, as one."""
    joined: list[Span] = []
    for begins, ends in gaps:
        follows = bool(joined) and joined[-1][1] == begins
        joined.append((joined.pop()[0] if follows else begins, ends))
    return joined


def _in_words(span: Span, zone: ZoneInfo) -> str:
    """Such as `Mon 17:00–19:00` or `Sat 00:00–Sun 24:00`."""
    begins, ends = (moment.astimezone(zone) for moment in span)
    last, until = ends.date(), f"{ends:%H:%M}"
    if ends.time() == time(0):
        last, until = last - timedelta(days=1), "24:00"
    day = "" if last == begins.date() else f"{_weekday(last)} "
    return f"{_weekday(begins.date())} {begins:%H:%M}–{day}{until}"


def _weekday(day: date) -> str:
    return WEEKDAYS[day.weekday()].capitalize()
