"""Sending text messages."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.directory import Directories
from activities.sending import Renderer, named_failures, recipient_of
from tocsin.domain.channel import Receipt, Sms, SmsChannel
from tocsin.domain.messages import Dispatch, Dispatched


class SmsChannelWithMemory(SmsChannel, Protocol):
    """A channel whose vendor can be asked what it took."""

    def find(self, sms: Sms, since: datetime) -> Receipt | None:
        """The same message to the same number, if the vendor took it since then."""


class SmsActivities:
    """Sends one text message through the channel that it was given."""

    def __init__(self, channel: SmsChannelWithMemory, directories: Directories, renderer: Renderer) -> None:
        self._channel = channel
        self._directories = directories
        self._renderer = renderer

    @activity.defn(name="send_sms")
    def send(self, dispatch: Dispatch) -> Dispatched:
        """Render and send. A second attempt first asks the vendor whether the first went through."""
        key, _, address = recipient_of(self._directories, dispatch)
        info = activity.info()
        with named_failures():
            sms, note = self._renderer.sms(dispatch, address, key)
            receipt = None
            if info.attempt > 1:
                # Not from earlier on: a page that is repeated has the same words, and must not pass for sent.
                receipt = self._channel.find(sms, info.scheduled_time)
            receipt = receipt or self._channel.send(sms)
        return Dispatched(reached=key, vendor=receipt.vendor, vendor_id=receipt.vendor_id, note=note)
