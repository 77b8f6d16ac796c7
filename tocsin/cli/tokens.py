"""Personal tokens, by which people prove who they are when they type: issued, listed and revoked by whoever has the
signing keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from tocsin.cli import options
from tocsin.cli.errors import Failed, Usage
from tocsin.cli.office import Office, pass_office
from tocsin.cli.tables import table
from tocsin.cli.times import absolute, short
from tocsin.domain.proving import NoSigningKeys
from tocsin.settings import SettingsError

if TYPE_CHECKING:
    from tocsin.library import PlanLibrary
    from tocsin.tokenregister import IssuedToken, TokenRegister

DAYS = 90
"""How long a token counts unless something else is said."""


@click.group("token")
def token_command() -> None:
    """Issue, list and revoke personal tokens."""


@token_command.command("issue")
@click.argument("person")
@click.option(
    "--days", type=click.IntRange(1, 3_650), default=DAYS, show_default=True, help="How long it counts."
)
@click.option(
    "--plan",
    "plans",
    multiple=True,
    metavar="PLAN",
    help="Whose directory is meant, if not all; repeat for more.",
)
@options.output
@pass_office
def issue_command(office: Office, person: str, days: int, plans: tuple[str, ...]) -> None:
    """Print a token for a person.

    It is shown this once. Whoever has it can approve in that person's name: hand it to them, and to nobody else.
    """
    from tocsin.library import PlanLibrary
    from tocsin.proofs import Proofs
    from tocsin.yamlfile import YamlError

    settings = office.settings()
    try:
        known_in = _known_in(PlanLibrary(settings.plans, settings.state), person, plans)
        issued, token = Proofs.of(settings, office.now).issue(person, known_in, timedelta(days=days))
    except (SettingsError, NoSigningKeys, YamlError) as error:
        raise Usage(str(error)) from error
    except OSError as error:
        raise Failed(f"no token was issued: {error}") from error
    office.emit({"token": token, **issued.model_dump(mode="json")}, lambda: _issued(issued, token))


def _known_in(library: PlanLibrary, person: str, plans: Collection[str]) -> list[str]:
    """The plans in whose directories this is the same person. Raises `Usage`."""
    if unknown := [plan for plan in plans if plan not in library.plans]:
        raise Usage(f'there is no plan "{unknown[0]}"; there are {", ".join(library.plans)}')
    directories = {plan: library.directory(plan) for plan in plans or library.plans}
    known = {plan: each.people[person] for plan, each in directories.items() if person in each.people}
    missing = [plan for plan in plans if plan not in known]
    if missing or not known:
        raise Usage(f'no directory of {", ".join(missing or directories)} has a person "{person}"')
    if not plans and len({(each.email, each.phone) for each in known.values()}) > 1:
        raise Usage(f'"{person}" is not the same person in {", ".join(known)}: say which with --plan')
    return list(known)


def _issued(token: IssuedToken, secret: str) -> str:
    good = (
        f"token {token.id} of {token.person}, for {', '.join(token.plans)}, until {absolute(token.expires)}"
    )
    return f"{secret}\n{good}\nThey say, once: export TOCSIN_TOKEN=…"


@token_command.command("list")
@options.output
@pass_office
def list_command(office: Office) -> None:
    """List the tokens that were issued here, and which of them count."""
    with _at_the_register(office) as register:
        tokens = register.tokens()
    office.emit(tokens, lambda: _table(tokens, office.now()))


def _table(tokens: list[IssuedToken], now: datetime) -> str:
    rows = [
        (each.id, each.person, _state(each, now), f"{each.expires:%Y-%m-%d}", ", ".join(each.plans))
        for each in tokens
    ]
    return table(("TOKEN", "WHOSE", "STATE", "UNTIL", "PLANS"), rows, "no token was issued")


def _state(token: IssuedToken, now: datetime) -> str:
    if token.revoked is not None:
        return f"revoked {short(token.revoked)}"
    return "counts" if token.expires > now else "expired"


@token_command.command("revoke")
@click.argument("token", metavar="ID")
@options.output
@pass_office
def revoke_command(office: Office, token: str) -> None:
    """Make a token count no more, at once and for good.

    ID is its short name, such as t-7f3k2: the list has it, and every entry that it proved.
    """
    with _at_the_register(office) as register:
        if token not in {each.id for each in register.tokens()}:
            raise Usage(f'no token "{token}" was issued here; `tocsin token list` shows those that were')
        register.revoke(token, office.now())
    office.emit({"revoked": token}, lambda: f"token {token} counts no more")


@contextmanager
def _at_the_register(office: Office) -> Iterator[TokenRegister]:
    from tocsin.tokenregister import TokenRegister

    try:
        yield TokenRegister(office.settings().state)
    except OSError as error:
        raise Failed(f"the register of tokens cannot be used: {error}") from error
