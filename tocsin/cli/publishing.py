"""Publishing a version of a plan, acknowledging it, and who has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import click

from tocsin.cli import options
from tocsin.cli.errors import Failed, Refused, Unavailable, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.tables import table
from tocsin.cli.telling import spoken_by
from tocsin.cli.times import absolute
from tocsin.domain.proving import NotProven
from tocsin.domain.publication import Acknowledged, Acknowledging, NotPublishable, PublicationView
from tocsin.domain.readership import acknowledgement_matter, readers_of, version_of
from tocsin.domain.state import PlanPin
from tocsin.settings import VARIABLES

if TYPE_CHECKING:
    from tocsin.acknowledgements import Standing
    from tocsin.acknowledging import Publications
    from tocsin.library import PlanLibrary
    from tocsin.planfiles import LoadedPlan

T = TypeVar("T")

_plan = click.argument("plan", metavar="PLAN")


# Publishing


@click.command("publish")
@_plan
@click.option(
    "--again", is_flag=True, help="When the time is over: ask those again who have not acknowledged."
)
@click.option("--as", "speaks", metavar="PERSON", help="Who publishes (else $TOCSIN_ACTOR).")
@options.output
@pass_office
def publish_command(office: Office, plan: str, again: bool, speaks: str | None) -> None:
    """Have a plan acknowledged, in the version that is in $TOCSIN_PLANS.

    Everybody whom its `publication` names is asked by email, and reminded until they answer or the time is over.
    Publishing the same version again changes nothing; a new version ends the asking about the old one.
    """
    from tocsin.acknowledging import AlreadyPublished
    from tocsin.publishing import asked_of

    loaded, by = known_plan(office, plan), spoken_by(office, speaks, None)["actor"]
    try:
        asked_of(loaded.plan)
        with_publications(office, lambda publications: publications.publish(loaded.pin, by, again=again))
    except (NotPublishable, AlreadyPublished) as error:
        hint = "; --again asks the others" if isinstance(error, AlreadyPublished) else ""
        raise Failed(f"{error}{hint}", plan=plan, version=loaded.hash) from error
    view = with_publications(office, lambda publications: publications.view(loaded.pin))
    if view is not None and view.problem:
        raise Failed(view.problem, plan=plan, version=loaded.hash)
    office.emit({"version": loaded.hash, "publication": view}, lambda: _published(loaded.pin, view))


def _published(pin: PlanPin, view: PublicationView | None) -> str:
    name = f"plan {pin.name}, version {version_of(pin.hash)}"
    if view is None or view.published is None or view.due is None:
        label = click.style("queued", fg="yellow", bold=True)
        return f"{label}: {name}: no worker answered; it is kept, and people are asked once one is there"
    label = click.style("published", fg="green", bold=True)
    lacking = ", ".join(view.lacking) or "nobody"
    return (
        f"{label}: {name}, to be acknowledged until {absolute(view.due)}\n  still to acknowledge: {lacking}"
    )


# Acknowledging


@click.command("acknowledge")
@_plan
@click.option(
    "--code", metavar="CODE", help="The code that was sent to you; else your own token, $TOCSIN_TOKEN."
)
@click.option("--as", "speaks", metavar="PERSON", help="Who you are in the directory (else $TOCSIN_ACTOR).")
@options.output
@pass_office
def acknowledge_command(office: Office, plan: str, code: str | None, speaks: str | None) -> None:
    """Say that you have read a plan, in the version that is in $TOCSIN_PLANS.

    You prove who you are by the code that was sent to you, or by your own token in $TOCSIN_TOKEN.
    """
    from tocsin.acknowledging import NotAcknowledged

    pin = known_plan(office, plan).pin
    said = _acknowledging(office, pin, code, speaks)
    try:
        acknowledged = with_publications(office, lambda publications: publications.acknowledge(pin, said))
    except NotAcknowledged as error:
        raise Refused(str(error), plan=plan, version=pin.hash) from error
    office.emit(
        {"version": pin.hash, "acknowledged": acknowledged}, lambda: _acknowledged(pin, said, acknowledged)
    )


def _acknowledging(office: Office, pin: PlanPin, code: str | None, speaks: str | None) -> Acknowledging:
    """Who speaks, and what proves it. Raises `Usage`."""
    from tocsin.proofs import holder_of, seal

    token = office.settings().token.get_secret_value()
    if not code and not token:
        raise Usage(
            f"prove who you are: `--code` with the code that was sent to you, or your own token in {VARIABLES['token']}"
        )
    try:
        person = spoken_by(office, speaks or ("" if code else holder_of(token)), None)["actor"].key
        return Acknowledging(person=person, proof=code or seal(token, acknowledgement_matter(pin)))
    except NotProven as error:
        raise Usage(f"{VARIABLES['token']}: {error}") from error


def _acknowledged(pin: PlanPin, said: Acknowledging, acknowledged: Acknowledged | None) -> str:
    name = f"plan {pin.name}, version {version_of(pin.hash)}"
    if acknowledged is None:
        label = click.style("queued", fg="yellow", bold=True)
        return f"{label}: {name}: no worker answered; it is kept. If it does not count, {said.person} is asked again"
    label = click.style("acknowledged", fg="green", bold=True)
    return f"{label}: {name}, by {acknowledged.who} {acknowledged.how}, {absolute(acknowledged.at)}"


# Who has


@click.command("acknowledgements")
@_plan
@click.option("-a", "--all", "everything", is_flag=True, help="Of every version that was published.")
@options.output
@pass_office
def acknowledgements_command(office: Office, plan: str, everything: bool) -> None:
    """List who has acknowledged a plan, and who has not.

    They are read from $TOCSIN_STATE.
    """
    from tocsin.acknowledgements import AcknowledgementRegister

    loaded, register = known_plan(office, plan), AcknowledgementRegister(office.settings().state)
    readers = [reader.key for reader in readers_of(loaded.plan, loaded.directory)]
    try:
        versions = dict.fromkeys((*(register.versions(plan) if everything else ()), loaded.hash))
        standings = [register.standing(PlanPin(name=plan, hash=hash), readers) for hash in versions]
    except OSError as error:
        raise Failed(f"the acknowledgements cannot be read: {error}") from error
    office.emit(standings, lambda: "\n\n".join(map(_standing, standings)))


def _standing(standing: Standing) -> str:
    rows = [(each.who, absolute(each.at), each.how) for each in standing.acknowledged]
    rows += [(key, "not yet", "") for key in standing.lacking]
    return f"{_heading(standing)}\n{table(('WHO', 'WHEN', 'HOW'), rows, 'nobody is to acknowledge it')}"


def _heading(standing: Standing) -> str:
    name = click.style(f"plan {standing.plan}, version {version_of(standing.version)}", bold=True)
    if standing.published is None or standing.due is None:
        return f"{name}: not published"
    since = f"published {absolute(standing.published)}"
    return f"{name}: {since}, {standing.ended or f'until {absolute(standing.due)}'}"


# What they have in common


def known_plan(office: Office, name: str) -> LoadedPlan:
    """A plan of $TOCSIN_PLANS, by its name. Raises `Usage`."""
    return library_with(office, name).plans[name]


def library_with(office: Office, name: str) -> PlanLibrary:
    """The plans of $TOCSIN_PLANS, among which is one of this name. Raises `Usage`."""
    from tocsin.library import PlanLibrary
    from tocsin.yamlfile import YamlError

    settings = office.settings()
    try:
        library = PlanLibrary(settings.plans, settings.state)
    except YamlError as error:
        raise Usage(str(error)) from error
    if name not in library.plans:
        raise Usage(f'there is no plan "{name}" in {settings.plans}; there are {", ".join(library.plans)}')
    return library


def with_publications(office: Office, work: Callable[[Publications], Awaitable[T]]) -> T:
    """Connect, and do `work` with the publications. Raises `Unavailable`."""
    from tocsin.temporal import TemporalUnavailable

    async def whole() -> T:
        return await work(await office.publications())

    try:
        return asyncio.run(whole())
    except TemporalUnavailable as error:
        raise Unavailable(str(error)) from error
