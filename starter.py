"""Starts incidents: from arguments, from a monitor's payload, or as the HTTP service.

    python starter.py start --plan P --title T [--severity S] [--customer C] [--fact name=value] [--as KEY]
    python starter.py start --from alertmanager|grafana|pagerduty < payload.json
    python starter.py start --from nagios|icinga|monit [--plan P] [--patience 60s] [NAME=VALUE …]
    python starter.py serve [--host 127.0.0.1] [--port 8080] [--insecure-loopback]

Exit codes: 0 done, which means durable; 1 refused, with the reason; 2 wrong usage or settings; 69 Temporal is not
available.
"""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
import uvicorn

from tocsin.domain.state import Actor
from tocsin.ingest.app import create_app
from tocsin.ingest.codec import asks_nobody
from tocsin.ingest.codec_gate import is_only_here
from tocsin.ingest.formats.scripts import SCRIPTS
from tocsin.ingest.intake import NoPlanMatches
from tocsin.ingest.piped import PAYLOADS, alert_told, alerts_in, raise_patiently
from tocsin.ingest.problems import Problem
from tocsin.ingest.reception import LazyClient
from tocsin.ingest.serving import refuse_unsecured, served
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError, monitor_variables, read_environment
from tocsin.sourcefiles import read_sources
from tocsin.starting import ReportRefused, declare, temporal_answers
from tocsin.temporal import TemporalUnavailable, connect, leave
from tocsin.yamlfile import YamlError

OK, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 69
"""Exit codes; 69 is EX_UNAVAILABLE of sysexits.h."""

SCRIPTS_PATIENCE = 20.0
"""Seconds: monitors that run a program do not run it again when it fails, and Nagios ends it after 30."""

LISTEN_BACKLOG = 2048
NOBODY_NAMED = "somebody"


