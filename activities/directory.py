"""Asking the directory, at the moment when somebody is to be reached or speaks."""

from __future__ import annotations

from typing import Protocol

from temporalio import activity

from tocsin.domain.directory import Directory
from tocsin.domain.events import Recipient
from tocsin.domain.messages import CheckProof, FindRecipients, Identify, Person
from tocsin.domain.proving import Finding, NotProven, Proven
from tocsin.domain.state import Witness


class Directories(Protocol):
    """The directories of all plans, as they are now."""

    def directory(self, plan: str) -> Directory:
        """The directory of a plan. Raises `LookupError` when there is none."""


class Proofs(Protocol):
    """Knows a proof of the person when it sees one (`tocsin.proofs` has those that are signed)."""

    def check(self, request: CheckProof) -> Proven:
        """Whom the proof shows, and how. Raises `NotProven`."""


class DirectoryActivities:
    """The activities that look people up. They return keys, never names or addresses."""

    def __init__(self, directories: Directories, proofs: Proofs) -> None:
        self._directories = directories
        self._proofs = proofs

    @activity.defn(name="find_recipients")
    def find_recipients(self, request: FindRecipients) -> tuple[tuple[Recipient, ...], ...]:
        """The members of each audience, by key, in the directory's order; those who have a role, in that of its turns.

        The moment is the server's: rehearsals skip its time.
        """
        directory, now = self._directories.directory(request.plan), activity.info().scheduled_time
        return tuple(directory.recipients(audience, now) for audience in request.audiences)

    @activity.defn(name="identify")
    def identify(self, request: Identify) -> Person | None:
        """The person with this key and the roles they hold; `None` when the directory does not know them."""
        directory = self._directories.directory(request.plan)
        if request.person not in directory.people:
            return None
        return Person(key=request.person, roles=directory.roles_of(request.person))

    @activity.defn(name="prove")
    def prove(self, request: CheckProof) -> Finding:
        """Whom a proof shows, with the roles that the directory gives them now; else why it shows nobody."""
        try:
            proven = self._proofs.check(request)
        except NotProven as doubt:
            return Finding(reason=str(doubt))
        directory = self._directories.directory(request.plan)
        if proven.person not in directory.people:
            return Finding(reason=f'the directory of plan {request.plan} has no person "{proven.person}"')
        roles = directory.roles_of(proven.person)
        return Finding(witness=Witness(person=proven.person, roles=roles, how=proven.how))
