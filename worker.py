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
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from activities.directory import DirectoryActivities
from activities.email import EmailActivities
from activities.phone import PhoneActivities
from activities.records import Records
from activities.sms import SmsActivities, SmsChannelWithMemory
from tocsin.archive import DiskArchive
from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.twilio_client import twilio_client
from tocsin.channels.twilio_sms import TwilioSms
from tocsin.channels.twilio_voice import TwilioVoice
from tocsin.domain import naming
from tocsin.domain.channel import EmailChannel, PhoneChannel
from tocsin.library import PlanLibrary
from tocsin.rendering import Templates
from tocsin.settings import Settings, SettingsError, read_environment
from tocsin.temporal import TemporalUnavailable, connect
from tocsin.yamlfile import YamlError
from workflows.incident import IncidentWorkflow
from workflows.post_incident import PostIncidentWorkflow

GRACE = timedelta(seconds=30)
"""How long activities that are under way may take to finish after a signal to stop."""

THREADS = 20
"""Concurrent sends in one process; each holds a thread while a vendor answers."""

logger = logging.getLogger("tocsin.worker")


@dataclass(frozen=True)
class Channels:
    """The ways out to people."""

    email: EmailChannel
    sms: SmsChannelWithMemory
    phone: PhoneChannel


def channels_of(settings: Settings) -> Channels:
    """The vendors' SDKs with this installation's accounts. Raises `SettingsError` for one that is not configured."""
    settings.require(
        "sendgrid_api_key", "sendgrid_from", "twilio_account_sid", "twilio_auth_token", "twilio_from"
    )
    twilio = twilio_client(
        settings.twilio_account_sid,
        settings.twilio_auth_token.get_secret_value(),
        base_url=settings.twilio_api_url,
    )
    return Channels(
        email=SendGridEmail(
            settings.sendgrid_api_key.get_secret_value(),
            settings.sendgrid_from,
            "Tocsin",
            host=settings.sendgrid_host,
        ),
        sms=TwilioSms(twilio, settings.twilio_from),
        phone=TwilioVoice(twilio, settings.twilio_from),
    )


def build_workers(
    client: Client,
    settings: Settings,
    library: PlanLibrary,
    channels: Channels,
    executor: ThreadPoolExecutor,
    queues: Sequence[str] = naming.QUEUES,
) -> list[Worker]:
    """A worker for each queue; the same for production and for the tests."""
    renderer = Templates(library, settings.public_url, settings.sendgrid_from)
    records = Records(DiskArchive(library, settings.state))
    directories = DirectoryActivities(library)
    parts: dict[str, dict[str, Any]] = {
        naming.INCIDENT_QUEUE: {
            "workflows": [IncidentWorkflow, PostIncidentWorkflow],
            "activities": [
                records.open,
                records.keep,
                records.archive,
                directories.find_recipients,
                directories.identify,
            ],
        },
        naming.EMAIL_QUEUE: {
            "activities": [EmailActivities(channels.email, library, renderer).send],
            "max_task_queue_activities_per_second": settings.emails_per_second,
        },
        naming.SMS_QUEUE: {
            "activities": [SmsActivities(channels.sms, library, renderer).send],
            "max_task_queue_activities_per_second": settings.sms_per_second,
        },
        naming.PHONE_QUEUE: {
            "activities": [PhoneActivities(channels.phone, library, renderer).call],
            "max_task_queue_activities_per_second": settings.calls_per_second,
        },
    }
    return [
        Worker(
            client,
            task_queue=queue,
            activity_executor=executor,
            # The sandbox is the tests' guard. Here it would cost a fifth of the CPU, and read the workflows' files anew
            # for each incident: an upgrade on the disk would reach a worker that runs.
            workflow_runner=UnsandboxedWorkflowRunner(),
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
            graceful_shutdown_timeout=GRACE,
            max_concurrent_activities=THREADS,
            **parts[queue],
        )
        for queue in queues
    ]


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
