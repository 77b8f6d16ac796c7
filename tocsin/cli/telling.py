"""Telling an incident something: the frame that every command which changes an incident shares."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import click
from pydantic import ValidationError

from tocsin.cli import options
from tocsin.cli.errors import Refused, Usage
from tocsin.cli.office import Office
from tocsin.cli.session import QUEUED, Sent
from tocsin.domain import naming
from tocsin.domain.commands import Command
from tocsin.domain.state import Actor

Said = dict[str, Any]
"""What every command carries: its id, and who speaks."""


def telling(name: str) -> Callable[[Callable[..., Command]], click.Command]:
    """Make a subcommand of a function that builds a command from what was `said` and its own options.

    It takes the incident's reference first, and `--as`, `--id` and `-o`; its help is the function's docstring.
    """

    def decorate(build: Callable[..., Command]) -> click.Command:
        @functools.wraps(build)
        def tell_it(reference: str, speaks: str | None, id: str | None, **given: Any) -> None:
            office = click.get_current_context().ensure_object(Office)
            said = spoken_by(office, speaks, id)
            with making_sense():
                command = build(said, **given)
            tell(office, reference, command)

        command = click.command(name)(options.reference(options.speaker(options.output(tell_it))))
        # In the help, a command's own options come before those that all commands share.
        command.params.sort(key=lambda parameter: parameter.name in options.SHARED)
        return command

    return decorate


def tell(office: Office, reference: str, command: Command) -> None:
    """Send a command and say what became of it; the id of a refused one goes with the refusal."""
    try:
        sent = office.send(reference, command)
    except Refused as refusal:
        refusal.details |= {"outcome": "refused", "id": command.id}
        raise
    except KeyboardInterrupt:
        click.echo(f"whether it was applied is unknown; repeat it with --id {command.id}", err=True)
        raise
    office.emit(sent, lambda: _in_words(sent))


def spoken_by(office: Office, speaks: str | None, id: str | None) -> Said:
    """The id and actor of a command. Raises `Usage` when nobody says who speaks."""
    person = speaks or office.settings().actor
    if not person:
        raise Usage("who speaks? Say `--as PERSON`, or set TOCSIN_ACTOR, to your key in the directory")
    return {"id": id or uuid4().hex, "actor": Actor(key=person, via="cli")}


@contextmanager
def making_sense() -> Iterator[None]:
    """Turn what a model refuses into a usage error that names the field."""
    try:
        yield
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise Usage("; ".join(wrong)) from error


def _in_words(sent: Sent) -> str:
    if sent.reply is None:
        label = click.style("queued", fg="yellow", bold=True)
        return f"{label}: {QUEUED}\n  incident {naming.spoken(sent.incident)}, command {sent.id}"
    reply = sent.reply
    label = click.style("accepted", fg="green", bold=True)
    phase = f" · phase {reply.phase}" if reply.phase else ""
    first = f"{label}: {reply.reference} is {reply.status}{phase} · severity {reply.severity}"
    return "\n".join([first, *(f"  {line}" for line in reply.recorded)])
