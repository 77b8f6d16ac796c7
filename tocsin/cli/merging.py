"""Saying that two incidents are one."""

from __future__ import annotations

import click

from tocsin.cli import options
from tocsin.cli.errors import Refused
from tocsin.cli.incidents import Execution
from tocsin.cli.office import Office, pass_office
from tocsin.cli.telling import making_sense, spoken_by, tell
from tocsin.domain import naming
from tocsin.domain.commands import Merge


@click.command("merge")
@options.reference
@click.argument("into", metavar="INTO")
@click.option("--why", default="", metavar="REASON", help="What makes them one.")
@options.speaker
@options.output
@pass_office
def merge_command(
    office: Office, reference: str, into: str, why: str, speaks: str | None, id: str | None
) -> None:
    """Go on with the work in another incident; both keep their promises.

    What is said of INTO from then on — how things stand, what is known, that it is resolved — is said of REF as well.
    Pages that wait for somebody to take REF are answered by you.
    """
    from tocsin.cli.session import resolve

    said = spoken_by(office, speaks, id)
    other = office.run(lambda incidents: resolve(incidents, into))
    with making_sense():
        command = Merge(**said, into=other.incident or "", key=_key_of(other), reason=why)
    tell(office, reference, command)


def _key_of(other: Execution) -> str:
    """Under which key it is open. Raises `Refused` for one that is over."""
    prefix = naming.incident_workflow("")
    if not (other.is_running and other.workflow.startswith(prefix)):
        spoken = naming.spoken(other.incident or "")
        raise Refused(f"incident {spoken} is over; merge into one that is open, or reopen it first")
    return other.workflow.removeprefix(prefix)
