"""Which personal tokens were issued, to whom, and which were revoked: `<state>/tokens.jsonl`, only ever appended to.

The tokens themselves are not in it. One that is missing here still counts until it expires: what counts is its
signature, and that it was not revoked.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from tocsin.domain.base import Moment, Value
from tocsin.files import locked

FILE = "tokens.jsonl"


class IssuedToken(Value):
    """A token: whose it is, in which plans' directories, and until when; when it was revoked, if it was."""

    id: str
    person: str
    plans: tuple[str, ...]
    issued: Moment
    expires: Moment
    revoked: Moment | None = None


class TokenRegister:
    """The register below `state`. Everything raises `OSError`."""

    def __init__(self, state: Path) -> None:
        self.path = state / FILE

    def add(self, token: IssuedToken) -> None:
        """Note that a token was issued."""
        self._append({"issued": token.model_dump(mode="json", exclude={"revoked"})})

    def revoke(self, id: str, now: datetime) -> None:
        """Note that a token counts no more; also one that is not known here."""
        self._append({"revoked": id, "at": now.isoformat()})

    def revoked(self) -> dict[str, datetime]:
        """When each token was revoked that was."""
        return {
            line["revoked"]: datetime.fromisoformat(line["at"]) for line in self._lines() if "revoked" in line
        }

    def tokens(self) -> list[IssuedToken]:
        """Every token, oldest first."""
        revoked = self.revoked()
        issued = [line["issued"] for line in self._lines() if "issued" in line]
        return [IssuedToken(**token, revoked=revoked.get(token["id"])) for token in issued]

    def _append(self, line: dict[str, Any]) -> None:
        with locked(self.path) as lines:
            lines.append([line])

    def _lines(self) -> list[Any]:
        if not self.path.exists():
            return []
        with locked(self.path) as lines:
            return lines.read()
