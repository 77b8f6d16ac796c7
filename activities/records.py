"""Keeping the record: opening it before anything is done, and moving what is old or over to the archive."""

from __future__ import annotations

from typing import Protocol

from temporalio import activity

from tocsin.domain.messages import ArchiveIncident, KeepEntries, OpenedRecord, OpenRecord


class Archive(Protocol):
    """Where incidents are logged and kept (`tocsin.archive` has the one on disk)."""

    def open(self, record: OpenRecord) -> OpenedRecord:
        """Log the incident, once per `opened_by`; find its plan and its predecessor."""

    def keep(self, entries: KeepEntries) -> int:
        """Append timeline entries that are not there yet; return the number of the last one kept."""

    def archive(self, incident: ArchiveIncident) -> str:
        """Write the whole record of an incident that is over, and seal it; return the hash of its manifest."""


class Records:
    """The activities that keep the record."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    @activity.defn(name="open_record")
    def open(self, record: OpenRecord) -> OpenedRecord:
        """Log an incident before anything is done about it, and bring its pinned plan and calendar."""
        return self._archive.open(record)

    @activity.defn(name="keep_entries")
    def keep(self, entries: KeepEntries) -> int:
        """Move the oldest timeline entries to the archive."""
        return self._archive.keep(entries)

    @activity.defn(name="archive_incident")
    def archive(self, incident: ArchiveIncident) -> str:
        """Put a closed incident's record into the archive; the hash of its manifest stays in the workflow's history."""
        return self._archive.archive(incident)
