"""Sending email."""

from __future__ import annotations

from temporalio import activity

from activities.directory import Directories
from activities.sending import Renderer, named_failures, recipient_of
from tocsin.domain.channel import EmailChannel
from tocsin.domain.messages import Dispatch, Dispatched


class EmailActivities:
    """Sends one email through the channel that it was given."""

    def __init__(self, channel: EmailChannel, directories: Directories, renderer: Renderer) -> None:
        self._channel = channel
        self._directories = directories
        self._renderer = renderer

    @activity.defn(name="send_email")
    def send(self, dispatch: Dispatch) -> Dispatched:
        """Render and send; a repeat carries the same Message-ID. Fails as `activities.sending` says."""
        key, contact, address = recipient_of(self._directories, dispatch)
        with named_failures():
            email, note = self._renderer.email(dispatch, contact, address)
            receipt = self._channel.send(email)
        return Dispatched(reached=key, vendor=receipt.vendor, vendor_id=receipt.vendor_id, note=note)
