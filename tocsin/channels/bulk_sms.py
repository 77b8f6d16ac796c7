"""Text messages to many, one after the other, over a channel that can be asked what it took."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tocsin.domain.broadcasts import BatchRefused
from tocsin.domain.channel import AccountRefused, Receipt, Refused, Sms, SmsChannel

# twilio.com/docs/api/errors: the ones that are about the number. Every other is about us, and is no recipient's fault.
_ABOUT_THE_RECIPIENT = frozenset(
    {
        "21211",  # no valid number
        "21214",  # cannot be reached
        "21217",  # seems to be no number
        "21408",  # in a country to which this account may not send
        "21610",  # its owner replied STOP
        "21612",  # cannot be reached from this number
        "21614",  # a landline
        "21635",  # a landline
    }
)


class AskableSmsChannel(SmsChannel, Protocol):
    """A channel whose vendor can be asked what it took."""

    def find(self, sms: Sms, since: datetime) -> Receipt | None:
        """The same message to the same number, if the vendor took it since then."""


class BulkSms:
    """Sends text messages over a channel for one; may be shared between threads."""

    def __init__(self, channel: AskableSmsChannel) -> None:
        self._channel = channel

    def send(self, sms: Sms, since: datetime | None) -> Receipt:
        """Hand `sms` to the vendor, unless it was taken `since` then. Raises `ChannelError`.

        `BatchRefused` says that its number is at fault.
        """
        try:
            found = self._channel.find(sms, since) if since else None
            return found or self._channel.send(sms)
        except AccountRefused:
            raise
        except Refused as error:
            if error.code not in _ABOUT_THE_RECIPIENT:
                raise
            raise BatchRefused(str(error), error.code, (0,)) from None
