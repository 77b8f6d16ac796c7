"""The scripts that prepare a deployment and look after it."""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.described import OWN_SECRETS, ROOT, Script, settings_in
from tocsin.ingest.tokens import Tokens
from tocsin.keyring import KeyRing
from tocsin.settings import Settings


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda script: script.name)
def test_a_deployment_script_is_sound_shell(script: Path) -> None:
    checked = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_new_secrets_are_random_and_private(new_env: Script, tmp_path: Path) -> None:
    assert new_env().returncode == 0
    written = settings_in(tmp_path / ".env")
    secrets = [written[name].rpartition(":")[2] for name in sorted(OWN_SECRETS)]
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in secrets)
    assert len(set(secrets)) == len(secrets)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def test_a_new_installation_encrypts_and_lets_one_operator_read(new_env: Script, tmp_path: Path) -> None:
    new_env()
    settings = Settings.from_environment(settings_in(tmp_path / ".env"))

    assert KeyRing.read(settings).names == ("k1",)
    assert repr(Tokens(settings.codec_tokens.get_secret_value(), "TOCSIN_CODEC_TOKENS")) == "Tokens(operator)"


def test_secrets_in_use_are_never_overwritten(new_env: Script, tmp_path: Path) -> None:
    new_env()
    written = (tmp_path / ".env").read_text()
    again = new_env()
    assert again.returncode == 1
    assert "move it away first" in again.stderr
    assert (tmp_path / ".env").read_text() == written


class HealthOnly(http.server.BaseHTTPRequestHandler):
    """Answers 200 to `/healthz` and 503 to everything else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def healthy_url() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), HealthOnly) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def probe(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "deploy/probe.py"), url]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_probe_tells_the_healthy_from_the_sick_and_the_dead(healthy_url: str) -> None:
    assert probe(f"{healthy_url}/healthz").returncode == 0

    sick = probe(f"{healthy_url}/readyz")
    assert sick.returncode == 1
    assert "answers 503, not 200" in sick.stderr

    dead = probe("http://127.0.0.1:1/healthz")
    assert dead.returncode == 1
    assert "does not answer" in dead.stderr
