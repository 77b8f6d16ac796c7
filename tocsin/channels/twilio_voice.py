"""Phone calls through Twilio."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from twilio.rest import Client

from tocsin.channels.twilio_client import receipt_of, refusals
from tocsin.channels.twilio_sms import CLOCK_SLACK
from tocsin.channels.twiml import spoken
from tocsin.domain.channel import Call, ChannelError, OutcomeUnknown, Receipt, TryAgain

CALL_EVENTS = ["initiated", "ringing", "answered", "completed"]
"""Unless asked for, Twilio reports only the last."""

RECENT_CALLS = 20
"""How many of the latest calls to one number are looked through for one that may have been placed."""

REMEMBERED_CALLS = 2_000
"""How many calls of this process are known to be this or that message's; one is looked for within minutes."""


class TwilioVoice:
    """Places calls from one number, over a `twilio_client`; may be shared between threads."""

    def __init__(self, client: Client, from_number: str) -> None:
        self._client = client
        self._from = from_number
        self._placed = _Placed()

    def __repr__(self) -> str:
        return f"TwilioVoice(from_number={self._from!r})"

    def call(self, call: Call) -> Receipt:
        """Ask Twilio to place `call`, and to find out whether a person or a machine takes it. Raises `ChannelError`.

        What is said goes with the request, so that nothing of ours has to answer while the phone rings. Who took it is
        found out while it is said, and reported to the same URL as the call's progress: nobody waits in silence.

        When no answer comes back, Twilio is asked whether it has the call: `OutcomeUnknown` is raised only when that
        can't be found out either. It may still turn up there a moment later, so whoever tries again calls `find` first,
        with the moment of the first attempt.
        """
        began = datetime.now(UTC)
        try:
            return self._create(call)
        except OutcomeUnknown as unknown:
            return self._settle(call, began, unknown)

    def find(self, call: Call, since: datetime) -> Receipt | None:
        """The receipt of a call to the same number, placed at `since` or later; else None. Raises `ChannelError`.

        Twilio does not tell what a call says. Those that this process placed for other messages are told apart by what
        it remembers. What cannot be told apart: a call that another process placed to the same person in the same
        seconds, or one that is being placed while Twilio is asked. Then two pages share one call, and one of them is
        not heard; it is still a page that nobody answered, and moves on when its wait is over.
        """
        for placed in self._recent(call.to):
            created = placed.date_created
            if created is None or created < since - CLOCK_SLACK:
                continue
            receipt = receipt_of(placed)
            if self._placed.take(receipt.vendor_id, call):
                return receipt
        return None

    def _create(self, call: Call) -> Receipt:
        with refusals(call.to):
            placed = self._client.calls.create(
                to=call.to,
                from_=self._from,
                twiml=spoken(call),
                status_callback=call.status_callback,
                status_callback_event=CALL_EVENTS,
                machine_detection="Enable",
                async_amd="true",
                async_amd_status_callback=call.status_callback,
            )
        receipt = receipt_of(placed)
        self._placed.take(receipt.vendor_id, call)
        return receipt

    def _settle(self, call: Call, began: datetime, unknown: OutcomeUnknown) -> Receipt:
        try:
            receipt = self.find(call, began)
        except ChannelError as error:
            raise OutcomeUnknown(f"{unknown}; nor could Twilio be asked whether it was: {error}") from None
        if receipt is None:
            raise TryAgain("Twilio gave no answer and has no record of the call; place it again") from None
        return receipt

    def _recent(self, to: str) -> list[Any]:
        # Not filtered by date there: the only such filter is on the start, which a call that waits lacks.
        with refusals(to):
            calls: list[Any] = self._client.calls.list(
                to=to, from_=self._from, limit=RECENT_CALLS, page_size=RECENT_CALLS
            )
        return calls


class _Placed:
    """Whose each call is that this process knows of: the newest, by Twilio's name and the message's own callback."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def take(self, sid: str, call: Call) -> bool:
        """Whether the call `sid` is this one, or nobody's yet; then it is this one from now on."""
        with self._lock:
            owner = self._owners.setdefault(sid, call.status_callback)
            if len(self._owners) > REMEMBERED_CALLS:
                self._owners.popitem(last=False)
            return owner == call.status_callback
