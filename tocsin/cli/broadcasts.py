"""Messages to large audiences: how far they have come, and who could not be written to."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from tocsin.cli import options
from tocsin.cli.errors import NotFound, Usage
from tocsin.cli.mailing import send_command, troubles_in_words
from tocsin.cli.office import Office, pass_office
from tocsin.cli.tables import table
from tocsin.cli.times import absolute

if TYPE_CHECKING:
    from tocsin.broadcastfiles import BroadcastFolder, Pinned
    from tocsin.broadcastjournal import Course


@click.group("broadcast")
def broadcast_command() -> None:
    """Write to everybody on a list, and see how far that has come."""


broadcast_command.add_command(send_command)


@broadcast_command.command("show")
@click.argument("broadcast", metavar="ID")
@options.output
@pass_office
def show_command(office: Office, broadcast: str) -> None:
    """Show how far a broadcast has come, and who could not be written to.

    It is read from $TOCSIN_STATE, also long after it was sent.
    """
    folder = _folder(office, broadcast)
    pinned, course = _progress(folder)
    troubles = [trouble.model_dump() for trouble in folder.troubles()]
    deliveries = folder.deliveries()
    office.emit(
        _described(folder.id, pinned, course) | {"deliveries": deliveries, "problems": troubles},
        lambda: "\n".join(
            [*_words(folder.id, pinned, course), *_delivered(deliveries), *troubles_in_words(troubles)]
        ),
    )


@broadcast_command.command("list")
@options.output
@pass_office
def list_command(office: Office) -> None:
    """List the broadcasts that $TOCSIN_STATE knows of, the newest first."""
    from tocsin.broadcastfiles import known_broadcasts

    found = [(folder.id, *_progress(folder)) for folder in known_broadcasts(office.settings().state)]
    rows = [
        (
            id,
            absolute(pinned.at),
            pinned.asked.plan,
            f"{course.accepted:,} of {pinned.list.counts.recipients:,}",
            _state(pinned, course),
            f"{pinned.asked.list}: {pinned.asked.dispatch.subject}",
        )
        for id, pinned, course in found
    ]
    office.emit(
        [_described(*each) for each in found],
        lambda: table(
            ("ID", "SINCE", "PLAN", "WRITTEN TO", "STATE", "LIST"), rows, "no broadcast was sent so far"
        ),
    )


def _folder(office: Office, typed: str) -> BroadcastFolder:
    from tocsin.broadcastfiles import BroadcastFolder
    from tocsin.domain import naming

    state = office.settings().state
    id = typed.strip().removeprefix("broadcast-")
    head, dash, number = id.partition("-")
    try:
        folder = BroadcastFolder(state, f"{naming.as_typed(head)}{dash}{number}")
    except ValueError as error:
        raise Usage(f"{error}; `tocsin broadcast list` shows them") from error
    if folder.pinned() is None:
        raise NotFound(
            f"no worker has read the list of broadcast {id} so far, as far as {state} knows: is $TOCSIN_STATE the "
            "workers'?"
        )
    return folder


def _progress(folder: BroadcastFolder) -> tuple[Pinned, Course]:
    pinned = folder.pinned()
    assert pinned is not None
    return pinned, folder.course()


def _state(pinned: Pinned, course: Course) -> str:
    if pinned.list.problem or course.given_up:
        return "given up"
    return "on its way" if course.counts(pinned.list.counts).left else "done"


def _described(id: str, pinned: Pinned, course: Course) -> dict[str, Any]:
    asked = pinned.asked
    return {
        "id": id,
        "since": pinned.at,
        "plan": asked.plan,
        "list": asked.list,
        "channel": asked.channel,
        "subject": asked.dispatch.subject,
        "incident": asked.dispatch.incident or None,
        "is_drill": asked.dispatch.is_drill,
        "state": _state(pinned, course),
        "problem": pinned.list.problem or course.given_up,
        "counts": course.counts(pinned.list.counts),
        "left": course.counts(pinned.list.counts).left,
        "doubled": pinned.list.doubled,
    }


def _words(id: str, pinned: Pinned, course: Course) -> list[str]:
    from tocsin.domain.multitudes import in_words

    asked = pinned.asked
    drill = click.style("DRILL ", fg="yellow", bold=True) if asked.dispatch.is_drill else ""
    problem = pinned.list.problem or course.given_up
    return [
        f"{drill}{click.style(id, bold=True)}  {asked.dispatch.subject}",
        f"  {_state(pinned, course)}: {in_words(course.counts(pinned.list.counts))}",
        *([click.style(f"  {problem}", fg="red")] if problem else []),
        f"  by {asked.channel} to {asked.list} of plan {asked.plan}, read {absolute(pinned.at)}",
    ]


def _delivered(deliveries: Counter[Any]) -> list[str]:
    said = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in sorted(deliveries.items()))
    return [f"  reported by the vendor: {said}"] if said else []
