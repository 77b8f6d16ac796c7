"""Measures against an incident: found, tested, deployed."""

from __future__ import annotations

import click

from tocsin.cli.errors import Usage
from tocsin.cli.telling import Said, telling
from tocsin.domain.commands import Command, Mitigate


@telling("mitigation")
@click.argument("action", type=click.Choice(["add", "tested", "deployed"]), metavar="add|tested|deployed")
@click.argument("what", metavar="TITLE|N")
@click.argument("result", required=False, default="")
@click.option("--remediation", is_flag=True, help="It mends the cause; without, it helps for the short term.")
def mitigation_command(said: Said, action: str, what: str, result: str, remediation: bool) -> Command:
    """Record a measure as found, tested or deployed.

    \b
    tocsin mitigation REF add "Block the address range"
    tocsin mitigation REF tested 1 "staging held for ten minutes"
    tocsin mitigation REF deployed 1

    Nothing is deployed before its test is recorded.
    """
    if action == "add":
        measure = "remediation" if remediation else "short_term"
        return Mitigate(**said, action="identify", title=what, measure=measure)
    if not what.isdecimal():
        raise Usage(f"say which one, by its number: tocsin mitigation REF {action} 1")
    deed = "test" if action == "tested" else "deploy"
    return Mitigate(**said, action=deed, mitigation=int(what), result=result)
