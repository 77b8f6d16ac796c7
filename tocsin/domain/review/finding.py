"""What a review finds."""

from __future__ import annotations

from typing import Literal

from tocsin.domain.base import Value
from tocsin.domain.plan import Path

Severity = Literal["error", "advice"]


class Finding(Value):
    """What is wrong at `path` of the plan's or the directory's file, why it matters, and what to do."""

    path: Path
    text: str
    severity: Severity
    file: Literal["plan", "directory"] = "plan"


def error(path: Path, text: str) -> Finding:
    """The plan breaks its own promise, or its policy."""
    return Finding(path=path, text=text, severity="error")


def advice(path: Path, text: str) -> Finding:
    """The plan holds, and a reviewer would ask."""
    return Finding(path=path, text=text, severity="advice")


def listed(names: list[str], most: int = 4) -> str:
    """The names in words, the first few when there are many: `a, b and c`, `a, b, c, d and 3 more`."""
    shown, rest = names[:most], len(names) - most
    if rest > 0:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
