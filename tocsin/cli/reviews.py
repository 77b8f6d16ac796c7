"""What the reviews after incidents said about a plan, version by version."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import click

from tocsin.cli import options
from tocsin.cli.office import Office, pass_office
from tocsin.cli.tables import table
from tocsin.domain.outcomes import Review, StepOutcome
from tocsin.domain.readership import version_of


@click.command("reviews")
@click.argument("plan", metavar="PLAN")
@options.output
@pass_office
def reviews_command(office: Office, plan: str) -> None:
    """List what the reviews after incidents said about a plan, by its version.

    They are read from the archives of incidents that are over, in $TOCSIN_STATE. What `tocsin step REF STEP` was told
    as the reason is what a review said.
    """
    from tocsin.cli.shelf import Shelf

    reviews = sorted(Shelf(office.settings().state).reviews(plan), key=lambda each: each.opened)
    by_version = {
        version: list(group) for version, group in groupby(_by_version(reviews), lambda each: each.version)
    }
    office.emit(
        by_version, lambda: "\n\n".join(_version(*each) for each in by_version.items()) or _nothing(plan)
    )


def _by_version(reviews: Sequence[Review]) -> list[Review]:
    """Those of one version together, the version first that was first used."""
    order = list(dict.fromkeys(each.version for each in reviews))
    return sorted(reviews, key=lambda each: order.index(each.version))


def _nothing(plan: str) -> str:
    return f"no incident under plan {plan} is archived yet"


def _version(version: str, reviews: Sequence[Review]) -> str:
    rows = [
        (
            f"{'DRILL ' if each.is_drill else ''}{each.reference}",
            f"{each.opened:%Y-%m-%d}",
            str(outcome.status),
            _said(outcome),
        )
        for each in reviews
        for outcome in each.outcomes
    ]
    heading = click.style(f"version {version_of(version)}", bold=True)
    headings = ("INCIDENT", "OPENED", "STATUS", "STEP: WHAT IT SAID")
    return f"{heading}\n{table(headings, rows, 'no step follows its incidents')}"


def _said(outcome: StepOutcome) -> str:
    by = f" – {outcome.by}" if outcome.by and outcome.said else ""
    return f"{outcome.title}: {outcome.said or '–'}{by}"
