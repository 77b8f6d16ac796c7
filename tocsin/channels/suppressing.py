"""Which of SendGrid's events put an address out of use.

Source: docs.sendgrid.com/for-developers/tracking-events/event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tocsin.domain.broadcasts import Suppression

_REASONS = {
    "bounce": "mail to it bounced",
    "spamreport": "reported our mail as spam",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}

# `dropped` says by its reason whether SendGrid would drop the next mail, too.
_DROPPED = {
    "Bounced Address": "mail to it bounced",
    "Spam Reporting Address": "reported our mail as spam",
    "Unsubscribed Address": "unsubscribed",
    "Invalid": "is no address",
}


def suppressions_of_sendgrid(events: Iterable[Mapping[str, Any]]) -> list[Suppression]:
    """The addresses that must not be written to any more; a mailbox that was only blocked is none of them."""
    found = (_suppression(event) for event in events)
    return [each for each in found if each is not None]


def _suppression(event: Mapping[str, Any]) -> Suppression | None:
    kind, address, at = event.get("event", ""), event.get("email"), event.get("timestamp")
    reason = _DROPPED.get(str(event.get("reason", ""))) if kind == "dropped" else _REASONS.get(kind)
    is_for_now = event.get("type") == "blocked"
    if reason is None or is_for_now or not isinstance(address, str) or not isinstance(at, int):
        return None
    return Suppression(address=address, reason=reason, at=datetime.fromtimestamp(at, UTC))
