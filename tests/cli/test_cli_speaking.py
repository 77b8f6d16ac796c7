"""A line of a scenario means what the same line typed at a terminal means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from tocsin.cli.errors import CliError
from tocsin.cli.speaking import command_of, mistake_in
from tocsin.domain import commands

NIGHT = datetime(2027, 2, 3, 6, 52, tzinfo=UTC)


def said(line: str) -> commands.Command:
    return command_of(line, "kim", NIGHT)


def test_a_line_becomes_the_command_that_the_cli_would_send():
    command = said('step contain --why "moved to the standby"')
    assert isinstance(command, commands.FinishStep)
    assert (command.step, command.reason, command.actor.key) == ("contain", "moved to the standby", "kim")
    assert command.actor.proof == "claimed"


def test_times_are_counted_from_when_it_is_said():
    command = said("fact occurred now-PT1H")
    assert isinstance(command, commands.SetAnchor)
    assert command.at == NIGHT - timedelta(hours=1)


def test_commands_with_a_form_of_their_own_are_understood_too():
    assert isinstance(said('task add "Rotate the keys" --to role:oncall'), commands.AddTask)
    assert isinstance(said("postmortem --meeting M1 --held Done"), commands.ChangeMeeting)
    assert isinstance(said("report final --send"), commands.SendReport)


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        ("", "an empty line tells an incident nothing"),
        ('note "a', "No closing quotation"),
        ("shout fire", "No such command 'shout'"),
        ("note", "Missing argument 'TEXT'"),
        ("show", "looks something up"),
        ("report final", "looks something up"),
        ("postmortem --held Done", "looks something up"),
        ("list", "`list` tells an incident nothing"),
        ("declare --plan allcode --title Fire", "`declare` tells an incident nothing"),
        ("plan check", "`plan` tells an incident nothing"),
    ],
)
def test_a_line_that_tells_an_incident_nothing_is_refused(line, mistake):
    with pytest.raises((CliError, click.ClickException)) as caught:
        said(line)
    assert mistake in mistake_in(caught.value)
