"""Making sure that a message comes from Amazon SNS, from a topic of ours, now, and for the first time.

Source: docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.

AWS signs the parts of a message that matter with a key whose certificate is at `SigningCertURL`. Whoever forges a
message also writes that URL. So it must be one of SNS's own hosts, over HTTPS and by no detour, before anything is
fetched, and the certificate must be valid now and issued to SNS. The chain of its issuers is not verified: the file
holds the certificate alone, and AWS promises no issuer. That it is AWS's follows from the TLS connection to the
host on which it lies.

A message counts for `WINDOW`, and once. What was refused, or could not be taken, may come again. What was taken is
remembered by each replica for itself; a message that is replayed to another one within the window joins its
incident.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm

from tocsin import __version__
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.snsenvelope import Envelope, envelope_in
from tocsin.ingest.problems import Problem, unavailable
from tocsin.ingest.snscertificates import (
    SNS_HOST,
    Certificate,
    CertificateRefused,
    read_certificate,
    refuse_elsewhere,
)
from tocsin.sources import Source

WINDOW = timedelta(minutes=15)
"""How far the time of a message may be from ours. SNS tries again for a minute, unless told to go on."""

PATIENCE = 5.0
"""Seconds for AWS to answer; SNS itself waits 15."""

LARGEST = 64 * 1024
"""Bytes that are read of an answer; a certificate has two thousand."""

MOST_CERTIFICATES, MOST_MESSAGES = 32, 10_000
"""How many are remembered; the oldest is forgotten first."""

_SIGNED_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")

_HASHES: dict[str, Callable[[], HashAlgorithm]] = {"1": SHA1, "2": SHA256}

_SUBSCRIBE_URL = re.compile(rf"{SNS_HOST}/\?(?P<query>[A-Za-z0-9%&=:._~+/-]+)")

_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What AWS answered."""

    status: int
    body: bytes


class Unreachable(Exception):
    """There is no answer; the text says why."""


Fetch = Callable[[str], Awaitable[Answer]]
"""GETs a URL, following no redirect. Raises `Unreachable`."""


async def fetch(url: str) -> Answer:
    """In a thread, because the event loop has others to serve, and building a TLS context takes its time."""
    return await asyncio.to_thread(_get, url)


def _get(url: str) -> Answer:
    body, deadline = bytearray(), time.monotonic() + PATIENCE
    headers = {"User-Agent": f"tocsin/{__version__}", "Accept-Encoding": "identity"}
    try:
        with httpx.stream("GET", url, timeout=PATIENCE, follow_redirects=False, headers=headers) as response:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > LARGEST or time.monotonic() > deadline:
                    raise Unreachable(
                        f"it answers more than {LARGEST:,} bytes, or takes longer than {PATIENCE:g} s"
                    )
    except httpx.HTTPError as error:
        raise Unreachable(str(error) or type(error).__name__) from error
    return Answer(response.status_code, bytes(body))


def signed_text(envelope: Envelope) -> bytes:
    """What AWS signs of a message: names and values in turn, each on a line, in the order of AWS."""
    written = envelope.model_dump(by_alias=True, exclude_none=True)
    names = _SIGNED_NOTIFICATION if envelope.type == "Notification" else _SIGNED_CONFIRMATION
    return "".join(f"{name}\n{written[name]}\n" for name in names if name in written).encode()


