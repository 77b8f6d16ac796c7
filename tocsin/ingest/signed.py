"""Forms that Twilio signed. Source: twilio.com/docs/usage/security."""

from __future__ import annotations

import logging
from http import HTTPStatus

from starlette.requests import Request

from tocsin.channels.signatures import twilio_signature_is_valid
from tocsin.ingest.bodies import Form, body_of, read_form
from tocsin.ingest.problems import Problem
from tocsin.settings import Settings

SIGNATURE_HEADER = "X-Twilio-Signature"

_log = logging.getLogger(__name__)


class TwilioSigned:
    """Believes Twilio's signature and nothing else."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def form(self, request: Request) -> Form:
        """The form, once it is certain that Twilio sent it. Raises `Problem` (403)."""
        form = read_form(await body_of(request))
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if not self._is_signed(self.url(request), form, signature):
            _log.warning("refused a request to %s whose signature is not Twilio's", request.scope["path"])
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "not-signed-by-twilio",
                "the signature is not Twilio's for this URL and form; check TWILIO_AUTH_TOKEN, that of the second "
                "account, and that TOCSIN_PUBLIC_URL is the address that Twilio calls",
            )
        return form

    def _is_signed(self, url: str, form: Form, signature: str) -> bool:
        """Whether any of our accounts signed it: whichever sent a message reports on it."""
        tokens = [account.auth_token.get_secret_value() for account in self._settings.twilio_accounts]
        # An empty token would be a key that everybody knows.
        return any(twilio_signature_is_valid(token, url, form, signature) for token in tokens if token)

    def url(self, request: Request) -> str:
        """The URL as it was given to Twilio: never from the Host header, which anybody can set."""
        path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
        return f"{self._settings.public_url.rstrip('/')}{path}" + (f"?{query}" if query else "")
