"""Which of SendGrid's events put an address out of use.

Source: docs.sendgrid.com/for-developers/tracking-events/event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tocsin.channels.addresses import spellings
from tocsin.channels.deliveries import moment_of_sendgrid
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
    return [each for event in events for each in _suppressed(event)]


def _suppressed(event: Mapping[str, Any]) -> list[Suppression]:
    """The address that an event puts out of use, in each spelling: a list may have either."""
    kind, address, at = event.get("event"), event.get("email"), moment_of_sendgrid(event.get("timestamp"))
    if not isinstance(kind, str) or not isinstance(address, str) or at is None:
        return []
    reason = _DROPPED.get(str(event.get("reason", ""))) if kind == "dropped" else _REASONS.get(kind)
    is_for_now = event.get("type") == "blocked"
    if reason is None or is_for_now:
        return []
    return [Suppression(address=each, reason=reason, at=at) for each in spellings(address)]
