"""Placing phone calls."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.directory import Directories
from activities.sending import Renderer, named_failures, recipient_of
from tocsin.domain.channel import Call, PhoneChannel, Receipt
from tocsin.domain.messages import Dispatch, Dispatched


class PhoneChannelWithMemory(PhoneChannel, Protocol):
    """A channel whose vendor can be asked what it took."""

    def find(self, call: Call, since: datetime) -> Receipt | None:
        """A call to the same number that may be this one, if the vendor took it since then."""


class PhoneActivities:
    """Places one phone call through the channel that it was given."""

    def __init__(self, channel: PhoneChannelWithMemory, directories: Directories, renderer: Renderer) -> None:
        self._channel = channel
        self._directories = directories
        self._renderer = renderer

    @activity.defn(name="place_call")
    def call(self, dispatch: Dispatch) -> Dispatched:
        """Render and call; the key that is pressed comes to the answer URL. Fails as `activities.sending` says.

        A second attempt first asks the vendor whether the first one placed the call.
        """
        key, contact, address = recipient_of(self._directories, dispatch)
        info = activity.info()
        with named_failures():
            call, note = self._renderer.call(dispatch, contact, address, key)
            receipt = self._channel.find(call, info.scheduled_time) if info.attempt > 1 else None
            receipt = receipt or self._channel.call(call)
        return Dispatched(reached=key, vendor=receipt.vendor, vendor_id=receipt.vendor_id, note=note)
