"""Starting an incident from what a person reports."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from tocsin.cli import options
from tocsin.cli.errors import Problems, Refused, Unavailable, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.telling import spoken_by
from tocsin.domain import naming
from tocsin.domain.state import Actor
from tocsin.settings import Settings, SettingsError

if TYPE_CHECKING:
    from tocsin.declaration import Declaration
    from tocsin.domain.events import Commanded
    from tocsin.library import PlanLibrary
    from tocsin.reporters import Channel, Kind


@click.command("declare")
@click.option("--plan", required=True, metavar="NAME", help="The policy that it is run by.")
@click.option("--title", required=True, metavar="TEXT", help="What is wrong, in one line.")
@click.option(
    "--severity", metavar="NAME", help="How bad it is; else the plan's mildest, until it is classified."
)
@click.option(
    "--criterion",
    "criteria",
    multiple=True,
    metavar="NAME",
    help="What makes it that bad, by the plan's name for it; repeat for more.",
)
@click.option(
    "--customer", metavar="KEY", help="The customer whom it concerns, by their key in the directory."
)
@click.option(
    "--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What is known already; repeat for more."
)
@click.option("--occurred", type=options.moment, metavar="TIME", help="When it happened.")
@click.option(
    "--reported-by",
    "source",
    metavar="KEY|TEXT",
    help="Who reported it, if not you: by their key, such as acme/soc-desk, or in words.",
)
@click.option(
    "--channel", type=click.Choice(["cli", "email", "phone", "ticket"]), default="cli", help="How it came in."
)
@click.option(
    "--kind",
    type=click.Choice(["employee", "customer", "stakeholder"]),
    help="What the reporter is; else what the directory says.",
)
@click.option("--knew", type=options.moment, metavar="TIME", help="Since when the reporter knew.")
@click.option("--as", "speaks", metavar="PERSON", help="Who you are in the directory (else $TOCSIN_ACTOR).")
@options.output
@pass_office
def declare_command(office: Office, /, speaks: str | None, facts: tuple[str, ...], **told: Any) -> None:
    """Start an incident from a person's report.

    Your own, or with --reported-by somebody else's, whom the record then names, with a note that you took it down.
    """
    actor: Actor = spoken_by(office, speaks, None)["actor"]
    _refuse_the_future(office, told)
    known = dict(_fact(each) for each in facts)
    incident = asyncio.run(_declare(office.settings(), actor, facts=known, **told))
    office.emit(
        {"outcome": "accepted", "incident": incident, "reference": naming.spoken(incident)},
        lambda: f"incident {naming.spoken(incident)} is declared\n  tocsin show {naming.spoken(incident)}",
    )


def _fact(written: str) -> tuple[str, str]:
    name, separator, value = written.partition("=")
    if not (name and separator and value):
        raise Usage(f'"{written}" is not a fact; write --fact NAME=VALUE')
    return name, value


def _refuse_the_future(office: Office, told: dict[str, Any]) -> None:
    for option in ("occurred", "knew"):
        moment: datetime | None = told[option]
        if moment is not None and moment > office.now():
            raise Usage(
                f"--{option}: {moment:%Y-%m-%d %H:%M} UTC has not come yet; times are in UTC unless they say"
            )


async def _declare(
    settings: Settings, actor: Actor, *, plan: str, source: str | None, channel: Channel, **told: Any
) -> str:
    """Open the incident; its id. Temporal's SDK is loaded here, when it is needed."""
    from tocsin.library import PlanLibrary
    from tocsin.starting import ReportRefused, report
    from tocsin.temporal import TemporalUnavailable, connect
    from tocsin.yamlfile import YamlError

    try:
        library = PlanLibrary(settings.plans, settings.state)
        declared = declaration(library, actor, plan, source, channel, **told)
        taken_down = _taken_down(actor, source, channel) if source else None
        started = await report(await connect(), library, settings, declared, taken_down)
    except YamlError as error:
        raise Problems(str(error)) from error
    except ReportRefused as refusal:
        raise Refused(str(refusal), outcome="refused") from refusal
    except TemporalUnavailable as error:
        raise Unavailable(str(error)) from error
    except SettingsError as error:
        raise Usage(str(error)) from error
    return started.incident_key


def declaration(
    library: PlanLibrary,
    actor: Actor,
    plan: str,
    source: str | None,
    channel: Channel,
    *,
    kind: Kind | None,
    knew: datetime | None,
    customer: str | None,
    **told: Any,
) -> Declaration:
    """The report as its reporter's; without a `source` it is that of whoever types. Raises `ReportRefused`."""
    from tocsin import reporters
    from tocsin.declaration import Declaration, plan_named

    directory = library.directory(plan_named(plan, library).plan.plan)
    who = reporters.by_key_or_words(directory, channel, source or actor.key, kind, knew)
    return Declaration(
        plan=plan,
        customer=customer or who.customer,
        reporter=who.actor if source else actor.model_copy(update={"via": channel}),
        reported=who.reported,
        **told,
    )


def _taken_down(actor: Actor, source: str, channel: Channel) -> Commanded:
    """The note that says who put somebody else's report on the record."""
    from tocsin.domain.commands import AddNote
    from tocsin.domain.events import Commanded

    text = f"Put on the record for {source}, whose report came {_CAME[channel]}"
    return Commanded(command=AddNote(id=uuid4().hex, actor=actor, text=text))


_CAME = {"cli": "in person", "email": "by email", "phone": "by phone", "ticket": "as a ticket"}
