"""Reports as papers for the archive: complete, with names, and readable without Tocsin."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol
from zoneinfo import ZoneInfo

from tocsin.domain.case import Case
from tocsin.domain.picturing import picture_of
from tocsin.domain.reports import Line, Report
from tocsin.library import PlanLibrary
from tocsin.mentions import Contacts, everybody, named
from tocsin.pdf import NotPrintable, Paper, to_pdf
from tocsin.picture import draw, told

_log = logging.getLogger(__name__)


class Papers(Protocol):
    """How a report is put on paper."""

    def of(self, case: Case, report: Report) -> Mapping[str, bytes]:
        """The report as files, by the ending of their names: `{"md": …, "pdf": …}`; the same each time."""


class MarkdownPapers:
    """Reports in Markdown, with the names of those whom the directory knows at this moment."""

    def __init__(self, library: PlanLibrary) -> None:
        self._library = library

    def of(self, case: Case, report: Report) -> Mapping[str, bytes]:
        """The report in Markdown."""
        about = f"{case.plan.organisation} · incident {case.state.reference}: {case.state.title}"
        stands = f"As it stood at {report.at:%Y-%m-%d %H:%M} UTC."
        drill = "DRILL · " if case.state.is_drill else ""
        whole = "\n\n".join([f"# {drill}{report.title}", about, stands, self.body(case, report)])
        return {"md": f"{whole}\n".encode()}

    def body(self, case: Case, report: Report) -> str:
        """The report's lines in Markdown."""
        lines = "\n\n".join(f"## {line.heading}\n\n{_text_of(line)}" for line in report.lines)
        return named(lines, self._contacts(case))

    def _contacts(self, case: Case) -> Contacts:
        """Who is behind each key; nobody, where the plan is not among those of this installation any more."""
        try:
            directory = self._library.directory(case.plan.plan)
        except LookupError:
            return {}
        return everybody(directory, case.state.customer)


class PrintedPapers(MarkdownPapers):
    """The same, and as PDF with the picture of what happened. A report that cannot be printed is there in Markdown."""

    def of(self, case: Case, report: Report) -> Mapping[str, bytes]:
        """The report in Markdown and as PDF."""
        try:
            printed = {"pdf": to_pdf(self._paper(case, report))}
        except NotPrintable as error:
            _log.error(
                "incident %s: report %s is archived without a PDF: %s", case.state.id, report.id, error
            )
            printed = {}
        return {**super().of(case, report), **printed}

    def _paper(self, case: Case, report: Report) -> Paper:
        zone, picture = ZoneInfo(case.plan.calendar.timezone), picture_of(case, report.at)
        state = case.state
        return Paper(
            title=f"[{state.reference}] {report.title}: {state.title}",
            organisation=case.plan.organisation,
            reference=state.reference,
            at=report.at.astimezone(zone),
            body=self.body(case, report),
            facts=f"{case.plan.severities[state.severity].title} · {state.status}",
            foot=f"{case.plan.title} · {state.title}",
            drill="This was a drill. Nothing had happened." if state.is_drill else "",
            picture=draw(picture, zone),
            told=told(picture, zone),
        )


def _text_of(line: Line) -> str:
    """What is not known stands out."""
    return f"*{line.text}*" if line.owed_by else line.text
