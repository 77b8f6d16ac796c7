"""Tasks of an incident: who has to do what, and what is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from tocsin.cli import options, tables
from tocsin.cli.errors import Usage
from tocsin.cli.looking import look
from tocsin.cli.office import Office, pass_office
from tocsin.cli.telling import Said, making_sense, spoken_by, tell
from tocsin.domain.commands import AddTask, Command, FinishTask


@click.command("task", options_metavar="[OPTIONS]")
@options.reference
@click.argument("action", type=click.Choice(["add", "done"]), required=False, metavar="[add|done]")
@click.argument("what", required=False, metavar="[TITLE|N]")
@click.option("--to", "assignee", metavar="role:ROLE|PERSON", help="Who is to do a task that is added.")
@click.option("--within", type=options.duration, metavar="PT4H", help="How long they have.")
@click.option("--due", type=options.moment, metavar="TIME", help="When it is due.")
@click.option("--after", multiple=True, metavar="N|STEP", help="A task or step that has to be done before.")
@click.option("--outcome", default="", metavar="TEXT", help="What came of a task that is done.")
@options.speaker
@options.output
@pass_office
def task_command(
    office: Office,
    reference: str,
    action: str | None,
    what: str | None,
    assignee: str | None,
    within: timedelta | None,
    due: datetime | None,
    after: tuple[str, ...],
    outcome: str,
    speaks: str | None,
    id: str | None,
) -> None:
    """List tasks, add one, or report one as done.

    \b
    tocsin task REF
    tocsin task REF add "Rotate the keys" --to role:oncall --within PT4H
    tocsin task REF add "Deploy them" --to dana --due "2026-03-01 14:00" --after 1
    tocsin task REF done 2 --outcome "all but one"
    """
    if action is None:
        return _list(office, reference)
    said = spoken_by(office, speaks, id)
    with making_sense():
        if action == "add":
            first = tuple(int(each) if each.isdecimal() else each for each in after)
            command = _add(said, what, assignee, within=within, due=due, after=first)
        else:
            command = _done(said, what, outcome)
    tell(office, reference, command)


def _list(office: Office, reference: str) -> None:
    view = look(office, reference, lambda incidents, found: incidents.view(found))
    office.emit(view.tasks, lambda: tables.tasks(view.tasks, office.now()))


def _add(said: Said, title: str | None, assignee: str | None, **when: Any) -> Command:
    if not title or not assignee:
        raise Usage('say what and who: tocsin task REF add "Rotate the keys" --to role:ROLE (or --to PERSON)')
    kind, separator, role = assignee.partition(":")
    if separator and (kind != "role" or not role):
        raise Usage(f'"{assignee}" is nobody; write --to role:ROLE, or --to PERSON')
    whom = {"role": role} if separator else {"person": assignee}
    return AddTask(**said, **whom, title=title, **when)


def _done(said: Said, number: str | None, outcome: str) -> Command:
    if not number or not number.isdecimal():
        raise Usage("say which task is done, by its number: tocsin task REF done 2")
    return FinishTask(**said, task=int(number), outcome=outcome)
