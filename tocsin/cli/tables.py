"""Lists, as people read them: aligned columns, the last of which wraps at the width of the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import click

from tocsin.cli.incidents import Execution
from tocsin.cli.times import relative, short
from tocsin.domain import naming
from tocsin.domain.state import Entry, Meeting, Task
from tocsin.domain.view import LedgerRow
from tocsin.domain.words import Verdict

NARROWEST_LAST_COLUMN = 24

_COLOURS: Mapping[str, str] = {
    Verdict.OVERDUE: "red",
    Verdict.MISSED: "red",
    Verdict.LATE: "yellow",
    Verdict.MET: "green",
    "OVERDUE": "red",
    "open": "yellow",
    "failed for good": "red",
    "no answer": "yellow",
    "failed for now": "yellow",
    "held back": "yellow",
    "delivered": "green",
    "answered": "green",
}


def width() -> int:
    """The columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def counted(number: int, what: str) -> str:
    """Such as `1 text`, `2,000 texts`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], nothing: str) -> str:
    """Rows under their headings, or `nothing`. The last column takes what is left, and wraps."""
    cells = [list(map(str, row)) for row in rows]
    if not cells:
        return nothing
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    left = max(width() - sum(widths[:-1]) - 2 * (len(widths) - 1), NARROWEST_LAST_COLUMN)
    heading = click.style(_line(headings, widths), bold=True)
    return "\n".join([heading, *(_row(row, widths, left) for row in cells)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)).rstrip()


def _row(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    *first, last = cells
    indent = sum(widths[:-1]) + 2 * len(first)
    start = "".join(_coloured(cell, size) + "  " for cell, size in zip(first, widths, strict=False))
    lines = textwrap.wrap(last, left) or [""]
    return (start + f"\n{' ' * indent}".join(lines)).rstrip()


def _coloured(cell: str, size: int) -> str:
    colour = _COLOURS.get(cell)
    return click.style(cell.ljust(size), fg=colour) if colour else cell.ljust(size)


def incidents(executions: Sequence[Execution], now: datetime) -> str:
    """Incidents, one a line."""
    rows = [
        (
            naming.spoken(each.incident or ""),
            each.status if each.is_running else "closed" if each.status == "resolved" else each.status,
            each.severity,
            each.phase[:1],
            _deadline(each, now),
            each.plan,
            each.title,
        )
        for each in executions
    ]
    headings = ("REF", "STATUS", "SEVERITY", "PHASE", "NEXT DEADLINE", "PLAN", "TITLE")
    return table(headings, rows, "no incident is open")


def _deadline(execution: Execution, now: datetime) -> str:
    if not execution.is_running:
        return "–"
    if execution.is_overdue:
        return "OVERDUE"
    return relative(execution.next_deadline, now) if execution.next_deadline else "–"


def ledger(rows: Sequence[LedgerRow]) -> str:
    """Every promise with its clause, due time, verdict and reason."""
    cells = [
        (short(row.due), str(row.verdict), row.key, "; ".join([*_why(row), *_what_was(row)])) for row in rows
    ]
    return table(("DUE (UTC)", "VERDICT", "OBLIGATION", "CLAUSE; REASON"), cells, "nothing is promised")


def _why(row: LedgerRow) -> Iterator[str]:
    yield row.clause
    if row.reason:
        yield row.reason
    if row.agreement:
        yield f"breaks {row.agreement}"


def _what_was(row: LedgerRow) -> Iterator[str]:
    """What corrections have overtaken: it stays beside what holds now."""
    for change in row.changes:
        yield f"was due {short(change.due)} until {short(change.replaced)}: {change.reason}"
    for judgement in row.judgements:
        yield f"was {judgement.verdict} until {short(judgement.replaced)}: {judgement.reason}"


def timeline(entries: Sequence[Entry]) -> str:
    """What happened, with the time and who said so."""
    rows = [(f"{entry.at:%m-%d %H:%M:%S}", str(entry.by), entry.text) for entry in entries]
    before = entries[0].number - 1 if entries else 0
    earlier = f"{before} earlier entries are not shown\n" if before else ""
    return earlier + table(("TIME (UTC)", "WHO", "WHAT"), rows, "nothing is on the timeline yet")


def tasks(known: Sequence[Task], now: datetime) -> str:
    """Tasks with who does them and by when."""
    rows = [(str(task.number), _state(task, now), str(task.assignee), task.title) for task in known]
    return table(("N", "STATE", "WHO", "TASK"), rows, "there are no tasks")


def _state(task: Task, now: datetime) -> str:
    if task.done is not None:
        return f"done {short(task.done)}"
    return f"due {relative(task.due, now)}" if task.due else "open"


def meetings(known: Sequence[Meeting], now: datetime) -> str:
    """Meetings with their times and what came of them."""
    rows = [
        (
            meeting.id,
            meeting.status,
            f"{short(meeting.starts)} ({relative(meeting.starts, now)})",
            " – ".join(filter(None, (meeting.title, meeting.outcome))),
        )
        for meeting in known
    ]
    return table(("MEETING", "STATUS", "STARTS (UTC)", "WHAT"), rows, "no meeting has been called")
