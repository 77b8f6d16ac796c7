"""What an incident leaves behind, file by file, beside its timeline:

incident.json          everything that was known at the end
ledger.json            every promise with its clause, due time and verdict
messages.json          every message and how far it came
plan.json              the version of the plan that it ran, with the plan's own templates; its SHA-256 is the version
calendar.json          the working days that its due times were counted in
reports/<report>.md    each of the plan's reports as it stood at the end, with names
evidence/<sha256>      the contents that were kept
evidence.json          what they are: whence, when, by whom
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel
from pydantic_core import to_json

from tocsin.domain.case import Case
from tocsin.domain.reports import assemble
from tocsin.domain.state import Entry, Evidence
from tocsin.domain.view import ledger
from tocsin.evidence import Altered, EvidenceStore
from tocsin.files import write_whole
from tocsin.manifest import EVIDENCE
from tocsin.papers import Papers

_log = logging.getLogger(__name__)


class KeptEvidence(Evidence):
    """A piece of evidence, and whether its content was in the store when the incident was archived."""

    kept: bool


@dataclass(frozen=True)
class Dossier:
    """An incident that is over: its case, its whole timeline, and the stored version of its plan."""

    case: Case
    timeline: tuple[Entry, ...]
    plan: bytes

    def write(self, folder: Path, papers: Papers, store: EvidenceStore) -> None:
        """Put everything below `folder`; what is there already comes to the same. Raises `OSError`."""
        kept = [KeptEvidence(**dict(piece), kept=_bring(store, piece, folder)) for piece in self._evidence]
        for name, content in (*self._records(kept), *self._reports(papers)):
            write_whole(folder / name, content)

    @property
    def _evidence(self) -> Iterable[Evidence]:
        return self.case.state.evidence.values()

    def _records(self, kept: list[KeptEvidence]) -> Iterator[tuple[str, bytes]]:
        state = self.case.state
        yield "incident.json", _as_json(state)
        yield "ledger.json", _as_json(ledger(self.case))
        yield "messages.json", _as_json(list(state.messages.values()))
        yield "plan.json", self.plan
        yield "calendar.json", _as_json(self.case.calendar)
        if kept:
            yield "evidence.json", _as_json(kept)

    def _reports(self, papers: Papers) -> Iterator[tuple[str, bytes]]:
        """The reports as of the last entry, so that those of a second try are the same."""
        whole = self.case.state.model_copy(update={"timeline": list(self.timeline)})
        case = Case(plan=self.case.plan, calendar=self.case.calendar, state=whole)
        at = self.timeline[-1].at if self.timeline else whole.opened
        for name in case.plan.reports:
            for ending, content in papers.of(case, assemble(case, name, at)).items():
                yield f"reports/{name}.{ending}", content


def _bring(store: EvidenceStore, piece: Evidence, folder: Path) -> bool:
    """Put a content into the archive, as a second name of the store's file where that is possible.

    One that the store does not have is said to be missing: an incident is not kept from closing by it.
    """
    source, target = store.path(piece.sha256), folder / EVIDENCE / piece.sha256
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return True
    try:
        os.link(source, target)
    except FileNotFoundError:
        _log.error("evidence %d of an incident is not in the store: there is no %s", piece.number, source)
        return False
    except OSError:
        _copy(store, piece.sha256, target)
    return True


def _copy(store: EvidenceStore, sha256: str, target: Path) -> None:
    """The content again, where the file system has no second names; one that was altered as it is, for all to see."""
    incoming = target.with_name(f".{sha256}")
    with incoming.open("wb") as file:
        try:
            store.write_to(sha256, file)
        except Altered as error:
            _log.error("archived as it is: %s", error)
        file.flush()
        os.fsync(file.fileno())
    incoming.rename(target)


def _as_json(value: BaseModel | Iterable[BaseModel]) -> bytes:
    return to_json(value, indent=2) + b"\n"
