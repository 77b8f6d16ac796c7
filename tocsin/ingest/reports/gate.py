"""Who may hand in reports: the tokens of `TOCSIN_REPORT_TOKENS`, or of `TOCSIN_INGEST_TOKENS` where there are none.

SendGrid's Inbound Parse can set no header, so a token may also be the password in the URL, or its parameter `token`.
"""

from __future__ import annotations

import base64
import binascii

from starlette.requests import Request

from tocsin.ingest.tokens import Tokens
from tocsin.settings import VARIABLES, Settings


class Gate:
    """Lets in whoever has a token. Raises `SettingsError` for tokens that make no sense."""

    def __init__(self, settings: Settings) -> None:
        own = settings.report_tokens.get_secret_value()
        monitors = settings.ingest_tokens.get_secret_value()
        # Without any the receiver listens on loopback alone, so nobody gets in from elsewhere.
        self._tokens = Tokens(own, VARIABLES["report_tokens"]) if own else Tokens(monitors)

    def admit(self, request: Request) -> str:
        """The name of whoever hands it in. Raises `Problem` (401)."""
        return self._tokens.bearer(f"Bearer {_token(request)}")


def _token(request: Request) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return given
        case "basic":
            return _password(given)
        case _:
            return request.query_params.get("token", "")


def _password(credentials: str) -> str:
    """RFC 7617: base64 of `name:password`; nothing where it is not."""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""
