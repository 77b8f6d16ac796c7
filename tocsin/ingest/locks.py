"""What a sender must show before it is heard: a bearer token, a signature over the body, PagerDuty's routing key.

Secrets are compared in constant time, and always all of them, so that the time taken does not tell which one was nearly
right. Two are valid at once, so that a new one can take over from the old; a file of secrets is read again whenever it
was replaced. SNS messages are verified by their format (`Dialect.verify`), because AWS signs them with a certificate.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from tocsin.ingest.bodies import parse_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.problems import Problem
from tocsin.ingest.tokens import Tokens
from tocsin.settings import Settings
from tocsin.sources import ALERTMANAGER, HmacLock, Secret, Source, secrets_in

_log = logging.getLogger(__name__)

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tocsin"'}


class Opener(Protocol):
    """One lock. What the headers show is looked at before the body is read, the rest with the body."""

    def greet(self, headers: Mapping[str, str]) -> str:
        """Look at the headers alone: the name of who it is, where they tell. Raises `Problem` (401)."""

    def admit(self, delivered: Delivered) -> None:
        """Look at the whole request. Raises `Problem` (400, 401, 403)."""


def locks_of(source: Source, settings: Settings) -> Sequence[Opener]:
    """Everything that a sender of this source must show. Raises `SettingsError` for tokens that make no sense."""
    if source is ALERTMANAGER:
        return (TokenLock(Tokens(settings.ingest_tokens.get_secret_value())),)
    lock, found = source.lock, list[Opener]()
    if lock and lock.bearer:
        found.append(BearerLock(Keys(lock.bearer)))
    if lock and lock.hmac:
        found.append(SignatureLock(lock.hmac))
    if lock and lock.routing_keys:
        found.append(RoutingKeyLock(Keys(lock.routing_keys)))
    return found


class Keys:
    """Secrets as they are now. Its repr shows none."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._fixed = [each.value.get_secret_value().encode() for each in secrets if each.value is not None]
        self._files = [SecretFile(each.file) for each in secrets if each.file is not None]

    @property
    def now(self) -> list[bytes]:
        """Every one that is valid."""
        return [*self._fixed, *(secret for file in self._files for secret in file.now)]

    def fit(self, given: bytes) -> bool:
        """Whether this is one of them."""
        return any([hmac.compare_digest(known, given) for known in self.now])  # noqa: C419 — all are compared


class SecretFile:
    """A file of secrets. An edit that makes no sense is logged, and the secrets before it stay valid."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, ...] | None = None
        self._secrets: list[bytes] = []

    @property
    def now(self) -> list[bytes]:
        """The secrets in the file; it is read when it is not the one that was read before."""
        if (state := self._state()) != self._seen:
            self._seen = state
            try:
                self._secrets = [secret.encode() for secret in secrets_in(self._file)]
            except ValueError as error:
                _log.error("%s; what it held before stays valid", error)
        return self._secrets

    def _state(self) -> tuple[int, ...] | None:
        try:
            found = self._file.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino


class TokenLock:
    """The tokens of `TOCSIN_INGEST_TOKENS`, each of which has a name; without any, everybody is let in."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def greet(self, headers: Mapping[str, str]) -> str:
        """The name of the token. Raises `Problem` (401)."""
        return self._tokens.bearer(headers.get("authorization", ""))

    def admit(self, delivered: Delivered) -> None:
        """Everything was in the headers."""


class BearerLock:
    """`Authorization: Bearer <secret>`."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def greet(self, headers: Mapping[str, str]) -> str:
        """No name. Raises `Problem` (401)."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        is_known = self._keys.fit(token.strip().encode("utf-8", "replace"))
        if scheme.lower() != "bearer" or not is_known:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "unknown-token",
                "send `Authorization: Bearer <token>` with one of the tokens of this source",
                CHALLENGE,
            )
        return ""

    def admit(self, delivered: Delivered) -> None:
        """Everything was in the headers."""


class SignatureLock:
    """HMAC-SHA256 over the body as it came, and over the time of sending where the sender says it."""

    def __init__(self, lock: HmacLock) -> None:
        self._lock = lock
        self._keys = Keys(lock.secrets)

    def greet(self, headers: Mapping[str, str]) -> str:
        """No name. Raises `Problem` (401) where there is no signature at all."""
        for name in filter(None, (self._lock.header, self._lock.timestamp_header)):
            if not headers.get(name.lower()):
                raise Problem(
                    HTTPStatus.UNAUTHORIZED,
                    "not-signed",
                    f"requests to this source are signed, and this one lacks the header {name}",
                    {"WWW-Authenticate": f'HMAC-SHA256 realm="tocsin", header="{self._lock.header}"'},
                )
        return ""

    def admit(self, delivered: Delivered) -> None:
        """Raises `Problem` (403) where the signature is another's, or of another time."""
        given = delivered.headers[self._lock.header.lower()]
        time = delivered.headers.get((self._lock.timestamp_header or "").lower(), "")
        signed = f"{time}:".encode() + delivered.body if self._lock.timestamp_header else delivered.body
        expected = [(self._lock.prefix + self._written(key, signed)).encode() for key in self._keys.now]
        said = given.strip().encode("utf-8", "replace")
        if not any([hmac.compare_digest(each, said) for each in expected]):  # noqa: C419 — all are compared
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "wrong-signature",
                f"the signature in {self._lock.header} is not that of this body under a secret of this source",
            )
        if self._lock.timestamp_header:
            self._refuse_other_times(time, delivered.received)

    def _written(self, key: bytes, signed: bytes) -> str:
        digest = hmac.new(key, signed, hashlib.sha256).digest()
        return digest.hex() if self._lock.encoding == "hex" else base64.b64encode(digest).decode()

    def _refuse_other_times(self, written: str, now: datetime) -> None:
        """A request that somebody kept, and sends once more, does not count."""
        try:
            sent = datetime.fromtimestamp(int(written), UTC)
        except (ValueError, OverflowError, OSError):
            sent = datetime.min.replace(tzinfo=UTC)
        if abs(now - sent) > self._lock.window:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "outside-window",
                f"the time in {self._lock.timestamp_header} is not within {self._lock.window.total_seconds():g} s of "
                "ours, in seconds since 1970; check both clocks",
            )


class RoutingKeyLock:
    """PagerDuty's `routing_key`, a member of the body."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def greet(self, headers: Mapping[str, str]) -> str:
        """Nothing is in the headers."""
        return ""

    def admit(self, delivered: Delivered) -> None:
        """Raises `Problem` (400, 403)."""
        event = parse_json(delivered.body)
        given = event.get("routing_key") if isinstance(event, dict) else None
        if not self._keys.fit(given.encode("utf-8", "replace") if isinstance(given, str) else b""):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "unknown-routing-key",
                "routing_key is not one of this source's; copy it from the file that describes the source",
            )
