"""One Twilio client for text messages and calls: with a time-out, reused connections and our own errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from tocsin.channels.http_answers import is_transient, retry_after, without
from tocsin.domain.channel import AccountRefused, OutcomeUnknown, Receipt, Refused, TryAgain

_NEVER_LEFT = (
    httpx.ConnectError,  # refused, no such host, TLS
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.WriteTimeout,  # the last bytes did not leave
)

_ABOUT_US = frozenset({401, 403})

LONGEST_QUOTE = 500
"""Characters of an answer that an error repeats."""

_SHUT_TO_THE_ACCOUNT = frozenset(
    {
        10001,  # the account is not active
        10002,  # a trial account may not do this
        20003,  # wrong credentials, or a suspended account
        20005,  # the account is not active
        20006,  # access denied
        20008,  # test credentials
        21210,  # the number we call from is not the account's
        21212,  # the number we text from is none
        21215,  # the account may not call that country
        21408,  # the account may not text that country
        21606,  # the number we text from is not the account's, or cannot text
        21608,  # a trial account may text only verified numbers
        21659,  # the number we text from is not Twilio's
        21660,  # the number we text from is another account's
        30002,  # the account is suspended
        30034,  # the number we text from is not registered with the carriers
    }
)
"""Codes of refusals that are about us. Source: twilio.com/docs/api/errors."""

_log = logging.getLogger(__name__)


def twilio_client(
    account_sid: str,
    auth_token: str,
    *,
    base_url: str = "https://api.twilio.com",
    timeout_seconds: float = 10,
) -> Client:
    """Return a client of the Twilio SDK, to be shared by `TwilioSms` and `TwilioVoice` and between threads.

    `timeout_seconds` bounds each wait for the network (connect, write, read), not their sum.
    """
    # httpx logs every URL at INFO, and the one that lists messages has a phone number in it.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    client = Client(
        account_sid,
        auth_token,
        http_client=TwilioHttp(timeout_seconds),
        # Without an edge of its own the SDK would look for one in the environment.
        environment={"TWILIO_EDGE": ""},
    )
    client.api.base_url = base_url.rstrip("/")
    return client


class TwilioHttp(HttpClient):  # type: ignore[misc]  # the SDK has no types
    """Carries the SDK's requests over httpx.

    The SDK's own carrier logs the query of a request at INFO, which for a list of messages holds a phone number;
    its errors lack `Retry-After`; and the exceptions of `requests` mix what never left with what did.
    """

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(_log, is_async=False, timeout=timeout_seconds)
        self._client = httpx.Client(timeout=timeout_seconds)

    def close(self) -> None:
        """Close the connections that are kept for reuse."""
        self._client.close()

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Carry one request. Raises `TryAgain` or `OutcomeUnknown`; a refusal is left to the SDK to read."""
        request = self._client.build_request(
            method,
            uri,
            params=params or None,  # an empty mapping would replace the query that the address has
            data=data,
            headers=headers,
            timeout=timeout or self.timeout,
        )
        answer = self._exchange(request, auth, allow_redirects)
        if is_transient(answer.status_code):
            raise TryAgain(
                f"Twilio is busy or broken and answered {answer.status_code}; try again later",
                retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)),
            )
        return Response(answer.status_code, answer.text, answer.headers)

    def _exchange(
        self, request: httpx.Request, auth: tuple[str, str] | None, allow_redirects: bool
    ) -> httpx.Response:
        where = f"{request.url.scheme}://{request.url.netloc.decode()}"
        try:
            return self._client.send(request, auth=auth, follow_redirects=allow_redirects)
        except _NEVER_LEFT as error:
            raise TryAgain(f"Twilio at {where} could not be reached: {error}") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise OutcomeUnknown(
                f"Twilio at {where} took the request and gave no answer ({type(error).__name__}): "
                "it may have been accepted"
            ) from None


def receipt_of(resource: Any) -> Receipt:
    """The receipt of a message or call as the SDK holds it. Raises `OutcomeUnknown` when it has no name."""
    if not resource.sid or not resource.status:
        # The SDK reads an empty answer as a resource without anything.
        raise OutcomeUnknown(
            "Twilio answered without naming what it accepted: check the base URL and proxies"
        )
    return Receipt(vendor="twilio", vendor_id=resource.sid, status=resource.status)


@contextmanager
def refusals(recipient: str) -> Iterator[None]:
    """Turn what the SDK raises inside into `Refused` or `AccountRefused`, or `OutcomeUnknown` for an answer that can't
    be read.

    From None: the failure of an activity is kept in history with its cause, and Twilio's own error may name
    the `recipient`, which is left out here.
    """
    try:
        yield
    except (TwilioRestException, TwilioServiceException) as error:
        kind = AccountRefused if _is_about_us(error) else Refused
        raise kind(
            f"Twilio refused the request with {error.status}, code {error.code}: "
            f"{without(recipient, _words_of(error))}; see https://www.twilio.com/docs/errors/{error.code}",
            code=str(error.code),
        ) from None
    except TwilioException as error:  # all that the SDK says of a list it could not read: the answer, unread
        raise _refusal_of_a_list(error, recipient) from None
    except json.JSONDecodeError:
        raise OutcomeUnknown(
            "Twilio's answer is not JSON; the request may have been accepted: check the base URL and proxies"
        ) from None


def _refusal_of_a_list(error: TwilioException, recipient: str) -> Refused:
    answer = next((each for each in error.args if isinstance(each, Response)), None)
    if answer is None:
        return Refused(f"Twilio refused the request: {without(recipient, str(error))}")
    code, words = _read(answer.text)
    kind = AccountRefused if answer.status_code in _ABOUT_US else Refused
    said = without(recipient, words)[:LONGEST_QUOTE]
    return kind(f"Twilio refused the request with {answer.status_code}, code {code}: {said}", code=code)


def _read(body: str) -> tuple[str, str]:
    """Twilio's code for a refusal, and its words; a body that is not Twilio's as it is."""
    try:
        answer = json.loads(body)
        return str(answer["code"]), str(answer["message"])
    except (ValueError, KeyError, TypeError):
        return "unknown", body


def _is_about_us(error: TwilioRestException | TwilioServiceException) -> bool:
    return error.status in _ABOUT_US or error.code in _SHUT_TO_THE_ACCOUNT


def _words_of(error: TwilioRestException | TwilioServiceException) -> str:
    if isinstance(error, TwilioServiceException):
        return f"{error.title}: {error.detail}" if error.detail else str(error.title)
    return str(error.msg)
