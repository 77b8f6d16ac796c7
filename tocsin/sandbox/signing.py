"""How the vendors prove that a callback is theirs.

Twilio: HMAC-SHA1 over the URL and the sorted form fields, with the account's auth token.
SendGrid: ECDSA over P-256 and SHA-256 of timestamp and raw body; the public key is shown as base64 of its DER form.
"""

from __future__ import annotations

import base64
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

PUBLIC_KEY_NAME = "events-public-key"


class EventKeyError(Exception):
    """The file for the event webhook's key holds something else; the text names it and says what is needed."""


def twilio_signature(auth_token: str, url: str, fields: Mapping[str, str]) -> str:
    """The value of `X-Twilio-Signature` for a form post of `fields` to `url`."""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.digest(auth_token.encode(), signed.encode(), "sha1")
    return base64.b64encode(digest).decode()


class EventKey:
    """The key pair of SendGrid's signed event webhook."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._private_key = private_key

    @classmethod
    def generate(cls) -> EventKey:
        """A new key, in memory only."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def at(cls, path: Path) -> EventKey:
        """The key in the PEM file `path`, made when absent, with the public key beside it.

        Raises `EventKeyError` when the file holds no P-256 private key.
        """
        if path.exists():
            key = cls(_read_private_key(path))
        else:
            key = cls.generate()
            _write_whole(path, key._pem(), mode=0o600)
        _write_whole(path.with_name(PUBLIC_KEY_NAME), key.public_key.encode(), mode=0o644)
        return key

    @property
    def public_key(self) -> str:
        """The verification key in the form that SendGrid shows: base64 of SubjectPublicKeyInfo, no PEM frame."""
        der = self._private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def sign(self, timestamp: str, body: bytes) -> str:
        """The value of `X-Twilio-Email-Event-Webhook-Signature`."""
        signature = self._private_key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return base64.b64encode(signature).decode()

    def _pem(self) -> bytes:
        return self._private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise EventKeyError(f"{path} is no unencrypted PEM private key ({error}); {_REMEDY}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise EventKeyError(f"{path} holds a private key of another kind than ECDSA P-256; {_REMEDY}")
    return key


_REMEDY = "name a file with a P-256 key, or one that does not exist, and a key is made there"


def _write_whole(path: Path, content: bytes, mode: int) -> None:
    """Write so that a reader sees the old file or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
