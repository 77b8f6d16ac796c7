from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from temporalio.service import RPCError, RPCStatusCode

from tests.ingest.formats.amazon import (
    ALARM,
    CERTIFICATE_URL,
    SOURCE,
    SUBSCRIBE_URL,
    TOPIC,
    Amazon,
    certificate,
    delivered,
    notification,
    question,
    rsa_key,
    signed,
)
from tests.ingest.harbour import NOON, FakeTemporal
from tocsin.ingest import snssigning
from tocsin.ingest.formats import Delivered, Dialect, sns
from tocsin.ingest.formats.snsenvelope import CONTENT_TYPES
from tocsin.ingest.metrics import IngestMetrics
from tocsin.ingest.monitors import Monitors, straight_to_temporal
from tocsin.ingest.problems import Problem, speak_in_problems
from tocsin.ingest.reception import Reception
from tocsin.ingest.snssigning import Answer, SnsSignatures, Unreachable
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sources import Lock, Source

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "captures"

Verify = Callable[..., Any]


@pytest.fixture
def amazon() -> Amazon:
    return Amazon({CERTIFICATE_URL: Answer(200, certificate())})


@pytest.fixture
def signatures(amazon: Amazon) -> SnsSignatures:
    return SnsSignatures(amazon.fetch)


async def refusal(signatures: SnsSignatures, what: Delivered, source: Source = SOURCE) -> tuple[int, str]:
    with pytest.raises(Problem) as refused:
        await signatures.verify(what, source)
    return refused.value.status.value, refused.value.reason


# A message of ours


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": None}])
async def test_a_message_that_amazon_signed_is_believed(
    signatures: SnsSignatures, version: str, subject: dict[str, Any]
) -> None:
    await signatures.verify(delivered(signed(notification(SignatureVersion=version, **subject))), SOURCE)


async def test_what_amazon_signs_is_what_its_guide_says() -> None:
    lines = snssigning.signed_text(
        snssigning.Envelope.model_validate(notification("Rise!") | {"Signature": ""})
    )

    assert lines.decode().splitlines() == [
        *("Message", "Rise!", "MessageId", "bb043386-2fed-434e-8a77-4fc25a511b38"),
        *("Subject", 'ALARM: "tide-gauge-silent" in EU (Ireland)'),
        *("Timestamp", "2026-11-24T11:59:05.409Z", "TopicArn", TOPIC, "Type", "Notification"),
    ]


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures of real payloads are not here")
async def test_a_message_that_was_captured_is_believed_with_the_certificate_that_was_captured() -> None:
    head, _, body = (CAPTURES / "sns-notification.http").read_bytes().partition(b"\n\n")
    envelope = json.loads(body)
    at = datetime.fromisoformat(envelope["Timestamp"])
    headers = {"content-type": "text/plain; charset=UTF-8"}
    assert b"text/plain; charset=UTF-8" in head
    amazon = Amazon(
        {envelope["SigningCertURL"]: Answer(200, (CAPTURES / "sns-signing-cert.pem").read_bytes())}
    )
    source = Source(source="aws", format="sns", lock=Lock(topics=(envelope["TopicArn"],)))

    await SnsSignatures(amazon.fetch).verify(Delivered(body, headers, at), source)

    [reading] = sns.read(Delivered(body, headers, at), source)
    assert (reading.title, reading.is_firing) == ("api-5xx", True)


async def test_the_certificate_is_fetched_once_however_many_messages_come_at_once(
    signatures: SnsSignatures, amazon: Amazon
) -> None:
    many = [delivered(signed(notification(MessageId=f"m-{number}"))) for number in range(20)]

    await asyncio.gather(*(signatures.verify(each, SOURCE) for each in many))

    assert amazon.asked == [CERTIFICATE_URL]


# Forgeries


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://amazon:sns@sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-west-1.amazonaws.com:443/a.pem",
        "https://sns.s3-eu-west-1.amazonaws.com/a.pem",
        "https://sns.s3.amazonaws.com/a.pem",
        "https://eu-west-1.amazonaws.com/a.pem",
        "https://xsns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem?b=c",
        "https://sns.eu-west-1.amazonaws.com/?a=.pem",
        "https://sns.eu-west-1.amazonaws.com/#a.pem",
        "https://sns.eu-west-1.amazonaws.com/../a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem\n",
        "https://sns.eu-west-1.amazonaws.com/a.der",
        "https://sns.eu-west-1.amazonaws.com\\@evil.example/a.pem",
        "https://SNS.eu-west-1.amazonaws.com/a.pem",
        "https://sns.us-east-1.amazonaws.com/of-another-region.pem",
        "",
    ],
)
async def test_nothing_is_fetched_from_where_amazon_keeps_no_certificates(
    signatures: SnsSignatures, amazon: Amazon, url: str
) -> None:
    amazon.lies[url] = Answer(200, certificate())

    assert await refusal(signatures, delivered(signed(notification(SigningCertURL=url)))) == (
        403,
        "unknown-certificate",
    )
    assert amazon.asked == []


