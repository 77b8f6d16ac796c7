"""Runs the workflows and activities: `python worker.py [--queues incidents,email,sms,phone] [--health-port 8081]`.

One process serves every queue unless `--queues` splits them over machines. SIGTERM or Ctrl-C lets what is under way
finish (up to 30 s) before the process ends.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from tocsin.domain import naming
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError, read_environment
from tocsin.temporal import TemporalUnavailable, connect
from tocsin.workers import GRACE, THREADS, build_workers, channels_of
from tocsin.yamlfile import YamlError

logger = logging.getLogger("tocsin.worker")


async def run(settings: Settings, queues: Sequence[str], health_port: int | None) -> None:
    """Serve the queues until SIGTERM or SIGINT."""
    library = PlanLibrary(settings.plans, settings.state)
    channels = channels_of(settings)
    client = await connect()
    with ThreadPoolExecutor(THREADS * len(queues), thread_name_prefix="activity") as executor:
        workers = build_workers(client, settings, library, channels, executor, queues)
        async with AsyncExitStack() as stack:
            if health_port is not None:
                await stack.enter_async_context(health_endpoint(client, workers, health_port))
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


@asynccontextmanager
async def health_endpoint(client: Client, workers: Sequence[Worker], port: int) -> AsyncIterator[None]:
    """`GET /healthz` on loopback: 200 while every worker runs and Temporal answers, else 503 with the reason."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        ill = await _illness(client, workers)
        status = "503 Service Unavailable" if ill else "200 OK"
        body = (ill or "ok").encode() + b"\n"
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield


async def _illness(client: Client, workers: Sequence[Worker]) -> str | None:
    stopped = [worker.task_queue for worker in workers if not worker.is_running]
    if stopped:
        return f"not running: {', '.join(stopped)}"
    try:
        healthy = await client.service_client.check_health(timeout=timedelta(seconds=2))
    except RPCError as error:
        return f"Temporal does not answer: {error.message}"
    return None if healthy else "Temporal says that it is not healthy"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    flags = argparse.ArgumentParser(prog="worker.py", description=__doc__)
    flags.add_argument(
        "--queues",
        default=",".join(naming.QUEUES),
        help="task queues to serve, separated by commas; default: %(default)s",
    )
    flags.add_argument("--health-port", type=int, help="serve GET /healthz on this loopback port")
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
        asyncio.run(run(read_environment(), queues, options.health_port))
    except (SettingsError, YamlError) as error:
        print(error, file=sys.stderr)
        return 2
    except TemporalUnavailable as error:
        print(error, file=sys.stderr)
        return 69
    return 0


def leave(code: int) -> None:
    """End the process at once: the SDK's own threads can crash an ordinary exit after the work is done."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
