"""Asking the directory, at the moment when somebody is to be reached or speaks."""

from __future__ import annotations

from typing import Protocol

from temporalio import activity

from tocsin.domain.directory import Directory
from tocsin.domain.events import Recipient
from tocsin.domain.messages import FindRecipients, Identify, Person


class Directories(Protocol):
    """The directories of all plans, as they are now."""

    def directory(self, plan: str) -> Directory:
        """The directory of a plan. Raises `LookupError` when there is none."""


class DirectoryActivities:
    """The activities that look people up. They return keys, never names or addresses."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    @activity.defn(name="find_recipients")
    def find_recipients(self, request: FindRecipients) -> tuple[tuple[Recipient, ...], ...]:
        """The members of each audience, by key, in the directory's order."""
        directory = self._directories.directory(request.plan)
        return tuple(directory.recipients(audience) for audience in request.audiences)

    @activity.defn(name="identify")
    def identify(self, request: Identify) -> Person | None:
        """The person with this key and the roles they hold; `None` when the directory does not know them."""
        directory = self._directories.directory(request.plan)
        if request.person not in directory.people:
            return None
        return Person(key=request.person, roles=directory.roles_of(request.person))
