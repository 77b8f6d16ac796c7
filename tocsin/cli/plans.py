"""Plans: checking them before anybody depends on them, having them acknowledged, what their reviews said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tocsin.cli import options
from tocsin.cli.checking import check_plans
from tocsin.cli.errors import Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.publishing import acknowledge_command, acknowledgements_command, publish_command
from tocsin.cli.reviews import reviews_command

PLAN_FILE = "plan.yaml"


@click.group("plan")
def plan_command() -> None:
    """Check plans, have them acknowledged, see what reviews said."""


plan_command.add_command(publish_command)
plan_command.add_command(acknowledge_command)
plan_command.add_command(acknowledgements_command)
plan_command.add_command(reviews_command)


@plan_command.command("check")
@click.argument("plans", nargs=-1, metavar="[NAME|PATH]…")
@click.option("--strict", is_flag=True, help="Fail for advice, too.")
@options.output
@pass_office
def check_command(office: Office, plans: tuple[str, ...], strict: bool) -> None:
    """Check plans: the policy, its directory and templates; all of $TOCSIN_PLANS when none is named.

    Every problem is printed as file:line:column, and so is advice. Exit code 1 if there is a problem. Who has not
    acknowledged a plan that is to be acknowledged is noted, and fails nothing.
    """
    check_plans(office, _folders(office.settings().plans, plans), strict=strict)


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
