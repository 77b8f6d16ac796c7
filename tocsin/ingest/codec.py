"""The codec endpoint: lets Temporal's UI and command line show what is encrypted, to whoever may see it.

    POST /v1/codec/decode, /v1/codec/encode   Temporal's remote codec protocol: {"payloads": [...]} both ways
    GET, POST /v1/codec/sign-in               exchanges a token for a cookie (`tocsin.ingest.codec_gate`)

Without `TOCSIN_CODEC_TOKENS` none of these exists. Source: docs.temporal.io/codec-server.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from fastapi import FastAPI
from google.protobuf import json_format
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from temporalio.api.common.v1 import Payload, Payloads

from tocsin.callbacks import CODEC_PATH
from tocsin.codec import EncryptionCodec
from tocsin.ingest.bodies import body_of
from tocsin.ingest.codec_gate import Gate, LoopbackGate, TokenGate
from tocsin.ingest.problems import Problem, speak_in_problems
from tocsin.ingest.tokens import Tokens
from tocsin.keyring import KeyRing, UnreadablePayload
from tocsin.settings import ANYBODY, VARIABLES, Settings, SettingsError

Change = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]

_log = logging.getLogger(__name__)


def mount_codec(app: FastAPI, settings: Settings) -> None:
    """Give `app` the endpoint, if there are tokens. Raises `SettingsError` for keys or tokens that make no sense."""
    codec = EncryptionCodec(KeyRing.read(settings))
    if settings.codec_tokens.get_secret_value():
        app.mount(CODEC_PATH, _codec_app(codec, settings))


def asks_nobody(settings: Settings) -> bool:
    """Whether the endpoint exists and wants no token."""
    return settings.codec_tokens.get_secret_value() == ANYBODY


def _codec_app(codec: EncryptionCodec, settings: Settings) -> FastAPI:
    origins = [origin.strip().rstrip("/") for origin in settings.ui_origin.split(",") if origin.strip()]
    app = FastAPI(
        redirect_slashes=False, title="Tocsin codec", docs_url=None, redoc_url=None, openapi_url=None
    )
    speak_in_problems(app)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["POST"],
        allow_headers=["Authorization", "Content-Type", "X-Namespace"],
        allow_credentials=True,
    )
    endpoint = CodecEndpoint(codec, _gate(app, settings, origins))
    app.add_api_route("/decode", endpoint.decode, methods=["POST"])
    app.add_api_route("/encode", endpoint.encode, methods=["POST"])
    return app


def _gate(app: FastAPI, settings: Settings, origins: Sequence[str]) -> Gate:
    if asks_nobody(settings):
        return LoopbackGate(origins)
    tokens = Tokens(settings.codec_tokens.get_secret_value(), VARIABLES["codec_tokens"])
    if not tokens:  # such as a lone comma: it must not open the endpoint to everybody
        raise SettingsError(f"{VARIABLES['codec_tokens']}: write name:token, or leave it empty")
    gate = TokenGate(tokens, origins, is_https=settings.public_url.startswith("https:"))
    app.add_api_route("/sign-in", gate.form, methods=["GET"])
    app.add_api_route("/sign-in", gate.sign_in, methods=["POST"])
    return gate


class CodecEndpoint:
    """Encodes and decodes for whoever the gate lets pass. The log says who and how many, never what."""

    def __init__(self, codec: EncryptionCodec, gate: Gate) -> None:
        self._codec = codec
        self._gate = gate

    async def decode(self, request: Request) -> Response:
        """Decrypt payloads; those that are in plain come back as they are."""
        return await self._changed(request, self._codec.decode)

    async def encode(self, request: Request) -> Response:
        """Encrypt payloads, for a signal or a start that somebody types into the UI."""
        return await self._changed(request, self._codec.encode)

    async def _changed(self, request: Request, change: Change) -> Response:
        name = self._gate.name_of(request)
        payloads = _payloads_in(await body_of(request))
        try:
            changed = await change(payloads)
        except UnreadablePayload as error:
            _log.warning("%s asked to %s %d payloads: %s", name, change.__name__, len(payloads), error)
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable-payload", str(error)) from error
        _log.info("%s had %d payloads %sd", name, len(changed), change.__name__)
        return Response(json_format.MessageToJson(Payloads(payloads=changed)), media_type="application/json")


def _payloads_in(body: bytes) -> Sequence[Payload]:
    try:
        return json_format.Parse(body, Payloads(), ignore_unknown_fields=True).payloads
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "not-payloads", f'the body is not {{"payloads": […]}}: {error}'
        ) from error
