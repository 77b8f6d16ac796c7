"""What `docker compose up` would start: held against the Compose specification and our own promises."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from ruamel.yaml import YAML

from tests.deployment.described import (
    OWN_SECRETS,
    ROOT,
    Script,
    Services,
    filled,
    flags_of,
    settings_in,
    variables,
)
from tocsin.callbacks import CODEC_PATH, EVENTS_PATH, SMS_PATH
from tocsin.ingest.serving import GRACE_SECONDS
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.signing import PUBLIC_KEY_NAME
from tocsin.settings import VARIABLES, Settings, SettingsError

WORKER_SHUTDOWN_SECONDS = 30
LONG_RUNNING = {"postgresql", "temporal", "ui", "worker", "receiver", "sandbox"}
ONE_SHOT = {"schema", "namespace"}
NO_SENDGRID = {"SENDGRID_API_KEY": "", "SENDGRID_FROM": ""}
A_MAIL_SERVER = {"SMTP_HOST": "mail.example.com", "SMTP_FROM": "alarm@example.com"}


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


def test_a_receiver_has_time_to_answer_what_is_under_way(services: Services) -> None:
    assert int(services["receiver"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS


def test_worker_and_receiver_share_one_record_store_and_one_set_of_settings(
    services: Services,
) -> None:
    worker, receiver = services["worker"], services["receiver"]
    of_the_receiver = {"sandbox:/var/lib/sandbox:ro", "${TOCSIN_SOURCES:-./sources}:/etc/tocsin/sources:ro"}
    assert set(worker["volumes"]) == set(receiver["volumes"]) - of_the_receiver
    assert f"records:{worker['environment']['TOCSIN_STATE']}" in worker["volumes"]
    assert worker["environment"] == receiver["environment"]


def test_whatever_can_be_set_reaches_the_worker_and_the_receiver(services: Services) -> None:
    of_the_command_line = {"TOCSIN_ACTOR", "TOCSIN_TOKEN"}
    assert set(VARIABLES.values()) - of_the_command_line <= set(services["worker"]["environment"])


def test_settings_that_may_stay_empty_count_as_not_set() -> None:
    example = settings_in(ROOT / ".env.example")
    assert Settings.from_environment(example).drill_speed is None


def worker_with(services: Services, changed: dict[str, str], folder: Path) -> Settings:
    """What the worker reads once .env has been made and edited so."""
    given = settings_in(folder / ".env") | changed
    environment = services["worker"]["environment"].items()
    set_by_compose = {name: filled(value, given) for name, value in environment}
    return Settings.from_environment(set_by_compose)


def test_a_mail_server_alone_is_enough_for_a_worker(
    services: Services, new_env: Script, tmp_path: Path
) -> None:
    new_env()

    settings = worker_with(services, NO_SENDGRID | A_MAIL_SERVER, tmp_path)

    settings.require_ways_out()
    assert settings.email_vendors == ("smtp",)
    assert settings.email_sender == "alarm@example.com"


def test_without_either_the_worker_says_what_is_missing(
    services: Services, new_env: Script, tmp_path: Path
) -> None:
    new_env()

    with pytest.raises(SettingsError, match=r"^set SENDGRID_API_KEY, SENDGRID_FROM: "):
        worker_with(services, NO_SENDGRID, tmp_path).require_ways_out()


def test_each_health_check_asks_where_its_service_listens(services: Services) -> None:
    for name in ("worker", "receiver", "sandbox"):
        asked = urlsplit(services[name]["healthcheck"]["test"][-1])
        told = [*services[name]["command"], *services[name].get("environment", {}).values()]
        assert any(str(asked.port) in words for words in told), name


def test_a_worker_is_not_called_dead_while_its_vendors_are_away(services: Services) -> None:
    assert urlsplit(services["worker"]["healthcheck"]["test"][-1]).path == "/livez"


def test_the_sandbox_takes_the_accounts_of_the_example_and_knows_no_others(services: Services) -> None:
    sandbox, example = SandboxConfig(), settings_in(ROOT / ".env.example")
    assert example["SENDGRID_API_KEY"] == sandbox.api_key
    assert example["TWILIO_ACCOUNT_SID"] == sandbox.account_sid
    assert example["TWILIO_AUTH_TOKEN"] == sandbox.auth_token
    assert example["TWILIO_FROM"] == sandbox.number
    assert "environment" not in services["sandbox"]


def test_the_receiver_reads_the_key_that_the_sandbox_makes(services: Services) -> None:
    flags = flags_of(services["sandbox"])
    key_file = Path(settings_in(ROOT / ".env.example")["SENDGRID_EVENTS_PUBLIC_KEY_FILE"])
    assert key_file == Path(flags["--event-key"]).with_name(PUBLIC_KEY_NAME)
    assert services["sandbox"]["volumes"] == [f"sandbox:{key_file.parent}"]
    assert f"sandbox:{key_file.parent}:ro" in services["receiver"]["volumes"]


def test_what_the_sandbox_remembers_survives_its_container(compose: dict[str, Any]) -> None:
    flags = flags_of(compose["services"]["sandbox"])
    assert Path(flags["--state"]).parent == Path(flags["--event-key"]).parent == Path("/var/lib/sandbox")
    assert "sandbox" in compose["volumes"]


def test_the_sandbox_calls_the_url_whose_signature_the_receiver_checks(services: Services) -> None:
    flags = flags_of(services["sandbox"])
    assert flags["--inbound-sms-url"] == "${TOCSIN_PUBLIC_URL}" + SMS_PATH
    assert flags["--events-url"] == f"http://receiver:8080{EVENTS_PATH}"


def test_the_ui_has_what_is_encrypted_read_by_the_receiver(services: Services) -> None:
    example, ui = settings_in(ROOT / ".env.example"), services["ui"]
    assert ui["environment"]["TEMPORAL_CODEC_ENDPOINT"] == "${TEMPORAL_CODEC_ENDPOINT-}"
    assert ui["environment"]["TEMPORAL_CODEC_INCLUDE_CREDENTIALS"] == "true"
    [receiver], [published] = services["receiver"]["ports"], ui["ports"]
    assert example["TEMPORAL_CODEC_ENDPOINT"] == f"http://localhost:{receiver.split(':')[1]}{CODEC_PATH}"
    assert example["TOCSIN_UI_ORIGIN"] == f"http://localhost:{published.split(':')[1]}"


def test_every_folder_for_a_volume_belongs_to_the_user_of_the_image(services: Services) -> None:
    [made] = re.findall(r"install --directory --owner=tocsin .*", (ROOT / "Dockerfile").read_text())
    ours = [volume for name in ("worker", "receiver", "sandbox") for volume in services[name]["volumes"]]
    assert {volume.split(":")[1] for volume in ours if re.match(r"[a-z]", volume)} <= set(made.split())


def test_no_secret_has_a_default_in_the_file() -> None:
    asked = variables((ROOT / "docker-compose.yml").read_text())
    secrets = {name for name in asked if re.search("PASSWORD|SECRET|TOKEN|API_KEY|ACCOUNT_SID|KEYS$", name)}
    assert OWN_SECRETS | {"SENDGRID_API_KEY", "TWILIO_AUTH_TOKEN"} <= secrets
    assert all(asked[name] == "-" or asked[name].startswith(":?") for name in secrets)


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
