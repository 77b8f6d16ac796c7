"""Having a version of a plan acknowledged: putting it on the record, writing to its readers, checking who answers.

Results hold keys, never names or addresses. Besides what `activities.sending` names, an activity fails with

    NotPublishable   nobody can be asked to acknowledge this version; never retried
"""

from __future__ import annotations

from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.sending import named_failures
from tocsin.domain.channel import Email, EmailChannel
from tocsin.domain.messages import Dispatched, Rendered
from tocsin.domain.proving import NotProven
from tocsin.domain.publication import (
    Acknowledged,
    AcknowledgementFinding,
    AskReader,
    NotPublishable,
    Published,
    Readership,
    RecordAcknowledgement,
    RecordEnding,
    RecordPublication,
)
from tocsin.domain.state import PlanPin


class Publisher(Protocol):
    """Knows the versions, their readers and the record (`tocsin.publishing` has the one on disk)."""

    def publish(self, request: RecordPublication) -> Published:
        """Put a publication on the record, once. Raises `NotPublishable`, `OSError`."""

    def readership(self, plan: PlanPin) -> Readership:
        """Who must acknowledge the version now, and who has. Raises `OSError`."""

    def acknowledge(self, request: RecordAcknowledgement) -> Acknowledged:
        """Put an acknowledgement on the record, once for each person. Raises `NotProven`, `OSError`."""

    def end(self, request: RecordEnding) -> None:
        """Put on the record that nobody is asked any more, once. Raises `OSError`."""


class ReaderLetters(Protocol):
    """Words the mail by which a reader is asked (`tocsin.publishing` has the one for plans' templates)."""

    def letter(self, request: AskReader) -> Rendered[Email]:
        """The mail, with a link and a code of their own. Raises `LookupError` for whoever has no address."""


class PublicationRecords:
    """The activities that keep the record of a publication."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    @activity.defn(name="publish_plan")
    def publish(self, request: RecordPublication) -> Published:
        """Put on the record that a version is published."""
        try:
            return self._publisher.publish(request)
        except NotPublishable as error:
            raise ApplicationError(str(error), type="NotPublishable", non_retryable=True) from error

    @activity.defn(name="find_readers")
    def readership(self, plan: PlanPin) -> Readership:
        """Who must acknowledge the version as the directory is now, and who has."""
        return self._publisher.readership(plan)

    @activity.defn(name="acknowledge_plan")
    def acknowledge(self, request: RecordAcknowledgement) -> AcknowledgementFinding:
        """Check the proof and put the acknowledgement on the record; else say why it does not count."""
        try:
            return AcknowledgementFinding(acknowledged=self._publisher.acknowledge(request))
        except NotProven as doubt:
            return AcknowledgementFinding(reason=str(doubt))

    @activity.defn(name="end_publication")
    def end(self, request: RecordEnding) -> None:
        """Put on the record that nobody is asked any more, and who has not acknowledged."""
        self._publisher.end(request)


class PublicationEmails:
    """The activity that asks."""

    def __init__(self, channel: EmailChannel, letters: ReaderLetters) -> None:
        self._channel = channel
        self._letters = letters

    @activity.defn(name="ask_reader")
    def ask(self, request: AskReader) -> Dispatched:
        """Write to one reader; a repeat carries the same Message-ID. Fails as `activities.sending` says."""
        try:
            email, note = self._letters.letter(request)
        except LookupError as error:
            raise ApplicationError(str(error), type="Unreachable", non_retryable=True) from error
        with named_failures():
            receipt = self._channel.send(email)
        return Dispatched(
            reached=request.reader.key, vendor=receipt.vendor, vendor_id=receipt.vendor_id, note=note
        )
