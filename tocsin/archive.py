"""The archive on disk: every incident logged before anything is done about it, and its whole record once it is over.

    <state>/keys/<key>.jsonl            the incidents under one alert key, oldest first
    <state>/incidents/<id>/record.json  that it exists, since when, under which version of which plan
                          timeline.jsonl  what happened, entry by entry, each chained to the one before by its hash
                          history/        the histories of its workflows, where somebody saved them
                          …               everything else, once the incident is over (`tocsin.dossier`)
                          manifest.json   every file with its hash; last, and from then on nothing is writable
    <state>/seals.jsonl                 the hash of every manifest, in a chain of its own

Temporal's history is the durable record while an incident runs; the archive is its copy, and what is left when
Temporal's retention has ended. So a disk that fails is logged and stops no page.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from tocsin import chain, sealing
from tocsin.domain import naming
from tocsin.domain.case import Case
from tocsin.domain.messages import ArchiveIncident, KeepEntries, OpenedRecord, OpenRecord
from tocsin.domain.plan import Plan
from tocsin.domain.state import Entry, IncidentState
from tocsin.dossier import Dossier
from tocsin.evidence import EvidenceStore
from tocsin.files import JsonLines, locked, write_whole
from tocsin.library import PlanLibrary
from tocsin.manifest import TIMELINE
from tocsin.papers import Papers, PrintedPapers
from tocsin.planfiles import canonical

_log = logging.getLogger(__name__)

Occurrence = tuple[str, str | None]
"""An incident's id, and the id of the one before it under the same key."""


