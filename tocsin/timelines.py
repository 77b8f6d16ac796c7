"""The timeline of an archive: one entry a line, each tied to the one before it (`tocsin.chain`). Where it is not as it
was written is said entry by entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tocsin import chain
from tocsin.manifest import TIMELINE

Entries = list[dict[str, Any]]


def read(folder: Path) -> tuple[Entries, list[str]]:
    """The entries up to the first line that is none, and what is wrong with that. Raises `OSError`."""
    path = folder / TIMELINE
    entries: Entries = []
    for place, line in enumerate(path.read_bytes().split(b"\n") if path.exists() else [b""], 1):
        entry, problem = _entry(line)
        if problem:
            return entries, [f"{TIMELINE}:{place} {problem}"]
        if entry is not None:
            entries.append(entry)
    return entries, []


def _entry(line: bytes) -> tuple[dict[str, Any] | None, str]:
    """The entry on a line; nothing of both for what stands behind the last line's end."""
    if not line:
        return None, ""
    try:
        entry = json.loads(line)
    except ValueError as error:
        return None, f"is no entry: it was changed, or cut off in the middle ({error})"
    if not isinstance(entry, dict) or type(entry.get("number")) is not int or "chain" not in entry:
        return None, "is no entry: it has no number, or no chain"
    return entry, ""


def broken(entries: Entries) -> Iterator[str]:
    """Where entries were changed, taken out, put in or swapped."""
    before, last = chain.BEGINNING, 0
    for place, entry in enumerate(entries, 1):
        number = entry["number"]
        if number > last + 1:
            yield f"{TIMELINE}:{place}: {_range(last + 1, number - 1)} missing before entry {number}"
        elif number <= last:
            yield f"{TIMELINE}:{place}: entry {number} stands behind entry {last}: swapped, or put in"
        elif entry["chain"] != chain.link(before, entry):
            yield f"{TIMELINE}:{place}: entry {number} was changed, or comes from another incident"
        before, last = str(entry["chain"]), number


def last_of(entries: Entries) -> int:
    """The number of the last entry; 0 when there is none."""
    return int(entries[-1]["number"]) if entries else 0


def _range(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
