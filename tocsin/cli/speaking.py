"""The command that a command line stands for, without sending it: how scenarios of rehearsals are written."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import click

from tocsin.cli.errors import CliError, Usage
from tocsin.cli.incidents import Incidents
from tocsin.cli.main import tocsin
from tocsin.cli.office import Office
from tocsin.cli.session import Sent
from tocsin.domain.commands import Command
from tocsin.settings import Settings

T = TypeVar("T")

SOME_REFERENCE = "00000"
"""Stands for the incident: what is said here is said of the only one there is."""

_TELLS_NOTHING = 'tells an incident nothing; write what somebody says of it, such as: note "The fuse is out"'


def command_of(line: str, speaker: str, now: datetime) -> Command:
    """What `speaker` tells an incident with `line`, a command line without `tocsin` and without the reference.

    So `resolve "A new certificate"` is `tocsin resolve REF "A new certificate"`; `now` is what its times are counted
    from. Raises `CliError` or `click.ClickException` for a line that makes no sense, or that tells nobody anything.
    """
    name, *rest = _words(line)
    _refuse_unless_about_an_incident(name)
    office = _Listening(settings=lambda: Settings(actor=speaker), now=lambda: now)
    tocsin.main([name, SOME_REFERENCE, *rest], prog_name="tocsin", obj=office, standalone_mode=False)
    if office.heard is None:
        raise Usage(f"`{name}` {_TELLS_NOTHING}")
    return office.heard


def mistake_in(error: CliError | click.ClickException) -> str:
    """What is wrong with a line, in words."""
    return error.format_message() if isinstance(error, click.ClickException) else str(error)


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise Usage(f"the line cannot be read: {error}") from error
    if not words:
        raise Usage(f"an empty line {_TELLS_NOTHING}")
    return words


def _refuse_unless_about_an_incident(name: str) -> None:
    """Raise `Usage` for a command that does not take a reference; one that does not exist is left to click."""
    command = tocsin.get_command(click.Context(tocsin), name)
    if command is not None and all(each.name != "reference" for each in command.params):
        raise Usage(f"`{name}` {_TELLS_NOTHING}")


@dataclass
class _Listening(Office):
    """An office from which nothing leaves: it remembers what was to be sent."""

    heard: Command | None = field(default=None, init=False)

    def send(self, reference: str, command: Command) -> Sent:
        """Remember the command."""
        self.heard = command
        return Sent(outcome="queued", id=command.id, incident=reference)

    def run(self, work: Callable[[Incidents], Awaitable[T]]) -> T:
        """Nobody can be asked."""
        raise Usage(
            "this looks something up, or leaves it to be looked up; say everything in the line itself"
        )

    def emit(self, value: Any, text: Callable[[], str], *, compact: bool = False) -> None:
        """Print nothing."""