@pytest.mark.parametrize(
    "tampered",
    [
        {"Message": json.dumps(ALARM | {"NewStateValue": "OK"})},
        {"MessageId": "another"},
        {"Subject": "All is well"},
        {"Timestamp": "2026-11-24T11:59:05.408Z"},
        {"Type": "UnsubscribeConfirmation", "Token": TOPIC, "SubscribeURL": SUBSCRIBE_URL},
        {"SignatureVersion": "1"},
        {"Signature": ""},
        {"Signature": "not base64"},
        {"Signature": "AAAA"},
    ],
)
async def test_a_message_that_was_tampered_with_is_refused(
    signatures: SnsSignatures, tampered: dict[str, Any]
) -> None:
    assert await refusal(signatures, delivered(signed(notification()) | tampered)) == (403, "wrong-signature")


async def test_a_message_that_somebody_else_signed_is_refused(signatures: SnsSignatures) -> None:
    forged = signed(notification(), rsa_key("somebody else"))

    assert await refusal(signatures, delivered(forged)) == (403, "wrong-signature")


async def test_an_unknown_version_of_signatures_is_refused(signatures: SnsSignatures) -> None:
    odd = signed(notification(SignatureVersion="3"))

    assert await refusal(signatures, delivered(odd)) == (403, "unknown-signature-version")


@pytest.mark.parametrize(
    "found",
    [
        certificate("sns.amazonaws.com.evil.example"),
        certificate("evil.example", also=["www.evil.example"]),
        certificate("sns-signing.af-south-1.amazonaws.com"),
        certificate(valid=(NOON - timedelta(days=30), NOON - timedelta(seconds=1))),
        certificate(valid=(NOON + timedelta(seconds=1), NOON + timedelta(days=30))),
        certificate(key=ec.generate_private_key(ec.SECP256R1())),
        certificate(key=rsa_key("small", 1024)),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"<html>",
        b"",
    ],
    ids=["like it", "another", "region", "expired", "not yet", "curve", "small", "broken", "page", "empty"],
)
async def test_a_certificate_that_is_not_amazons_for_sns_now_proves_nothing(
    amazon: Amazon, signatures: SnsSignatures, found: bytes
) -> None:
    amazon.lies[CERTIFICATE_URL] = Answer(200, found)

    assert await refusal(signatures, delivered(signed(notification()))) == (403, "unknown-certificate")


async def test_a_certificate_that_has_expired_since_it_was_fetched_proves_nothing(amazon: Amazon) -> None:
    amazon.lies[CERTIFICATE_URL] = Answer(200, certificate(valid=(NOON, NOON + timedelta(hours=1))))
    signatures = SnsSignatures(amazon.fetch)
    await signatures.verify(delivered(signed(notification())), SOURCE)
    later = NOON + timedelta(hours=2)
    new = notification(MessageId="m-2", Timestamp=later.isoformat())

    assert await refusal(signatures, delivered(signed(new), later)) == (403, "unknown-certificate")


@pytest.mark.parametrize(
    ("region", "suffix", "names"),
    [
        (
            "af-south-1",
            "amazonaws.com",
            ["sns-signing.af-south-1.amazonaws.com", "sns.af-south-1.amazonaws.com"],
        ),
        ("cn-north-1", "amazonaws.com.cn", ["sns-cn-north-1.amazonaws.com.cn"]),
        ("us-gov-east-1", "amazonaws.com", ["sns-us-gov-west-1.amazonaws.com"]),
        ("eu-central-1", "amazonaws.com", ["sns.amazonaws.com"]),
    ],
)
async def test_regions_that_have_names_of_their_own_sign_with_these(
    region: str, suffix: str, names: list[str]
) -> None:
    topic, url = f"arn:aws:sns:{region}:1:alarms", f"https://sns.{region}.{suffix}/a.pem"
    amazon = Amazon({url: Answer(200, certificate(names[0], also=names))})
    source = Source(source="aws", format="sns", lock=Lock(topics=(topic,)))

    said = signed(notification(TopicArn=topic, SigningCertURL=url))
    await SnsSignatures(amazon.fetch).verify(delivered(said), source)