def _pairs(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    split = [fact.partition("=") for fact in given]
    for name, _, value in split:
        if not (name and value):
            raise click.BadParameter(f'"{name}": write NAME=VALUE')
    return {name: value for name, _, value in split}


def _words(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    """As `_pairs`, but what a monitor has no word for may be empty."""
    split = [word.partition("=") for word in given]
    for name, sign, _ in split:
        if not (name and sign):
            raise click.BadParameter(f'"{name}": write NAME=VALUE')
    return {name: value for name, _, value in split}


def _seconds(context: click.Context, parameter: click.Parameter, given: str | None) -> float | None:
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}s?", given):
        raise click.BadParameter(f'"{given}": write seconds, such as 60s')
    return float(given.removesuffix("s"))


@click.group(help="Starts incidents: from arguments, from a monitor's payload, or as the HTTP service.")
def cli() -> None:
    """The command line."""


@cli.command()
@click.option("--plan", help="The plan to run.")
@click.option("--title", help="What is wrong, in a few words.")
@click.option("--severity", help="One of the plan's; its mildest unless given.")
@click.option("--customer", help="The directory's key of the customer concerned.")
@click.option(
    "--fact", "facts", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="Something known already."
)
@click.option("--as", "reporter", metavar="KEY", help="Who reports; TOCSIN_ACTOR unless given.")
@click.option(
    "--from",
    "source",
    type=click.Choice([*PAYLOADS, *SCRIPTS]),
    help="Read a payload on standard input, or what a monitor says that runs this: nagios, icinga, monit.",
)
@click.option(
    "--patience",
    callback=_seconds,
    metavar="SECONDS",
    help=f"How long to try again while Temporal is away: {SCRIPTS_PATIENCE:g}s for monitors that run this, else 0s.",
)
@click.argument("said", nargs=-1, callback=_words, metavar="[NAME=VALUE]...")
def start(source: str | None, said: dict[str, str], patience: float | None, **report: Any) -> None:
    """Start one incident, from options or from what a monitor says, and print its id.

    NAME=VALUE are variables that a monitor could not put into the environment.
    """
    _refuse_contradictions(source, said, patience, report)
    settings = read_environment()
    library = PlanLibrary(settings.plans, settings.state)
    if source is None:
        click.echo(asyncio.run(_from_person(library, settings, **report)))
        return
    if source in SCRIPTS:
        told = {**monitor_variables(SCRIPTS[source].prefix), **said}
        alerts, usual = [alert_told(told, source, report["plan"], library)], SCRIPTS_PATIENCE
    else:
        alerts, usual = alerts_in(sys.stdin.buffer.read(), source, report["plan"], library, settings), 0.0
    tries = raise_patiently(alerts, library, settings, usual if patience is None else patience)
    for started in asyncio.run(tries):
        click.echo(f"{started.incident_key} {started.outcome}")


def _refuse_contradictions(
    source: str | None, said: Mapping[str, str], patience: float | None, report: Mapping[str, Any]
) -> None:
    given = [name for name, value in report.items() if value and name != "plan"]
    if source and given:
        raise click.UsageError(
            f"--from reads everything from what the monitor says; leave out {_flags(given)}"
        )
    if said and source not in SCRIPTS:
        raise click.UsageError(
            f"NAME=VALUE goes with --from {', '.join(SCRIPTS)}; leave out {', '.join(said)}"
        )
    if source:
        return
    if patience is not None:
        raise click.UsageError("--patience goes with --from; a report of one's own is tried once")
    if missing := [name for name in ("plan", "title") if not report[name]]:
        raise click.UsageError(f"a report needs {_flags(missing)} (or --from alertmanager and a payload)")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--insecure-loopback", is_flag=True, help="Start although a source asks its senders for nothing."
)
def serve(host: str, port: int, insecure_loopback: bool) -> None:
    """Serve monitors, vendors and people's phones until told to stop. Temporal may come up later."""
    settings = read_environment()
    library = PlanLibrary(settings.plans, settings.state)
    sources = read_sources(settings, library.plans)
    refuse_unsecured(settings, sources, host, insecure_loopback)
    if asks_nobody(settings) and not is_only_here(host, settings.public_url):
        raise click.UsageError(
            "TOCSIN_CODEC_TOKENS=anybody lets whoever reaches the receiver read incidents: set it to name:token "
            "pairs, or keep the receiver to this machine, with --host and TOCSIN_PUBLIC_URL at 127.0.0.1"
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = create_app(LazyClient(connect), library, settings, sources=sources)
    _end_quietly()
    with _listen(host, port) as listener:
        click.echo(f"receiver on http://{_authority(listener)}")
        asyncio.run(uvicorn.Server(served(app)).serve(sockets=[listener]))


async def _from_person(library: PlanLibrary, settings: Settings, reporter: str | None, **report: Any) -> str:
    async with temporal_answers():
        client = await connect()
    actor = Actor(key=reporter or settings.actor or NOBODY_NAMED)
    return await declare(client, library, settings, reporter=actor, **report)


def _flags(names: Sequence[str]) -> str:
    flags = {"reporter": "--as", "facts": "--fact"}
    return " and ".join(flags.get(name, f"--{name}") for name in names)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({error}); name another --port"
        ) from error
    # asyncio does this only for listeners of its own. An answer leaves in two parts, and without it the second one
    # waits for the client's kernel to acknowledge the first: 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _authority(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _end_quietly() -> None:
    """Once all is closed, uvicorn raises the signal again that ended it; the handler from before must not kill us."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)


def run(arguments: Sequence[str]) -> int:
    """Carry out one command; the exit code. What went wrong is said on standard error."""
    try:
        return int(cli.main(list(arguments), prog_name="starter.py", standalone_mode=False) or OK)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return REFUSED
    except (ReportRefused, NoPlanMatches, Problem) as error:
        return _say(error, REFUSED)
    except (SettingsError, YamlError) as error:
        return _say(error, USAGE)
    except TemporalUnavailable as error:
        return _say(error, UNAVAILABLE)


def _say(error: Exception, code: int) -> int:
    click.echo(str(error), err=True)
    return code


if __name__ == "__main__":
    leave(run(sys.argv[1:]))
