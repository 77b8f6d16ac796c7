"""Whether a callback truly comes from the vendor that it names.

Both checks say no, and never raise, whatever a stranger sends. A true callback may be replayed by whoever saw
it: it reports what was reported before, and `tocsin.domain.delivery.forward` changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import urlparse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from twilio.request_validator import RequestValidator, add_port, remove_port


def twilio_signature_is_valid(auth_token: str, url: str, params: Mapping[str, str], signature: str) -> bool:
    """Whether `signature` (header `X-Twilio-Signature`) is Twilio's for this callback.

    `url` is the public one that Twilio was given, with its query, whatever a proxy made of it since; `params`
    are the fields of the form, as a mapping or a multi-dict with `getlist`.
    """
    validator = RequestValidator(auth_token)
    given = signature.encode("utf-8", "replace")
    # The SDK's own `validate` compares character by character. Twilio signs with or without the port.
    matches = [
        hmac.compare_digest(validator.compute_signature(candidate, params).encode(), given)
        for candidate in (remove_port(urlparse(url)), add_port(urlparse(url)))
    ]
    return any(matches)


class SendGridEvents:
    """Checks SendGrid's signed event webhook.

    `public_key` is the verification key that SendGrid shows: base64 of a P-256 public key in DER. Raises
    `ValueError` for anything else.
    """

    def __init__(self, public_key: str) -> None:
        self._key = _p256_key(public_key)

    def is_valid(self, raw_body: bytes, signature: str, timestamp: str) -> bool:
        """Whether `signature` is SendGrid's for the body exactly as it was received.

        `signature` and `timestamp` are the headers `X-Twilio-Email-Event-Webhook-Signature` and `-Timestamp`.
        """
        if not (timestamp.isascii() and timestamp.isdigit()):
            return False
        try:
            self._key.verify(
                base64.b64decode(signature, validate=True),
                timestamp.encode("ascii") + raw_body,
                ec.ECDSA(SHA256()),
            )
        except (InvalidSignature, ValueError):  # ValueError: not base64 (binascii.Error), not ASCII
            return False
        return True


def _p256_key(public_key: str) -> ec.EllipticCurvePublicKey:
    problem = (
        "the SendGrid webhook key is not a P-256 public key in base64; copy the verification key from "
        "SendGrid's Settings > Mail Settings > Event Webhook"
    )
    try:
        key = load_der_public_key(base64.b64decode(public_key, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ValueError(problem) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError(problem)
    return key
