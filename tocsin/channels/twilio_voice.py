"""Phone calls through Twilio."""

from __future__ import annotations

from twilio.rest import Client

from tocsin.channels.twilio_client import receipt_of, refusals
from tocsin.channels.twiml import spoken
from tocsin.domain.channel import Call, Receipt

CALL_EVENTS = ["initiated", "ringing", "answered", "completed"]
"""Unless asked for, Twilio reports only the last."""


class TwilioVoice:
    """Places calls from one number, over a `twilio_client`; may be shared between threads."""

    def __init__(self, client: Client, from_number: str) -> None:
        self._client = client
        self._from = from_number

    def __repr__(self) -> str:
        return f"TwilioVoice(from_number={self._from!r})"

    def call(self, call: Call) -> Receipt:
        """Ask Twilio to place `call`. Raises `ChannelError`.

        What is said goes with the request, so that nothing of ours has to answer while the phone rings.
        Twilio takes at most 4,000 characters of it, mark-up included, and refuses more.
        """
        with refusals(call.to):
            placed = self._client.calls.create(
                to=call.to,
                from_=self._from,
                twiml=spoken(call),
                status_callback=call.status_callback,
                status_callback_event=CALL_EVENTS,
            )
        return receipt_of(placed)
