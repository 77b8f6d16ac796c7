"""One incident on one screen, to be understood at three in the morning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from tocsin.cli.tables import width
from tocsin.cli.times import absolute, both, relative
from tocsin.domain import naming
from tocsin.domain.multitudes import in_words
from tocsin.domain.nextactions import NextAction
from tocsin.domain.state import Page
from tocsin.domain.view import IncidentView, LedgerRow
from tocsin.domain.words import Status, Verdict

ACTIONS_SHOWN = 8
"""More than that is not read at a glance; `--all` shows the rest."""


def show(
    view: IncidentView, ledger: Sequence[LedgerRow], now: datetime, *, every_action: bool = False
) -> str:
    """Where an incident stands, what is late, what is due next, who is waited for, and what can be done."""
    blocks = [
        _heading(view, now),
        _deadlines(ledger, now),
        _pages(view, now),
        _actions(view.next_actions, every_action),
        _people(view),
    ]
    return "\n\n".join("\n".join(block) for block in map(list, blocks) if block)


def _heading(view: IncidentView, now: datetime) -> Iterator[str]:
    drill = click.style("DRILL ", fg="magenta", bold=True) if view.is_drill else ""
    status = click.style(str(view.status), fg=_STATUS_COLOURS[view.status], bold=True)
    phase = f"phase {view.phase.label}" if view.phase else "being logged"
    yield f"{drill}{click.style(view.reference, bold=True)}  {status} · {view.severity_title} · {phase}"
    yield click.style(_wrapped(view.title), bold=True)
    customer = f" · customer {view.customer}" if view.customer else ""
    yield _wrapped(f"{view.plan_title} ({view.plan}){customer}")
    yield from _opening(view, now)
    if view.merged_into is not None:
        yield f"merged into {naming.spoken(view.merged_into.id)}: the work goes on there"
    for other in view.merged:
        yield _wrapped(f"with {naming.spoken(other.id)}, which was merged into it: {other.title}")
    if view.follows:
        yield f"follows incident {naming.spoken(view.follows)}"
    if view.is_drill and view.drill_speed > 1:
        yield f"its clock runs {view.drill_speed} times as fast"


def _opening(view: IncidentView, now: datetime) -> Iterator[str]:
    """When it was opened and by whose word; a person's with the channel, and since when they had known."""
    opened = f"opened {absolute(view.opened)}, {relative(view.opened, now)}, by"
    if not view.reporter.is_person:
        yield f"{opened} {view.source}"
        return
    reported = view.reported
    who = f"@{view.reporter}" if not reported.contact else f"{reported.contact} (claimed)"
    yield _wrapped(
        f"{opened} {who}, {reported.kind}, over {_CHANNELS.get(reported.channel, reported.channel)}"
    )
    if reported.knew is not None:
        late = click.style(", REPORTED LATE", fg="red", bold=True) if view.reported_late else ""
        yield f"known to them since {absolute(reported.knew)}{late}"


_CHANNELS = {"cli": "the command line", "phone": "the telephone", "ticket": "a ticket"}

_STATUS_COLOURS = {
    Status.OPEN: "red",
    Status.RESOLVED: "green",
    Status.DISMISSED: "green",
    Status.CLOSED: "green",
}


def _deadlines(ledger: Sequence[LedgerRow], now: datetime) -> Iterator[str]:
    for row in ledger:
        if row.verdict is Verdict.OVERDUE and row.due is not None:
            yield _due("OVERDUE", "red", row, row.due, now)
    pending = [(row.due, row) for row in ledger if row.verdict is Verdict.PENDING and row.due is not None]
    if pending:
        due, row = min(pending, key=lambda each: each[0])
        yield _due("NEXT", "yellow", row, due, now)
    else:
        yield "No deadline is running."


def _due(label: str, colour: str, row: LedgerRow, due: datetime, now: datetime) -> str:
    return f"{click.style(label.ljust(8), fg=colour, bold=True)} {row.title}\n{' ' * 9}due {both(due, now)}"


def _pages(view: IncidentView, now: datetime) -> Iterator[str]:
    waiting = [page for page in view.pages if page.is_open]
    if waiting:
        yield click.style("Nobody has answered yet", fg="red", bold=True)
    for page in waiting:
        yield f"  {naming.page_code(view.id, page.number)}  {_waits_for(page, now)}"
        if page.overdue is not None:
            overdue = click.style("OVERDUE", fg="red", bold=True)
            yield f"           {overdue}: nobody has answered since {absolute(page.opened)}"
        if page.lapsed:
            silent = page.lapsed[-1].by.key
            yield f"           @{silent} had answered, and was not heard of again"
        yield _wrapped(page.reason, "           ")


def _waits_for(page: Page, now: datetime) -> str:
    level = page.levels[page.level]
    again = f", next try {relative(page.next_at, now)}" if page.next_at else ""
    return (
        f"waits for {level.target}, level {page.level + 1} of {len(page.levels)}, round {page.round}{again}"
    )


def _actions(actions: Sequence[NextAction], every_action: bool) -> Iterator[str]:
    if not actions:
        return
    shown = actions if every_action else actions[:ACTIONS_SHOWN]
    yield click.style("What can be done now", bold=True)
    for action in shown:
        yield _wrapped(f"{action.what} – {action.who}", "  ")
        yield click.style(f"      {action.command}", fg="cyan")
    if len(shown) < len(actions):
        yield f"  and {len(actions) - len(shown)} more: --all shows them"


def _people(view: IncidentView) -> Iterator[str]:
    if view.roles:
        held = ", ".join(f"{role.replace('_', ' ')}: {person}" for role, person in view.roles.items())
        yield _wrapped(f"Roles      {held}", "", "           ")
    for vendor in view.vendors:
        if vendor.until is None:
            unused = f", no {' and '.join(vendor.closed)}" if vendor.closed else ""
            yield f"Down       {vendor.title}, since {absolute(vendor.since)}{unused}"
    if open_tasks := [task for task in view.tasks if task.done is None]:
        yield f"Tasks      {len(open_tasks)} open (tocsin task {view.reference})"
    for broadcast in view.broadcasts:
        done = "" if broadcast.done else "under way: "
        yield _wrapped(
            f"Broadcast  {broadcast.id} to {broadcast.audience}, {done}{in_words(broadcast.counts)}"
        )
    for meeting in view.meetings:
        yield f"Meeting    {meeting.title}, {absolute(meeting.starts)}, {meeting.status}"


def _wrapped(text: str, first: str = "", rest: str | None = None) -> str:
    indent = first if rest is None else rest
    return textwrap.fill(text, width(), initial_indent=first, subsequent_indent=indent)
