"""Who must not be written to any more: `<state>/suppressions.jsonl`, only ever appended to, for all plans.

    {"salt": …}                                     the first line, drawn by chance when the file is made
    {"address": <digest>, "reason": …, "at": …}     mail to this address bounced, or whoever reads it complained

Addresses are not in it: a digest is the HMAC-SHA256 of an address under the salt. Broadcasts pass over whoever is here.
What is sent to one person, above all a page, does not: it is tried, and the next channel follows.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path

from tocsin.domain.broadcasts import Suppression
from tocsin.files import locked

FILE = "suppressions.jsonl"

SALT_BYTES = 32


class Suppressions:
    """The register below `state`. Everything raises `OSError`."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE

    def add(self, suppressions: Sequence[Suppression]) -> int:
        """Remember them; the number of those that are news. They are on the disk when this returns."""
        with locked(self.path) as file:
            salt, reasons = _read(file.read())
            lines = [] if salt else [{"salt": (salt := secrets.token_bytes(SALT_BYTES)).hex()}]
            news = {
                _digest(salt, each.address): {"reason": each.reason, "at": each.at.isoformat()}
                for each in suppressions
            }
            for address in reasons:
                news.pop(address, None)
            file.append([*lines, *({"address": address, **about} for address, about in news.items())])
        return len(news)

    def now(self) -> Suppressed:
        """Everybody who is in the register at this moment."""
        if not self.path.exists():
            return Suppressed(b"", {})
        with locked(self.path) as file:
            return Suppressed(*_read(file.read()))


class Suppressed:
    """The register at one moment, to be asked about many."""

    def __init__(self, salt: bytes, reasons: dict[str, str]) -> None:
        self._salt = salt
        self._reasons = reasons

    def reason(self, address: str) -> str:
        """Why an address is out of use, such as `bounced`; empty when it is not."""
        return self._reasons.get(_digest(self._salt, address), "") if self._reasons else ""


def _read(lines: list[dict[str, str]]) -> tuple[bytes, dict[str, str]]:
    salt = bytes.fromhex(lines[0]["salt"]) if lines else b""
    return salt, {line["address"]: line["reason"] for line in lines[1:]}


def _digest(salt: bytes, address: str) -> str:
    return hmac.digest(salt, address.strip().casefold().encode(), "sha256").hex()
