"""What a sender must show, and that nobody else is heard."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tests.ingest.harbour import NOON, FakeTemporal
from tests.ingest.test_monitors import assert_problem
from tocsin.ingest.app import create_app
from tocsin.ingest.formats import Delivered
from tocsin.ingest.locks import Keys, SecretFile, SignatureLock
from tocsin.ingest.problems import Problem
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sources import HmacLock, Lock, Secret, Source

PATH = "/v1/sources/bell"
SIGNATURE, TIME = "X-Bell-Signature", "X-Bell-Time"
OLD, NEW, RED = "the-old-bell-rope", "the-new-bell-rope", "red-light-to-port"
Serve = Callable[..., Any]


def secrets(*values: str) -> tuple[Secret, ...]:
    return tuple(Secret(value=SecretStr(value)) for value in values)


def bell(**lock: Any) -> Source:
    return Source(source="bell", format="alertmanager", plan="harbour", lock=Lock(**lock))


@pytest.fixture
def serve(library: PlanLibrary, temporal: FakeTemporal) -> Serve:
    """A receiver for some sources."""

    @asynccontextmanager
    async def serving(*sources: Source) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(temporal, library, Settings(), lambda: NOON, sources)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://elsewhere.example") as http:
            yield http

    return serving


async def say(
    http: httpx.AsyncClient, body: bytes, headers: Mapping[str, str], path: str = PATH
) -> httpx.Response:
    return await http.post(path, content=body, headers={"content-type": "application/json", **headers})


def signed(secret: str, body: bytes, at: datetime | None = None) -> dict[str, str]:
    """The headers with which Grafana would sign it."""
    if at is None:
        return {SIGNATURE: hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
    time = str(int(at.timestamp()))
    both = time.encode() + b":" + body
    return {SIGNATURE: hmac.new(secret.encode(), both, hashlib.sha256).hexdigest(), TIME: time}


# ---- tokens ----


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {NEW}", 202),
        (f"bearer {OLD}", 202),
        (f"Bearer {OLD[:-1]}", 401),
        (f"Bearer {OLD}er", 401),
        ("Bearer", 401),
        (f"Basic {NEW}", 401),
        (NEW, 401),
        ("", 401),
    ],
)
async def test_either_of_two_tokens_opens_a_source_and_nothing_else_does(
    serve: Serve, example: Any, authorization: str, status: int
) -> None:
    async with serve(bell(bearer=secrets(OLD, NEW))) as http:
        answer = await say(http, json.dumps(example).encode(), {"Authorization": authorization})

    assert answer.status_code == status
    if status == 401:
        assert_problem(answer, 401, "unknown-token")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_without_a_token_is_not_even_read(serve: Serve, temporal: FakeTemporal) -> None:
    async def endless() -> AsyncIterator[bytes]:
        raise AssertionError("somebody asked for the body")
        yield b""

    async with serve(bell(bearer=secrets(RED))) as http:
        answer = await http.post(PATH, content=endless(), headers={"content-type": "application/json"})

    assert_problem(answer, 401, "unknown-token")


# ---- signatures ----


async def test_a_signature_over_the_very_body_opens_a_source(serve: Serve, example: Any) -> None:
    body = json.dumps(example, indent=3).encode()
    async with serve(bell(hmac=HmacLock(secrets=secrets(OLD, NEW), header=SIGNATURE))) as http:
        for secret, status in {OLD: 202, NEW: 202, "other": 403}.items():
            assert (await say(http, body, signed(secret, body))).status_code == status
        tampered = await say(http, body.replace(b"prod", b"test"), signed(NEW, body))
        unsigned = await say(http, body, {})

    assert_problem(tampered, 403, "wrong-signature")
    assert_problem(unsigned, 401, "not-signed")
    assert SIGNATURE in unsigned.json()["detail"]


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [(0, None), (-299, None), (299, None), (-301, "outside-window"), (301, "outside-window")],
)
async def test_a_signature_with_a_time_counts_for_a_while(
    serve: Serve, example: Any, seconds: int, reason: str | None
) -> None:
    body = json.dumps(example).encode()
    lock = HmacLock(secrets=secrets(RED), header=SIGNATURE, timestamp_header=TIME)
    async with serve(bell(hmac=lock)) as http:
        answer = await say(http, body, signed(RED, body, NOON + timedelta(seconds=seconds)))

    if reason:
        assert_problem(answer, 403, reason)
    else:
        assert answer.status_code == 202


async def test_a_time_that_was_not_signed_or_is_none_does_not_count(serve: Serve, example: Any) -> None:
    body = json.dumps(example).encode()
    lock = HmacLock(secrets=secrets(RED), header=SIGNATURE, timestamp_header=TIME)
    headers = signed(RED, body, NOON - timedelta(hours=1))
    noon = str(int(NOON.timestamp()))
    key = RED.encode()
    nonsense = {
        time: hmac.new(key, f"{time}:".encode() + body, hashlib.sha256) for time in ("noon", "9" * 30, "-1")
    }
    async with serve(bell(hmac=lock)) as http:
        assert_problem(await say(http, body, headers | {TIME: noon}), 403, "wrong-signature")
        assert_problem(await say(http, body, signed(RED, body)), 401, "not-signed")
        for time, digest in nonsense.items():
            headers = {SIGNATURE: digest.hexdigest(), TIME: time}
            assert_problem(await say(http, body, headers), 403, "outside-window")


@pytest.mark.parametrize(("encoding", "prefix"), [("base64", ""), ("hex", "sha256="), ("base64", "v0=")])
def test_signatures_are_written_in_several_ways(encoding: Any, prefix: str) -> None:
    digest = hmac.new(RED.encode(), b"{}", hashlib.sha256).digest()
    written = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    lock = SignatureLock(HmacLock(secrets=secrets(RED), header=SIGNATURE, prefix=prefix, encoding=encoding))

    lock.admit(Delivered(b"{}", {SIGNATURE.lower(): prefix + written}, NOON))
    for wrong in (written[1:], f"{prefix}{written}=", prefix, f"{prefix}\u00e9"):
        with pytest.raises(Problem, match="is not that of this body"):
            lock.admit(Delivered(b"{}", {SIGNATURE.lower(): wrong}, NOON))


async def test_whoever_must_show_two_things_must_show_both(serve: Serve, example: Any) -> None:
    body = json.dumps(example).encode()
    both = bell(bearer=secrets("token-of-the-bell"), hmac=HmacLock(secrets=secrets(RED), header=SIGNATURE))
    token = {"Authorization": "Bearer token-of-the-bell"}
    async with serve(both) as http:
        statuses = [
            (await say(http, body, headers)).status_code
            for headers in (
                signed(RED, body),
                token,
                token | signed("blue", body),
                token | signed(RED, body),
            )
        ]

    assert statuses == [401, 401, 403, 202]


# ---- PagerDuty's keys ----


async def test_the_key_in_the_body_tells_which_of_pagerdutys_sources_it_is(
    serve: Serve, temporal: FakeTemporal
) -> None:
    sources = [
        Source(
            source=name,
            format="pagerduty",
            plan="harbour",
            lock=Lock(routing_keys=secrets(f"routing-key-of-{name}")),
        )
        for name in ("icinga", "zabbix")
    ]
    event = {
        "event_action": "trigger",
        "payload": {"summary": "The bell rings", "source": "tower", "severity": "critical"},
    }
    async with serve(*sources) as http:
        for key in ("routing-key-of-zabbix", "routing-key-of-icinga", "routing-key-of-nobody"):
            body = json.dumps(event | {"routing_key": key}).encode()
            answer = await say(http, body, {}, "/v2/enqueue")

    assert [started["start"].source for started in temporal.started] == ["zabbix", "icinga"]
    assert answer.status_code == 400  # as PagerDuty's clients know it
    assert answer.json()["reason"] == "unknown-routing-key"
    assert "key-of" not in answer.text


# ---- files ----


async def test_a_secret_changes_while_the_receiver_runs(serve: Serve, example: Any, tmp_path: Path) -> None:
    file, body = tmp_path / "bell.secret", json.dumps(example).encode()

    def write(*lines: str) -> None:
        """As an editor does: a new file in place of the old."""
        fresh = tmp_path / "fresh"
        fresh.write_text("".join(f"{line}\n" for line in lines))
        fresh.replace(file)

    async def who_is_let_in(http: httpx.AsyncClient) -> list[str]:
        tried = {name: await say(http, body, {"Authorization": f"Bearer {name}"}) for name in (OLD, NEW)}
        return [name for name, answer in tried.items() if answer.status_code == 202]

    write(OLD)
    async with serve(bell(bearer=(Secret(file=file),))) as http:
        assert await who_is_let_in(http) == [OLD]
        write(OLD, NEW)
        assert await who_is_let_in(http) == [OLD, NEW]
        write(NEW)
        assert await who_is_let_in(http) == [NEW]


@pytest.mark.parametrize("accident", ["gone", "empty", "three", "short"])
def test_a_file_that_makes_no_sense_any_more_locks_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, accident: str
) -> None:
    file = tmp_path / "bell.secret"
    file.write_text(f"{RED}\n")
    watched = SecretFile(file)
    assert watched.now == [RED.encode()]
    if accident == "gone":
        file.unlink()
    else:
        file.write_text({"empty": "\n", "three": "k1\nk2\nk3\n", "short": "k1\n"}[accident])

    assert watched.now == watched.now == [RED.encode()]
    assert len(caplog.records) == 1
    assert "what it held before stays valid" in caplog.text
    assert "k1" not in caplog.text


async def test_no_secret_is_in_logs_or_answers(
    serve: Serve, example: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    lock = Lock(
        bearer=secrets("s3cret-of-the-bell"),
        hmac=HmacLock(secrets=secrets("t0ken-of-the-bell"), header=SIGNATURE),
    )
    source = Source(source="bell", format="alertmanager", lock=lock)
    body = json.dumps(example).encode()
    async with serve(source) as http:
        answers = [
            await say(http, body, {"Authorization": "Bearer s3cret-of-the-bell-wrong"}),
            await say(
                http,
                body,
                {"Authorization": "Bearer s3cret-of-the-bell"} | signed("t0ken-of-the-bell-wrong", body),
            ),
            await http.get("/metrics"),
            await http.get("/openapi.json"),
            await http.get("/docs"),
        ]

    shown = (
        caplog.text
        + repr(source)
        + repr(Keys(secrets("s3cret-of-the-bell")))
        + "".join(each.text for each in answers)
    )
    assert "s3cret" not in shown
    assert "t0ken" not in shown


def test_every_secret_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(a) or compare(a, b))

    assert Keys(secrets("first-of-the-keys", "second-of-the-keys")).fit(b"first-of-the-keys")
    assert compared == [b"first-of-the-keys", b"second-of-the-keys"]
