"""What `docker compose up` would start: held against the Compose specification and our own promises."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
WORKER_SHUTDOWN_SECONDS = 30
LONG_RUNNING = {"postgresql", "temporal", "ui", "worker", "receiver", "sandbox"}
ONE_SHOT = {"schema", "namespace"}
OWN_SECRETS = {"POSTGRES_PASSWORD", "TOCSIN_LINK_SECRET", "TOCSIN_INGEST_TOKENS"}

Services = dict[str, dict[str, Any]]
Script = Callable[[], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> Services:
    defined: Services = compose["services"]
    return defined


def settings_in(env_file: Path) -> dict[str, str]:
    lines = env_file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables(text: str) -> dict[str, str]:
    """Every `${NAME…}` in `text`, with what follows the name: `:-default`, `:?message` or nothing."""
    return dict(re.findall(r"\$\{([A-Z_]+)([^}]*)\}", text))


def test_the_file_keeps_to_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "tests/data/compose-spec.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(compose)


def test_everything_that_is_started_is_known_here(services: Services) -> None:
    assert set(services) == LONG_RUNNING | ONE_SHOT


def test_every_image_is_pinned_by_a_tag(services: Services) -> None:
    for name, service in services.items():
        _, _, tag = service["image"].partition(":")
        assert re.match(r"\d", tag), f"{name} runs {service['image']}"


def test_our_image_bears_the_version_of_the_project(services: Services) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    ours = {service["image"] for service in services.values() if "build" in service}
    assert ours == {f"tocsin:{version}"}


def test_nothing_is_reachable_from_another_machine(services: Services) -> None:
    published = {port for service in services.values() for port in service.get("ports", [])}
    assert "127.0.0.1:7233:7233" in published
    assert all(port.startswith("127.0.0.1:") for port in published), published


def test_the_database_is_not_published_and_survives_its_container(compose: dict[str, Any]) -> None:
    database = compose["services"]["postgresql"]
    assert "ports" not in database
    assert database["volumes"] == ["database:/var/lib/postgresql/data"]
    assert "database" in compose["volumes"]


def test_every_dependency_says_what_it_waits_for(services: Services) -> None:
    for name, service in services.items():
        for needed, terms in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            assert terms["condition"] == expected, f"{name} waits for {needed}"


def test_whoever_is_waited_for_in_health_has_a_health_check(services: Services) -> None:
    for service in services.values():
        for needed, terms in service.get("depends_on", {}).items():
            if terms["condition"] == "service_healthy":
                assert "healthcheck" in services[needed], needed


def test_one_shot_jobs_end_and_the_rest_comes_back_after_a_crash(services: Services) -> None:
    assert {services[name]["restart"] for name in ONE_SHOT} == {"on-failure:5"}
    assert {services[name]["restart"] for name in LONG_RUNNING} == {"unless-stopped"}


def test_two_workers_have_time_to_finish_what_they_began(services: Services) -> None:
    worker = services["worker"]
    assert worker["deploy"]["replicas"] >= 2
    assert int(worker["stop_grace_period"].removesuffix("s")) > WORKER_SHUTDOWN_SECONDS


def test_worker_and_receiver_share_one_record_store_and_one_set_of_settings(
    services: Services,
) -> None:
    worker, receiver = services["worker"], services["receiver"]
    assert worker["volumes"] == receiver["volumes"]
    assert f"records:{worker['environment']['TOCSIN_STATE']}" in worker["volumes"]
    assert worker["environment"] == receiver["environment"]


def test_no_secret_has_a_default_in_the_file() -> None:
    asked = variables((ROOT / "docker-compose.yml").read_text())
    secrets = {name for name in asked if re.search("PASSWORD|SECRET|TOKEN|API_KEY|ACCOUNT_SID", name)}
    assert {"POSTGRES_PASSWORD", "TOCSIN_LINK_SECRET", "SENDGRID_API_KEY", "TWILIO_AUTH_TOKEN"} <= secrets
    assert all(asked[name].startswith(":?") for name in secrets)


def test_the_example_gives_nobody_the_secrets_of_an_installation() -> None:
    example = settings_in(ROOT / ".env.example")
    assert {name for name in OWN_SECRETS if example[name]} == set()


def test_which_vendors_are_real_is_always_said_and_never_assumed() -> None:
    asked = variables((ROOT / "docker-compose.yml").read_text())
    assert asked["SENDGRID_HOST"].startswith(":?")
    assert asked["TWILIO_API_URL"].startswith(":?")


def test_the_example_names_every_variable_that_the_file_asks_for() -> None:
    asked = variables((ROOT / "docker-compose.yml").read_text())
    # COMPOSE_PROFILES is read by Docker Compose itself.
    assert set(settings_in(ROOT / ".env.example")) - {"COMPOSE_PROFILES"} == set(asked)


def test_the_example_runs_the_sandbox_in_place_of_the_vendors(services: Services) -> None:
    example = settings_in(ROOT / ".env.example")
    assert example["COMPOSE_PROFILES"] == services["sandbox"]["profiles"][0]
    assert example["SENDGRID_HOST"] == example["TWILIO_API_URL"] == "http://sandbox:8025"


def test_the_namespace_job_registers_the_search_attributes_that_the_code_names() -> None:
    from tocsin.domain.naming import SEARCH_ATTRIBUTES

    script = (ROOT / "deploy/namespace.sh").read_text()
    _, listed, _ = re.split(r"^.*\bATTRIBUTES$\n?", script, flags=re.MULTILINE)
    assert dict(line.split() for line in listed.splitlines()) == SEARCH_ATTRIBUTES


def test_the_server_reads_a_dynamic_config_that_enables_fairness(services: Services) -> None:
    temporal = services["temporal"]
    source, target, _ = temporal["volumes"][0].split(":")
    name = Path(temporal["environment"]["DYNAMIC_CONFIG_FILE_PATH"]).relative_to(target)
    assert YAML(typ="safe").load(ROOT / source / name)["matching.enableFairness"] == [{"value": True}]


def test_every_mounted_file_exists(services: Services) -> None:
    mounted = [volume for service in services.values() for volume in service.get("volumes", [])]
    assert all((ROOT / volume.split(":")[0]).exists() for volume in mounted if volume.startswith("./"))


@pytest.mark.parametrize("script", sorted((ROOT / "deploy").glob("*.sh")), ids=lambda script: script.name)
def test_a_deployment_script_is_sound_shell(script: Path) -> None:
    checked = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.fixture
def new_env(tmp_path: Path) -> Script:
    """Runs deploy/new-env.sh in a copy, so that it writes `tmp_path / ".env"`."""
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy/new-env.sh", tmp_path / "deploy")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return lambda: subprocess.run(["sh", script], capture_output=True, text=True, check=False)


def test_new_secrets_are_random_and_private(new_env: Script, tmp_path: Path) -> None:
    assert new_env().returncode == 0
    written = settings_in(tmp_path / ".env")
    secrets = [written[name].removeprefix("monitor:") for name in sorted(OWN_SECRETS)]
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in secrets)
    assert len(set(secrets)) == len(secrets)
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


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


def has_compose() -> bool:
    docker = shutil.which("docker")
    return (
        docker is not None
        and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    )


def docker_compose_config(env_file: Path) -> subprocess.CompletedProcess[str]:
    command = ["docker", "compose", "--env-file", str(env_file), "config", "--quiet"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.skipif(not has_compose(), reason="`docker compose` is not installed on this machine")
def test_docker_compose_accepts_the_file_once_the_secrets_are_made(new_env: Script, tmp_path: Path) -> None:
    refused = docker_compose_config(ROOT / ".env.example")
    assert refused.returncode != 0
    assert "run deploy/new-env.sh" in refused.stderr

    new_env()
    accepted = docker_compose_config(tmp_path / ".env")
    assert accepted.returncode == 0, accepted.stderr