# Amazon does not answer


async def test_a_message_whose_certificate_cannot_be_had_now_may_come_again(
    signatures: SnsSignatures, amazon: Amazon
) -> None:
    said = delivered(signed(notification()))
    amazon.is_away = True
    assert await refusal(signatures, said) == (503, "aws-unreachable")
    amazon.is_away, found = False, amazon.lies.pop(CERTIFICATE_URL)
    amazon.lies[CERTIFICATE_URL] = Answer(500, b"")
    assert await refusal(signatures, said) == (503, "aws-unreachable")

    amazon.lies[CERTIFICATE_URL] = found
    await signatures.verify(said, SOURCE)


@pytest.mark.parametrize("status", [302, 403, 404])
async def test_where_amazon_has_no_certificate_the_message_is_refused(
    signatures: SnsSignatures, amazon: Amazon, status: int
) -> None:
    amazon.lies[CERTIFICATE_URL] = Answer(status, certificate())

    assert await refusal(signatures, delivered(signed(notification()))) == (403, "unknown-certificate")


# Strangers and replays: nobody is asked


async def test_a_message_of_another_topic_is_refused_unasked(
    signatures: SnsSignatures, amazon: Amazon
) -> None:
    other = signed(notification(TopicArn="arn:aws:sns:eu-west-1:666666666666:alarms"))

    assert await refusal(signatures, delivered(other)) == (403, "unknown-topic")
    assert amazon.asked == []


@pytest.mark.parametrize(
    "header",
    [
        {"x_amz_sns_message_type": "SubscriptionConfirmation"},
        {"x_amz_sns_message_id": "another"},
        {"x_amz_sns_topic_arn": "another"},
    ],
)
async def test_headers_that_say_something_else_than_the_message_are_refused(
    signatures: SnsSignatures, header: dict[str, str]
) -> None:
    assert await refusal(signatures, delivered(signed(notification()), **header)) == (403, "headers-differ")


async def test_headers_that_say_the_same_are_amazons_own(signatures: SnsSignatures) -> None:
    headers = {"x_amz_sns_message_type": "Notification", "x_amz_sns_topic_arn": TOPIC}

    await signatures.verify(delivered(signed(notification()), **headers), SOURCE)


@pytest.mark.parametrize("minutes", [-17, 17])
async def test_a_message_that_was_kept_for_later_is_refused(
    signatures: SnsSignatures, amazon: Amazon, minutes: int
) -> None:
    at = NOON + timedelta(minutes=minutes)

    assert await refusal(signatures, delivered(signed(notification()), at)) == (403, "outside-window")
    assert amazon.asked == []


async def test_a_message_that_was_taken_does_not_count_again(signatures: SnsSignatures) -> None:
    said = delivered(signed(notification()))
    await signatures.verify(said, SOURCE)
    signatures.taken(said, SOURCE)

    assert await refusal(signatures, said) == (403, "replayed")
    again = replace(said, received=NOON + timedelta(minutes=20))
    assert await refusal(signatures, again) == (403, "outside-window")


async def test_a_message_that_could_not_be_taken_may_come_again(signatures: SnsSignatures) -> None:
    said = delivered(signed(notification()))

    await signatures.verify(said, SOURCE)
    await signatures.verify(said, SOURCE)


async def test_a_topic_that_two_sources_hear_is_heard_by_both(signatures: SnsSignatures) -> None:
    said = delivered(signed(notification()))
    signatures.taken(said, SOURCE)

    await signatures.verify(said, SOURCE.model_copy(update={"source": "other"}))


async def test_no_more_messages_are_remembered_than_there_is_room_for(
    signatures: SnsSignatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snssigning, "MOST_MESSAGES", 2)
    said = [delivered(signed(notification(MessageId=f"m-{number}"))) for number in range(3)]
    for each in said:
        signatures.taken(each, SOURCE)

    await signatures.verify(said[0], SOURCE)
    assert await refusal(signatures, said[1]) == (403, "replayed")


