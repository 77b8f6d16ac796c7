"""What email, SMS and phone have in common: finding the address, rendering the text, and naming what went wrong.

An activity fails with an `ApplicationError` of one of these types, and the workflow decides by the type alone:

    Unreachable      the directory has nobody there whom it may disturb, or no address for this channel; never retried
    Refused          the vendor will never take it; never retried
    AccountRefused   the vendor takes nothing of this account; the message goes another way, or later
    TryAgain         the vendor is busy or out of reach; retried, after its own Retry-After when it gave one
    OutcomeUnknown   it may have been sent; retried, and recognisable as a repeat

The words of a failure are short, and it has no cause: of an activity that is tried again the server keeps 4 KiB of the
latest failure, and of what is longer only that it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from temporalio.exceptions import ApplicationError

from activities.directory import Directories
from tocsin.domain.channel import (
    AccountRefused,
    Call,
    ChannelError,
    Email,
    OutcomeUnknown,
    Refused,
    Sms,
    TryAgain,
)
from tocsin.domain.directory import Contact
from tocsin.domain.messages import Dispatch, Rendered

LONGEST_WORDS = 1_000
"""Bytes of a failure's words; its traceback, which ends in this module, needs as many again."""

_log = logging.getLogger(__name__)


class Renderer(Protocol):
    """Turns a dispatch into the words that one contact gets (`tocsin.rendering` has the one for plans' templates).

    What can't be rendered as it should be is said in other words, and the note tells the incident so. Approved words
    are never said in others: when they are lost or altered, `Refused` is raised.
    """

    def email(self, dispatch: Dispatch, contact: Contact, address: str) -> Rendered[Email]:
        """The dispatch as an email to `address`."""

    def sms(self, dispatch: Dispatch, address: str, person: str) -> Rendered[Sms]:
        """The dispatch as a text message to `address`."""

    def call(self, dispatch: Dispatch, contact: Contact, address: str, person: str) -> Rendered[Call]:
        """The dispatch as a phone call to `address`; `person` is whose key press it will be."""


def recipient_of(directories: Directories, dispatch: Dispatch) -> tuple[str, Contact, str]:
    """The directory's key, contact and address for a dispatch; in a drill, the drill inbox stands in for outsiders."""
    directory = directories.directory(dispatch.plan.name)
    found = directory.addressee(dispatch)
    if found is None:
        raise ApplicationError(directory.no_addressee(dispatch), type="Unreachable", non_retryable=True)
    key, contact = found
    if dispatch.is_drill and dispatch.is_for_outsiders:
        inbox = directory.drill
        contact = contact.model_copy(update={"email": inbox.email, "phone": inbox.phone, "sms": inbox.phone})
    address = contact.address(dispatch.channel)
    if address is None:
        raise ApplicationError(
            f"{key} has no address for {dispatch.channel}", type="Unreachable", non_retryable=True
        )
    return key, contact, address


@contextmanager
def named_failures() -> Iterator[None]:
    """Turn a channel's error into the failure that the workflow knows by its type.

    From None: its words are the failure's own, and where it came from is in the log.
    """
    try:
        yield
    except ChannelError as error:
        _log.info("%s", error, exc_info=error)
        raise _failure(error) from None


def _failure(error: ChannelError) -> ApplicationError:
    words = in_short(str(error))
    match error:
        case AccountRefused(code=code):
            # The message is not at fault: once somebody has put the account right, it goes out.
            return ApplicationError(words, code, type="AccountRefused", non_retryable=True)
        case Refused(code=code):
            return ApplicationError(words, code, type="Refused", non_retryable=True)
        case TryAgain(retry_after=wait):
            return ApplicationError(words, type="TryAgain", next_retry_delay=wait)
        case OutcomeUnknown():
            return ApplicationError(words, type="OutcomeUnknown")
        case _:
            return ApplicationError(words, type="TryAgain")


def in_short(words: str) -> str:
    """The words, cut where they are longer than a failure may be."""
    encoded = words.encode()
    if len(encoded) <= LONGEST_WORDS:
        return words
    return f"{encoded[:LONGEST_WORDS].decode(errors='ignore')}…"
