"""The whole of Tocsin on one machine. A Temporal server of the user's own wins when `TEMPORAL_ADDRESS` is set."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.service import RPCError

from tocsin import signing
from tocsin.callbacks import CODEC_PATH
from tocsin.domain import naming
from tocsin.embedded.processes import START_TIMEOUT, Processes, StartError, answers, free_port, is_taken
from tocsin.keyring import ensure_file
from tocsin.sandbox.signing import PUBLIC_KEY_NAME
from tocsin.settings import ANYBODY, Settings
from tocsin.temporal import TemporalUnavailable, connect

ROOT = Path(__file__).parents[2]
_SANDBOX_SID = "AC" + "0" * 32

SERVER_SETTINGS = (
    "matching.enableFairness=true",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
"""Dynamic configuration of the server, as `deploy/dynamicconfig` has it, which says why."""


@dataclass(frozen=True)
class Ports:
    """Loopback ports. The usual ones, or free ones for a stack that must not get in another's way."""

    temporal: int = 7233
    ui: int = 8233
    sandbox: int = 8025
    receiver: int = 8080
    health: int = 8081

    @classmethod
    def free(cls) -> Ports:
        """Ports that nobody uses now."""
        return cls(*(free_port() for _ in range(5)))


@dataclass
class Stack:
    """A Temporal server, the sandbox, the receiver and a worker.

    `state` holds everything that survives: the server's database and the keys that it is encrypted under, the records,
    the sandbox's inbox and key, the logs.
    `environment` is the caller's; `drill_speed` makes every incident a drill.
    """

    state: Path
    environment: Mapping[str, str]
    ports: Ports = field(default_factory=Ports)
    drill_speed: int | None = None
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        self.processes = Processes(self.state / "logs")

    @property
    def temporal_address(self) -> str:
        """Where Temporal is: the user's own server, or the embedded one."""
        return self.environment.get("TEMPORAL_ADDRESS") or f"127.0.0.1:{self.ports.temporal}"

    @property
    def has_own_server(self) -> bool:
        """Whether the user brought a server."""
        return bool(self.environment.get("TEMPORAL_ADDRESS"))

    @property
    def sandbox_url(self) -> str:
        """The vendors' stand-in, and its page."""
        return f"http://127.0.0.1:{self.ports.sandbox}"

    @property
    def receiver_url(self) -> str:
        """What monitors and vendors call."""
        return f"http://127.0.0.1:{self.ports.receiver}"

    @property
    def ui_url(self) -> str | None:
        """The embedded server's UI; the user's own server has its own."""
        return None if self.has_own_server else f"http://127.0.0.1:{self.ports.ui}"

    @property
    def settings(self) -> Settings:
        """What the stack's processes read; for a client of one's own. Raises `SettingsError`."""
        return Settings.from_environment(self.child_environment())

    @property
    def ui_origins(self) -> str:
        """How a browser may name the embedded UI; of the user's own, they say it themselves."""
        if self.has_own_server:
            return self.environment.get("TOCSIN_UI_ORIGIN", "")
        return f"http://127.0.0.1:{self.ports.ui},http://localhost:{self.ports.ui}"

    def child_environment(self) -> dict[str, str]:
        """What the worker, the receiver and the CLI read: the caller's variables, with the sandbox as every vendor."""
        return {
            **self.environment,
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TOCSIN_PLANS": self.environment.get("TOCSIN_PLANS") or str(ROOT / "plans"),
            "TOCSIN_STATE": str(self.state),
            "TOCSIN_PUBLIC_URL": self.receiver_url,
            "TOCSIN_INGEST_TOKENS": "",
            "TOCSIN_CODEC_TOKENS": ANYBODY,  # the UI could send none; whoever is on this machine reads everything
            "TOCSIN_UI_ORIGIN": self.ui_origins,
            "TOCSIN_DRILL_SPEED": str(self.drill_speed or self.environment.get("TOCSIN_DRILL_SPEED", "")),
            "SENDGRID_API_KEY": "SG.sandbox",
            "SENDGRID_HOST": self.sandbox_url,
            "SENDGRID_FROM": "tocsin@example.com",
            "SENDGRID_EVENTS_PUBLIC_KEY": "",
            "SENDGRID_EVENTS_PUBLIC_KEY_FILE": str(self.state / "sandbox" / PUBLIC_KEY_NAME),
            "TWILIO_ACCOUNT_SID": _SANDBOX_SID,
            "TWILIO_AUTH_TOKEN": "sandbox-auth-token",
            "TWILIO_FROM": "+15005550006",
            "TWILIO_API_URL": self.sandbox_url,
        }

    def start(self) -> None:
        """Start everything, each once what it needs answers. Raises `StartError`; nothing is left running then."""
        try:
            self._refuse_taken_ports()
            self._have_keys()
            self.start_temporal()
            asyncio.run(self._prepare_temporal())
            self.start_sandbox()
            self.start_receiver()
            self.start_worker()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything, the newest first."""
        self.processes.stop()

    def start_temporal(self) -> None:
        """The embedded server, on a database that survives; nothing when the user brought one."""
        if self.has_own_server:
            return
        command = [
            str(Path(sys.executable).with_name("temporal")),
            *("server", "start-dev", "--ip", "127.0.0.1"),
            *("--port", str(self.ports.temporal), "--ui-port", str(self.ports.ui)),
            *("--ui-codec-endpoint", f"{self.receiver_url}{CODEC_PATH}"),
            *("--db-filename", str(self.state / "temporal.db")),
            *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"),
            *("--log-level", "warn"),
        ]
        for setting in SERVER_SETTINGS:
            command += ["--dynamic-config-value", setting]
        for name, kind in naming.SEARCH_ATTRIBUTES.items():
            command += ["--search-attribute", f"{name}={kind}"]
        self.processes.start("temporal", command, self.environment, lambda: is_taken(self.ports.temporal))

    async def _prepare_temporal(self) -> None:
        client = await _connect_when_healthy(self.temporal_address, self.settings)
        await register_search_attributes(client)
        await _wait_for_search_attributes(client)

    def start_sandbox(self) -> None:
        """SendGrid, Twilio, inbox and phones."""
        folder = self.state / "sandbox"
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "tocsin.sandbox", "--port", str(self.ports.sandbox)),
            *("--events-url", f"{self.receiver_url}/v1/sendgrid/events"),
            *("--inbound-sms-url", f"{self.receiver_url}/v1/twilio/sms"),
            *("--event-key", str(folder / "events-private-key.pem")),
            *("--state", str(folder / "inbox.jsonl")),
        ]
        self.processes.start(
            "sandbox", command, self.environment, lambda: answers(f"{self.sandbox_url}/healthz")
        )

    def start_receiver(self) -> None:
        """What monitors, vendors and people's phones call."""
        command = [sys.executable, "-m", "starter", "serve", "--port", str(self.ports.receiver)]
        command += ["--insecure-loopback"]  # the example alert carries no token
        self.processes.start(
            "receiver", command, self.child_environment(), lambda: answers(f"{self.receiver_url}/healthz")
        )

    def start_worker(self) -> None:
        """One process for every queue."""
        command = [sys.executable, "-m", "worker", "--health-port", str(self.ports.health)]
        health = f"http://127.0.0.1:{self.ports.health}/healthz"
        self.processes.start("worker", command, self.child_environment(), lambda: answers(health))

    def start_again(self, name: str) -> None:
        """Start a process that has ended by itself. Raises `StartError`."""
        self.processes.forget(name)
        starts = {
            "temporal": self.start_temporal,
            "sandbox": self.start_sandbox,
            "receiver": self.start_receiver,
            "worker": self.start_worker,
        }
        starts[name]()

    def kill(self, name: str) -> None:
        """End a process as a power cut would: SIGKILL, no farewell. Start it again with its own method."""
        self.processes.kill(name)

    def _have_keys(self) -> None:
        """Everything runs encrypted, and proofs are signed: under the user's keys, or under ones that are made once for
        this state."""
        given = Settings.from_environment(self.environment)
        if not (given.payload_keys.get_secret_value() or given.payload_keys_file):
            ensure_file(self.state, "embedded")
        if not given.signing_keys.get_secret_value():
            signing.ensure_file(self.state)

    def _refuse_taken_ports(self) -> None:
        wanted = {"sandbox": self.ports.sandbox, "receiver": self.ports.receiver, "worker": self.ports.health}
        if not self.has_own_server:
            wanted |= {"Temporal": self.ports.temporal, "Temporal's UI": self.ports.ui}
        for name, port in wanted.items():
            if is_taken(port):
                raise StartError(f"port {port}, meant for {name}, is taken: is `make up` running already?")


async def _connect_when_healthy(address: str, settings: Settings) -> Client:
    """A client, once the server is: it opens its port a moment before."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            return await connect(address, settings=settings)
        except TemporalUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def _wait_for_search_attributes(client: Client) -> None:
    """Wait until the server answers a query by them: it knows new ones only a moment after it was told."""
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            await client.count_workflows(" AND ".join(f"{name} IS NULL" for name in naming.SEARCH_ATTRIBUTES))
        except RPCError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


async def register_search_attributes(client: Client) -> None:
    """Make the server know the search attributes; those that it knows already are left alone."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    known = await client.operator_service.list_search_attributes(request)
    missing = {
        name: kind for name, kind in naming.SEARCH_ATTRIBUTES.items() if name not in known.custom_attributes
    }
    if missing:
        await add_search_attributes(client, missing)


async def add_search_attributes(client: Client, attributes: Mapping[str, str]) -> None:
    """Register search attributes, by name and type, that the server does not know yet."""
    types = {
        name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}")
        for name, kind in attributes.items()
    }
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
    )
