"""Amazon SNS: whatever a topic brings that one of the other formats can read, told by its content.

CloudWatch's alarms, AWS Health's events, and CloudEvents are recognised. What else a topic may carry is refused, so
that it is seen in SNS's delivery log rather than taken for an alarm that nobody wrote a rule for.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from pydantic_core import from_json

from tocsin.domain.readings import Reading
from tocsin.ingest.formats import Delivered, awshealth, cloudevents, cloudwatch
from tocsin.ingest.formats.snsenvelope import message_in
from tocsin.ingest.problems import Problem
from tocsin.sources import Source


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """What SNS delivered; nothing where it asks something itself. Raises `Problem`: 422 for what nobody here reads."""
    message = message_in(delivered)
    if message is None:
        return ()
    try:
        content = from_json(message)
    except ValueError:
        raise _unknown("a text that is not JSON") from None
    if cloudwatch.is_alarm(content):
        return (cloudwatch.reading_of(message),)
    if awshealth.is_health_event(content):
        return (awshealth.reading_of(message, delivered.received),)
    if cloudevents.is_structured(content):
        event = replace(delivered, body=message, headers={"content-type": cloudevents.STRUCTURED})
        return cloudevents.read(event, source)
    raise _unknown("JSON of an unknown shape")


def _unknown(what: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "unknown-message",
        f"the message is {what}: neither an alarm of CloudWatch, nor an event of AWS Health, nor a CloudEvent; "
        "filter it out of the subscription, or send it through EventBridge to a source with a mapping",
    )
