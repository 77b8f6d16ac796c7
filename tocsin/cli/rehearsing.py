"""Rehearsing a plan: what would happen over the next weeks, in seconds."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.cli import options
from tocsin.cli.errors import Failed, Problems, Refused, Unavailable, Usage
from tocsin.cli.office import Office, pass_office

if TYPE_CHECKING:
    from tocsin.rehearsal.result import Result


@click.command("rehearse")
@click.argument("plan")
@click.option(
    "--scenario",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What happens: how it begins, who answers, who says what when.",
)
@click.option("--whole", is_flag=True, help="Show every message to its last line.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw it into this file."
)
@click.option(
    "--archive",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Keep the records that it leaves in this folder.",
)
@options.output
@pass_office
def rehearse_command(
    office: Office, plan: str, scenario: Path, whole: bool, svg: Path | None, archive: Path | None
) -> None:
    """Play a scenario with skipped time, and show what happens.

    The real workflows, messages and callbacks run on this machine alone: nobody is reached. Exit code 1 when something
    goes otherwise than the scenario expects.
    """
    result = asyncio.run(_rehearse(office.settings().plans, plan, scenario, archive))
    if svg is not None:
        from tocsin.rehearsal.drawing import drawn

        svg.write_text(drawn(result), encoding="utf-8")
    office.emit(result, lambda: _told(result, whole))
    if result.surprises:
        raise Refused(f"{len(result.surprises)} of the steps went otherwise than {scenario} expects")


async def _rehearse(plans: Path, plan: str, scenario: Path, archive: Path | None) -> Result:
    from tocsin.rehearsal.house import NoTestServer
    from tocsin.rehearsal.playing import RehearsalFailed
    from tocsin.rehearsal.stage import Stage
    from tocsin.yamlfile import YamlError

    # What is tried again, or refused, is part of what is rehearsed, and told there.
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    try:
        async with Stage.open(plans, archive) as stage:
            script = stage.read(scenario)
            if script.scenario.plan != plan:
                raise Usage(f"{scenario} is written for the plan {script.scenario.plan}, not for {plan}")
            return await stage.rehearse(script)
    except YamlError as error:
        raise Problems(str(error)) from error
    except NoTestServer as error:
        raise Unavailable(str(error)) from error
    except RehearsalFailed as error:
        raise Failed(str(error)) from error


def _told(result: Result, whole: bool) -> str:
    from tocsin.rehearsal.telling import told

    return told(result, whole=whole)
