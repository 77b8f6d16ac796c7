"""Placing phone calls."""

from __future__ import annotations

from temporalio import activity

from activities.directory import Directories
from activities.sending import Renderer, named_failures, recipient_of
from tocsin.domain.channel import PhoneChannel
from tocsin.domain.messages import Dispatch, Dispatched


class PhoneActivities:
    """Places one phone call through the channel that it was given."""

    def __init__(self, channel: PhoneChannel, directories: Directories, renderer: Renderer) -> None:
        self._channel = channel
        self._directories = directories
        self._renderer = renderer

    @activity.defn(name="place_call")
    def call(self, dispatch: Dispatch) -> Dispatched:
        """Render and call; the key that is pressed comes to the answer URL. Fails as `activities.sending` says."""
        key, contact, address = recipient_of(self._directories, dispatch)
        with named_failures():
            call, note = self._renderer.call(dispatch, contact, address, key)
            receipt = self._channel.call(call)
        return Dispatched(reached=key, vendor=receipt.vendor, vendor_id=receipt.vendor_id, note=note)
