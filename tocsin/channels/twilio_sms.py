"""Text messages through Twilio."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twilio.rest import Client

from tocsin.channels.twilio_client import receipt_of, refusals
from tocsin.domain.channel import ChannelError, OutcomeUnknown, Receipt, Sms, TryAgain

CLOCK_SLACK = timedelta(seconds=2)
"""How much earlier than our clock Twilio may date a message: its dates are whole seconds.

Kept small: a page repeated after a minute has the same words, and the earlier one must not pass for it.
"""

RECENT_MESSAGES = 50
"""How many of the latest messages to one number are looked through for one that may have been accepted."""


class TwilioSms:
    """Sends text messages from one number, over a `twilio_client`; may be shared between threads."""

    def __init__(self, client: Client, from_number: str) -> None:
        self._client = client
        self._from = from_number

    def __repr__(self) -> str:
        return f"TwilioSms(from_number={self._from!r})"

    def send(self, sms: Sms) -> Receipt:
        """Hand `sms` to Twilio. Raises `ChannelError`.

        When no answer comes back, Twilio is asked whether it has the message: `OutcomeUnknown` is raised only
        when that can't be found out either. It may still turn up there a moment later, so whoever tries again
        calls `find` first, with the moment of the first attempt.
        """
        began = datetime.now(UTC)
        try:
            return self._create(sms)
        except OutcomeUnknown as unknown:
            return self._settle(sms, began, unknown)

    def find(self, sms: Sms, since: datetime) -> Receipt | None:
        """The receipt of the same words to the same number, accepted at `since` or later; else None.

        Raises `ChannelError`.
        """
        for message in self._recent(sms.to):
            if _is_since(message, since) and _says(message, sms.body):
                return receipt_of(message)
        return None

    def _create(self, sms: Sms) -> Receipt:
        with refusals(sms.to):
            message = self._client.messages.create(
                to=sms.to, from_=self._from, body=sms.body, status_callback=sms.status_callback
            )
        return receipt_of(message)

    def _settle(self, sms: Sms, began: datetime, unknown: OutcomeUnknown) -> Receipt:
        try:
            receipt = self.find(sms, began)
        except ChannelError as error:
            raise OutcomeUnknown(f"{unknown}; nor could Twilio be asked whether it was: {error}") from None
        if receipt is None:
            raise TryAgain(
                "Twilio gave no answer and has no record of the text message; send it again"
            ) from None
        return receipt

    def _recent(self, to: str) -> list[Any]:
        # Not filtered by date there: the only such filter is on the date sent, which a queued message lacks.
        with refusals(to):
            messages: list[Any] = self._client.messages.list(
                to=to, from_=self._from, limit=RECENT_MESSAGES, page_size=RECENT_MESSAGES
            )
        return messages


def _is_since(message: Any, since: datetime) -> bool:
    return message.date_created is not None and message.date_created >= since - CLOCK_SLACK


def _says(message: Any, body: str) -> bool:
    # Not equality: Twilio trims white space, and a trial account sets a sentence of its own before the text.
    return (message.body or "").strip().endswith(body.strip())
