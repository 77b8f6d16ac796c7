"""What an HTTP answer says about trying again (RFC 9110, 15.5 to 15.6, 10.2.3), and what may be quoted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later: 408, 429 and every 5xx."""
    return status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS} or status >= 500


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """How long a `Retry-After` asks to wait: seconds, or an HTTP date, which in the past means not at all.

    None when there is no header or when it is neither.
    """
    if header is None:
        return None
    value = header.strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return timedelta(seconds=int(value))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    # A date with the zone `-0000` is parsed as naive; it means UTC.
    return max(moment.replace(tzinfo=moment.tzinfo or UTC) - now, timedelta())


def without(private: str, text: str) -> str:
    """`text` with an address or number left out: an error is logged, and kept in workflow history."""
    return text.replace(private, "(recipient)") if private else text
