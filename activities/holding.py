"""Sending a message as itself or, where a person would get too many at once, in one with others.

Beside those of `activities.sending` an activity may fail with

    HeldBack         it waits, and goes out in a digest; retried when the wait is over
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from tocsin.domain.channel import Call, Email, Receipt, Refused, Sms
from tocsin.domain.digests import Admission, Alone, HeldBack, Together, WentAlong
from tocsin.domain.directory import Contact
from tocsin.domain.lately import Bundle, Gone
from tocsin.domain.messages import Dispatch, Dispatched, Rendered
from tocsin.domain.sms_text import sms_segments

T = TypeVar("T", Email, Sms, Call)


class Held(Protocol):
    """Knows what everybody has got lately (`tocsin.holding` has the one on disk). It never fails: it lets through."""

    def admit(self, dispatch: Dispatch, person: str, address: str, attempt: int, now: datetime) -> Admission:
        """What becomes of this attempt at a message."""

    def has_gone(self, bundle: Bundle, address: str, sent: Dispatched, now: datetime) -> None:
        """A vendor took the digest."""

    def has_failed(self, bundle: Bundle, address: str) -> None:
        """Nobody took the digest for now."""

    def is_given_up(self, bundle: Bundle, address: str) -> None:
        """The vendor will never take the digest."""


class DigestWords(Protocol):
    """Turns what was held back into one message (`tocsin.digests` has the one for plans' templates)."""

    def email(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Email]:
        """The digest as an email to `address`."""

    def sms(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Sms]:
        """The digest as a text message to `address`."""

    def call(self, bundle: Bundle, contact: Contact, address: str) -> Rendered[Call]:
        """The digest as a phone call to `address`."""


@dataclass(frozen=True)
class Sending(Generic[T]):
    """How one message, or the digest that it belongs to, goes to one address over one channel.

    `hand_over` gives it to the vendor; where it may have done so before, it is told since when, and asks there first.
    """

    person: str
    address: str
    alone: Callable[[], Rendered[T]]
    together: Callable[[DigestWords, Bundle], Rendered[T]]
    hand_over: Callable[[T, datetime | None], Receipt]

    def by_itself(self, may_have_left: bool) -> Dispatched:
        """Send it as itself. Where an attempt before may have sent it, the vendor is asked since the first of them, and
        not from earlier on: a page that is repeated has the same words, and must not pass for sent."""
        return self._send(self.alone(), activity.info().scheduled_time if may_have_left else None)

    def in_digest(self, words: DigestWords, together: Together) -> Dispatched:
        """Send the digest."""
        bundle = together.bundle
        return self._send(self.together(words, bundle), bundle.began if together.is_tried_again else None)

    def _send(self, rendered: Rendered[T], since: datetime | None) -> Dispatched:
        message, note = rendered
        receipt = self.hand_over(message, since)
        return Dispatched(
            reached=self.person,
            vendor=receipt.vendor,
            vendor_id=receipt.vendor_id,
            segments=sms_segments(message.body)[1] if isinstance(message, Sms) else None,
            note=note,
        )


class Gate(Protocol):
    """Lets messages out by themselves, or together."""

    def send(self, dispatch: Dispatch, sending: Sending[T]) -> Dispatched:
        """Send it, one way or the other. Raises `ChannelError`, and `ApplicationError` of the type `HeldBack`."""


@dataclass(frozen=True)
class HoldingBack:
    """Decides for each message whether it goes out as itself, waits, or goes out in a digest."""

    held: Held
    words: DigestWords

    def send(self, dispatch: Dispatch, sending: Sending[T]) -> Dispatched:
        """Send it, one way or the other. Raises `ChannelError`, and `ApplicationError` of the type `HeldBack`."""
        info = activity.info()
        if dispatch.digest is None:
            return sending.by_itself(may_have_left=info.attempt > 1)
        # The server's clock: all workers have the same, and in a rehearsal it is the one that skips.
        now = info.started_time
        match self.held.admit(dispatch, sending.person, sending.address, info.attempt, now):
            case HeldBack() as wait:
                raise _not_yet(wait, now)
            case WentAlong(gone):
                return _beside(gone, sending.person)
            case Together() as together:
                return self._send_together(together, sending, now)
            case Alone(may_have_left):
                return sending.by_itself(may_have_left)

    def _send_together(self, together: Together, sending: Sending[T], now: datetime) -> Dispatched:
        bundle, address = together.bundle, sending.address
        try:
            sent = sending.in_digest(self.words, together)
        except Refused:
            # Of these words, of one of them, or of whoever they are for? Each message finds out for itself.
            self.held.is_given_up(bundle, address)
            return sending.by_itself(may_have_left=False)
        except BaseException:
            self.held.has_failed(bundle, address)
            raise
        self.held.has_gone(bundle, address, sent, now)
        return sent.model_copy(update={"note": _joined(sent.note, _company(len(bundle.members)))})


def _not_yet(wait: HeldBack, now: datetime) -> ApplicationError:
    others = f" with {wait.among - 1} more" if wait.among > 1 else ""
    return ApplicationError(
        f"held back{others} until {wait.until:%H:%M:%S} UTC, to come in one message instead of many",
        type="HeldBack",
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=max(wait.until - now, timedelta(seconds=1)),
    )


def _beside(gone: Gone, person: str) -> Dispatched:
    """The receipt of a digest for one of those that went along; what it cost is on the record of whoever sent it."""
    segments = None if gone.sent.segments is None else 0
    note = _company(len(gone.messages))
    return gone.sent.model_copy(update={"reached": person, "segments": segments, "note": note})


def _company(messages: int) -> str:
    others = messages - 1
    return f"went in a digest with {others} other{'s' if others > 1 else ''}"


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))
