"""The store on disk: one JSON object per line, only ever appended, so that the page survives a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO


class JournalDamagedError(Exception):
    """A line of the state file is not JSON; the text names file and line and says what can be done."""


class Journal:
    """An append-only JSONL file. A last line torn by a kill is cut off; any other damage is an error."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: TextIO | None = None

    def entries(self) -> Iterator[dict[str, Any]]:
        """All entries, oldest first. Raises `JournalDamagedError`."""
        self._cut_torn_line()
        if not self._path.exists():
            return
        with self._path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield self._parse(line, number)

    def open(self) -> None:
        """Open the file for appending, once what it holds has been read."""
        self._file = self._path.open("a", encoding="utf-8")

    def append(self, entry: dict[str, Any]) -> None:
        """Write `entry` and hand it to the operating system, so that a kill of this process keeps it."""
        if self._file is None:
            raise RuntimeError(f"{self._path} is not open; open() comes before append()")
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; nothing can be appended after."""
        if self._file:
            self._file.close()

    def _parse(self, line: str, number: int) -> dict[str, Any]:
        try:
            entry: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError as error:
            raise JournalDamagedError(
                f"{self._path}:{number} is not JSON ({error}); repair the line, or move the file away to start empty"
            ) from error
        return entry

    def _cut_torn_line(self) -> None:
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self._path.open("r+b") as file:
                file.truncate(whole)