async def test_raw_delivery_is_refused_with_what_to_do(signatures: SnsSignatures) -> None:
    raw = Delivered(json.dumps(ALARM).encode(), {"x-amz-sns-rawdelivery": "true"}, NOON)

    with pytest.raises(Problem, match="turn off this subscription's raw message delivery") as refused:
        await signatures.verify(raw, SOURCE)
    assert (refused.value.status, refused.value.reason) == (403, "raw-delivery")


async def test_what_is_no_message_of_sns_is_of_the_wrong_shape(signatures: SnsSignatures) -> None:
    assert await refusal(signatures, delivered(ALARM)) == (400, "wrong-shape")
    assert await refusal(signatures, delivered(notification(Timestamp="noon"))) == (400, "wrong-shape")


# Subscriptions


async def test_a_subscription_to_a_topic_of_ours_is_confirmed(
    signatures: SnsSignatures, amazon: Amazon, caplog: pytest.LogCaptureFixture
) -> None:
    amazon.lies[SUBSCRIBE_URL] = Answer(200, b"<ConfirmSubscriptionResponse/>")

    with caplog.at_level(logging.INFO, "tocsin.ingest.snssigning"):
        await signatures.verify(delivered(signed(question())), SOURCE)

    assert amazon.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]
    assert caplog.messages == [f"subscribed to {TOPIC}"]
    assert sns.read(delivered(signed(question())), SOURCE) == ()


async def test_a_subscription_to_a_topic_of_strangers_is_not_confirmed(
    signatures: SnsSignatures, amazon: Amazon
) -> None:
    theirs = signed(question(TopicArn="arn:aws:sns:eu-west-1:666666666666:alarms"))

    assert await refusal(signatures, delivered(theirs)) == (403, "unknown-topic")
    assert amazon.asked == []


@pytest.mark.parametrize(
    "url",
    [
        SUBSCRIBE_URL.replace("https", "http"),
        SUBSCRIBE_URL.replace("sns.eu-west-1.amazonaws.com", "evil.example"),
        SUBSCRIBE_URL.replace("sns.eu-west-1", "sns.us-east-1"),
        SUBSCRIBE_URL.replace("ConfirmSubscription", "Unsubscribe"),
        SUBSCRIBE_URL.replace("alarms", "others"),
        SUBSCRIBE_URL.replace(".com/", ".com@evil.example/"),
        f"{SUBSCRIBE_URL}&AuthenticateOnUnsubscribe=true",
        f"{SUBSCRIBE_URL}0",
        f"{SUBSCRIBE_URL}#",
        "",
        None,
    ],
)
async def test_a_url_that_does_anything_else_is_not_called_even_when_it_is_signed(
    signatures: SnsSignatures, amazon: Amazon, url: str | None
) -> None:
    assert await refusal(signatures, delivered(signed(question(SubscribeURL=url)))) == (
        403,
        "wrong-subscribe-url",
    )
    assert amazon.asked == [CERTIFICATE_URL]


async def test_a_confirmation_that_amazon_does_not_take_is_no_success(
    signatures: SnsSignatures, amazon: Amazon
) -> None:
    amazon.lies[SUBSCRIBE_URL] = Answer(400, b"<Error/>")
    assert await refusal(signatures, delivered(signed(question()))) == (403, "not-confirmed")

    amazon.is_away = True
    assert await refusal(signatures, delivered(signed(question()))) == (503, "aws-unreachable")


async def test_the_end_of_a_subscription_is_logged_and_nothing_is_called(
    signatures: SnsSignatures, amazon: Amazon, caplog: pytest.LogCaptureFixture
) -> None:
    await signatures.verify(delivered(signed(question("UnsubscribeConfirmation"))), SOURCE)

    assert amazon.asked == [CERTIFICATE_URL]
    assert caplog.messages == [f"the subscription to {TOPIC} has ended: its alerts no longer come here"]


async def test_a_source_without_topics_is_secured_by_other_means(
    signatures: SnsSignatures, amazon: Amazon
) -> None:
    health = Source(source="health", format="aws-health", lock=Lock(bearer=["s3cret-of-the-sea"]))  # type: ignore[arg-type]
    said = delivered({"detail": {}})

    await signatures.verify(said, health)
    signatures.taken(said, health)

    assert amazon.asked == []


# What is in it


