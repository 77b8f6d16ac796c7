"""Email through a mail server of one's own, or a provider's relay (RFC 5321, 3207, 4954, 6531).

A relay that takes a mail has not delivered it, and reports nothing later on: what goes this way is `sent` and is never
known to be `delivered`. Returned mail comes to the sender's mailbox, for people to read.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import aiosmtplib

from tocsin.channels.addresses import NotCarried, domain_in_ascii
from tocsin.channels.http_answers import without
from tocsin.channels.mime import in_mime
from tocsin.domain.channel import (
    AccountRefused,
    ChannelError,
    Email,
    OutcomeUnknown,
    Receipt,
    Refused,
    TryAgain,
)

Tls = Literal["starttls", "tls", "none"]
"""TLS begun on a plain connection, from its first octet, or not at all; never one in place of another."""

PORTS: dict[Tls, int] = {"starttls": 587, "tls": 465, "none": 25}

_AUTHENTICATION = frozenset({432, 454, 530, 534, 535, 538})
"""Replies about who we are (RFC 4954, 6). A relay gives 535, too, while its own directory is away."""

_ABOUT_THE_MAIL = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError)
"""Whatever is refused at another step is refused to us."""

_POLICY = re.compile(r"5\.7\.")
"""The enhanced status of a reply, where it says that we may not (RFC 3463, 3.8): relaying, signatures, reputation."""


class SmtpEmail:
    """Sends email over SMTP, each over a connection of its own; may be shared between threads.

    `timeout_seconds` bounds the whole exchange up to the content, and once more from there. With a `ca_file`, its
    certificates are believed in place of the system's. Raises `OSError` for one that cannot be read.
    """

    def __init__(
        self,
        host: str,
        from_address: str,
        from_name: str,
        *,
        port: int | None = None,
        user: str = "",
        password: str = "",
        tls: Tls = "starttls",
        ca_file: Path | None = None,
        timeout_seconds: float = 10,
    ) -> None:
        self._host, self._port, self._tls = host, port or PORTS[tls], tls
        self._from = Address(from_name, addr_spec=from_address)
        self._user, self._password = user, password
        self._context = ssl.create_default_context(cafile=ca_file) if tls != "none" else None
        self._timeout = timeout_seconds

    def __repr__(self) -> str:
        return f"SmtpEmail({self._server!r}, tls={self._tls!r}, timeout_seconds={self._timeout!r})"

    @property
    def _server(self) -> str:
        return f"{self._host}:{self._port}"

    def send(self, email: Email) -> Receipt:
        """Hand `email` to the server. Raises `ChannelError`.

        The receipt's id is the `Message-ID`, by which a postmaster finds it. After `OutcomeUnknown` the server can't be
        asked; a repeat carries the same `Message-ID`.
        """
        return asyncio.run(self._send(email))

    async def _send(self, email: Email) -> Receipt:
        client = self._client()
        with ExitStack() as farewell:
            message = await self._announce(client, farewell, email)
            await self._hand_over(client, message, email)
            with suppress(aiosmtplib.SMTPException, OSError):  # it is accepted, whatever becomes of this
                await client.execute_command(b"QUIT", timeout=1)
        return Receipt(vendor="smtp", vendor_id=email.message_id.strip("<>"), status="accepted")

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
            timeout=self._timeout,
            # The library would look its own name up, which may take longer than the mail.
            local_hostname=self._from.domain,
        )

    async def _announce(self, client: aiosmtplib.SMTP, farewell: ExitStack, email: Email) -> EmailMessage:
        """Everything before the content; whatever goes wrong up to here, nothing was taken."""
        try:
            async with asyncio.timeout(self._timeout):
                await client.connect()
                farewell.callback(_leave, client, client.transport)
                await self._greet(client)
                return await self._address(client, email)
        # From None throughout: the failure of an activity is kept in history with its cause, and the server's own
        # words may name the recipient.
        except aiosmtplib.SMTPResponseException as error:
            raise self._answered(error, email) from None
        except (
            aiosmtplib.SMTPException,
            OSError,
        ) as error:  # OSError: TLS, a time-out, a connection that is reset
            raise TryAgain(self._words("could not be reached, or not in safety", error, email)) from None

    async def _greet(self, client: aiosmtplib.SMTP) -> None:
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        if self._user:
            await client.login(self._user, self._password)

    async def _address(self, client: aiosmtplib.SMTP, email: Email) -> EmailMessage:
        """Say from whom and to whom; the message, as this server can carry it."""
        to = _recipient(email, client.supports_extension("smtputf8"))
        options = [] if to.addr_spec.isascii() else ["SMTPUTF8"]
        await client.mail(self._from.addr_spec, options=options, encoding="utf-8")
        await client.rcpt(to.addr_spec, encoding="utf-8")
        return in_mime(email, self._from, to, datetime.now(UTC))

    async def _hand_over(self, client: aiosmtplib.SMTP, message: EmailMessage, email: Email) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await client.data(message.as_bytes())
        except aiosmtplib.SMTPDataError as error:
            raise self._answered(error, email) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise OutcomeUnknown(
                self._words("was given the mail and did not answer: it may have been accepted", error, email)
            ) from None

    def _answered(self, error: aiosmtplib.SMTPResponseException, email: Email) -> ChannelError:
        """What a reply that is no success means (RFC 5321, 4.2.1): 4yz passes, 5yz stays."""
        words = self._words(f"answered {error.code}", error, email)
        if error.code in _AUTHENTICATION:
            return TryAgain(f"{words}; check SMTP_USER and SMTP_PASSWORD")
        if error.code < 500:
            return TryAgain(f"{words}; try again later")
        if not isinstance(error, _ABOUT_THE_MAIL) or _POLICY.match(error.message):
            return AccountRefused(f"{words}; correct SMTP_FROM or the account first", code=str(error.code))
        return Refused(f"{words}; correct the address or the message", code=str(error.code))

    def _words(self, what: str, error: Exception, email: Email) -> str:
        said = error.message if isinstance(error, aiosmtplib.SMTPException) else str(error)
        return f"the mail server {self._server} {what}: {without(email.to, said) or type(error).__name__}"


def _leave(client: aiosmtplib.SMTP, transport: asyncio.BaseTransport | None) -> None:
    """Close the connection at once: the loop ends with us, before TLS could be ended with ceremony."""
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _recipient(email: Email, has_smtputf8: bool) -> Address:
    """To whom, in ASCII where that can be: the servers behind this one may know no other letters.

    Raises `NotCarried` for a name that the server cannot spell, `Refused` for a domain that is none.
    """
    name, _, domain = email.to.rpartition("@")
    if name.isascii():
        return Address(email.to_name, name, domain_in_ascii(domain))
    if not has_smtputf8:
        raise NotCarried("the mail server knows no addresses beyond ASCII (SMTPUTF8); give another address")
    return Address(email.to_name, name, domain)