class DiskArchive:
    """Keeps incidents below `folder`, the state folder; several workers on one file system may share it.

    `papers` puts the reports of an incident that is over on paper: Markdown and PDF, unless told otherwise.
    """

    def __init__(self, library: PlanLibrary, folder: Path, papers: Papers | None = None) -> None:
        self._library = library
        self._state = folder
        self._papers = papers or PrintedPapers(library)

    def open(self, record: OpenRecord) -> OpenedRecord:
        """Log the incident and bring its plan and calendar; asked again by the same run, the answer is the same.

        The first incident under a key is called like the key, a later one by the key and the run that opened it.
        Where the disk fails, the latter is used without looking: it cannot be another incident's name.
        Raises `LookupError` when there is no such plan.
        """
        plan, hash = self._library.find(record.plan)
        incident, follows = self._log_occurrence(record, hash)
        return OpenedRecord(
            incident=incident,
            follows=follows,
            plan=plan,
            plan_hash=hash,
            calendar=self._library.calendar(plan, record.opened.year),
            bridge_pin=_bridge_pin(plan, record.opened_by) if record.incident is None else "",
        )

    def keep(self, entries: KeepEntries) -> int:
        """Append the entries that are not there yet; return the number of the last one kept. Raises `OSError`."""
        with self._locked(entries.incident) as folder:
            return self._keep(folder, entries.entries)

    def archive(self, incident: ArchiveIncident) -> str:
        """Write the whole record, seal it, and return its fingerprint: the SHA-256 of its manifest.

        Asked again, after whatever went wrong on the way, it comes to the same; an earlier state changes nothing.
        Raises `OSError`, and `LookupError` when there is no such plan any more.
        """
        state = incident.state
        with self._locked(state.id) as folder:
            seal = sealing.seal_of(folder)
            if seal is None or seal.entries <= state.entries:
                seal = self._seal(folder, state)
        sealing.enter(self._state, seal)
        _log.info("incident %s is archived; the SHA-256 of its manifest is %s", state.id, seal.manifest)
        return seal.manifest

    def _seal(self, folder: Path, state: IncidentState) -> sealing.Seal:
        sealing.unseal(folder)
        self._keep(folder, tuple(state.timeline))
        self._dossier(state, folder).write(folder, self._papers, EvidenceStore(self._state))
        return sealing.seal(folder, state.id)

    def _keep(self, folder: Path, entries: tuple[Entry, ...]) -> int:
        """Append what is new. For that a sealed folder loses its seal; the archiving that follows seals it anew."""
        kept = _read(folder / TIMELINE)
        last = int(kept[-1]["number"]) if kept else 0
        fresh = [entry for entry in entries if entry.number > last]
        if not fresh:
            return last
        sealing.unseal(folder)
        with locked(folder / TIMELINE) as file:
            said = (entry.model_dump(mode="json") for entry in fresh)
            file.append(chain.chained(said, chain.head_of(kept)))
        return fresh[-1].number

    @contextmanager
    def history_folder(self, incident: str) -> Iterator[Path]:
        """Where the histories of an incident's workflows belong; nobody else writes to the archive then.

        What comes late, to an archive that is sealed already, is sealed with it. Raises `OSError`.
        """
        with self._locked(incident) as folder:
            was_sealed = sealing.seal_of(folder) is not None
            sealing.unseal(folder)
            history = folder / "history"
            history.mkdir(exist_ok=True)
            try:
                yield history
            finally:
                if was_sealed:
                    sealing.enter(self._state, sealing.seal(folder, incident))

    @contextmanager
    def _locked(self, incident: str) -> Iterator[Path]:
        """The incident's folder, for this thread of this process alone."""
        with locked(self._state / "locks" / _as_file_name(incident)):
            folder = self._folder(incident)
            folder.mkdir(mode=sealing.OPEN, parents=True, exist_ok=True)
            yield folder

    def _dossier(self, state: IncidentState, folder: Path) -> Dossier:
        plan, hash = self._library.find(state.plan)
        case = Case(plan=plan, calendar=self._library.calendar(plan, state.opened.year), state=state)
        entries = tuple(_entry(line) for line in _read(folder / TIMELINE))
        return Dossier(case, entries, self._stored(plan, hash))

    def _stored(self, plan: Plan, hash: str) -> bytes:
        """The version as the library keeps it; where that was lost, what is left of it."""
        kept = self._library.content(hash)
        return canonical(plan, {}) if kept is None else kept

    def _log_occurrence(self, record: OpenRecord, hash: str) -> Occurrence:
        found: Occurrence = record.incident or naming.identify(record.key, record.opened_by), None
        try:
            if record.incident is not None:
                return record.incident, self._predecessor(record.key, record.incident)
            found = self._occurrence(record)
            self._write_record(record, found, hash)
        except OSError as error:
            _log.error(
                "incident %s is not wholly in the archive: %s; free or mend that disk", found[0], error
            )
        return found

    def _occurrence(self, record: OpenRecord) -> Occurrence:
        """The incident that this run opened, put on the list of its key if it is not there yet."""
        with locked(self._state / "keys" / f"{_as_file_name(record.key)}.jsonl") as file:
            chain = file.read()
            opened_by = [item["opened_by"] for item in chain]
            if record.opened_by not in opened_by:
                incident = naming.identify(record.key, record.opened_by) if chain else record.key
                chain.append({"incident": incident, "opened_by": record.opened_by})
                file.append(chain[-1:])
                opened_by.append(record.opened_by)
        position = opened_by.index(record.opened_by)
        return chain[position]["incident"], chain[position - 1]["incident"] if position else None

    def _predecessor(self, key: str, incident: str) -> str | None:
        path = self._state / "keys" / f"{_as_file_name(key)}.jsonl"
        if not path.exists():
            return None
        with locked(path) as file:
            ids = [item["incident"] for item in file.read()]
        return next((before for before, after in pairwise(ids) if after == incident), None)

    def _write_record(self, record: OpenRecord, occurrence: Occurrence, hash: str) -> None:
        incident, follows = occurrence
        path = self._folder(incident) / "record.json"
        if path.exists():
            return
        plan = record.plan.model_copy(update={"hash": hash})
        logged = record.model_copy(update={"incident": incident, "plan": plan}).model_dump(mode="json")
        # A page waits for this, and Temporal's history, which is on its disk, already has every word of it.
        write_whole(path, json.dumps(logged | {"follows": follows}, indent=2).encode(), at_leisure=True)

    def _folder(self, incident: str) -> Path:
        return self._state / "incidents" / _as_file_name(incident)


def _bridge_pin(plan: Plan, opened_by: str) -> str:
    """The PIN of an incident's bridge, from the id of the run that opened it: drawn by chance, and told to nobody."""
    if plan.bridge is None:
        return ""
    drawn = int.from_bytes(hashlib.sha256(f"bridge of {opened_by}".encode()).digest())
    return f"{drawn % 10**plan.bridge.pin_digits:0{plan.bridge.pin_digits}}"


def _as_file_name(id: str) -> str:
    """Ids become file names, whatever is in them: ours stay as they are, and nothing becomes a path."""
    return quote(id, safe="").replace(".", "%2E")


def _read(timeline: Path) -> list[chain.Line]:
    """The entries that are on the disk. Raises `OSError`."""
    if not timeline.exists():
        return []
    with timeline.open("rb") as file:
        return JsonLines(file).read()


def _entry(line: chain.Line) -> Entry:
    return Entry.model_validate({name: value for name, value in line.items() if name != "chain"})
