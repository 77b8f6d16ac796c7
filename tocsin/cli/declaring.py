"""Starting an incident from what a person reports."""

from __future__ import annotations

import asyncio

import click

from tocsin.cli import options
from tocsin.cli.errors import Problems, Refused, Unavailable, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.telling import spoken_by
from tocsin.domain import naming
from tocsin.domain.state import Actor
from tocsin.settings import Settings, SettingsError


@click.command("declare")
@click.option("--plan", required=True, metavar="NAME", help="The policy that it is run by.")
@click.option("--title", required=True, metavar="TEXT", help="What is wrong, in one line.")
@click.option(
    "--severity", metavar="NAME", help="How bad it is; else the plan's mildest, until it is classified."
)
@click.option(
    "--customer", metavar="KEY", help="The customer whom it concerns, by their key in the directory."
)
@click.option(
    "--fact", "facts", multiple=True, metavar="NAME=VALUE", help="What is known already; repeat for more."
)
@click.option("--as", "speaks", metavar="PERSON", help="Who you are in the directory (else $TOCSIN_ACTOR).")
@options.output
@pass_office
def declare_command(
    office: Office,
    plan: str,
    title: str,
    severity: str | None,
    customer: str | None,
    facts: tuple[str, ...],
    speaks: str | None,
) -> None:
    """Start an incident from a person's report."""
    reporter = spoken_by(office, speaks, None)["actor"]
    known = dict(_fact(each) for each in facts)
    incident = asyncio.run(_declare(office.settings(), plan, title, severity, customer, known, reporter))
    office.emit(
        {"outcome": "accepted", "incident": incident, "reference": naming.spoken(incident)},
        lambda: f"incident {naming.spoken(incident)} is declared\n  tocsin show {naming.spoken(incident)}",
    )


def _fact(written: str) -> tuple[str, str]:
    name, separator, value = written.partition("=")
    if not (name and separator and value):
        raise Usage(f'"{written}" is not a fact; write --fact NAME=VALUE')
    return name, value


async def _declare(
    settings: Settings,
    plan: str,
    title: str,
    severity: str | None,
    customer: str | None,
    facts: dict[str, str],
    reporter: Actor,
) -> str:
    from tocsin.library import PlanLibrary
    from tocsin.starting import ReportRefused, declare
    from tocsin.temporal import TemporalUnavailable, connect
    from tocsin.yamlfile import YamlError

    try:
        library = PlanLibrary(settings.plans, settings.state)
        return await declare(
            await connect(),
            library,
            settings,
            plan=plan,
            title=title,
            severity=severity,
            customer=customer,
            facts=facts,
            reporter=reporter,
        )
    except YamlError as error:
        raise Problems(str(error)) from error
    except ReportRefused as refusal:
        raise Refused(str(refusal), outcome="refused") from refusal
    except TemporalUnavailable as error:
        raise Unavailable(str(error)) from error
    except SettingsError as error:
        raise Usage(str(error)) from error
