"""What many commands take: an incident's reference, the form of the output, who speaks, times and durations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import click

from tocsin.cli.office import Office, OutputFormat
from tocsin.cli.times import read_moment

Function = Callable[..., Any]

SHARED = frozenset({"speaks", "id", "output"})
"""The names of the options that commands share."""


def _choose_output(context: click.Context, _: click.Parameter, chosen: OutputFormat | None) -> None:
    if chosen is not None:
        context.ensure_object(Office).output = chosen


output = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    callback=_choose_output,
    expose_value=False,
    is_eager=True,
    help="How to print the answer, and errors.",
)
"""`-o json` on any command."""

last = click.option("-n", "--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
"""`-n 20` on what may be long."""

reference = click.argument("reference", metavar="REF")
"""The incident: any unambiguous beginning of its id."""


def speaker(function: Function) -> Function:
    """Add `--as` and `--id`."""
    add_id = click.option("--id", metavar="ID", help="Repeat the command of this id; it is applied once.")
    add_as = click.option(
        "--as", "speaks", metavar="PERSON", help="Who you are in the directory (else $TOCSIN_ACTOR)."
    )
    return add_as(add_id(function))


def moment(value: str) -> datetime:
    """Read a time, as the `type` of an option; `now` is what the office's clock says."""
    office = click.get_current_context().ensure_object(Office)
    try:
        return read_moment(value, office.now())
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def duration(value: str) -> timedelta:
    """Read an ISO 8601 duration such as `PT4H`, as the `type` of an option."""
    from tocsin.domain.durations import parse_duration

    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
