"""Placing phone calls."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from temporalio import activity

from activities.directory import Directories
from activities.holding import Gate, Sending
from activities.sending import Renderer, named_failures, recipient_of
from tocsin.domain.channel import Call, PhoneChannel, Receipt
from tocsin.domain.messages import Dispatch, Dispatched


class PhoneChannelWithMemory(PhoneChannel, Protocol):
    """A channel whose vendor can be asked what it took."""

    def find(self, call: Call, since: datetime) -> Receipt | None:
        """A call to the same number that may be this one, if the vendor took it since then."""


class PhoneActivities:
    """Places one phone call through the channel that it was given."""

    def __init__(
        self,
        channel: PhoneChannelWithMemory,
        directories: Directories,
        renderer: Renderer,
        gate: Gate,
    ) -> None:
        self._channel = channel
        self._directories = directories
        self._renderer = renderer
        self._gate = gate

    @activity.defn(name="place_call")
    def call(self, dispatch: Dispatch) -> Dispatched:
        """Render and call; the key that is pressed comes to the answer URL. Fails as `activities.sending` says.

        A second attempt first asks the vendor whether the first one placed the call.
        """
        key, contact, address = recipient_of(self._directories, dispatch)
        sending = Sending(
            key,
            address,
            alone=lambda: self._renderer.call(dispatch, contact, address, key),
            together=lambda words, bundle: words.call(bundle, contact, address),
            hand_over=self._hand_over,
        )
        with named_failures():
            return self._gate.send(dispatch, sending)

    def _hand_over(self, call: Call, since: datetime | None) -> Receipt:
        receipt = self._channel.find(call, since) if since else None
        return receipt or self._channel.call(call)
