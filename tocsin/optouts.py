"""Who wants no text messages: `<state>/opt-outs.jsonl`, only ever appended to, for all plans and every process.

    {"salt": …}                   the first line, drawn by chance when the file is made
    {"stopped": <digest>, "at": …}  whoever has this number replied STOP, or the vendor said that they had
    {"started": <digest>, "at": …}  they replied START

Numbers are not in it: a digest is the HMAC-SHA256 of a number under the salt. There are few enough numbers that
whoever has the file can try them all, so it keeps them from being read, not from being searched for.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tocsin.files import JsonLines, locked

FILE = "opt-outs.jsonl"

SALT_BYTES = 32

Line = dict[str, Any]


class OptOuts:
    """The register below `state`. Everything raises `OSError`."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE

    def stop(self, numbers: Iterable[str], at: datetime) -> None:
        """Note that these numbers (E.164) are to get no texts."""
        self._note("stopped", numbers, at)

    def start(self, numbers: Iterable[str], at: datetime) -> None:
        """Note that these numbers may get texts again."""
        self._note("started", numbers, at)

    def has(self, number: str) -> bool:
        """Whether whoever has this number wants no texts. It is asked anew each time: another process may know more."""
        if not self.path.exists():
            return False
        with locked(self.path) as file:
            lines = file.read()
        return bool(lines) and _digest(_salt(lines), number) in _stopped(lines)

    def _note(self, what: Literal["stopped", "started"], numbers: Iterable[str], at: datetime) -> None:
        """One line for each number of which this is news."""
        with locked(self.path) as file:
            lines = _salted(file)
            salt, stopped = _salt(lines), _stopped(lines)
            digests = dict.fromkeys(_digest(salt, number) for number in numbers)
            news = [digest for digest in digests if (digest in stopped) != (what == "stopped")]
            file.append({what: digest, "at": at.isoformat()} for digest in news)


def _salted(file: JsonLines) -> list[Line]:
    """What the file holds; a new one is begun with its salt."""
    lines: list[Line] = file.read()
    if not lines:
        lines = [{"salt": secrets.token_hex(SALT_BYTES)}]
        file.append(lines)
    return lines


def _salt(lines: list[Line]) -> bytes:
    return bytes.fromhex(lines[0]["salt"])


def _stopped(lines: Iterable[Line]) -> set[str]:
    stopped: set[str] = set()
    for line in lines:
        if "stopped" in line:
            stopped.add(line["stopped"])
        elif "started" in line:
            stopped.discard(line["started"])
    return stopped


def _digest(salt: bytes, number: str) -> str:
    return hmac.digest(salt, number.encode(), "sha256").hex()
