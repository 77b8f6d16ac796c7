"""Amazon, as far as a topic of SNS needs it: certificates, a key to sign with, and somebody who fetches."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.ingest.harbour import NOON
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.snsenvelope import Envelope
from tocsin.ingest.snssigning import Answer, Unreachable, signed_text
from tocsin.sources import Lock, Source

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
CERTIFICATE_URL = (
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-37e3452ea3e34474961cb92e0cf58f9f.pem"
)
TOKEN = "2336412f37fb687f5d51e6e2"
SUBSCRIBE_URL = (
    "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
    f"&TopicArn={TOPIC.replace(':', '%3A')}&Token={TOKEN}"
)
SOURCE = Source(source="aws", format="sns", plan="harbour", lock=Lock(topics=(TOPIC,)))

ALARM = {
    "AlarmName": "tide-gauge-silent",
    "AlarmDescription": "The gauge at the north quay says nothing",
    "AWSAccountId": "123456789012",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: no datapoints were received",
    "StateChangeTime": "2026-11-24T11:52:00.123+0000",
    "Region": "EU (Ireland)",
    "AlarmArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:tide-gauge-silent",
    "OldStateValue": "OK",
    "Trigger": {
        "MetricName": "Readings",
        "Namespace": "Harbour/Gauges",
        "Statistic": "SUM",
        "Dimensions": [{"name": "Quay", "value": "north"}],
        "Period": 60,
    },
}


@cache
def rsa_key(name: str = "sns", bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same name: they take long to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(
    common_name: str = "sns.amazonaws.com",
    also: Sequence[str] = (),
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
    valid: tuple[datetime, datetime] = (NOON - timedelta(days=30), NOON + timedelta(days=300)),
) -> bytes:
    """A certificate of Amazon's for a name, as PEM."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_called(common_name))
        .issuer_name(_called("Amazon RSA 2048 M01"))
        .public_key((key or rsa_key()).public_key())
        .serial_number(7)
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
    )
    if also:
        names = x509.SubjectAlternativeName([x509.DNSName(each) for each in also])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(rsa_key("authority"), SHA256()).public_bytes(Encoding.PEM)


def _called(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass
class Amazon:
    """What lies at Amazon's URLs, and which of them were asked for."""

    lies: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False

    async def fetch(self, url: str) -> Answer:
        self.asked.append(url)
        await asyncio.sleep(0)  # others come in the meantime
        if self.is_away:
            raise Unreachable("no route to host")
        return self.lies.get(url, Answer(404, b""))


def notification(message: Any = ALARM, **other: Any) -> dict[str, Any]:
    """What a topic says, in its envelope, not yet signed."""
    return {
        "Type": "Notification",
        "MessageId": "bb043386-2fed-434e-8a77-4fc25a511b38",
        "TopicArn": TOPIC,
        "Subject": 'ALARM: "tide-gauge-silent" in EU (Ireland)',
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-11-24T11:59:05.409Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    } | other


def question(type: str = "SubscriptionConfirmation", **other: Any) -> dict[str, Any]:
    """What SNS asks when somebody subscribes, or no longer does."""
    asked = {
        "Type": type,
        "Token": TOKEN,
        "SubscribeURL": SUBSCRIBE_URL,
        "Message": "You have chosen to subscribe",
    }
    return {name: value for name, value in notification().items() if name != "Subject"} | asked | other


def signed(envelope: dict[str, Any], key: rsa.RSAPrivateKey | None = None) -> dict[str, Any]:
    """The envelope with Amazon's signature."""
    text = signed_text(Envelope.model_validate(envelope | {"Signature": ""}))
    algorithm = SHA1() if envelope["SignatureVersion"] == "1" else SHA256()
    signature = (key or rsa_key()).sign(text, PKCS1v15(), algorithm)
    return envelope | {"Signature": base64.b64encode(signature).decode()}


def delivered(envelope: dict[str, Any], received: datetime = NOON, **headers: str) -> Delivered:
    """As SNS posts it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    plain = {"content-type": "text/plain; charset=UTF-8"}
    return Delivered(json.dumps(envelope).encode(), plain | named, received)
