"""What Amazon SNS posts to an HTTP endpoint: a message in an envelope that AWS has signed.

Source: docs.aws.amazon.com/sns/latest/dg/http-notification-json.html, and its neighbours on confirmations. The envelope
is read here; whether AWS signed it is seen by `tocsin.ingest.snssigning`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_pascal

from tocsin.ingest.bodies import parse_json, read_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.problems import Problem

CONTENT_TYPES = ("text/plain", "application/json")
"""What SNS calls it unless it is told otherwise, and what it is."""


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def _a_time(text: str) -> str:
    """The text, which is signed as it stands. Raises `ValueError`."""
    _moment(text)
    return text


class Envelope(BaseModel):
    """A notification, or SNS's own question whether a subscription is meant."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_pascal)

    type: Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
    message_id: Annotated[str, Field(min_length=1, max_length=200)]
    topic_arn: Annotated[str, Field(min_length=1)]
    message: str
    timestamp: Annotated[str, AfterValidator(_a_time)]
    signature_version: str
    signature: str
    signing_cert_url: Annotated[str, Field(alias="SigningCertURL")]
    subject: str | None = None
    token: str | None = None
    subscribe_url: Annotated[str | None, Field(alias="SubscribeURL")] = None

    @property
    def sent(self) -> datetime:
        """When it was published, by AWS's clock."""
        return _moment(self.timestamp)

    @property
    def region(self) -> str:
        """That of the topic: `eu-west-1` of `arn:aws:sns:eu-west-1:123456789012:alarms`."""
        return "".join(self.topic_arn.split(":")[3:4])


_ENVELOPE = TypeAdapter(Envelope)


def envelope_in(delivered: Delivered) -> Envelope:
    """The envelope of a request. Raises `Problem`: 400, and 403 for raw delivery, which leaves out the signature."""
    if delivered.headers.get("x-amz-sns-rawdelivery", "").lower() == "true":
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "raw-delivery",
            "a raw message has no signature and can't be believed; turn off this subscription's raw message delivery",
        )
    return read_json(_ENVELOPE, delivered.body)


def is_enveloped(delivered: Delivered) -> bool:
    """Whether a request claims to be SNS's. Raises `Problem` (400) for what is not JSON.

    What AWS signed is the message in the envelope, and nothing that somebody may have written around it.
    """
    outside = parse_json(delivered.body)
    return isinstance(outside, dict) and {"Type", "TopicArn"} <= outside.keys()


def message_in(delivered: Delivered) -> bytes | None:
    """The message, out of its envelope where it is in one; `None` for SNS's own questions. Raises `Problem` (400)."""
    if not is_enveloped(delivered):
        return delivered.body
    envelope = envelope_in(delivered)
    return envelope.message.encode() if envelope.type == "Notification" else None
