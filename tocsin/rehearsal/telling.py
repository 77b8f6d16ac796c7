"""A rehearsal as people read it in a terminal: what happened when, what each party received, and the ledger."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import click

from tocsin.cli.tables import table, width
from tocsin.cli.times import length
from tocsin.domain.view import LedgerRow
from tocsin.domain.words import Verdict
from tocsin.rehearsal.result import Received, Result, TimelineEntry, offset

TEXT_LINES = 4
"""How many lines of a message are shown, unless the whole is asked for."""

TOGETHER = timedelta(seconds=5)
"""What was sent, and arrived, within so short a time is one line."""

_SENT = re.compile(r"(?P<channel>email|sms|phone) (?P<id>\S+) to @?(?P<to>[^\s(]+)")
_UTC = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:\d{2})? UTC")
_OWED = re.compile(r"\((?P<key>[^()\s]+)\): (?P<now>now )?due (?P<due>[\d-]+ [\d:]+) UTC, (?P<why>.*)")

_COLOURS = {
    "acknowledged": "green",
    "closed": "green",
    "resolved": "green",
    "overdue": "red",
    "not sent": "red",
    "refused": "red",
    "phase": "cyan",
}
_VERDICTS = {
    Verdict.MET: "green",
    Verdict.LATE: "yellow",
    Verdict.MISSED: "red",
    Verdict.OVERDUE: "red",
}


def told(result: Result, *, whole: bool = False) -> str:
    """The rehearsal from its heading to the ledger; `whole` shows every message to its last line."""
    teller = _Teller(result)
    parts = [teller.heading(), teller.timeline(), teller.messages(whole), teller.ledger(), teller.surprises()]
    return "\n\n".join(filter(None, parts))


class _Teller:
    def __init__(self, result: Result) -> None:
        self._result = result
        self._zone = ZoneInfo(result.timezone)

    def heading(self) -> str:
        """What was rehearsed, when it would be, and how it went."""
        result = self._result
        view = result.view
        lasted = length(result.ended - result.began)
        return "\n".join(
            [
                click.style(f"Rehearsal  {result.title}", bold=True),
                f"           {result.plan_title} · {result.organisation} (plan {result.plan})",
                f"Incident   {view.reference}  {view.title}",
                f"Begins     {_day(self._local(result.began))}, {self._local(result.began):%H:%M} {result.timezone}",
                f"Ends       {view.status}, {lasted} later, as {view.severity_title}: {self._verdicts()}",
            ]
        )

    def _verdicts(self) -> str:
        rows = self._result.ledger
        counted = [(verdict, sum(row.verdict is verdict for row in rows)) for verdict in Verdict]
        return ", ".join(
            click.style(f"{number} {verdict}", fg=_VERDICTS.get(verdict))
            for verdict, number in counted
            if number
        )

    # What happened

    def timeline(self) -> str:
        """Every entry under its day, with what belongs together on one line."""
        lines = [click.style("What happens", bold=True)]
        for day, entries in groupby(self._result.timeline, key=lambda entry: self._local(entry.at).date()):
            lines += ["", click.style(_day(day), underline=True)]
            lines += [line for group in _together(list(entries)) for line in self._told(group)]
        return "\n".join(lines)

    def _told(self, group: list[TimelineEntry]) -> Iterator[str]:
        first = group[0]
        kind = first.kind
        if kind in {"sent", "delivery"}:
            yield from self._line(first, _sent(group), "bright_black")
        elif kind == "owed":
            yield from self._line(first, self._owed(group), "bright_black")
        else:
            who = f"{first.by}: " if first.by.is_person else ""
            text = _UTC.sub(lambda found: self._by_the_wall(found.group()), first.text)
            yield from self._line(first, f"{who}{text}", _colour(first))

    def _line(self, entry: TimelineEntry, text: str, colour: str | None) -> Iterator[str]:
        start = f"  {self._local(entry.at):%H:%M:%S}  {_offset(entry.offset):>12}  "
        wrapped = textwrap.wrap(text, max(width() - len(start), 40)) or [""]
        yield start + click.style(wrapped[0], fg=colour)
        yield from (" " * len(start) + click.style(line, fg=colour) for line in wrapped[1:])

    def _owed(self, group: list[TimelineEntry]) -> str:
        """Such as `owed: customer-soc within 15 min, first-response within 24 h`."""
        return "owed: " + ", ".join(self._due(entry) for entry in group)

    def _due(self, entry: TimelineEntry) -> str:
        """Such as `final-report in 3 h`; with the reason where it was due at another time before."""
        found = _OWED.search(entry.text)
        if found is None:
            return entry.text
        due = datetime.fromisoformat(found["due"]).replace(tzinfo=UTC)
        when = f"in {length(offset(due, entry.at))}" if due > entry.at else "already due"
        return f"{found['key']} {when}" + (f" ({found['why']})" if found["now"] else "")

    def _by_the_wall(self, utc: str) -> str:
        """A time in UTC, as entries have it, by the clock of the plan's own time zone."""
        moment = datetime.fromisoformat(utc.removesuffix(" UTC")).replace(tzinfo=UTC)
        return f"{self._local(moment):%a %d %b %H:%M}"

    # What each party received

    def messages(self, whole: bool) -> str:
        """The messages, by party, the one that heard first at the top."""
        parties = dict.fromkeys(message.to for message in self._result.messages)
        lines = [click.style("What they receive", bold=True)]
        for party in parties:
            received = self._result.to(party)
            lines += ["", click.style(f"{received[0].name} ({party})", underline=True)]
            lines += [line for message in received for line in self._message(message, whole)]
        return "\n".join(lines)

    def _message(self, message: Received, whole: bool) -> Iterator[str]:
        answer = f', answered "{message.answer}"' if message.answer else ""
        files = (
            f", with {', '.join(file.name for file in message.attachments)}" if message.attachments else ""
        )
        subject = f"  {message.subject}" if message.subject else ""
        head = f"  {_offset(message.offset):>12}  {message.channel:<5}  {message.purpose:<10}"
        yield f"{head}{subject}  [{message.state}{answer}{files}]"
        for line in _lines(message.text, whole):
            yield textwrap.fill(line, width(), initial_indent=" " * 16, subsequent_indent=" " * 16)

    # What was promised

    def ledger(self) -> str:
        """Every promise, with its due time in the plan's own time zone."""
        rows = [
            (
                f"{self._local(row.due):%a %d %b %H:%M}" if row.due else "–",
                str(row.verdict),
                row.key,
                "; ".join(filter(None, (row.clause, row.reason, *self._overtaken(row)))),
            )
            for row in self._result.ledger
        ]
        headings = (f"DUE ({self._result.timezone})", "VERDICT", "PROMISE", "CLAUSE; REASON")
        return click.style("What was promised", bold=True) + "\n\n" + table(headings, rows, "nothing")

    def _overtaken(self, row: LedgerRow) -> Iterator[str]:
        """What corrections have overtaken: it stays beside what holds now."""
        for change in row.changes:
            yield f"was due {self._local(change.due):%a %d %b %H:%M}: {change.reason}"
        for judgement in row.judgements:
            yield f"was {judgement.verdict}: {judgement.reason}"

    def surprises(self) -> str:
        """What somebody said and was refused, and what went otherwise than the scenario says."""
        lines = [
            f"  {_offset(each.offset):>12}  {each.who}: {each.line}\n{' ' * 16}{each.outcome}"
            + (f": {each.reason}" if each.reason else "")
            + (f" (the scenario says {each.expected})" if not each.is_as_expected else "")
            for each in (*self._result.refusals, *self._result.surprises)
        ]
        return (
            "\n".join([click.style("What was refused", bold=True), "", *dict.fromkeys(lines)])
            if lines
            else ""
        )

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone)


