"""The keys that sign links, codes and personal tokens: HMAC-SHA256; the newest signs, and all are believed.

Two at once let one take over from the other: what was signed under the old one counts until it is taken out.

    TOCSIN_SIGNING_KEYS=k2:<at least 32 characters>,k1:<the one before>
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from tocsin.domain.proving import NoSigningKeys, NotProven
from tocsin.files import write_whole
from tocsin.settings import VARIABLES, Settings, SettingsError

DEFAULT_FILE = "signing-keys"
"""In the state folder: counts when the settings name no keys."""

SHORTEST = 32
"""Characters of a key."""

WHAT_TO_SET = (
    f"set {VARIABLES['signing_keys']} for the workers, the receiver and whoever issues tokens (`k1:` and at least "
    f"{SHORTEST} characters by chance)"
)

_ENTRY = re.compile(rf"([A-Za-z0-9_-]{{1,32}}):(\S{{{SHORTEST},}})")


class SigningKeys:
    """Keys by name, newest first. Without any, nothing can be signed or believed."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)

    @classmethod
    def read(cls, settings: Settings) -> SigningKeys:
        """The keys of this installation; none where it has none. Raises `SettingsError`."""
        written, file = settings.signing_keys.get_secret_value(), settings.state / DEFAULT_FILE
        if written or not file.is_file():
            return cls.parse(written, VARIABLES["signing_keys"])
        try:
            return cls.parse(file.read_text(), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"the signing keys cannot be read from {file}: {error}") from error

    @classmethod
    def parse(cls, text: str, source: str) -> SigningKeys:
        """The keys out of `name:key,name:key`. Raises `SettingsError` that names `source`, and shows no key."""
        entries = [_ENTRY.fullmatch(entry) for entry in re.split(r"[,\s]+", text) if entry]
        keys = {entry[1]: entry[2].encode() for entry in entries if entry}
        if len(keys) != len(entries):
            raise SettingsError(
                f"{source}: write NAME:KEY, separated by commas, each name once, each key at least {SHORTEST} "
                "characters drawn by chance"
            )
        return cls(keys)

    def __repr__(self) -> str:
        return f"SigningKeys({', '.join(self._keys)})"

    def __bool__(self) -> bool:
        return bool(self._keys)

    def sign(self, kind: str, text: str) -> str:
        """`text` with its signature, as letters that a URL takes. Raises `NoSigningKeys`.

        `kind` keeps what was signed for one purpose from being believed for another.
        """
        name, key = next(self._each())
        payload = _encoded(text.encode())
        return f"{name}.{payload}.{_encoded(_mac(key, kind, payload))}"

    def read_signed(self, kind: str, signed: str) -> str:
        """The text that `sign` was given. Raises `NotProven`, `NoSigningKeys`."""
        name, payload, signature = parts_of(signed)
        if not hmac.compare_digest(self.signature(kind, name, payload).encode(), signature.encode()):
            raise NotProven("its signature is not ours")
        return decoded(payload).decode()

    def signature(self, kind: str, name: str, payload: str) -> str:
        """The signature of a payload under the key of this name. Raises `NotProven`, `NoSigningKeys`."""
        key = dict(self._each()).get(name)
        if key is None:
            raise NotProven(f'it was signed under key "{name}", which is not in use here (any more)')
        return _encoded(_mac(key, kind, payload))

    def digests(self, kind: str, text: str) -> list[bytes]:
        """What stands for `text` under each key, newest first, and can be guessed by nobody. Raises `NoSigningKeys`."""
        return [_mac(key, kind, text) for _, key in self._each()]

    def _each(self) -> Iterator[tuple[str, bytes]]:
        if not self._keys:
            raise NoSigningKeys(f"nobody can prove who they are here: {WHAT_TO_SET}")
        yield from self._keys.items()


def parts_of(signed: str) -> tuple[str, str, str]:
    """The key's name, the payload and the signature. Raises `NotProven`."""
    match signed.split("."):
        case [name, payload, signature] if signed.isascii() and name and payload and signature:
            return name, payload, signature
    raise NotProven("it is not whole")


def ensure_file(folder: Path) -> Path:
    """The key file of a state folder, made with a fresh key, for its owner's eyes only, if it is not there yet."""
    path = folder / DEFAULT_FILE
    if not path.exists():
        write_whole(path, f"k1:{secrets.token_urlsafe(32)}\n".encode())
    return path


def _mac(key: bytes, kind: str, text: str) -> bytes:
    return hmac.digest(key, f"tocsin {kind}\n{text}".encode(), "sha256")


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """The payload of what was signed. Raises `NotProven` where it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise NotProven("it is not whole") from error
