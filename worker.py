"""Runs the workflows and activities: `python worker.py [--queues incidents,email] [--health-port 8081]`.

One process serves every queue unless `--queues` splits them over machines. Its health and metrics are served where
TOCSIN_WORKER_HTTP or --health-port says. SIGTERM or Ctrl-C lets what is under way finish (up to 30 s) before the
process ends.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from tocsin.domain import naming
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError, read_environment
from tocsin.temporal import TemporalUnavailable, connect, leave
from tocsin.waysout import channels_of
from tocsin.workerhealth import WorkerHealth, served
from tocsin.workers import GRACE, THREADS, build_workers
from tocsin.yamlfile import YamlError

logger = logging.getLogger("tocsin.worker")


async def run(settings: Settings, queues: Sequence[str]) -> None:
    """Serve the queues until SIGTERM or SIGINT."""
    library = PlanLibrary(settings.plans, settings.state)
    channels = channels_of(settings)
    client = await connect(runtime=runtime_of(settings))
    with ThreadPoolExecutor(THREADS * len(queues), thread_name_prefix="activity") as executor:
        workers = build_workers(client, settings, library, channels, executor, queues)
        async with AsyncExitStack() as stack:
            if settings.worker_http is not None:
                health = WorkerHealth(client, workers, channels)
                await stack.enter_async_context(served(health, settings.worker_http))
            for worker in workers:
                await stack.enter_async_context(worker)
            logger.info("serving %s with the plans %s", ", ".join(queues), ", ".join(library.plans))
            print(f"worker serves {', '.join(queues)}", flush=True)
            await stop_signal()
            logger.info("stopping: waiting up to %d s for what is under way", GRACE.total_seconds())


async def stop_signal() -> None:
    """Wait for SIGTERM or SIGINT."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()


def runtime_of(settings: Settings) -> Runtime | None:
    """What the SDK runs on, where its own metrics are wanted; else its default. Raises `SettingsError`."""
    if settings.temporal_metrics is None:
        return None
    try:
        return Runtime(
            telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=settings.temporal_metrics))
        )
    except ValueError as error:
        raise SettingsError(
            f"TOCSIN_TEMPORAL_METRICS: {error}; each worker on a machine needs a port of its own"
        ) from error


def settings_of(options: argparse.Namespace) -> Settings:
    """The environment's settings, and what the command line says instead. Raises `SettingsError`."""
    settings = read_environment()
    if options.health_port is None:
        return settings
    return settings.model_copy(update={"worker_http": f"127.0.0.1:{options.health_port}"})


def parser() -> argparse.ArgumentParser:
    """The command line."""
    flags = argparse.ArgumentParser(prog="worker.py", description=__doc__)
    flags.add_argument(
        "--queues",
        default=",".join(naming.QUEUES),
        metavar=",".join(naming.QUEUES),
        help="task queues to serve, separated by commas; all of them when not given",
    )
    flags.add_argument("--health-port", type=int, help="serve health and metrics on this loopback port")
    return flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; the exit status: 0 stopped, 2 misconfigured, 69 no Temporal."""
    flags = parser()
    options = flags.parse_args(arguments)
    queues = options.queues.split(",")
    unknown = set(queues) - set(naming.QUEUES)
    if unknown:
        flags.error(
            f"there is no queue {', '.join(sorted(unknown))}; the queues are {', '.join(naming.QUEUES)}"
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(run(settings_of(options), queues))
    except (SettingsError, YamlError) as error:
        print(error, file=sys.stderr)
        return 2
    except TemporalUnavailable as error:
        print(error, file=sys.stderr)
        return 69
    return 0


if __name__ == "__main__":
    leave(main())
