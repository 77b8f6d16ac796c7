"""What a command has at hand: the settings, a clock, the incidents, and a way to say what came of it.

Everything heavy is imported when it is asked for, so that `tocsin --help` is immediate.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from tocsin.cli.errors import CliError

if TYPE_CHECKING:
    from tocsin.acknowledging import Publications
    from tocsin.cli.incidents import Incidents
    from tocsin.cli.session import Sent
    from tocsin.domain.commands import Command
    from tocsin.settings import Settings

T = TypeVar("T")

OutputFormat = Literal["text", "json"]


async def _connect() -> Incidents:
    from tocsin.cli.gateway import connect

    return await connect()


async def _publications() -> Publications:
    from tocsin.acknowledging import TemporalPublications
    from tocsin.cli.gateway import connect

    return TemporalPublications((await connect()).client)


def _settings() -> Settings:
    from tocsin.cli.errors import Usage
    from tocsin.settings import SettingsError, read_environment

    try:
        return read_environment()
    except SettingsError as error:
        raise Usage(str(error)) from error


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Office:
    """One invocation's surroundings; tests bring their own incidents, settings and clock."""

    connect: Callable[[], Awaitable[Incidents]] = _connect
    publications: Callable[[], Awaitable[Publications]] = _publications
    settings: Callable[[], Settings] = _settings
    now: Callable[[], datetime] = _now
    output: OutputFormat = "text"

    def run(self, work: Callable[[Incidents], Awaitable[T]]) -> T:
        """Connect, and do `work` with the incidents."""
        import asyncio

        async def whole() -> T:
            return await work(await self.connect())

        return asyncio.run(whole())

    def send(self, reference: str, command: Command) -> Sent:
        """Tell an incident something. Raises `Refused` and the other errors of `tocsin.cli.session.send`."""
        from tocsin.cli.session import send

        return self.run(lambda incidents: send(incidents, reference, command))

    @property
    def redraws(self) -> bool:
        """Whether a new state takes the place of the old one on a screen."""
        return self.output == "text" and sys.stdout.isatty()

    def redraw(self) -> None:
        """Clear the screen for a new state; where there is none, leave the old one standing."""
        if self.redraws:
            click.clear()

    def emit(self, value: Any, text: Callable[[], str], *, compact: bool = False) -> None:
        """Print `value` as JSON where that was asked for, on one line when `compact`; else `text()`."""
        click.echo(as_json(value, compact=compact) if self.output == "json" else text())


pass_office = click.make_pass_decorator(Office)


def as_json(value: Any, *, compact: bool = False) -> str:
    """Models and plain data as JSON, in the shapes that they have everywhere else."""
    from pydantic_core import to_json

    return to_json(value, indent=None if compact else 2).decode()


def complain(error: CliError | click.ClickException, output: OutputFormat) -> int:
    """Print what went wrong on stderr, in the form that was asked for; return the exit code."""
    if output == "text":
        _complain_in_words(error)
    else:
        click.echo(json.dumps(_described(error), indent=2, default=str, ensure_ascii=False), err=True)
    return error.exit_code


def _complain_in_words(error: CliError | click.ClickException) -> None:
    if isinstance(error, click.ClickException):
        error.show()
    elif error.kind == "problems":
        click.echo(str(error), err=True)
    else:
        label = "refused" if error.kind == "refused" else "error"
        click.echo(f"{click.style(label, fg='red', bold=True)}: {error}", err=True)


def _described(error: CliError | click.ClickException) -> dict[str, Any]:
    if isinstance(error, click.ClickException):
        return {"error": "usage", "message": error.format_message(), "exit_code": error.exit_code}
    return {"error": error.kind, "message": str(error), "exit_code": error.exit_code, **error.details}
