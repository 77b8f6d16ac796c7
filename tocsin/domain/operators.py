"""An incident in the Temporal UI: a line and a page of Markdown, for an operator who knows nothing of the code."""

from __future__ import annotations

from datetime import datetime

from tocsin.domain import phases, vendors
from tocsin.domain.case import Case
from tocsin.domain.nextactions import whom
from tocsin.domain.view import LedgerRow, ledger, next_deadline
from tocsin.domain.words import Verdict

_GAP = "\u00a0\u00a0"  # the UI leaves no room between the columns of a table

NEWEST = 10
"""How many timeline entries are shown."""


def summary(case: Case) -> str:
    """One line that never changes: what an operator reads beside the workflow's id."""
    drill = "DRILL " if case.state.is_drill else ""
    return f"{drill}{case.state.reference} · {case.plan.plan} · {case.state.title}"


def details(case: Case, now: datetime) -> str:
    """Where the incident stands at `now`: what is to be done, the ledger, and what happened last."""
    return "\n".join([*_head(case), "", *_to_do(case), "", *_ledger(case), "", *_newest(case)])


def _head(case: Case) -> list[str]:
    state, deadline = case.state, next_deadline(case)
    phase = state.phase.label if state.phase else "not begun"
    return [
        f"## {'DRILL: ' if state.is_drill else ''}{state.reference}: {_one_line(state.title)}",
        f"**{state.status}** · phase **{phase}** · severity **{case.plan.severities[state.severity].title}** · "
        f"plan **{case.plan.title}**",
        "",
        f"Next deadline: **{deadline:%Y-%m-%d %H:%M:%S} UTC**" if deadline else "Nothing is due now.",
        *_down(case),
    ]


def _down(case: Case) -> list[str]:
    lines = []
    for vendor in vendors.views(case):
        if vendor.until is None:
            unused = f"; not used meanwhile: {', '.join(vendor.closed)}" if vendor.closed else ""
            lines += ["", f"**{vendor.title}** is down since {vendor.since:%Y-%m-%d %H:%M} UTC{unused}."]
    return lines


def _to_do(case: Case) -> list[str]:
    waiting = [page for page in case.state.pages.values() if page.is_open]
    lines = [
        f"- page {page.number} waits for {whom(case, page.levels[page.level].target)}"
        + (", **overdue**: nobody has answered" if page.overdue else "")
        for page in waiting
    ]
    lines += [f"- {step.title} ({case.plan.roles[step.role].title})" for step in phases.open_steps(case)]
    tasks = [task for task in case.state.tasks.values() if task.done is None]
    lines += [f"- {_one_line(task.title)} ({whom(case, task.assignee)})" for task in tasks]
    return ["### To do now", *(lines or ["Nothing."])]


def _ledger(case: Case) -> list[str]:
    rows = ledger(case)
    armed = [row for row in rows if row.due is not None]
    still = [f"{row.title} ({row.reason})" for row in rows if row.due is None]
    table = ["| due (UTC) | verdict | promise | reason |", "| --- | --- | --- | --- |", *map(_row, armed)]
    return ["### Ledger", *table, "", f"Not started: {'; '.join(still)}." if still else ""]


def _row(row: LedgerRow) -> str:
    verdict = (
        f"**{row.verdict}**"
        if row.verdict in {Verdict.OVERDUE, Verdict.LATE, Verdict.MISSED}
        else row.verdict
    )
    reason = _one_line(row.reason).replace("|", "\\|")
    cells = (f"{row.due:%m-%d %H:%M:%S}", verdict, f"{row.title} ({row.key})", reason)
    return "| " + " | ".join(f"{cell}{_GAP}" for cell in cells) + " |"


def _newest(case: Case) -> list[str]:
    entries = case.state.timeline[-NEWEST:]
    lines = [f"- {entry.at:%m-%d %H:%M:%S} {_one_line(entry.text)} — {entry.by}" for entry in entries]
    return ["### Newest on the timeline", *lines]


def _one_line(text: str) -> str:
    return " ".join(text.split())
