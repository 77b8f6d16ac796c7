"""Times in messages of AWS, which has several ways of writing them."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tocsin.ingest.formats.moments import believable


def lenient(written: Any) -> datetime | None:
    """A time as ISO 8601 or as in a mail's header; `None` for what makes no sense: no alarm is refused for it."""
    if not isinstance(written, str):
        return None
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return believable(parse(written))
        except (ValueError, OverflowError):
            continue
    return None
