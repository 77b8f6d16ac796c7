"""What Temporal keeps, encrypted: inputs, results, signals, updates, summaries and the words of failures.

A payload goes whole, with its metadata, into a new one whose metadata say only that it is encrypted and under which
key; both are authenticated. Payloads that are not encrypted are read as they are, so that a running house can begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

if TYPE_CHECKING:
    from tocsin.keyring import KeyRing

ENCODING = b"binary/encrypted"
"""What the `encoding` of an encrypted payload says, as in Temporal's samples."""

KEY_NAME = "encryption-key-id"
"""The entry of the metadata that names the key."""


class EncryptionCodec(PayloadCodec):
    """Encrypts under the first key of a ring and decrypts under any; with an empty ring, encrypts nothing."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt every payload, under the first key."""
        if not self._ring:
            return list(payloads)
        name = self._ring.names[0]
        return [self._sealed(payload, name) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt those that are encrypted. Raises `UnreadablePayload`."""
        return [self._opened(payload) if is_encrypted(payload) else payload for payload in payloads]

    def _sealed(self, payload: Payload, name: str) -> Payload:
        sealed = self._ring.seal(payload.SerializeToString(), name, _said_of(name))
        return Payload(metadata={"encoding": ENCODING, KEY_NAME: name.encode()}, data=sealed)

    def _opened(self, payload: Payload) -> Payload:
        name = payload.metadata.get(KEY_NAME, b"").decode(errors="replace")
        return Payload.FromString(self._ring.open(payload.data, name, _said_of(name)))


def is_encrypted(payload: Payload) -> bool:
    """Whether the payload is one of ours."""
    return payload.metadata.get("encoding") == ENCODING


def _said_of(name: str) -> bytes:
    """What stands in plain beside the ciphertext, as it is authenticated."""
    return ENCODING + b"\0" + name.encode()
