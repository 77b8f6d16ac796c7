"""What a monitor says that runs a program: words under names, from its environment or from arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from tocsin.ingest.formats.labels import LENGTH
from tocsin.ingest.formats.moments import believable
from tocsin.ingest.problems import Problem

LABEL = "LABEL_"
"""`LABEL_customer=acme` is a label, whoever says it: for monitors that have no names of their own for such a thing."""

_NO_MACRO = re.compile(r"\$[^$\s]*\$")


class Told:
    """What was said. A name that was not said, or left empty, says nothing.

    An environment may hold bytes that are no text, and a macro that the monitor does not know stands as it was written.
    """

    def __init__(self, said: Mapping[str, str]) -> None:
        texts = {name: _as_text(value) for name, value in said.items()}
        self._said = {name: text for name, text in texts.items() if text and not _NO_MACRO.fullmatch(text)}

    def __getitem__(self, name: str) -> str:
        return self._said.get(name, "")

    def first(self, *names: str) -> str:
        """The first of these that was said."""
        return next(filter(None, map(self.__getitem__, names)), "")

    def demand(self, name: str, remedy: str) -> str:
        """What must have been said. Raises `Problem`, with what to do about it."""
        if not self[name]:
            raise unheard(f"{name} is missing; {remedy}")
        return self[name]

    def below(self, prefix: str) -> dict[str, str]:
        """Everything whose name begins so, under the rest of its name, in lower case."""
        return {rest.lower(): self[name] for name, rest in self._beginning(prefix)}

    def moment(self, name: str) -> datetime | None:
        """A time in seconds since 1970; nothing where it makes no sense, or is 0, which says *never*."""
        try:
            seconds = float(self[name])
            return believable(datetime.fromtimestamp(seconds, UTC)) if seconds else None
        except (ValueError, OverflowError, OSError):
            return None

    @property
    def labels(self) -> dict[str, str]:
        """What was said to be a label."""
        return self.below(LABEL)

    def _beginning(self, prefix: str) -> Iterator[tuple[str, str]]:
        for name in self._said:
            if name.startswith(prefix) and name != prefix:
                yield name, name.removeprefix(prefix)


def unheard(detail: str) -> Problem:
    """What the monitor said cannot be understood."""
    return Problem(HTTPStatus.BAD_REQUEST, "wrong-shape", detail)


def _as_text(value: str) -> str:
    """Without bytes that are no text, which cannot leave this process again."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:LENGTH].strip()
