"""Who may have payloads decoded: whoever holds a token, or, on a machine of one's own, whoever sits at it.

A program sends `Authorization: Bearer <token>`. The Temporal UI cannot: the only token it passes on is that of its own
single sign-on. It does send cookies, so a person exchanges their token for one, once in each session of the browser.
"""

from __future__ import annotations

import base64
import binascii
import html
import ipaddress
from collections.abc import Sequence
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse

from tocsin.callbacks import CODEC_PATH
from tocsin.ingest.bodies import body_of, read_form
from tocsin.ingest.problems import Problem
from tocsin.ingest.tokens import Tokens
from tocsin.settings import ANYBODY

COOKIE = "tocsin_codec"


class Gate(Protocol):
    """Decides who may pass."""

    def name_of(self, request: Request) -> str:
        """The name of whoever asks. Raises `Problem` (401, 403)."""


class LoopbackGate:
    """Lets programs and the UI on this very machine pass, and nothing that somebody else's page or a proxy sends."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = origins

    def name_of(self, request: Request) -> str:
        """`anybody`. Raises `Problem` (403) for what does not come from this machine alone."""
        origin = request.headers.get("origin")
        is_forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via"))
        is_near = is_loopback(request.client.host if request.client else "") and is_loopback(
            request.url.hostname
            or ""  # what the caller calls us: a page that rebinds its own name is not let in
        )
        if is_forwarded or not is_near or not (origin is None or origin in self._origins):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-from-here",
                "without tokens this endpoint answers only programs on this machine and the UI at TOCSIN_UI_ORIGIN; "
                "to be asked from elsewhere, set TOCSIN_CODEC_TOKENS to name:token pairs",
            )
        return ANYBODY


class TokenGate:
    """Lets whoever holds a token pass: in a header, or in the cookie of a UI that we know."""

    def __init__(self, tokens: Tokens, origins: Sequence[str], is_https: bool) -> None:
        self._tokens = tokens
        self._origins = origins
        self._is_https = is_https

    def name_of(self, request: Request) -> str:
        """The name of the token. Raises `Problem` (401)."""
        authorization = request.headers.get("authorization", "")
        cookie = request.cookies.get(COOKIE)
        if not authorization and cookie and request.headers.get("origin") in self._origins:
            authorization = f"Bearer {_token_in(cookie)}"
        return self._tokens.bearer(authorization)

    async def form(self) -> HTMLResponse:
        """Ask for a token."""
        return _page(_FORM)

    async def sign_in(self, request: Request) -> HTMLResponse:
        """Exchange a token for a cookie that lasts as long as the browser is open."""
        token = read_form(await body_of(request)).get("token", "")
        try:
            name = self._tokens.bearer(f"Bearer {token}")
        except Problem as problem:
            return _page(f"<p>There is no such token.</p>{_FORM}", problem.status)
        answer = _page(f"<p>Signed in as {html.escape(name)}. Load the page of the Temporal UI again.</p>")
        cookie = base64.urlsafe_b64encode(token.strip().encode()).decode()
        # Strict keeps other sites' pages from using it. The UI is of the same site: another port, or a sister domain.
        answer.set_cookie(
            COOKIE, cookie, httponly=True, samesite="strict", secure=self._is_https, path=CODEC_PATH
        )
        return answer


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_only_here(host: str, public_url: str) -> bool:
    """Whether a receiver listens on loopback, and nothing in front of it makes it public."""
    return is_loopback(host) and is_loopback(urlsplit(public_url).hostname or "")


_FORM = """\
<form method="post" autocomplete="off">
  <p><label>Your token, one of TOCSIN_CODEC_TOKENS: <input type="password" name="token" size="52" autofocus></label></p>
  <p><button>Sign in</button></p>
</form>"""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
}


def _page(body: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    page = f'<!doctype html><html lang="en"><title>Tocsin: reading what is encrypted</title><body>{body}</body></html>'
    return HTMLResponse(page, status, _HEADERS)


def _token_in(cookie: str) -> str:
    try:
        return base64.urlsafe_b64decode(cookie).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