class SnsSignatures:
    """Believes messages that AWS signed for the topics of a source, and answers SNS when it asks about a subscription.

    Keeps certificates by their URL, and remembers which messages were taken.
    """

    def __init__(self, fetch: Fetch = fetch, window: timedelta = WINDOW) -> None:
        self._fetch = fetch
        self._window = window
        self._certificates: OrderedDict[str, Certificate] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()
        self._taken: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def verify(self, delivered: Delivered, source: Source) -> None:
        """Make sure of a message, and confirm the subscription where it asks for that.

        A source without topics is secured by other means. Raises `Problem`: 400; 403 for what can't be believed; 503
        when AWS could not be asked.
        """
        topics = source.lock.topics if source.lock else ()
        if not topics:
            return
        envelope = envelope_in(delivered)
        self._refuse_strangers(envelope, delivered, topics)
        self._refuse_replays(envelope, delivered.received, source)
        await self._refuse_forgeries(envelope, delivered.received)
        if envelope.type == "SubscriptionConfirmation":
            await self._confirm(envelope)
        elif envelope.type == "UnsubscribeConfirmation":
            _log.warning(
                "the subscription to %s has ended: its alerts no longer come here", envelope.topic_arn
            )

    def taken(self, delivered: Delivered, source: Source) -> None:
        """Remember a message, now that it is safe; it does not count again."""
        if source.lock is None or not source.lock.topics:
            return
        self._taken[source.source, envelope_in(delivered).message_id] = None
        while len(self._taken) > MOST_MESSAGES:
            self._taken.popitem(last=False)

    # What is refused without asking AWS

    def _refuse_strangers(self, envelope: Envelope, delivered: Delivered, topics: tuple[str, ...]) -> None:
        if envelope.topic_arn not in topics:
            raise _refused("unknown-topic", f"the topic {envelope.topic_arn[:300]} is none of this source's")
        said = {
            "x-amz-sns-message-type": envelope.type,
            "x-amz-sns-message-id": envelope.message_id,
            "x-amz-sns-topic-arn": envelope.topic_arn,
        }
        for name, value in said.items():
            if delivered.headers.get(name, value) != value:
                raise _refused("headers-differ", f"the header {name} says something else than the message")

    def _refuse_replays(self, envelope: Envelope, now: datetime, source: Source) -> None:
        if abs(now - envelope.sent) > self._window:
            raise _refused(
                "outside-window",
                f"the message was published at {envelope.timestamp}, which is not within "
                f"{self._window.total_seconds():g} s of now; check this machine's clock",
            )
        if (source.source, envelope.message_id) in self._taken:  # a topic may be subscribed to for several
            raise _refused("replayed", f"the message {envelope.message_id} was taken already")

    # What AWS has to say

    async def _refuse_forgeries(self, envelope: Envelope, now: datetime) -> None:
        algorithm = _HASHES.get(envelope.signature_version)
        if algorithm is None:
            raise _refused("unknown-signature-version", "SignatureVersion is neither 1 nor 2")
        try:
            refuse_elsewhere(envelope.signing_cert_url, envelope.region)
            certificate = await self._certificate(envelope.signing_cert_url)
            certificate.refuse_unless_valid(now)
            signature = base64.b64decode(envelope.signature, validate=True)
            certificate.key.verify(signature, signed_text(envelope), PKCS1v15(), algorithm())
        except CertificateRefused as error:
            raise _refused("unknown-certificate", str(error)) from error
        except (InvalidSignature, ValueError) as error:  # what is no base64 is a `ValueError`
            raise _refused("wrong-signature", "the signature is not AWS's for this message") from error

    async def _certificate(self, url: str) -> Certificate:
        """The certificate, fetched when it is first needed. Raises `CertificateRefused`, and `Problem` (503)."""
        if url in self._certificates:
            return self._certificates[url]
        async with self._one_at_a_time:  # when many messages come at once, the others find it here
            if url not in self._certificates:
                self._certificates[url] = await self._fetched(url)
                while len(self._certificates) > MOST_CERTIFICATES:
                    self._certificates.popitem(last=False)
            return self._certificates[url]

    async def _fetched(self, url: str) -> Certificate:
        answer = await self._asked(url)
        if answer.status != HTTPStatus.OK:
            raise CertificateRefused(f"AWS has no certificate at {url}: it answers {answer.status}")
        return read_certificate(url, answer.body)

    async def _confirm(self, envelope: Envelope) -> None:
        """Tell SNS that the subscription is meant. Raises `Problem`: 403, and 503 when AWS can't be told."""
        url = envelope.subscribe_url or ""
        if not _confirms(url, envelope):
            raise _refused("wrong-subscribe-url", "SubscribeURL is not SNS's own for this topic and token")
        answer = await self._asked(url)
        if answer.status != HTTPStatus.OK:
            raise _refused(
                "not-confirmed", f"SNS does not confirm the subscription: it answers {answer.status}"
            )
        _log.info("subscribed to %s", envelope.topic_arn)

    async def _asked(self, url: str) -> Answer:
        try:
            answer = await self._fetch(url)
        except Unreachable as error:
            raise _unreachable(url, str(error)) from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _unreachable(url, f"it answers {answer.status}")
        return answer


def _confirms(url: str, envelope: Envelope) -> bool:
    """Whether a URL of SNS confirms this subscription, and does nothing else."""
    found = _SUBSCRIBE_URL.fullmatch(url)
    wanted = {"Action": "ConfirmSubscription", "TopicArn": envelope.topic_arn, "Token": envelope.token}
    return (
        found is not None and found["region"] == envelope.region and dict(parse_qsl(found["query"])) == wanted
    )


def _refused(reason: str, detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, reason, detail)


def _unreachable(url: str, why: str) -> Problem:
    return unavailable(f"{urlsplit(url).hostname} could not be asked: {why}", "aws-unreachable")
