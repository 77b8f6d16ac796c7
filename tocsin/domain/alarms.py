"""When the incident next needs the time: derived from its state, so that a new run sets the same timers again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tocsin.domain import alerts, answering, obligations, tasks
from tocsin.domain.base import Moment, Value
from tocsin.domain.case import Case


class Alarm(Value):
    """One durable timer: its name, its moment, and what an operator reads beside it."""

    key: str
    at: Moment
    summary: str


def alarms(case: Case, now: datetime) -> dict[str, Alarm]:
    """Every timer that should run, by name."""
    if case.state.phase is None:
        return {}
    return {
        alarm.key: alarm
        for alarm in (
            *_obligations(case, now),
            *_pages(case),
            *_tasks(case, now),
            *_messages(case),
            *_silence(case),
        )
    }


def _obligations(case: Case, now: datetime) -> Iterator[Alarm]:
    for obligation in case.state.obligations.values():
        at = obligations.next_moment(case, obligation, now)
        if at is not None:
            spec = case.plan.obligation(obligation.spec)
            what = {obligation.begins: "begins", obligation.due: "due"}.get(
                at, "reminder" if at < obligation.due else "grace ends"
            )
            summary = f"{what}: {spec.title} ({obligation.key}) — {spec.clause}"
            yield Alarm(key=f"obligation {obligation.key}", at=at, summary=summary)


def _pages(case: Case) -> Iterator[Alarm]:
    for page in case.state.pages.values():
        if (until := answering.holds_until(case, page)) is not None and page.acknowledged is not None:
            silent = f"page {page.number}: ask again if nothing was heard of {page.acknowledged.by.key}"
            yield Alarm(key=f"page {page.number}", at=until, summary=silent)
        if page.is_open and page.next_at is not None:
            summary = f"page {page.number}: next try if {page.levels[page.level].target} has not answered"
            yield Alarm(key=f"page {page.number}", at=page.next_at, summary=summary)


def _tasks(case: Case, now: datetime) -> Iterator[Alarm]:
    for task in case.state.tasks.values():
        at = min((moment for moment in tasks.moments(case, task) if moment > now), default=None)
        if at is not None:
            what = "due" if at == task.due else "reminder"
            summary = f"{what}: task {task.number}, {task.title}"
            yield Alarm(key=f"task {task.number}", at=at, summary=summary)


def _silence(case: Case) -> Iterator[Alarm]:
    at = alerts.calm_at(case)
    if at is not None:
        does = (
            "resolve it" if case.state.handling.when_resolved == "resolve" else "ask whether it is resolved"
        )
        yield Alarm(key="silence", at=at, summary=f"{does} if every alert stays silent until then")


def _messages(case: Case) -> Iterator[Alarm]:
    for message in case.state.messages.values():
        if message.retry_at is not None:
            summary = f"{message.channel} {message.id}: try again, {message.detail}"
            yield Alarm(key=f"message {message.id}", at=message.retry_at, summary=summary)
        elif message.moves_on_at is not None:
            summary = f"{message.channel} {message.id}: {message.fallbacks[0]} too, if not delivered by then"
            yield Alarm(key=f"message {message.id}", at=message.moves_on_at, summary=summary)
