"""`python -m bench [--quick] [--out FOLDER]`: measure, and write the results."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import burst, first_message, whole_incident
from bench.machine import machine
from bench.report import RESULTS, Run, write
from bench.scale import FULL, QUICK, Metrics, Scale
from bench.stand import Stand, connected, running_stack
from tocsin.embedded.processes import StartError
from tocsin.embedded.stack import Stack
from worker import leave

LOGS = Path(".tocsin/bench/logs")

Scenario = Callable[[Stand, Scale], Awaitable[Metrics]]

SCENARIOS: dict[str, Scenario] = {
    "one incident, counted": whole_incident.measure,
    "one alert at a time": first_message.measure,
    "many alerts at once": burst.measure,
}
"""In this order: the bursts leave hundreds of open incidents behind."""


async def measure(stack: Stack, scale: Scale, folder: Path) -> None:
    """Run every scenario on one stack and write what came out."""
    began, clock = datetime.now(UTC), time.monotonic()
    metrics: Metrics = {}
    async with connected(stack) as stand:
        where = await machine(stand.temporal)
        for title, scenario in SCENARIOS.items():
            print(f"measuring {title} …", flush=True)
            metrics |= await scenario(stand, scale)
    run: Run = {
        "date": f"{began:%Y-%m-%d %H:%M} UTC",
        "seconds": round(time.monotonic() - clock),
        "samples": scale.samples,
        "burst_rounds": scale.rounds,
    }
    write(folder, metrics, where, run)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    flags = argparse.ArgumentParser(prog="python -m bench", description="Measure Tocsin on this machine.")
    flags.add_argument(
        "--quick", action="store_true", help="a few samples: that it runs, not how fast; not kept"
    )
    flags.add_argument("--out", type=Path, help=f"folder for the results; default: {RESULTS}")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit status: 0, or 1 when the stack did not start or fell silent."""
    options = parser().parse_args(arguments)
    folder = options.out or (Path(".tocsin/bench") if options.quick else RESULTS)
    try:
        with running_stack(LOGS) as stack:
            asyncio.run(measure(stack, QUICK if options.quick else FULL, folder))
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    except TimeoutError as error:
        print(f"{error}; the logs of all processes are in {LOGS}", file=sys.stderr)
        return 1
    print((folder / "latest.md").read_text())
    return 0


if __name__ == "__main__":
    leave(main())
