"""Who may report alerts, or have payloads decoded: bearer tokens, one or more for each name."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from tocsin.ingest.problems import Problem
from tocsin.settings import ANYBODY, VARIABLES, SettingsError
from tocsin.sources import SHORTEST_SECRET, TOO_SHORT


class Tokens:
    """The tokens of a variable: `name:token,name:token`. Raises `SettingsError`,
    also for tokens shorter than `SHORTEST_SECRET`.

    A name may have two tokens while one takes over from the other. Without any, everybody is let in.
    """

    def __init__(self, text: str, variable: str = VARIABLES["ingest_tokens"]) -> None:
        pairs = [item.strip().partition(":") for item in text.split(",") if item.strip()]
        if any(not (name.strip() and token.strip()) for name, _, token in pairs):
            raise SettingsError(f"{variable}: write name:token, separated by commas")
        short = [name.strip() for name, _, token in pairs if len(token.strip()) < SHORTEST_SECRET]
        if short:
            raise SettingsError(
                f"{variable}: the token of {', '.join(dict.fromkeys(short))} is too short; {TOO_SHORT}"
            )
        self._variable = variable
        self._known = [(name.strip(), token.strip().encode()) for name, _, token in pairs]

    def __repr__(self) -> str:
        return f"Tokens({', '.join(name for name, _ in self._known)})"

    def __bool__(self) -> bool:
        return bool(self._known)

    def bearer(self, authorization: str) -> str:
        """The name of whose token an `Authorization` header holds; `anybody` without tokens. Raises `Problem` (401)."""
        if not self._known:
            return ANYBODY
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("utf-8", "replace")
        # All are compared, so that the time taken does not tell which one was nearly right.
        matches = [name for name, known in self._known if hmac.compare_digest(known, given)]
        if scheme.lower() != "bearer" or not matches:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "unknown-token",
                f"send `Authorization: Bearer <token>` with one of the tokens in {self._variable}",
                {"WWW-Authenticate": 'Bearer realm="tocsin"'},
            )
        return matches[0]
