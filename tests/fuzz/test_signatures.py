"""Nobody but AWS speaks for a topic: whatever else comes is refused, and asks for nothing that is not Amazon's."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.fuzz.strangers import ROUNDS, bodies, let, written
from tests.ingest.formats.amazon import (
    CERTIFICATE_URL,
    SOURCE,
    SUBSCRIBE_URL,
    Amazon,
    certificate,
    notification,
    question,
    signed,
)
from tests.ingest.harbour import NOON
from tocsin.ingest.formats import Delivered
from tocsin.ingest.problems import Problem
from tocsin.ingest.snssigning import Answer, SnsSignatures

TRUE = [signed(notification()), signed(question()), signed(notification(SignatureVersion="1"))]
SIGNED = ("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "Token", "SubscribeURL")


async def is_believed(body: bytes, amazon: Amazon) -> bool:
    try:
        await SnsSignatures(amazon.fetch).verify(Delivered(body, {}, NOON), SOURCE)
    except Problem:
        return False
    return True


def amazon() -> Amazon:
    return Amazon({CERTIFICATE_URL: Answer(200, certificate()), SUBSCRIBE_URL: Answer(200, b"")})


@pytest.mark.parametrize("truth", TRUE, ids=["notification", "question", "version 1"])
def test_what_aws_signed_is_believed(truth: dict[str, Any]) -> None:
    assert asyncio.run(is_believed(written(truth), amazon()))


@pytest.mark.parametrize("many", ROUNDS)
def test_what_anybody_else_made_of_it_is_not(many: int) -> None:
    with asyncio.Runner() as runner:

        def come(body: bytes) -> None:
            theirs = amazon()
            is_true = runner.run(is_believed(body, theirs))
            assert all(urlsplit(url).hostname == "sns.eu-west-1.amazonaws.com" for url in theirs.asked)
            if is_true:
                assert _says(json.loads(body)) in [_says(truth) for truth in TRUE]

        let(bodies(TRUE), many, come)


def _says(envelope: dict[str, Any]) -> dict[str, Any]:
    return {name: envelope.get(name) for name in SIGNED}