def test_an_alarm_an_event_of_aws_health_and_a_cloudevent_are_told_by_their_content() -> None:
    health = {"source": "aws.health", "detail": {"eventArn": "arn:aws:health:::event/EC2/X/1"}}
    event = {"specversion": "1.0", "id": "1", "source": "/gauge", "type": "tide.rising", "subject": "north"}

    said = [sns.read(delivered(signed(notification(each))), SOURCE) for each in (ALARM, health, event)]

    assert [reading.group for (reading,) in said] == [
        "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:tide-gauge-silent",
        "arn:aws:health:::event/EC2/X/1",
        "north",
    ]


@pytest.mark.parametrize("message", ["The tide is high", {"tide": "high"}, "[]", '"high"'])
def test_what_nobody_here_reads_is_refused_with_what_to_do(message: Any) -> None:
    with pytest.raises(Problem, match="filter it out of the subscription") as refused:
        sns.read(delivered(notification(message) | {"Signature": ""}), SOURCE)

    assert (refused.value.status, refused.value.reason) == (422, "unknown-message")


# At the receiver's door


@asynccontextmanager
async def door(
    amazon: Amazon, temporal: FakeTemporal, library: PlanLibrary, settings: Settings
) -> AsyncIterator[httpx.AsyncClient]:
    """The receiver with one source, which is SNS."""
    signatures = SnsSignatures(amazon.fetch)
    dialect = Dialect(sns.read, CONTENT_TYPES, verify=signatures.verify, taken=signatures.taken)
    reception = Reception(temporal, library, settings, lambda: NOON)  # type: ignore[arg-type]
    monitors = Monitors(
        reception, [SOURCE], straight_to_temporal(reception), IngestMetrics(), {"sns": dialect}
    )
    app = FastAPI()
    speak_in_problems(app)
    app.include_router(monitors.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as http:
        yield http


async def post(http: httpx.AsyncClient, envelope: dict[str, Any]) -> httpx.Response:
    headers = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": envelope["Type"]}
    return await http.post("/v1/sources/aws", content=json.dumps(envelope), headers=headers)


async def test_an_alarm_comes_in_while_temporal_is_away_again_when_it_is_back_and_once_more_by_a_stranger(
    amazon: Amazon, temporal: FakeTemporal, library: PlanLibrary, settings: Settings
) -> None:
    alarm = signed(notification())
    async with door(amazon, temporal, library, settings) as http:
        temporal.failure = RPCError("away", RPCStatusCode.UNAVAILABLE, b"")
        assert (await post(http, alarm)).status_code == 503

        temporal.failure = None
        taken = await post(http, alarm)
        assert taken.status_code == 202

        replayed = await post(http, alarm)
        assert (replayed.status_code, replayed.json()["reason"]) == (403, "replayed")

    [started] = temporal.started
    [alert] = started["start_signal_args"]
    assert (alert.title, alert.source, alert.is_firing) == ("tide-gauge-silent", "aws", True)
    assert started["id"] == taken.json()["workflow"]


async def test_a_subscription_is_confirmed_at_the_door_and_opens_nothing(
    amazon: Amazon, temporal: FakeTemporal, library: PlanLibrary, settings: Settings
) -> None:
    amazon.lies[SUBSCRIBE_URL] = Answer(200, b"")
    async with door(amazon, temporal, library, settings) as http:
        assert (await post(http, signed(question()))).status_code == 200

    assert amazon.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]
    assert temporal.started == []


# Fetching


@asynccontextmanager
async def serving(answer: bytes, then_wait: bool = False) -> AsyncIterator[str]:
    """A server in this very event loop: it answers only if nobody blocks that."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if then_wait:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.pem"
        done.set()


async def test_others_are_served_while_a_certificate_is_fetched() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npem") as url:
        assert await snssigning.fetch(url) == Answer(200, b"pem")


async def test_no_redirect_is_followed() -> None:
    async with (
        serving(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npem") as elsewhere,
        serving(f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()) as url,
    ):
        assert await snssigning.fetch(url) == Answer(302, b"")


async def test_an_answer_is_not_read_for_longer_than_is_bearable() -> None:
    endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"." * (snssigning.LARGEST + 1)
    async with serving(endless) as url:
        with pytest.raises(Unreachable, match="65,536 bytes"):
            await snssigning.fetch(url)


async def test_whoever_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snssigning, "PATIENCE", 0.2)
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\np", then_wait=True) as url:
        with pytest.raises(Unreachable):
            await snssigning.fetch(url)
    with pytest.raises(Unreachable):
        await snssigning.fetch(url)  # by now nobody listens there
