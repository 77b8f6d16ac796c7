"""Sending a message to a large audience that no incident asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TextIO

import click

from tocsin.cli import options
from tocsin.cli.errors import Failed, Unavailable, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.publishing import library_with
from tocsin.cli.times import length
from tocsin.domain.channel import ChannelName

if TYPE_CHECKING:
    from tocsin.announcing import Announcement
    from tocsin.domain.broadcasts import BroadcastStart, Row
    from tocsin.library import PlanLibrary
    from tocsin.settings import Settings
    from tocsin.sifting import Sifted

SHOWN = 20
"""Problems that are printed; all are in the JSON, and in the state folder."""


@click.command("send")
@click.argument("plan", metavar="PLAN")
@click.argument("list_name", metavar="LIST")
@click.option("--subject", required=True, metavar="TEXT", help="What stands over it; {{name}} is theirs.")
@click.option(
    "--text",
    required=True,
    type=click.File("r", encoding="utf-8"),
    metavar="FILE",
    help="What it says, in Markdown; - reads it from here. {{name}} is their name; where they have none, "
    "{{name|customer}} says customer.",
)
@click.option(
    "--via", type=click.Choice(["email", "sms"]), default="email", show_default=True, help="How it goes out."
)
@click.option(
    "--drill", is_flag=True, help="Send one copy of each batch to the drill inbox, and nothing else."
)
@click.option(
    "--dry-run", is_flag=True, help="Only say whom it would reach, and what is wrong with the list."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@options.output
@pass_office
def send_command(
    office: Office,
    plan: str,
    list_name: str,
    subject: str,
    text: TextIO,
    via: ChannelName,
    drill: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Write to everybody on a list of a plan.

    LIST is a CSV file in the plan's folder `lists`, or an adapter that one of its audiences names. It is read anew by a
    worker; what you see before is the list as it is here and now, and the first way out that is configured here.
    """
    from tocsin.announcing import Announcement, start_of

    library = library_with(office, plan)
    wanted = Announcement(
        list=list_name,
        via=via,
        subject=subject,
        text=text.read().strip(),
        is_drill=drill or office.settings().drill_speed is not None,
    )
    if not wanted.text:
        raise Usage("--text has nothing to say")
    sifted = _sifted(office, library, plan, wanted)
    outlook = _outlook(office, sifted, wanted)
    if dry_run:
        office.emit(_as_data(sifted), lambda: outlook)
        return
    if not sifted.rows:
        raise Failed(f"nobody can be written to.\n{outlook}", **_as_data(sifted))
    _ask(outlook, yes, text)
    start = start_of(wanted, library.plans[plan], office.now())
    _begin(start)
    office.emit({"id": start.broadcast, **_as_data(sifted)}, lambda: _begun(start.broadcast))


def _begun(id: str) -> str:
    label = click.style("begun", fg="green", bold=True)
    return f"{label}: {id}; `tocsin broadcast show {id}` says how far it has come"


def _sifted(office: Office, library: PlanLibrary, plan: str, wanted: Announcement) -> Sifted:
    """The list as it is here and now. Raises `Usage`, `Failed`."""
    from tocsin.audiences import AdapterFailed, ListError, Lists
    from tocsin.broadcasting import why_not
    from tocsin.sifting import sift

    try:
        entries = Lists(library).entries(plan, wanted.list)
        return sift(entries, wanted.via, why_not(office.settings().state, wanted.via))
    except ListError as error:
        raise Usage(str(error)) from error
    except (AdapterFailed, OSError) as error:
        raise Failed(f"the list cannot be read: {error}") from error


def _outlook(office: Office, sifted: Sifted, wanted: Announcement) -> str:
    """Whom it would reach, how long that takes, and what is wrong with the list."""
    counts = sifted.counts
    how_long = _how_long(office.settings(), sifted.rows, wanted.via)
    lines = [f"{wanted.list}: {len(sifted.rows):,} can be written to by {wanted.via}, {how_long}"]
    if wanted.is_drill:
        lines.append(
            "  this is a drill: one copy of each batch goes to the drill inbox, and nothing to anybody else"
        )
    lines += [
        f"  {number:,} {what}"
        for number, what in (
            (counts.malformed, "are malformed"),
            (counts.suppressed, "must not be written to"),
            (sifted.doubled, "stand there twice, and are written to once"),
        )
        if number
    ]
    return "\n".join([*lines, *troubles_in_words([trouble.model_dump() for trouble in sifted.troubles])])


def _how_long(settings: Settings, rows: Sequence[Row], via: ChannelName) -> str:
    """By the first way out, as it is configured here; where another takes over, it is that one's pace."""
    if via == "sms":
        rate = settings.broadcast_sms_per_second
        return f"in about {length(timedelta(seconds=len(rows) / rate))} at {rate:g} a second"
    if settings.email_vendors[0] == "smtp":
        return "one by one by the mail server"
    requests = _batches(rows)
    return f"in {requests:,} request{'' if requests == 1 else 's'} to SendGrid"


def _batches(rows: Sequence[Row]) -> int:
    """Only those go together whose message is worded alike."""
    from tocsin.domain.broadcasts import LARGEST_BATCH

    return sum(-(-number // LARGEST_BATCH) for number in Counter(row.style for row in rows).values())


def _as_data(sifted: Sifted) -> dict[str, Any]:
    return {"counts": sifted.counts, "doubled": sifted.doubled, "problems": sifted.troubles}


def _ask(outlook: str, yes: bool, text: TextIO) -> None:
    """Have somebody say yes. Raises `click.Abort`, and `Usage` where nobody is left to ask."""
    if yes:
        return
    if text.name == "<stdin>":
        raise Usage("the text came from where the answer would: say --yes, or write the text to a file")
    click.echo(outlook, err=True)
    click.confirm("Send it?", abort=True, err=True)


def _begin(start: BroadcastStart) -> None:
    """Have Temporal keep it; durable without any worker. Raises `Unavailable`, `Usage`."""
    import asyncio

    from tocsin.announcing import begin
    from tocsin.cli.gateway import connect
    from tocsin.domain import naming
    from tocsin.temporal import TemporalUnavailable

    async def connect_and_begin() -> None:
        await begin((await connect()).client, start)

    try:
        asyncio.run(connect_and_begin())
    except TemporalUnavailable as error:
        raise Unavailable(
            f"{error}\nWhether it was begun is unknown: look for {naming.broadcast_workflow(start.broadcast)} in the "
            "Temporal UI before you send it again",
            id=start.broadcast,
        ) from error


def troubles_in_words(troubles: list[dict[str, Any]]) -> list[str]:
    """The first problems, by row."""
    lines = [
        f"  row {each['row']}{' (' + each['key'] + ')' if each['key'] else ''}: {each['reason']}"
        for each in troubles[:SHOWN]
    ]
    more = len(troubles) - SHOWN
    return [*lines, f"  and {more:,} more; `-o json` has all"] if more > 0 else lines
