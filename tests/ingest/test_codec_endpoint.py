"""The endpoint through which the Temporal UI and CLI read what is encrypted, and everybody whom it turns away."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload

from tests.ingest.harbour import FakeTemporal
from tests.ingest.test_monitors import assert_problem
from tocsin.codec import EncryptionCodec
from tocsin.ingest.app import create_app
from tocsin.ingest.bodies import BODY_LIMIT
from tocsin.keyring import KeyRing, KeyRingError, new_key
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError

KEYS = new_key("k1")
UI = "https://temporal.example"
OPERATOR = {"Authorization": "Bearer red-light-to-port"}
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"the moth"')

Door = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def door(library: PlanLibrary, tmp_path: Path) -> Door:
    """Opens a receiver with these settings, called by this name, from this address."""

    @asynccontextmanager
    async def open(
        base_url: str = "https://tocsin.example", caller: str = "192.0.2.7", **changes: Any
    ) -> AsyncIterator[httpx.AsyncClient]:
        given = {
            "payload_keys": SecretStr(KEYS),
            "codec_tokens": SecretStr("ops:red-light-to-port,ops:blue-light-ashore"),
            "ui_origin": UI,
        }
        settings = Settings(state=tmp_path, public_url="https://tocsin.example", **{**given, **changes})
        transport = httpx.ASGITransport(create_app(FakeTemporal(), library, settings), client=(caller, 5))
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
            yield http

    return open


@pytest.fixture
async def http(door: Door) -> AsyncIterator[httpx.AsyncClient]:
    """A receiver that asks for tokens."""
    async with door() as http:
        yield http


async def sealed() -> dict[str, Any]:
    """An encrypted payload, as the UI sends it."""
    [payload] = await EncryptionCodec(KeyRing.parse(KEYS, "the test")).encode([PLAIN])
    return as_sent(payload)


def as_sent(payload: Payload) -> dict[str, Any]:
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


async def decode(http: httpx.AsyncClient, *payloads: Any, **headers: str) -> httpx.Response:
    return await http.post("/v1/codec/decode", json={"payloads": payloads}, headers=headers)


# ---- the protocol ----


async def test_what_is_encrypted_comes_back_readable_and_what_is_plain_as_it_was(
    http: httpx.AsyncClient,
) -> None:
    answer = await decode(http, await sealed(), as_sent(PLAIN), **OPERATOR)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"payloads": [as_sent(PLAIN), as_sent(PLAIN)]}


async def test_what_is_typed_into_the_ui_is_encrypted(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/codec/encode", json={"payloads": [as_sent(PLAIN)]}, headers=OPERATOR)

    [kept] = answer.json()["payloads"]
    assert base64.b64decode(kept["metadata"]["encoding"]) == b"binary/encrypted"
    assert (await decode(http, kept, **OPERATOR)).json() == {"payloads": [as_sent(PLAIN)]}


async def test_no_payloads_are_no_mistake(http: httpx.AsyncClient) -> None:
    assert (await decode(http, **OPERATOR)).json() == {}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"payloads": 7}', b'{"payloads": [7]}'])
async def test_what_is_no_list_of_payloads_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/v1/codec/decode", content=body, headers=OPERATOR)

    assert_problem(answer, 400, "not-payloads")


async def test_a_body_that_is_too_long_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/codec/decode", content=b" " * (BODY_LIMIT + 1), headers=OPERATOR)

    assert_problem(answer, 413, "body-too-long")


async def test_a_key_that_the_receiver_lacks_is_named(door: Door) -> None:
    async with door(payload_keys=SecretStr(new_key("k2"))) as http:
        answer = await decode(http, await sealed(), **OPERATOR)

    problem = assert_problem(answer, 422, "unreadable-payload")
    assert 'under key "k1", and this process has only k2' in problem["detail"]


async def test_the_log_says_who_read_how_much_and_never_what(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await decode(http, await sealed(), await sealed(), **OPERATOR)

    assert "ops had 2 payloads decoded" in caplog.text
    assert "moth" not in caplog.text
    assert "red-light" not in caplog.text


# ---- tokens ----


@pytest.mark.parametrize("authorization", ["", "Bearer green", "Basic red-light-to-port", "Bearer"])
async def test_without_a_token_that_is_known_nothing_is_decoded(
    http: httpx.AsyncClient, authorization: str
) -> None:
    answer = await decode(http, await sealed(), Authorization=authorization)

    problem = assert_problem(answer, 401, "unknown-token")
    assert "TOCSIN_CODEC_TOKENS" in problem["detail"]


async def test_a_monitors_token_decodes_nothing(door: Door) -> None:
    async with door(ingest_tokens=SecretStr("monitor:green-to-starboard")) as http:
        answer = await decode(http, await sealed(), Authorization="Bearer green-to-starboard")

    assert_problem(answer, 401, "unknown-token")


@pytest.mark.parametrize("path", ["decode", "encode", "sign-in"])
async def test_without_tokens_the_endpoint_does_not_exist(door: Door, path: str) -> None:
    async with door(codec_tokens=SecretStr("")) as http:
        answer = await http.post(f"/v1/codec/{path}", json={"payloads": []}, headers=OPERATOR)

    assert_problem(answer, 404, "not-found")


@pytest.mark.parametrize("written", [",", "ops", "ops:", ":red"])
async def test_tokens_that_make_no_sense_open_nothing(door: Door, written: str) -> None:
    with pytest.raises(SettingsError, match="TOCSIN_CODEC_TOKENS: write name:token"):
        async with door(codec_tokens=SecretStr(written)):
            pass


async def test_a_receiver_with_keys_that_make_no_sense_does_not_start(door: Door) -> None:
    with pytest.raises(KeyRingError, match="TOCSIN_PAYLOAD_KEYS, entry 1"):
        async with door(codec_tokens=SecretStr(""), payload_keys=SecretStr("k1:short")):
            pass


# ---- the UI in a browser ----


async def test_the_uis_page_may_ask_and_read_the_answer(http: httpx.AsyncClient) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-namespace",
    }
    before = await http.options("/v1/codec/decode", headers={"Origin": UI, **asked})
    answer = await decode(http, await sealed(), Origin=UI, **OPERATOR)

    for response in (before, answer):
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == UI
        assert response.headers["access-control-allow-credentials"] == "true"


async def test_the_ui_may_read_why_it_is_refused(http: httpx.AsyncClient) -> None:
    answer = await decode(http, await sealed(), Origin=UI)

    assert_problem(answer, 401, "unknown-token")
    assert answer.headers["access-control-allow-origin"] == UI


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "http://temporal.example", "null"])
async def test_no_other_page_may_read_an_answer(http: httpx.AsyncClient, origin: str) -> None:
    before = await http.options(
        "/v1/codec/decode", headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    answer = await decode(http, await sealed(), Origin=origin, **OPERATOR)

    assert before.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


async def sign_in(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.post("/v1/codec/sign-in", data={"token": token})


async def test_a_person_signs_in_once_and_the_ui_reads(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert 'type="password"' in (await http.get("/v1/codec/sign-in")).text
    answer = await sign_in(http, "blue-light-ashore")

    assert "Signed in as ops" in answer.text
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/v1/codec"))
    assert "blue-light-ashore" not in cookie
    with caplog.at_level(logging.INFO):
        assert (await decode(http, await sealed(), Origin=UI)).json() == {"payloads": [as_sent(PLAIN)]}
    assert "ops had 1 payloads decoded" in caplog.text


async def test_who_has_no_token_is_not_signed_in(http: httpx.AsyncClient) -> None:
    answer = await sign_in(http, "green")

    assert answer.status_code == 401
    assert "There is no such token" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("origin", ["https://elsewhere.example", None])
async def test_another_page_cannot_use_the_cookie(http: httpx.AsyncClient, origin: str | None) -> None:
    await sign_in(http, "blue-light-ashore")
    answer = await decode(http, await sealed(), **({"Origin": origin} if origin else {}))

    assert_problem(answer, 401, "unknown-token")


async def test_a_cookie_that_we_never_gave_is_worth_nothing(http: httpx.AsyncClient) -> None:
    for cookie in ("blue-light-ashore", "%", "_w=="):
        answer = await decode(http, await sealed(), Origin=UI, Cookie=f"tocsin_codec={cookie}")
        assert_problem(answer, 401, "unknown-token")


# ---- a machine of one's own ----

HERE = {"base_url": "http://127.0.0.1:8080", "caller": "127.0.0.1", "codec_tokens": SecretStr("anybody")}
LOCAL_UI = "http://127.0.0.1:8233"


async def test_on_a_machine_of_ones_own_the_ui_and_programs_need_no_token(door: Door) -> None:
    async with door(**HERE, ui_origin=f"{LOCAL_UI},http://localhost:8233") as http:
        for headers in ({"Origin": LOCAL_UI}, {"Origin": "http://localhost:8233"}, {}):
            answer = await decode(http, await sealed(), **headers)
            assert answer.json() == {"payloads": [as_sent(PLAIN)]}, headers
        assert (await http.get("/v1/codec/sign-in")).status_code == 404


@pytest.mark.parametrize(
    ("changed", "headers"),
    [
        ({}, {"Origin": "https://elsewhere.example"}),
        ({}, {"X-Forwarded-For": "192.0.2.7"}),
        ({}, {"Forwarded": "for=192.0.2.7"}),
        ({"caller": "192.0.2.7"}, {}),
        ({"base_url": "http://rebound.example:8080"}, {}),
    ],
    ids=["another page", "a proxy", "a newer proxy", "another machine", "a name that was rebound"],
)
async def test_without_tokens_nobody_is_let_in_from_elsewhere(
    door: Door, changed: dict[str, str], headers: dict[str, str]
) -> None:
    async with door(**{**HERE, "ui_origin": LOCAL_UI, **changed}) as http:
        answer = await decode(http, await sealed(), **headers)

    assert_problem(answer, 403, "not-from-here")
