"""A message as the sandbox keeps it: one shape for email, SMS and calls."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["email", "sms", "call"]
Direction = Literal["outbound", "inbound"]

LIVE_CALL = frozenset({"queued", "ringing", "in-progress"})
"""The states in which a call can still be answered, spoken into or hung up."""

UNFINISHED = LIVE_CALL | {"accepted", "processed", "sent"}
"""The states after which something else is still to happen."""


@dataclass(slots=True, frozen=True)
class Callback:
    """One attempt to report to the product: `outcome` is an HTTP status, or the name of what went wrong."""

    at: float
    url: str
    event: str
    outcome: str


@dataclass(slots=True)
class Message:
    """An email to one address, an SMS (either way) or a call. Times are seconds since the epoch.

    `id` is the sandbox's own for an email (`vendor_id` and a recipient number) and the SID for the others;
    `vendor_id` is what the vendor answered. `transcript` is what happened on a call, in order: `("said", text)` and
    `("pressed", keys)`, `("heard", words)`. Of a call, `answered_by` is who took it, once that was found out, and
    `amd_callback` where that is reported beside its progress.
    """

    id: str
    kind: Kind
    to: str
    sender: str
    at: float
    status: str
    vendor_id: str
    direction: Direction = "outbound"
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    correlation: dict[str, str] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    transcript: list[tuple[str, str]] = field(default_factory=list)
    sent_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    error_code: int | None = None
    error_message: str | None = None
    status_callback: str = ""
    status_events: list[str] = field(default_factory=list)
    twiml: str = ""
    url: str = ""
    ring_seconds: float = 0.0
    detects_machine: bool = False
    amd_callback: str = ""
    answered_by: str = ""
    segments: int = 0
    service_sid: str | None = None
    callbacks: list[Callback] = field(default_factory=list)
    version: int = 0

    @property
    def message_id(self) -> str:
        """An email's `Message-ID` header, `<local@domain>`; empty for the other kinds."""
        return self.headers.get("Message-ID", "")

    @property
    def said(self) -> list[str]:
        """What a call spoke."""
        return [text for what, text in self.transcript if what == "said"]

    @property
    def digits(self) -> list[str]:
        """What a call heard: one string of keys for each entry."""
        return [text for what, text in self.transcript if what == "pressed"]

    @property
    def heard(self) -> list[str]:
        """What a person said on a call."""
        return [text for what, text in self.transcript if what == "heard"]

    @property
    def body(self) -> str:
        """What the recipient reads or hears, as plain text."""
        return "\n".join(self.said) if self.kind == "call" else self.text

    @property
    def person(self) -> str:
        """The address or number on the other side, whichever way the message went."""
        return self.to if self.direction == "outbound" else self.sender

    @property
    def live(self) -> bool:
        """Whether this is a call that a person can still act on."""
        return self.kind == "call" and self.status in LIVE_CALL

    def snapshot(self) -> Message:
        """A copy that later changes do not reach."""
        twin = copy(self)
        for name in ("transcript", "callbacks"):
            setattr(twin, name, list(getattr(self, name)))
        return twin

    def as_json(self) -> dict[str, Any]:
        """The message as the control API shows it; times in ISO 8601, UTC."""
        return {
            "id": self.id,
            "vendor_id": self.vendor_id,
            "kind": self.kind,
            "direction": self.direction,
            "to": self.to,
            "from": self.sender,
            "at": iso(self.at),
            "status": self.status,
            "error_code": self.error_code,
            "error_message": self.error_message,
            "subject": self.subject,
            "body": self.body,
            "said": self.said,
            "digits": self.digits,
            "heard": self.heard,
            "answered_by": self.answered_by,
            "text": self.text,
            "html": self.html,
            "attachments": self.attachments,
            "correlation": self.correlation,
            "headers": self.headers,
            "message_id": self.message_id,
            "status_callback": self.status_callback,
            "callbacks": [
                {"at": iso(made.at), "url": made.url, "event": made.event, "outcome": made.outcome}
                for made in self.callbacks
            ],
        }


JOURNALLED = tuple(name.name for name in fields(Message) if name.name not in {"callbacks", "version"})
"""The fields that survive a restart: all but the log of callbacks and the page's version counter."""


def iso(moment: float) -> str:
    """`moment` in ISO 8601 with milliseconds, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
