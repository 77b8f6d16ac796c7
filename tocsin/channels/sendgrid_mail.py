"""SendGrid's `POST /v3/mail/send`, which takes one email as well as a batch of them.

Source: docs.sendgrid.com/api-reference/mail-send/mail-send.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, ClassVar
from urllib.error import URLError

from python_http_client.exceptions import HTTPError
from sendgrid import SendGridAPIClient
from sendgrid.helpers import mail

from tocsin.channels.http_answers import is_transient, retry_after
from tocsin.domain.channel import ChannelError, OutcomeUnknown, Receipt, TryAgain

ABOUT_THE_ACCOUNT = frozenset({401, 402, 403})
"""Refusals that are about us: the key, its rights, the bill, a sender that is not verified, a suspended account."""


class SendGridMail:
    """What both ways of sending have in common: the account, its sender, and what an answer means.

    Every request has a `Message-ID`, by which whoever gets a repeat can recognise it. `timeout_seconds` bounds each
    wait for the network (connect, write, read), not their sum; without it `patience` does. May be shared between
    threads.
    """

    patience: ClassVar[float] = 10
    """Seconds."""

    def __init__(
        self,
        api_key: str,
        from_address: str,
        from_name: str,
        host: str = "https://api.sendgrid.com",
        timeout_seconds: float | None = None,
    ) -> None:
        # The SDK writes whole emails and the API key to its log at DEBUG.
        logging.getLogger("python_http_client").setLevel(logging.INFO)
        self._api = SendGridAPIClient(api_key, host=host.rstrip("/"))
        self._from = mail.From(from_address, from_name)
        self._host = host
        self._timeout = self.patience if timeout_seconds is None else timeout_seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}(host={self._host!r}, timeout_seconds={self._timeout!r})"

    def _post(self, request: dict[str, Any], answered: Callable[[HTTPError], ChannelError]) -> Receipt:
        """Hand `request` to SendGrid. Raises `ChannelError`: what `answered` makes of an answer that is no yes.

        What never left is told apart from what did by where urllib raises. `urllib.request` wraps in `URLError`
        whatever fails up to the last byte of the request: DNS, connect, TLS, a reset in the middle of the body. What
        fails after that comes as it is.
        """
        try:
            # `SendGridAPIClient.send` takes no time-out; the client beneath it does.
            answer = self._api.client.mail.send.post(request_body=request, timeout=self._timeout)
        # From None throughout: the failure of an activity is kept in history with its cause, and the vendor's
        # own error may name the recipient.
        except HTTPError as error:
            raise answered(error) from None
        except URLError as error:
            raise TryAgain(f"SendGrid at {self._host} could not be reached: {error.reason}") from None
        except (OSError, HTTPException) as error:
            raise OutcomeUnknown(
                f"SendGrid at {self._host} took the email and gave no answer ({type(error).__name__}): "
                "it may have been accepted; a repeat is recognisable by its Message-ID"
            ) from None
        return Receipt(
            vendor="sendgrid", vendor_id=answer.headers.get("X-Message-Id") or "", status="accepted"
        )


def busy(error: HTTPError, said: str) -> TryAgain | None:
    """What an answer means that passes by itself, with the words that may be quoted of it; else `None`."""
    status = int(error.status_code)
    if not is_transient(status):
        return None
    wait = retry_after(error.headers.get("Retry-After"), datetime.now(UTC))
    return TryAgain(f"SendGrid is busy or broken and answered {status}: {said}; try again later", wait)


def problems(error: HTTPError) -> list[tuple[str, str]]:
    """SendGrid's own words, each with the field that it is about; a body that is not SendGrid's as it is."""
    try:
        errors = json.loads(error.body)["errors"]
        return [(str(each["message"]), str(each.get("field") or "")) for each in errors]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [(error.body[:200].decode("utf-8", "replace") or "(no words)", "")]
