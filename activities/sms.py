"""Sending text messages, to nobody who has replied STOP."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.directory import Directories
from activities.holding import Gate, Sending
from activities.sending import Renderer, named_failures, recipient_of
from tocsin.domain.channel import Receipt, Refused, Sms, SmsChannel
from tocsin.domain.messages import Dispatch, Dispatched

STOPPED_AT_TWILIO = "21610"
"""Twilio's code for a recipient who has replied STOP. Source: twilio.com/docs/api/errors/21610."""

_log = logging.getLogger(__name__)


class SmsChannelWithMemory(SmsChannel, Protocol):
    """A channel whose vendor can be asked what it took."""

    def find(self, sms: Sms, since: datetime) -> Receipt | None:
        """The same message to the same number, if the vendor took it since then."""


class OptOutRegister(Protocol):
    """Remembers who wants no text messages, by number (`tocsin.optouts` has the one on disk)."""

    def has(self, number: str) -> bool:
        """Whether whoever has this number wants no texts. Raises `OSError`."""

    def stop(self, numbers: Iterable[str], at: datetime) -> None:
        """Note that these numbers are to get no texts. Raises `OSError`."""


class SmsActivities:
    """Sends one text message through the channel that it was given, unless its recipient wants none.

    Beside what `activities.sending` names, it fails with the type `OptedOut`, never retried; its detail is the
    directory's key of the recipient.
    """

    def __init__(
        self,
        channel: SmsChannelWithMemory,
        directories: Directories,
        renderer: Renderer,
        opt_outs: OptOutRegister,
        gate: Gate,
    ) -> None:
        self._channel = channel
        self._directories = directories
        self._renderer = renderer
        self._opt_outs = opt_outs
        self._gate = gate

    @activity.defn(name="send_sms")
    def send(self, dispatch: Dispatch) -> Dispatched:
        """Render and send. A second attempt first asks the vendor whether the first went through."""
        key, contact, address = recipient_of(self._directories, dispatch)
        sending = Sending(
            key,
            address,
            alone=lambda: self._renderer.sms(dispatch, address, key),
            together=lambda words, bundle: words.sms(bundle, contact, address),
            hand_over=self._hand_over,
        )
        with named_failures(), self._heeding_opt_outs(key, address):
            return self._gate.send(dispatch, sending)

    def _hand_over(self, sms: Sms, since: datetime | None) -> Receipt:
        receipt = self._channel.find(sms, since) if since else None
        return receipt or self._channel.send(sms)

    @contextmanager
    def _heeding_opt_outs(self, key: str, address: str) -> Iterator[None]:
        """Send nothing to who wants nothing; what the vendor knows of that is remembered here, for every plan."""
        if self._has_opted_out(address):
            raise _opted_out(key)
        try:
            yield
        except Refused as error:
            if error.code != STOPPED_AT_TWILIO:
                raise
            self._remember(address)
            raise _opted_out(key) from None

    def _has_opted_out(self, address: str) -> bool:
        try:
            return self._opt_outs.has(address)
        except OSError as error:
            # A page must not wait for a disk; the vendor blocks the number as well.
            _log.error("the register of opt-outs cannot be read, so it was not asked: %s", error)
            return False

    def _remember(self, address: str) -> None:
        try:
            self._opt_outs.stop([address], datetime.now(UTC))
        except OSError as error:
            # The vendor will say it again; what matters now is that another way is taken.
            _log.error("an opt-out could not be put in the register: %s", error)


def _opted_out(key: str) -> ApplicationError:
    return ApplicationError(
        f"{key} wants no text messages: they replied STOP, and get them again when they reply START",
        key,
        type="OptedOut",
        non_retryable=True,
    )
