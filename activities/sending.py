"""What email, SMS and phone have in common: finding the address, rendering the text, and naming what went wrong.

An activity fails with an `ApplicationError` of one of these types, and the workflow decides by the type alone:

    Unreachable      the directory has nobody there whom it may disturb, or no address for this channel; never retried
    Refused          the vendor will never take it; never retried
    TryAgain         the vendor is busy or out of reach; retried, after its own Retry-After when it gave one
    OutcomeUnknown   it may have been sent; retried, and recognisable as a repeat
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from temporalio.exceptions import ApplicationError

from activities.directory import Directories
from tocsin.domain.channel import Call, ChannelError, Email, OutcomeUnknown, Refused, Sms, TryAgain
from tocsin.domain.directory import Contact
from tocsin.domain.messages import Dispatch, Rendered


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
    """Turn a channel's error into the failure that the workflow knows by its type."""
    try:
        yield
    except Refused as error:
        raise ApplicationError(str(error), error.code, type="Refused", non_retryable=True) from error
    except TryAgain as error:
        raise ApplicationError(str(error), type="TryAgain", next_retry_delay=error.retry_after) from error
    except OutcomeUnknown as error:
        raise ApplicationError(str(error), type="OutcomeUnknown") from error
    except ChannelError as error:
        raise ApplicationError(str(error), type="TryAgain") from error
