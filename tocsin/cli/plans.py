"""Checking plans before anybody depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tocsin.cli import options
from tocsin.cli.errors import Problems, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.library import check
from tocsin.yamlfile import Problem

PLAN_FILE = "plan.yaml"


@click.group("plan")
def plan_command() -> None:
    """Check plans for mistakes."""


@plan_command.command("check")
@click.argument("plans", nargs=-1, metavar="[NAME|PATH]…")
@options.output
@pass_office
def check_command(office: Office, plans: tuple[str, ...]) -> None:
    """Check plans: the policy, its directory and templates; all of $TOCSIN_PLANS when none is named.

    Every problem is printed as file:line:column. Exit code 1 if there is any.
    """
    folders = _folders(office.settings().plans, plans)
    checked = {folder: check(folder) for folder in folders}
    problems = [problem for found in checked.values() for problem in found]
    if problems:
        raise Problems("\n".join(map(str, problems)), plans=_described(checked))
    office.emit(_described(checked), lambda: "\n".join(f"plan {folder.name}: in order" for folder in folders))


def _folders(library: Path, named: Sequence[str]) -> list[Path]:
    if named:
        return [_folder(library, name) for name in named]
    folders = sorted(file.parent for file in library.glob(f"*/{PLAN_FILE}"))
    if not folders:
        raise Usage(f"{library} holds no plan (a folder with a {PLAN_FILE}); name one, or set TOCSIN_PLANS")
    return folders


def _folder(library: Path, named: str) -> Path:
    """The folder that a name of a plan, a folder or its plan file stands for. Raises `Usage`."""
    for path in (Path(named), library / named):
        folder = path.parent if path.name == PLAN_FILE else path
        if (folder / PLAN_FILE).is_file():
            return folder.resolve() if folder == Path() else folder
    known = ", ".join(sorted(file.parent.name for file in library.glob(f"*/{PLAN_FILE}"))) or "none"
    raise Usage(f'"{named}" is neither a plan in {library} ({known}) nor a folder with a {PLAN_FILE}')


def _described(checked: dict[Path, list[Problem]]) -> list[dict[str, Any]]:
    return [
        {"plan": folder.name, "path": str(folder), "problems": [asdict(problem) for problem in found]}
        for folder, found in checked.items()
    ]
