"""Keys under which Temporal's payloads are encrypted: a fresh one, and which ones this installation has."""

from __future__ import annotations

import click

from tocsin.cli import options
from tocsin.cli.errors import Usage
from tocsin.cli.office import Office, pass_office


@click.group("keys")
def keys_command() -> None:
    """Make keys for encryption, and list those in use."""


@keys_command.command("new")
@click.option("--name", metavar="NAME", help="What to call it; the day, such as k20261124, unless given.")
@options.output
@pass_office
def new_command(office: Office, name: str | None) -> None:
    """Print a fresh key, as $TOCSIN_PAYLOAD_KEYS takes it.

    Nothing is changed by it. Put it in the last place everywhere, then in the first.
    """
    from tocsin.keyring import KeyRingError, new_key

    try:
        key = new_key(name or f"k{office.now():%Y%m%d}")
    except KeyRingError as error:
        raise Usage(str(error)) from error
    office.emit({"key": key}, lambda: key)


@keys_command.command("list")
@options.output
@pass_office
def list_command(office: Office) -> None:
    """List the names of the keys; the first encrypts, and all decrypt."""
    from tocsin.keyring import KeyRing, KeyRingError

    try:
        names = KeyRing.read(office.settings()).names
    except KeyRingError as error:
        raise Usage(str(error)) from error
    office.emit({"keys": names}, lambda: "\n".join(names) or "no keys: nothing is encrypted")
