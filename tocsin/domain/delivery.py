"""What became of a message after a vendor took it: the states, the reports of them, and their order."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from tocsin.domain.base import Moment, Value


class DeliveryState(StrEnum):
    """How far one message, or one call, has come. `forward` holds the order of the states."""

    QUEUED = "queued"
    """The vendor has it and has not tried yet."""

    SENT = "sent"
    """It left the vendor, or the phone is ringing; nobody confirms that it arrived."""

    FAILED_FOR_NOW = "failed_for_now"
    """It did not arrive. The cause passes (handset off, mailbox busy): the vendor, or we, may try again."""

    DELIVERED = "delivered"
    """The carrier or the mail server of the recipient took it. Nobody need have read it."""

    ANSWERED = "answered"
    """A person took the call: they pressed a key, or the vendor heard a human. Final."""

    NO_ANSWER = "no_answer"
    """The phone rang out or was busy, or nobody but a machine is known to have taken the call. A key that is pressed
    after all shows a person; beside that it is final for this call. Another call may be answered."""

    FAILED = "failed"
    """It did not arrive and the same message to the same address never will. Final."""


class DeliveryReport(Value):
    """One vendor's word about one message.

    `vendor_id` is the name that the `Receipt` carried. It is empty in a bounce that SendGrid reports late,
    which is known by its `correlation` alone: what `Email.correlation` held. Twilio returns no correlation;
    its callbacks are told apart by their URL. `detail` is for people: the vendor's code or words, without
    personal data.
    """

    vendor: Literal["twilio", "sendgrid"]
    vendor_id: str
    state: DeliveryState
    detail: str = ""
    is_tried_on: bool = False
    """Whether the vendor itself goes on trying, after `failed_for_now`."""
    at: Moment
    correlation: dict[str, str] = Field(default_factory=dict)

    @property
    def is_news(self) -> bool:
        """Whether it says more than the vendor's acceptance did: `queued` and `sent` do not, and would cost an
        incident four history events each."""
        return self.state not in {DeliveryState.QUEUED, DeliveryState.SENT}


_ENDS = frozenset(
    {DeliveryState.DELIVERED, DeliveryState.ANSWERED, DeliveryState.NO_ANSWER, DeliveryState.FAILED}
)

_MAY_FOLLOW: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.QUEUED: _ENDS | {DeliveryState.SENT, DeliveryState.FAILED_FOR_NOW},
    DeliveryState.SENT: _ENDS | {DeliveryState.FAILED_FOR_NOW},
    DeliveryState.FAILED_FOR_NOW: _ENDS,
    # A mail server may take a message and return it later: SendGrid reports `delivered`, then `bounce`.
    DeliveryState.DELIVERED: frozenset({DeliveryState.FAILED}),
    DeliveryState.ANSWERED: frozenset(),
    # Who takes a call for a machine may be mistaken; a key that is pressed is no mistake.
    DeliveryState.NO_ANSWER: frozenset({DeliveryState.ANSWERED}),
    DeliveryState.FAILED: frozenset(),
}


def forward(old: DeliveryState, new: DeliveryState) -> DeliveryState:
    """The state after `new` was reported of a message in state `old`; it never goes back.

    Callbacks come doubled and out of order, so each is applied only where the partial order allows it:

        queued < sent < failed_for_now < delivered < failed
                                       < no_answer < answered
    """
    return new if new in _MAY_FOLLOW[old] else old
