"""Reports as papers for the archive: complete, in words, and readable without Tocsin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from tocsin.domain.case import Case
from tocsin.domain.directory import Contact, Directory
from tocsin.domain.reports import Report
from tocsin.library import PlanLibrary

_KEY = re.compile(r"(?<![\w.+@-])(@@?)([a-z0-9]+(?:-[a-z0-9]+)*)(?![\w-]|\.\w)")


class Papers(Protocol):
    """How a report is put on paper."""

    def of(self, case: Case, report: Report) -> Mapping[str, bytes]:
        """The report as files, by the ending of their names: `{"md": …, "pdf": …}`."""


class MarkdownPapers:
    """Reports in Markdown, with the names of those whom the directory knows at this moment."""

    def __init__(self, library: PlanLibrary) -> None:
        self._library = library

    def of(self, case: Case, report: Report) -> Mapping[str, bytes]:
        """The report in Markdown."""
        drill = "DRILL · " if case.state.is_drill else ""
        about = f"{case.plan.organisation} · incident {case.state.reference}: {case.state.title}"
        stands = f"As it stood at {report.at:%Y-%m-%d %H:%M} UTC."
        lines = [f"## {line.heading}\n\n{line.text}" for line in report.lines]
        text = "\n\n".join([f"# {drill}{report.title}", about, stands, *lines]) + "\n"
        return {"md": self._with_names(case, text).encode()}

    def _with_names(self, case: Case, text: str) -> str:
        known = self._contacts(case)

        def name(found: re.Match[str]) -> str:
            sign, key = found.groups()
            if key not in known:
                return found[0]
            ways = [known[key].email, known[key].phone] if sign == "@@" else []
            return ", ".join([known[key].name, *filter(None, ways)])

        return _KEY.sub(name, text)

    def _contacts(self, case: Case) -> Mapping[str, Contact]:
        """Who is behind each key; nobody, where the plan is not among those of this installation any more."""
        try:
            directory = self._library.directory(case.plan.plan)
        except LookupError:
            return {}
        return _everybody(directory, case.state.customer)


def _everybody(directory: Directory, customer: str | None) -> Mapping[str, Contact]:
    """People go before the members of audiences, and those before customers."""
    known = directory.customers.get(customer or "")
    contacts = {key: Contact(name=each.name) for key, each in directory.customers.items()}
    for members in [*directory.audiences.values(), *(known.audiences.values() if known else ())]:
        contacts |= members
    return contacts | directory.people
