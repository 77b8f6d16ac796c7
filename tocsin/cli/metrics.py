"""How well incidents were responded to: for people, as JSON, and for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import click

from tocsin.cli import exposition, options
from tocsin.cli.errors import Failed, Gone, Unavailable
from tocsin.cli.incidents import Execution, Incidents
from tocsin.cli.office import Office, pass_office
from tocsin.cli.session import overview
from tocsin.cli.tables import counted, table
from tocsin.cli.times import length
from tocsin.domain.performance import JUDGED, BrokenPromise, Performance, Summary, summary
from tocsin.domain.words import Verdict

AT_ONCE = 10
"""How many incidents are asked beside one another."""

_Format = Literal["text", "json", "prometheus"]


class Collected(NamedTuple):
    """What was measured, and what could not be, in words."""

    measured: list[Performance]
    notes: list[str]


def _choose(context: click.Context, _: click.Parameter, chosen: _Format | None) -> _Format:
    office = context.ensure_object(Office)
    if chosen == "json":
        office.output = chosen
    return chosen or office.output


@click.command("metrics")
@click.option("--plan", metavar="PLAN", help="Only incidents under this plan.")
@click.option(
    "--since", type=options.moment, metavar="TIME", help="Only those that were opened then or later."
)
@click.option("--until", type=options.moment, metavar="TIME", help="Only those that were opened before.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "json", "prometheus"]),
    callback=_choose,
    is_eager=True,
    help="How to print the answer.",
)
@pass_office
def metrics_command(
    office: Office, plan: str | None, since: datetime | None, until: datetime | None, form: _Format
) -> None:
    """Tell how well incidents were responded to.

    By plan and severity: until a page was acknowledged, somebody told, the impact over, the incident resolved, counted
    from when the organisation was aware; the promises that were met, late and missed, and which agreement a missed one
    breaks. Those that are over are read from the archives in $TOCSIN_STATE, the others are asked.
    """
    found = asyncio.run(_collect(office, plan))
    for note in found.notes:
        click.echo(note, err=True)
    measured = [
        each
        for each in found.measured
        if (not since or each.opened >= since) and (not until or each.opened < until)
    ]
    if form == "prometheus":
        click.echo(exposition.written(summary(measured)), nl=False)
        return
    told = {"summaries": summary(measured), "incidents": measured, "notes": found.notes}
    office.emit(told, lambda: in_words(measured))


# Collecting


async def _collect(office: Office, plan: str | None) -> Collected:
    """The incidents of the archives, then those that Temporal has besides; without it, the archives alone."""
    from tocsin.cli.shelf import Shelf

    shelf = Shelf(office.settings().state)
    archived = await shelf.search()
    kept = await _measure(shelf, _under(plan, archived))
    try:
        incidents = await office.connect()
        known = {each.incident for each in archived}
        others = [each for each in overview(await incidents.search()) if each.incident not in known]
        asked = await _measure(incidents, _under(plan, others))
    except Unavailable as error:
        return Collected(kept.measured, [*kept.notes, f"only what is archived is counted: {error}"])
    return Collected(kept.measured + asked.measured, kept.notes + asked.notes)


def _under(plan: str | None, executions: Iterable[Execution]) -> list[Execution]:
    return [each for each in executions if plan is None or each.plan == plan]


async def _measure(incidents: Incidents, executions: Sequence[Execution]) -> Collected:
    """Ask each of them. One that cannot answer is named, and the others count. Raises `Unavailable`."""
    places, notes = asyncio.Semaphore(AT_ONCE), list[str]()

    async def ask(execution: Execution) -> Performance | None:
        async with places:
            try:
                return await incidents.performance(execution)
            except (Failed, Gone) as error:
                notes.append(
                    f"incident {execution.incident} is not counted: {error or 'it is gone from Temporal'}"
                )
                return None

    asked = await asyncio.gather(*map(ask, executions))
    return Collected([each for each in asked if each is not None], notes)


# In words


def in_words(measured: Sequence[Performance]) -> str:
    """Each group with its times and promises, then every promise that was missed."""
    if not measured:
        return "no incident is known"
    missed = [broken for each in measured for broken in each.missed]
    return "\n\n".join([*map(_group, summary(measured)), _missed(missed)])


def _group(group: Summary) -> str:
    drill = "DRILLS · " if group.is_drill else ""
    many = counted(group.incidents, "incident")
    heading = click.style(f"{drill}{group.plan} · {group.severity} · {many}", bold=True)
    rows = [
        (f"to {name}", str(times.count), length(times.median), length(times.p90), length(times.worst))
        for name, times in group.times.items()
    ]
    times = table(("TIME", "OF", "MEDIAN", "P90", "WORST"), rows, "no time is known yet")
    return f"{heading}\n{times}\n{_promises(group)}"


def _promises(group: Summary) -> str:
    counted = {verdict: group.verdicts.get(verdict, 0) for verdict in Verdict}
    shares = (group.met, group.late, group.missed)
    judged = [
        f"{counted[verdict]} {verdict}" + (f" ({share:.0%})" if share is not None else "")
        for verdict, share in zip(JUDGED, shares, strict=True)
    ]
    others = [f"{count} {verdict}" for verdict, count in counted.items() if count and verdict not in JUDGED]
    return "promises: " + ", ".join([*judged, *others])


def _missed(missed: Sequence[BrokenPromise]) -> str:
    rows = [
        (
            f"{'DRILL ' if each.is_drill else ''}{each.reference}",
            each.key,
            "; ".join(filter(None, (each.clause, f"breaks {each.agreement}" if each.agreement else ""))),
        )
        for each in missed
    ]
    return table(("MISSED IN", "PROMISE", "CLAUSE; AGREEMENT"), rows, "no promise was missed")
