"""The closed vocabularies of an incident: phases, anchors, and the states that things pass through.

Everything else — severities, roles, audiences, facts, steps — is named by the plan.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Phase(StrEnum):
    """Where an incident stands; the first four are the policy's, the last follows resolution."""

    IMMEDIATE_ACTION = "immediate_action"
    TESTING_AND_MONITORING = "testing_and_monitoring"
    BACKUP_AND_MEETING = "backup_and_meeting"
    ONGOING_ASSESSMENT = "ongoing_assessment"
    POST_INCIDENT = "post_incident"

    @property
    def number(self) -> int:
        """1 to 5, in the order of the policy."""
        return list(Phase).index(self) + 1

    @property
    def label(self) -> str:
        """The name that people read, such as `2 testing and monitoring`."""
        return f"{self.number} {self.value.replace('_', ' ')}"

    def is_after(self, other: Self | None) -> bool:
        """Whether this phase comes later than `other`; every phase comes after none."""
        return other is None or self.number > other.number


class Anchor(StrEnum):
    """An event from which a clock of the policy runs; `PROPOSED` alone may lie ahead: the date for a resolution that
    was proposed when it could not be had in time."""

    OCCURRED = "occurred"
    DETECTED = "detected"
    AWARE = "aware"
    REPORTED = "reported"
    DECLARED = "declared"
    CLASSIFIED = "classified"
    CONFIRMED = "confirmed"
    CUSTOMER_NOTIFIED = "customer_notified"
    VENDOR_PATCH = "vendor_patch"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    UNRESOLVABLE = "unresolvable"
    PROPOSED = "proposed"
    REPORT_SENT = "report_sent"


class Status(StrEnum):
    """Whether the incident goes on. A resolved one may be reopened until it is closed; the others are final."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"
    CLOSED = "closed"


class Verdict(StrEnum):
    """The outcome of an obligation on the ledger."""

    PENDING = "pending"
    OVERDUE = "overdue"
    MET = "met"
    LATE = "late"
    MISSED = "missed"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"

    @property
    def is_settled(self) -> bool:
        """Whether nothing can change it any more, short of a corrected anchor."""
        return self not in {Verdict.PENDING, Verdict.OVERDUE}


class StepStatus(StrEnum):
    """What became of a step of a phase."""

    OPEN = "open"
    DONE = "done"
    SKIPPED = "skipped"
