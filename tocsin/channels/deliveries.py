"""What vendors report about messages, in our words. Their vocabularies stand here as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tocsin.channels.http_answers import without
from tocsin.domain.delivery import DeliveryReport, DeliveryState

CORRELATION_PREFIX = "tocsin_"
"""Set before the name of each custom argument, so that an event's own fields are never taken for ours."""

# twilio.com/docs/messaging/api/message-resource#message-status-values
_TWILIO_SMS = {
    "accepted": DeliveryState.QUEUED,
    "scheduled": DeliveryState.QUEUED,
    "queued": DeliveryState.QUEUED,
    "sending": DeliveryState.QUEUED,
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.DELIVERED,
    "undelivered": DeliveryState.FAILED,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}

# twilio.com/docs/api/errors: the ones whose cause passes by itself. Every other ends in another channel.
_TWILIO_PASSING_ERRORS = frozenset(
    {
        "30001",  # the queue overflowed
        "30003",  # the handset is switched off or out of reach
        "30008",  # unknown, said by the carrier
        "30017",  # the carrier is congested
        "30022",  # more per second than the carrier allows
    }
)

# twilio.com/docs/voice/api/call-resource#call-status-values. That a call was taken does not say by whom.
_TWILIO_CALL = {
    "queued": DeliveryState.QUEUED,
    "initiated": DeliveryState.QUEUED,
    "ringing": DeliveryState.SENT,
    "in-progress": DeliveryState.SENT,
    "completed": DeliveryState.NO_ANSWER,
    "busy": DeliveryState.NO_ANSWER,
    "no-answer": DeliveryState.NO_ANSWER,
    "failed": DeliveryState.FAILED,
    "canceled": DeliveryState.FAILED,
}

_TAKEN = frozenset({"", "in-progress", "completed"})
"""The states of a call that somebody, or something, took; the report of who took it comes without one."""

_NOBODY_KNOWN = "completed without a key, or any sign of a person"

# twilio.com/docs/voice/answering-machine-detection. Any other value is a machine's, too: voicemail never counts.
_TWILIO_ANSWERED_BY = {
    "human": "a person took the call",
    "fax": "a fax machine took the call",
    "unknown": "voicemail, or nobody can say who took the call",
}

# docs.sendgrid.com/for-developers/tracking-events/event. Opens and clicks are left out: scanners do both.
_SENDGRID = {
    "processed": DeliveryState.SENT,
    "deferred": DeliveryState.FAILED_FOR_NOW,
    "delivered": DeliveryState.DELIVERED,
    "bounce": DeliveryState.FAILED,
    "dropped": DeliveryState.FAILED,
}


def delivery_of_twilio_sms(params: Mapping[str, str], received_at: datetime) -> DeliveryReport | None:
    """What a status callback says of a text message; None when it says nothing that we have a word for.

    Twilio does not say when, so the report has the moment at which it was received.
    """
    state = _TWILIO_SMS.get(params.get("MessageStatus", ""))
    error = params.get("ErrorCode", "")
    if state is DeliveryState.FAILED and error in _TWILIO_PASSING_ERRORS:
        state = DeliveryState.FAILED_FOR_NOW
    if state is None or "MessageSid" not in params:
        return None
    return DeliveryReport(
        vendor="twilio",
        vendor_id=params["MessageSid"],
        state=state,
        detail=" ".join(filter(None, [params["MessageStatus"], error])),
        at=received_at,
    )


def delivery_of_twilio_call(params: Mapping[str, str], received_at: datetime) -> DeliveryReport | None:
    """What a callback says of a call; None when it says nothing that we have a word for.

    It tells of the call's progress, or who took it (`AnsweredBy`), or both. Only a human counts as an answer.
    """
    found = _progress(params.get("CallStatus", ""), params.get("AnsweredBy", ""))
    if found is None or "CallSid" not in params:
        return None
    return DeliveryReport(
        vendor="twilio",
        vendor_id=params["CallSid"],
        state=found[0],
        detail=found[1],
        at=_http_date(params.get("Timestamp", "")) or received_at,
    )


def _progress(status: str, taker: str) -> tuple[DeliveryState, str] | None:
    """The state of a call, and what is to be said about it."""
    if taker and status in _TAKEN:
        state = DeliveryState.ANSWERED if taker == "human" else DeliveryState.NO_ANSWER
        return state, _TWILIO_ANSWERED_BY.get(taker, f"voicemail ({taker})")
    state_of_call = _TWILIO_CALL.get(status)
    if state_of_call is None:
        return None
    return state_of_call, _NOBODY_KNOWN if status == "completed" else status


def delivery_of_twilio_key(params: Mapping[str, str], received_at: datetime) -> DeliveryReport:
    """What a key that was pressed during a call says of it: no machine presses one."""
    return DeliveryReport(
        vendor="twilio",
        vendor_id=params.get("CallSid", ""),
        state=DeliveryState.ANSWERED,
        detail=f"key {params.get('Digits', '')}",
        at=received_at,
    )


def deliveries_of_sendgrid(events: Iterable[Mapping[str, Any]]) -> list[DeliveryReport]:
    """What a batch of events says of emails, in its order; events about anything else are left out."""
    reports = (_delivery_of_sendgrid(event) for event in events)
    return [report for report in reports if report is not None]


def moment_of_sendgrid(timestamp: Any) -> datetime | None:
    """The time in seconds since 1970; nothing where it is none, or beyond what there is a date for."""
    try:
        return datetime.fromtimestamp(timestamp, UTC) if isinstance(timestamp, int) else None
    except (ValueError, OverflowError, OSError):
        return None


def _delivery_of_sendgrid(event: Mapping[str, Any]) -> DeliveryReport | None:
    name = _text(event.get("event"))
    state, at = _SENDGRID.get(name), moment_of_sendgrid(event.get("timestamp"))
    if state is None or at is None:
        return None
    return DeliveryReport(
        vendor="sendgrid",
        vendor_id=_accepted_as(_text(event.get("sg_message_id"))),
        state=DeliveryState.FAILED_FOR_NOW if event.get("type") == "blocked" else state,
        is_tried_on=name == "deferred",
        detail=_reason(event),
        at=at,
        correlation=_correlation(event),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _accepted_as(sg_message_id: str) -> str:
    """The `X-Message-Id` of the acceptance: what stands before the name of the machine that processed it."""
    return re.split(r"\.(?:filter|recv)", sg_message_id, maxsplit=1)[0]


def _reason(event: Mapping[str, Any]) -> str:
    words = [str(event["event"]), str(event.get("reason") or event.get("response") or "")]
    return without(str(event.get("email", "")), " ".join(filter(None, words)))[:300]


def _correlation(event: Mapping[str, Any]) -> dict[str, str]:
    return {
        name.removeprefix(CORRELATION_PREFIX): str(value)
        for name, value in event.items()
        if name.startswith(CORRELATION_PREFIX)
    }


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
