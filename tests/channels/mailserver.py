"""A mail server on loopback that keeps what it takes, and says what it was told to say."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.message import EmailMessage
from email.policy import default
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tocsin.embedded.processes import free_port

USER, PASSWORD = "tocsin", "open sesame"

Step = Callable[[SMTP], str]


class Certificate:
    """Signed by itself, for 127.0.0.1, in files below `folder`."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        self.file, self._key_file = folder / "certificate.pem", folder / "key.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self._key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    @property
    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self._key_file)
        return context


class MailServer:
    """Takes mail, over TLS only when it has a certificate; `will` has it answer otherwise at a step.

    The steps are `MAIL`, `RCPT` and `DATA`; an answer is a reply, or a function that is given the connection.
    """

    def __init__(
        self, certificate: Certificate | None = None, *, asks_who: bool = False, smtputf8: bool = True
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self._script: dict[str, str | Step] = {}
        self.port = free_port()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,  # the controller itself cannot say which one 0 became
            tls_context=certificate.context if certificate else None,
            require_starttls=certificate is not None,
            auth_required=asks_who,
            auth_require_tls=certificate is not None,
            authenticator=_let_in,
            enable_SMTPUTF8=smtputf8,
        )

    def will(self, **script: str | Step) -> None:
        self._script.update(script)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self._answer("MAIL", server)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT", server)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self._answer("DATA", server)
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.envelopes.append(envelope)
            mail = message_from_string(envelope.content.decode(), policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return answer

    def _answer(self, step: str, server: SMTP) -> str:
        answer = self._script.get(step, "250 2.0.0 OK")
        return answer if isinstance(answer, str) else answer(server)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def hang_up(server: SMTP) -> str:
    """Take what was said and end the connection without a word."""
    assert server.transport is not None
    server.transport.abort()
    return "250 nobody hears this"


def _let_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    expected = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=isinstance(given, LoginPassword) and given == expected, handled=False)
