"""What `tocsin plan check` says: problems fail it, advice only where that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tocsin.acknowledgements import AcknowledgementRegister
from tocsin.cli.errors import Failed, Problems
from tocsin.cli.office import Office
from tocsin.domain.readership import readers_of, version_of
from tocsin.library import Examination, examine
from tocsin.planfiles import load
from tocsin.settings import Settings
from tocsin.yamlfile import Problem


def check_plans(office: Office, folders: Sequence[Path], *, strict: bool) -> None:
    """Examine the plans in `folders` and print what was found. Raises `Problems`; when `strict`, for advice too."""
    today = office.now().date()
    examined = {folder: examine(folder, today) for folder in folders}
    notes = {
        folder: note_on(office.settings(), folder) for folder, found in examined.items() if not found.problems
    }
    if any(found.problems or (strict and found.advice) for found in examined.values()):
        lines = [line for found in examined.values() for line in _lines(found)]
        raise Problems("\n".join(lines), plans=_described(examined, notes))
    office.emit(_described(examined, notes), lambda: "\n".join(_summary(examined, notes)))


def _summary(examined: dict[Path, Examination], notes: dict[Path, str]) -> list[str]:
    """What was found in plans without problems, each with its advice before it."""
    lines: list[str] = []
    for folder, found in examined.items():
        note = [f"note: plan {folder.name}, {notes[folder]}"] if notes.get(folder) else []
        lines += [*_lines(found), *note, f"plan {folder.name}: in order{_how_much(len(found.advice))}"]
    return lines


def _how_much(advice: int) -> str:
    if not advice:
        return ""
    return f", with {advice} {'piece' if advice == 1 else 'pieces'} of advice"


def note_on(settings: Settings, folder: Path) -> str:
    """Who has not acknowledged the plan in `folder`; empty where everybody has, or nobody must. Raises `Failed`."""
    loaded = load(folder)
    if loaded.plan.publication is None:
        return ""
    readers = [reader.key for reader in readers_of(loaded.plan, loaded.directory)]
    try:
        standing = AcknowledgementRegister(settings.state).standing(loaded.pin, readers)
    except OSError as error:
        raise Failed(f"the acknowledgements cannot be read: {error}") from error
    version = f"version {version_of(loaded.hash)}"
    if standing.published is None:
        return f"{version}: nobody was asked to acknowledge it; `tocsin plan publish {loaded.plan.plan}` does"
    return f"{version}: not acknowledged by {', '.join(standing.lacking)}" if standing.lacking else ""


def _lines(found: Examination) -> list[str]:
    return [*map(str, found.problems), *map(_as_advice, found.advice)]


def _as_advice(advice: Problem) -> str:
    return f"{advice.file}:{advice.line}:{advice.column}: advice: {advice.path}: {advice.message}"


def _described(examined: dict[Path, Examination], notes: dict[Path, str]) -> list[dict[str, Any]]:
    """Each plan with its problems and advice, as lists of places and messages, and who has not acknowledged it."""
    return [
        {
            "plan": folder.name,
            "path": str(folder),
            "problems": [asdict(problem) for problem in found.problems],
            "advice": [asdict(problem) for problem in found.advice],
            "note": notes.get(folder, ""),
        }
        for folder, found in examined.items()
    ]
