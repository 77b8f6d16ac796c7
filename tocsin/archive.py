"""The archive on disk: every incident logged before anything is done about it, and its whole record once it is over.

    <state>/keys/<key>.jsonl            the incidents under one alert key, oldest first
    <state>/incidents/<id>/record.json  that it exists, since when, under which version of which plan
                          timeline.jsonl  what happened, entry by entry, each chained to the one before by its hash
                          incident.json   everything, once the incident is over

Temporal's history is the durable record while an incident runs; the archive is its copy, and what is left when
Temporal's retention has ended. So a disk that fails is logged and stops no page.
"""

from __future__ import annotations

import hashlib
import json
import logging
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tocsin.domain import naming
from tocsin.domain.messages import ArchiveIncident, KeepEntries, OpenedRecord, OpenRecord
from tocsin.domain.state import Entry
from tocsin.files import locked, write_whole
from tocsin.library import PlanLibrary

_log = logging.getLogger(__name__)

Occurrence = tuple[str, str | None]
"""An incident's id, and the id of the one before it under the same key."""


class DiskArchive:
    """Keeps incidents below `folder`; several workers on one file system may share it."""

    def __init__(self, library: PlanLibrary, folder: Path) -> None:
        self._library = library
        self._keys = folder / "keys"
        self._incidents = folder / "incidents"

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
        )

    def keep(self, entries: KeepEntries) -> int:
        """Append the entries that are not there yet; return the number of the last one kept. Raises `OSError`."""
        with locked(self._folder(entries.incident) / "timeline.jsonl") as file:
            lines = file.read()
            last, link = (lines[-1]["number"], lines[-1]["chain"]) if lines else (0, "")
            fresh = [entry for entry in entries.entries if entry.number > last]
            if fresh:
                file.append(_chained(fresh, link))
                last = fresh[-1].number
        return int(last)

    def archive(self, incident: ArchiveIncident) -> None:
        """Write the rest of the timeline, then the whole state. Raises `OSError`."""
        state = incident.state
        self.keep(KeepEntries(incident=state.id, entries=tuple(state.timeline)))
        write_whole(self._folder(state.id) / "incident.json", state.model_dump_json(indent=2).encode())

    def first_altered(self, incident: str) -> int | None:
        """The number of the first timeline entry that is not as it was written; `None` when all are."""
        with locked(self._folder(incident) / "timeline.jsonl") as file:
            lines = [{"chain": ""}, *file.read()]
        altered = (line["number"] for before, line in pairwise(lines) if line["chain"] != _link(before, line))
        return next(altered, None)

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
        with locked(self._keys / f"{_as_file_name(record.key)}.jsonl") as file:
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
        path = self._keys / f"{_as_file_name(key)}.jsonl"
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
        return self._incidents / _as_file_name(incident)


def _as_file_name(id: str) -> str:
    """Ids become file names, whatever is in them: ours stay as they are, and nothing becomes a path."""
    return quote(id, safe="").replace(".", "%2E")


def _chained(entries: list[Entry], link: str) -> list[dict[str, Any]]:
    lines = [{"chain": link}]
    for entry in entries:
        line = entry.model_dump(mode="json")
        lines.append(line | {"chain": _link(lines[-1], line)})
    return lines[1:]


def _link(before: dict[str, Any], line: dict[str, Any]) -> str:
    """What ties an entry to the one before it: changing either, or taking one out, shows."""
    said = {name: value for name, value in line.items() if name != "chain"}
    text = before["chain"] + json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
