"""What `tocsin plan check` says: problems fail it, advice only where that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tocsin.cli.errors import Problems
from tocsin.cli.office import Office
from tocsin.library import Examination, examine
from tocsin.yamlfile import Problem


def check_plans(office: Office, folders: Sequence[Path], *, strict: bool) -> None:
    """Examine the plans in `folders` and print what was found. Raises `Problems`; when `strict`, for advice too."""
    today = office.now().date()
    examined = {folder: examine(folder, today) for folder in folders}
    if any(found.problems or (strict and found.advice) for found in examined.values()):
        lines = [line for found in examined.values() for line in _lines(found)]
        raise Problems("\n".join(lines), plans=_described(examined))
    office.emit(_described(examined), lambda: "\n".join(_summary(examined)))


def _summary(examined: dict[Path, Examination]) -> list[str]:
    """What was found in plans without problems, each with its advice before it."""
    lines: list[str] = []
    for folder, found in examined.items():
        lines += [*_lines(found), f"plan {folder.name}: in order{_how_much(len(found.advice))}"]
    return lines


def _how_much(advice: int) -> str:
    if not advice:
        return ""
    return f", with {advice} {'piece' if advice == 1 else 'pieces'} of advice"


def _lines(found: Examination) -> list[str]:
    return [*map(str, found.problems), *map(_as_advice, found.advice)]


def _as_advice(advice: Problem) -> str:
    return f"{advice.file}:{advice.line}:{advice.column}: advice: {advice.path}: {advice.message}"


def _described(examined: dict[Path, Examination]) -> list[dict[str, Any]]:
    """Each plan with its problems and advice, as lists of places and messages."""
    return [
        {
            "plan": folder.name,
            "path": str(folder),
            "problems": [asdict(problem) for problem in found.problems],
            "advice": [asdict(problem) for problem in found.advice],
        }
        for folder, found in examined.items()
    ]
