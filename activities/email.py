"""Sending email."""

from __future__ import annotations

from datetime import datetime

from temporalio import activity

from activities.directory import Directories
from activities.holding import Gate, Sending
from activities.sending import Renderer, named_failures, recipient_of
from tocsin.domain.channel import Email, EmailChannel, Receipt
from tocsin.domain.messages import Dispatch, Dispatched


class EmailActivities:
    """Sends one email through the channel that it was given."""

    def __init__(
        self, channel: EmailChannel, directories: Directories, renderer: Renderer, gate: Gate
    ) -> None:
        self._channel = channel
        self._directories = directories
        self._renderer = renderer
        self._gate = gate

    @activity.defn(name="send_email")
    def send(self, dispatch: Dispatch) -> Dispatched:
        """Render and send; a repeat carries the same Message-ID. Fails as `activities.sending` says."""
        key, contact, address = recipient_of(self._directories, dispatch)
        sending = Sending(
            key,
            address,
            alone=lambda: self._renderer.email(dispatch, contact, address),
            together=lambda words, bundle: words.email(bundle, contact, address),
            hand_over=self._hand_over,
        )
        with named_failures():
            return self._gate.send(dispatch, sending)

    def _hand_over(self, email: Email, since: datetime | None) -> Receipt:
        """Whoever takes email cannot be asked what it took before."""
        return self._channel.send(email)
