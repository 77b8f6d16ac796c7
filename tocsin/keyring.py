"""The keys under which Temporal's payloads are encrypted: AES-256-GCM; the first encrypts, and all decrypt.

KeyRingError (a SettingsError)   what is written is no key ring, or its file cannot be read

UnreadablePayload
├── UnknownKey                   encrypted under a key that this process does not have
└── DamagedPayload               it was changed, or its key's name stands for another key here
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.files import write_whole
from tocsin.settings import VARIABLES, Settings, SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
"""Drawn by chance for every payload; a key is good for 2^32 of them (NIST SP 800-38D, 8.3)."""

DEFAULT_FILE = "payload-keys"
"""In the state folder: counts when the settings name no other keys."""

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class KeyRingError(SettingsError):
    """The keys cannot be used; the text says which entry is wrong, and shows none."""


class UnreadablePayload(Exception):
    """A payload cannot be decrypted here; the text says why, and shows nothing of it."""


class UnknownKey(UnreadablePayload):
    """A payload is encrypted under a key that this process does not have."""


class DamagedPayload(UnreadablePayload):
    """A payload is not what was once encrypted under its key."""


class KeyRing:
    """Keys by name, newest first. An empty ring encrypts nothing."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._ciphers = {name: _cipher(key) for name, key in keys.items()}

    @classmethod
    def read(cls, settings: Settings) -> KeyRing:
        """The ring of this installation; empty where it has none. Raises `KeyRingError`."""
        written = settings.payload_keys.get_secret_value()
        file = settings.payload_keys_file or settings.state / DEFAULT_FILE
        if written or not (settings.payload_keys_file or file.is_file()):
            return cls.parse(written, VARIABLES["payload_keys"])
        ring = cls.parse(_text_of(file), str(file))
        if not ring:  # an empty file is a mistake: it must not switch encryption off
            raise KeyRingError(f"{file} holds no key; `tocsin keys new` prints one to put into it")
        return ring

    @classmethod
    def parse(cls, text: str, source: str) -> KeyRing:
        """The ring out of `name:key,name:key`, or one on each line. Raises `KeyRingError` that names `source`."""
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(filter(None, re.split(r"[,\s]+", text)), 1):
            where = f"{source}, entry {number}"
            name, key = _entry(entry, where)
            if name in keys:
                raise KeyRingError(f"{where}: a key {name} stands before it; give each its own name")
            keys[name] = key
        return cls(keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._ciphers)})"

    def __bool__(self) -> bool:
        return bool(self._ciphers)

    @property
    def names(self) -> tuple[str, ...]:
        """The keys' names; the first encrypts."""
        return tuple(self._ciphers)

    def seal(self, plain: bytes, name: str, said: bytes) -> bytes:
        """Encrypt under the key of this name; `said` goes in plain beside it and must come back unchanged."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ciphers[name].encrypt(nonce, plain, said)

    def open(self, sealed: bytes, name: str, said: bytes) -> bytes:
        """Decrypt what `seal` returned. Raises `UnreadablePayload`."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher_for(name).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], said)
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise DamagedPayload(
                f'a payload cannot be decrypted under key "{name}": it was changed, or "{name}" is another key here '
                "than where it was written"
            ) from error

    def _cipher_for(self, name: str) -> AESGCM:
        if name not in self._ciphers:
            known = f"only {', '.join(self._ciphers)}" if self._ciphers else "no key at all"
            raise UnknownKey(
                f'a payload is encrypted under key "{name}", and this process has {known}: put "{name}" into '
                f"{VARIABLES['payload_keys']} or {VARIABLES['payload_keys_file']}, as the workers have it"
            )
        return self._ciphers[name]


def new_key(name: str) -> str:
    """A fresh entry for a key ring. Raises `KeyRingError` for a name that cannot stand in one."""
    if not _NAME.fullmatch(name):
        raise KeyRingError(
            f'"{name}" cannot be the name of a key: write up to 64 letters, digits, dots, dashes and underscores'
        )
    return f"{name}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def ensure_file(folder: Path, name: str) -> Path:
    """The key file of a state folder, made with a fresh key, for its owner's eyes only, if it is not there yet."""
    path = folder / DEFAULT_FILE
    if not path.exists():
        write_whole(path, f"{new_key(name)}\n".encode())
    return path


def _text_of(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRingError(f"the payload keys cannot be read from {file}: {error}") from error


def _entry(entry: str, where: str) -> tuple[str, bytes]:
    name, _, written = entry.partition(":")
    try:
        key = base64.b64decode(written, validate=True)
    except binascii.Error:
        key = b""
    if not _NAME.fullmatch(name) or len(key) != KEY_BYTES:
        raise KeyRingError(
            f"{where}: write NAME:KEY, the key {KEY_BYTES} random bytes in base64; `tocsin keys new` prints one"
        )
    return name, key


def _cipher(key: bytes) -> AESGCM:
    # Imported here because it takes 30 ms, and whoever has no keys need not wait for it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
