"""The commands of docker-compose.yml, run as processes on this machine, with the settings of .env.example."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deployment.described import ROOT, Script, Services, settings_in
from tocsin.embedded.processes import answers
from tocsin.embedded.stack import Ports, Stack
from tocsin.settings import environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PATH = {"PATH": environment()["PATH"]}
NAMESPACE = "tocsin"
ALERT = ROOT / "tocsin/ingest/examples/alertmanager.json"


@dataclass
class Deployment:
    """The services of the file without their containers: other ports, other folders, the same words otherwise."""

    services: Services
    folder: Path
    settings: dict[str, str]
    ports: Ports = field(default_factory=Ports.free)

    def __post_init__(self) -> None:
        self.stack = Stack(self.folder / "temporal", PATH, self.ports)
        self.sandbox = httpx.Client(base_url=self.stack.sandbox_url, trust_env=False)

    def start(self, name: str, health: str) -> None:
        """Run a service's command with the service's environment and nothing else."""
        service = self.services[name]
        command = [sys.executable, *map(self.here, service["command"][1:])]
        self.stack.processes.start(name, command, self.environment(name), lambda: answers(self.here(health)))

    def environment(self, name: str) -> dict[str, str]:
        given = {key: self.here(value) for key, value in self.services[name].get("environment", {}).items()}
        return {**PATH, **given}

    def probe(self, name: str) -> subprocess.CompletedProcess[str]:
        """The health check of a service."""
        command = [sys.executable, *map(self.here, self.services[name]["healthcheck"]["test"][2:])]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def here(self, text: str) -> str:
        """What stands in the file, with the settings filled in, and other places for this machine."""
        filled = re.sub(r"\$\{([A-Z0-9_]+)[^}]*\}", lambda found: self.settings[found[1]], text)
        words, places = self._words(), self._places()
        if filled in words:
            return words[filled]
        return re.sub("|".join(map(re.escape, places)), lambda found: places[found[0]], filled)

    def _words(self) -> dict[str, str]:
        """What stands alone."""
        return {"8080": str(self.ports.receiver), NAMESPACE: "default"}

    def _places(self) -> dict[str, str]:
        """Two names for the receiver, as in the file: signatures must be checked with the one that was called."""
        ports, folder = self.ports, self.folder
        return {
            "temporal:7233": f"127.0.0.1:{ports.temporal}",
            "sandbox:8025": f"127.0.0.1:{ports.sandbox}",
            "receiver:8080": f"127.0.0.1:{ports.receiver}",
            "receiver.localhost:8080": f"localhost:{ports.receiver}",
            "127.0.0.1:8080": f"127.0.0.1:{ports.receiver}",
            "127.0.0.1:8081": f"127.0.0.1:{ports.health}",
            "0.0.0.0:8081": f"127.0.0.1:{ports.health}",
            "127.0.0.1:8025": f"127.0.0.1:{ports.sandbox}",
            "--host=0.0.0.0": "--host=127.0.0.1",
            "--port=8025": f"--port={ports.sandbox}",
            "/var/lib/tocsin": str(folder / "records"),
            "/var/lib/sandbox": str(folder / "sandbox"),
            "/etc/tocsin/plans": str(ROOT / "plans"),
            "/etc/tocsin/sources": str(folder / "sources"),
        }

    def alert(self) -> str:
        """Report as the monitor whose token new-env.sh made; the incident."""
        token = self.settings["TOCSIN_INGEST_TOKENS"].removeprefix("monitor:")
        answer = httpx.post(
            f"{self.here(self.settings['TOCSIN_PUBLIC_URL'])}/v1/alertmanager",
            content=ALERT.read_bytes(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            trust_env=False,
        )
        return str(answer.raise_for_status().json()["key"])

    def arrived(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sandbox.get("/sandbox/messages", params={"kind": kind}).json()[
            "messages"
        ]
        return found

    def tocsin(self, *words: str) -> Any:
        """What the command line says inside the worker's container."""
        command = [str(Path(sys.executable).with_name("tocsin")), *words, "--output", "json"]
        told = subprocess.run(
            command, env=self.environment("worker"), capture_output=True, text=True, check=True
        )
        return json.loads(told.stdout)


@pytest.fixture
def deployment(services: Services, new_env: Script, tmp_path: Path) -> Iterator[Deployment]:
    """All services, the receiver before the sandbox that makes the key for it."""
    new_env()
    (tmp_path / "sources").mkdir()  # as Docker does
    deployment = Deployment(services, tmp_path, settings_in(tmp_path / ".env"))
    try:
        deployment.stack.start_temporal()
        deployment.start("receiver", "http://127.0.0.1:8080/healthz")
        deployment.start("sandbox", "http://127.0.0.1:8025/healthz")
        deployment.start("worker", "http://127.0.0.1:8081/livez")
        yield deployment
    finally:
        deployment.sandbox.close()
        deployment.stack.stop()


def eventually(what: str, find: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := find():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


def test_an_alert_pages_an_answer_is_believed_and_mail_is_known_to_have_arrived(
    deployment: Deployment,
) -> None:
    for name in ("receiver", "worker", "sandbox"):
        eventually(f"{name} to be healthy", lambda name=name: deployment.probe(name).returncode == 0)

    incident = deployment.alert()
    page = eventually("the page", lambda: deployment.arrived("sms"))[0]
    code = re.search(r"Reply (\S+)", page["text"])
    assert code, page["text"]
    deployment.sandbox.post(
        "/sandbox/reply", json={"message": page["id"], "body": code[1]}
    ).raise_for_status()

    eventually("the answer to count", lambda: deployment.tocsin("show", incident)["roles"].get("coordinator"))
    eventually("an email", lambda: deployment.arrived("email"))
    eventually(
        "the incident to know that mail arrived",
        lambda: [
            message
            for message in deployment.tocsin("messages", incident)
            if (message["channel"], message["state"]) == ("email", "delivered")
        ],
    )
