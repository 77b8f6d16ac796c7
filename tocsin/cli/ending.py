"""How incidents end, and how they begin again."""

from __future__ import annotations

from datetime import datetime

import click

from tocsin.cli import options
from tocsin.cli.telling import Said, telling
from tocsin.domain import commands as said_as
from tocsin.domain.commands import Command


@telling("resolve")
@click.argument("summary")
@click.option("--at", type=options.moment, metavar="TIME", help="When its impact ended, if not now.")
def resolve_command(said: Said, summary: str, at: datetime | None) -> Command:
    """The incident is over.

    Reports, the post-mortem and cleanup are still owed; `tocsin ledger` lists them.
    """
    return said_as.Resolve(**said, summary=summary, at=at)


@telling("unresolvable")
@click.argument("reason")
@click.option("--by", type=options.moment, metavar="TIME", required=True, help="The date that you propose.")
def unresolvable_command(said: Said, reason: str, by: datetime) -> Command:
    """It cannot be resolved in time; propose a date."""
    return said_as.DeclareUnresolvable(**said, reason=reason, proposed=by)


@telling("dismiss")
@click.argument("reason")
def dismiss_command(said: Said, reason: str) -> Command:
    """It was a false alarm."""
    return said_as.Dismiss(**said, reason=reason)


@telling("reopen")
@click.argument("reason")
def reopen_command(said: Said, reason: str) -> Command:
    """It was resolved too early."""
    return said_as.Reopen(**said, reason=reason)


@telling("close")
@click.option("--anyway", is_flag=True, help="Close with open obligations, which are then missed.")
@click.option("--why", default="", metavar="REASON", help="Why it is closed now.")
def close_command(said: Said, anyway: bool, why: str) -> Command:
    """Nothing more is owed."""
    return said_as.Close(**said, reason=why, anyway=anyway)
