"""Lines of JSON, each tied to the one before it by a hash: changing one, or taking one out, shows.

A line's `chain` is the SHA-256 of the chain before it, followed by the line's other values as JSON with sorted keys, no
spaces, and characters as they are, in UTF-8. Before the first line the chain is empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

Line = Mapping[str, Any]

BEGINNING = ""
"""The chain before the first line."""


def link(before: str, line: Line) -> str:
    """The chain of `line` when that of the line before it is `before`."""
    said = {name: value for name, value in line.items() if name != "chain"}
    text = before + json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def chained(lines: Iterable[Line], before: str = BEGINNING) -> list[dict[str, Any]]:
    """The lines with their chains, going on from `before`."""
    tied = []
    for line in lines:
        before = link(before, line)
        tied.append({**line, "chain": before})
    return tied


def head_of(lines: list[Any]) -> str:
    """The chain of the last line."""
    return str(lines[-1]["chain"]) if lines else BEGINNING
