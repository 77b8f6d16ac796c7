"""Looking at incidents; nothing here changes one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from tocsin.cli import options, showing, tables
from tocsin.cli.errors import CliError, Closed, Gone, NotFound, Unavailable
from tocsin.cli.incidents import Execution, Incidents
from tocsin.cli.office import Office, pass_office
from tocsin.cli.session import overview, resolve
from tocsin.domain.view import IncidentView, LedgerRow
from tocsin.domain.words import Status

T = TypeVar("T")
Question = Callable[[Incidents, Execution], Awaitable[T]]

WATCH_EVERY = 1.0
"""Seconds between two looks."""


def look(office: Office, reference: str, question: Question[T]) -> T:
    """Find the incident and ask it something; one that Temporal no longer has answers from its archive."""
    return office.run(lambda incidents: _ask(office, incidents, reference, question))


async def _ask(office: Office, incidents: Incidents, reference: str, question: Question[T]) -> T:
    found: Execution | None = None
    absent: CliError
    try:
        found = await resolve(incidents, reference)
        return await question(incidents, found)
    except NotFound as error:
        absent = error
    except Gone:
        absent = Closed(
            f"incident {reference} has left Temporal, which keeps closed ones for a while; it is in the archive, "
            "below TOCSIN_STATE where the workers run",
            incident=found.incident if found else None,
        )
    return await _ask_the_archive(office, (found and found.incident) or reference, question, absent)


async def _ask_the_archive(office: Office, reference: str, question: Question[T], absent: CliError) -> T:
    """Ask an incident that is over. Raises `absent` where this machine does not have it."""
    from tocsin.cli.shelf import Shelf

    shelf = Shelf(office.settings().state)
    archived = shelf.archived(reference)
    if archived is None:
        raise absent
    return await question(shelf, archived)


@click.command("list")
@click.option("-a", "--all", "everything", is_flag=True, help="Those that are closed, too.")
@options.output
@pass_office
def list_command(office: Office, everything: bool) -> None:
    """List incidents, the most urgent first.

    Without --all: those that are open, and those that are resolved and still owe something.
    """
    found = office.run(lambda incidents: _list(incidents, everything))
    office.emit(found, lambda: tables.incidents(found, office.now()))


async def _list(incidents: Incidents, everything: bool) -> list[Execution]:
    found = overview(await incidents.search(only_running=not everything))
    titled = await asyncio.gather(*(incidents.look_up(each.workflow, each.run) for each in found))
    return [known or each for known, each in zip(titled, found, strict=True)]


@click.command("show")
@options.reference
@click.option("-a", "--all", "everything", is_flag=True, help="Everything that can be done now.")
@options.output
@pass_office
def show_command(office: Office, reference: str, everything: bool) -> None:
    """Show where an incident stands and what can be done next."""
    view, ledger = look(office, reference, _view_and_ledger)
    office.emit(view, lambda: showing.show(view, ledger, office.now(), every_action=everything))


async def _view_and_ledger(incidents: Incidents, found: Execution) -> tuple[IncidentView, list[LedgerRow]]:
    return await incidents.view(found), await incidents.ledger(found)


@click.command("watch")
@options.reference
@options.output
@pass_office
def watch_command(office: Office, reference: str) -> None:
    """Show an incident again whenever it changes, until it ends.

    With -o json one line is printed for each change.
    """
    office.run(lambda incidents: _watch(office, incidents, reference))


async def _watch(office: Office, incidents: Incidents, reference: str) -> None:
    view, ledger = await _ask(office, incidents, reference, _view_and_ledger)
    _print_anew(office, view, ledger)
    while view.status not in {Status.CLOSED, Status.DISMISSED}:
        await asyncio.sleep(WATCH_EVERY)
        before = view
        try:
            view, ledger = await _ask(office, incidents, view.id, _view_and_ledger)
        except Unavailable as silence:
            click.echo(f"still watching: {silence}", err=True)
            continue
        if office.redraws or view != before.model_copy(update={"at": view.at}):
            _print_anew(office, view, ledger)


def _print_anew(office: Office, view: IncidentView, ledger: list[LedgerRow]) -> None:
    office.redraw()
    office.emit(view, lambda: showing.show(view, ledger, office.now()), compact=True)


@click.command("timeline")
@options.reference
@options.last
@options.output
@pass_office
def timeline_command(office: Office, reference: str, last: int | None) -> None:
    """Tell what happened, oldest first."""
    entries = look(office, reference, lambda incidents, found: incidents.timeline(found))[-(last or 0) :]
    office.emit(entries, lambda: tables.timeline(entries))


@click.command("ledger")
@options.reference
@options.output
@pass_office
def ledger_command(office: Office, reference: str) -> None:
    """List every promise with its clause, due time and verdict."""
    rows = look(office, reference, lambda incidents, found: incidents.ledger(found))
    office.emit(rows, lambda: tables.ledger(rows))
