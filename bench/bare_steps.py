"""What the yardsticks' workflows do."""

from __future__ import annotations

import time

from temporalio import activity

from tocsin.domain.channel import Sms, SmsChannel

RECIPIENT = "+12025550190"


class Steps:
    """The least that such steps can do; the message goes over the very channel that ours goes over."""

    def __init__(self, channel: SmsChannel) -> None:
        self._channel = channel

    @activity.defn
    def note(self, name: str) -> str:
        """Give back `name`."""
        return name

    @activity.defn
    def send(self, name: str) -> None:
        """Send `name` as a text message, whose delivery nobody wants to hear about."""
        self._channel.send(Sms(to=RECIPIENT, body=name, status_callback=""))

    @activity.defn
    def look_at_the_clock(self) -> float:
        """The time, in seconds since the epoch."""
        return time.time()