def _together(entries: list[TimelineEntry]) -> list[list[TimelineEntry]]:
    """Entries in order; what was sent and arrived within seconds is one group, and so is what became owed at once."""
    groups: list[list[TimelineEntry]] = []
    open_groups: dict[str, list[TimelineEntry]] = {}
    for entry in entries:
        kind = _GROUPED.get(entry.kind)
        group = open_groups.get(kind) if kind else None
        if group is not None and entry.at - group[0].at <= TOGETHER:
            group.append(entry)
            continue
        groups.append([entry])
        if kind:
            open_groups[kind] = groups[-1]
    return groups


_GROUPED = {"sent": "post", "delivery": "post", "owed": "owed"}


def _sent(group: list[TimelineEntry]) -> str:
    """Such as `→ sms to dana delivered, email to robin and lee delivered`."""
    states: dict[str, list[str]] = {}
    for entry in group:
        if found := _SENT.match(entry.text):
            known = states.setdefault(found["id"], [found["to"], found["channel"], "sent"])
            if entry.kind == "delivery":
                known[2] = entry.text[found.end() :].strip().partition(":")[0]
    alike: dict[tuple[str, str], list[str]] = {}
    for to, channel, state in states.values():
        alike.setdefault((channel, state), []).append(to)
    told = (f"{channel} to {', '.join(dict.fromkeys(to))} {state}" for (channel, state), to in alike.items())
    return "→ " + "; ".join(told)


def _colour(entry: TimelineEntry) -> str | None:
    if entry.kind == "verdict":
        return next((colour for verdict, colour in _VERDICTS.items() if f"): {verdict}" in entry.text), None)
    return _COLOURS.get(entry.kind)


def _offset(after: timedelta) -> str:
    return f"+{length(after)}" if after else "0"


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


def _lines(text: str, whole: bool) -> Iterable[str]:
    lines = [line.rstrip() for line in text.splitlines() if whole or line.strip()]
    shown = lines if whole else lines[:TEXT_LINES]
    more = [f"… {len(lines) - len(shown)} more lines"] if len(shown) < len(lines) else []
    return [*shown, *more]
