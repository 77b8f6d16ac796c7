"""`python -m bench [--quick] [--out FOLDER]`: measure, and write the results."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from bench import broadcast, burst, busy, faults, first_message, ingest, pages, storm, whole_incident
from bench.accounts import TwoAccounts
from bench.machine import Machine, machine
from bench.report import RESULTS, Run, write
from bench.scale import FULL, QUICK, Metrics, Scale
from bench.stand import Stand, connected, running_stack
from tocsin.embedded.processes import StartError
from tocsin.embedded.stack import Stack
from tocsin.temporal import leave

LOGS = Path(".tocsin/bench/logs")

Scenario = Callable[[Stand, Scale], Awaitable[Metrics]]


@dataclass(frozen=True)
class Session:
    """Scenarios that share a stand, one after the other, by what is said of them."""

    scenarios: dict[str, Scenario]
    stack: type[Stack] = Stack


ABOUT_PAGES = (
    Session(
        {
            "one incident, counted": whole_incident.measure,
            "one alert at a time": first_message.measure,
            "many alerts at once": burst.measure,
        }
    ),
    Session({"one alert at a time, while incidents are worked on": busy.measure}),
    Session({"a bad day of the vendors": faults.measure}, TwoAccounts),
    Session({"a flood of pages": pages.measure}),
    Session({"a message to a multitude": broadcast.measure}),
)
"""What has to be there before anything is written."""

ABOUT_ALERTS = (
    Session({"a storm": storm.measure}),
    Session({"alerts a second": ingest.measure}),  # it kills the worker
)
"""Whoever interrupts these keeps what was said about pages."""


def together(sessions: Sequence[Session]) -> list[Session]:
    """The same scenarios on no more stands than there are kinds of them, where it does not matter what went before."""
    scenarios: dict[type[Stack], dict[str, Scenario]] = {}
    for session in sessions:
        scenarios.setdefault(session.stack, {}).update(session.scenarios)
    return [Session(shared, stack) for stack, shared in scenarios.items()]


def measure_all(scale: Scale, folder: Path) -> None:
    """Every session, one after the other; what came out is written as soon as all is there that is about pages."""
    began, clock = datetime.now(UTC), time.monotonic()
    metrics: Metrics = {}
    where: Machine = {}
    pages, alerts = (part if scale.apart else together(part) for part in (ABOUT_PAGES, ABOUT_ALERTS))
    for number, session in enumerate((*pages, *alerts), start=1):
        with running_stack(LOGS, session.stack) as stack:
            found, seen = asyncio.run(_measure(stack, session, scale))
        where = where or seen  # before the first: the later ones find what we do ourselves
        _add(metrics, found)
        run: Run = {
            "date": f"{began:%Y-%m-%d %H:%M} UTC",
            "seconds": round(time.monotonic() - clock),
            "samples": scale.samples,
            "burst_rounds": scale.rounds,
        }
        if number >= len(pages):
            write(folder, metrics, where, run)


async def _measure(stack: Stack, session: Session, scale: Scale) -> tuple[Metrics, Machine]:
    """The numbers of one session, and the machine as it was before."""
    metrics: Metrics = {}
    async with connected(stack) as stand:
        where = await machine(stand.temporal)
        for title, scenario in session.scenarios.items():
            clock = time.monotonic()
            print(f"measuring {title} …", end=" ", flush=True)
            _add(metrics, await scenario(stand, scale))
            print(f"{time.monotonic() - clock:.0f} s", flush=True)
    return metrics, where


def _add(metrics: Metrics, found: Metrics) -> None:
    """Add what was found; two scenarios may speak of the same thing."""
    for name, numbers in found.items():
        metrics[name] = metrics.get(name, {}) | numbers


def parser() -> argparse.ArgumentParser:
    """The command line."""
    flags = argparse.ArgumentParser(prog="python -m bench", description="Measure Tocsin on this machine.")
    flags.add_argument(
        "--quick", action="store_true", help="a few samples: that it runs, not how fast; not kept"
    )
    flags.add_argument("--out", type=Path, help=f"folder for the results; default: {RESULTS}")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit status: 0, 1 when the stack did not start or fell silent, 130 when interrupted."""
    options = parser().parse_args(arguments)
    folder = options.out or (Path(".tocsin/bench") if options.quick else RESULTS)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job starts with it ignored
    try:
        measure_all(QUICK if options.quick else FULL, folder)
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    except TimeoutError as error:
        print(f"{error}; the logs of all processes are in {LOGS}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; nothing is left running, and no results were written", file=sys.stderr)
        return 130
    print((folder / "latest.md").read_text())
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    leave(main())
