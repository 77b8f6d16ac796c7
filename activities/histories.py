"""Saving the histories of an incident's workflows, before Temporal's retention ends."""

from __future__ import annotations

from typing import Protocol

from temporalio import activity

from tocsin.domain.messages import SaveHistories


class HistoryKeeper(Protocol):
    """What fetches histories and writes them (`tocsin.histories`)."""

    async def save(self, wanted: SaveHistories) -> int:
        """Save every run of an incident's workflows up to now; how many there are."""


class Histories:
    """The activity that saves histories. It may run again: files are written whole, over those of the time before."""

    def __init__(self, keeper: HistoryKeeper) -> None:
        self._keeper = keeper

    @activity.defn(name="save_histories")
    async def save(self, wanted: SaveHistories) -> int:
        """Save the histories of an incident that is about to be archived; the number of runs."""
        return await self._keeper.save(wanted)
