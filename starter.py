"""Starts incidents: from arguments, from a monitor's payload, or as the HTTP service.

    python starter.py start --plan P --title T [--severity S] [--customer C] [--fact name=value] [--as KEY]
    python starter.py start --from alertmanager|grafana|pagerduty < payload.json
    python starter.py serve [--host 127.0.0.1] [--port 8080] [--insecure-loopback]

Exit codes: 0 done; 1 refused, with the reason; 2 wrong usage or settings; 69 Temporal is not available.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
import uvicorn

from tocsin.domain.events import Alert
from tocsin.domain.state import Actor
from tocsin.ingest.app import create_app
from tocsin.ingest.codec import asks_nobody
from tocsin.ingest.codec_gate import is_only_here
from tocsin.ingest.formats import JSON, Delivered
from tocsin.ingest.formats.table import FORMATS
from tocsin.ingest.intake import NoPlanMatches, alert_of
from tocsin.ingest.problems import Problem
from tocsin.ingest.reception import LazyClient
from tocsin.ingest.regrouping import regrouped
from tocsin.ingest.serving import refuse_unsecured, served
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError, read_environment
from tocsin.sourcefiles import read_sources
from tocsin.sources import FormatName, Source
from tocsin.starting import ReportRefused, Started, declare, raise_alert, temporal_answers, utc_now
from tocsin.temporal import TemporalUnavailable, connect
from tocsin.yamlfile import YamlError

OK, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 69
"""Exit codes; 69 is EX_UNAVAILABLE of sysexits.h."""

PAYLOADS: tuple[FormatName, ...] = tuple(
    name
    for name, dialect in FORMATS.items()
    if dialect.content_types == JSON and not (dialect.verify or dialect.prepare)
)
"""Formats whose body says everything: they need no header, no signature and no mapping."""

LISTEN_BACKLOG = 2048
NOBODY_NAMED = "somebody"


def _pairs(context: click.Context, parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    split = [fact.partition("=") for fact in given]
    for name, _, value in split:
        if not (name and value):
            raise click.BadParameter(f'"{name}": write NAME=VALUE')
    return {name: value for name, _, value in split}


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
@click.option("--from", "source", type=click.Choice(PAYLOADS), help="Read a payload on standard input.")
def start(source: FormatName | None, **report: Any) -> None:
    """Start one incident, from options or from a monitor's payload, and print its id."""
    given = [name for name, value in report.items() if value]
    if source and given:
        raise click.UsageError(f"--from reads everything from the payload; leave out {_flags(given)}")
    missing = [name for name in ("plan", "title") if not report[name]]
    if not source and missing:
        raise click.UsageError(f"a report needs {_flags(missing)} (or --from alertmanager and a payload)")
    settings = read_environment()
    library = PlanLibrary(settings.plans, settings.state)
    if source:
        payload = sys.stdin.buffer.read()
        for started in asyncio.run(
            _from_payload(library, settings, _described(source, library, settings), payload)
        ):
            click.echo(f"{started.incident_key} {started.outcome}")
    else:
        click.echo(asyncio.run(_from_person(library, settings, **report)))


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


async def _from_payload(
    library: PlanLibrary, settings: Settings, source: Source, payload: bytes
) -> list[Started]:
    delivered = Delivered(payload, {}, utc_now())
    readings = regrouped(FORMATS[source.format].read(delivered, source), source.group_by)
    alerts = [alert_of(reading, library, delivered.received, source) for reading in readings]
    async with temporal_answers():
        client = await connect()
    return [await raise_alert(client, alert, settings, _rank(alert, library)) for alert in alerts]


def _described(format: FormatName, library: PlanLibrary, settings: Settings) -> Source:
    """The source that is called like its format, with its plan and grouping, where a file describes one."""
    described = read_sources(settings, library.plans)
    bare = Source(source=format, format=format)
    return next((each for each in described if (each.source, each.format) == (format, format)), bare)


def _rank(alert: Alert, library: PlanLibrary) -> int:
    return library.plans[alert.plan.name].plan.severities[alert.severity].rank


def _flags(names: Sequence[str]) -> str:
    flags = {"reporter": "--as", "facts": "--fact"}
    return " and ".join(flags.get(name, f"--{name}") for name in names)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}:{port} ({error}); name another --port"
        ) from error


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


def entry() -> NoReturn:
    """Run and leave at once: an interpreter that used Temporal's SDK may crash while it takes itself down."""
    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    entry()
