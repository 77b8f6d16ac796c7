from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from starter import _listen
from tests.channels.vendor import closed_port
from tests.ingest.harbour import write_plans

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "TEMPORAL_ADDRESS": closed_port().removeprefix("http://"),
        "TOCSIN_PLANS": str(write_plans(tmp_path / "plans")),
        "TOCSIN_STATE": str(tmp_path / "state"),
    }


def starter(
    environment: dict[str, str], *arguments: str, payload: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "starter", *arguments]
    return subprocess.run(
        command,
        env=environment,
        cwd=ROOT,
        input=payload,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start", "--title", "Fog"], "a report needs --plan"),
        (["start"], "a report needs --plan and --title"),
        (["start", "--from", "alertmanager", "--as", "kit"], "leave out --as"),
        (["start", "--from", "zabbix"], "zabbix"),
        (["start", "--from", "nagios", "quay-1"], "write NAME=VALUE"),
        (["start", "--from", "nagios", "--patience", "a while"], "write seconds, such as 60s"),
        (["start", "--from", "nagios", "--title", "Fog"], "leave out --title"),
        (["start", "--from", "alertmanager", "HOSTNAME=quay-1"], "leave out HOSTNAME"),
        (
            ["start", "--plan", "harbour", "--title", "Fog", "--patience", "60s"],
            "--patience goes with --from",
        ),
        (["start", "--plan", "harbour", "--title", "Fog", "--fact", "place"], "write NAME=VALUE"),
    ],
)
def test_wrong_usage_is_explained(environment: dict[str, str], arguments: list[str], said: str) -> None:
    ended = starter(environment, *arguments)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


@pytest.mark.parametrize(
    ("host", "public_url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("127.0.0.1", "https://tocsin.example"),
    ],  # the latter behind a proxy
)
def test_what_is_encrypted_is_not_opened_to_anybody_who_may_be_elsewhere(
    environment: dict[str, str], host: str, public_url: str
) -> None:
    careless = {"TOCSIN_CODEC_TOKENS": "anybody", "TOCSIN_INGEST_TOKENS": "monitor:red-light-to-port"}

    ended = starter(environment | careless | {"TOCSIN_PUBLIC_URL": public_url}, "serve", "--host", host)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "TOCSIN_CODEC_TOKENS=anybody lets whoever reaches the receiver read incidents" in ended.stderr


def test_a_payload_that_makes_no_sense_is_refused(
    environment: dict[str, str], example: dict[str, Any]
) -> None:
    broken = starter(environment, "start", "--from", "alertmanager", payload="{")
    example["commonLabels"] = {"service": "lighthouse"}
    unmatched = starter(environment, "start", "--from", "alertmanager", payload=json.dumps(example))

    assert (broken.returncode, unmatched.returncode) == (1, 1)
    assert "not JSON" in broken.stderr
    assert "labels match no plan" in unmatched.stderr


def test_without_plans_the_starter_says_where_it_looked(environment: dict[str, str], tmp_path: Path) -> None:
    ended = starter(environment | {"TOCSIN_PLANS": str(tmp_path / "nowhere")}, "serve", "--port", "0")

    assert ended.returncode == 2
    assert "nowhere" in ended.stderr


def test_while_temporal_is_away_nothing_is_claimed_to_have_started(
    environment: dict[str, str], example: dict[str, Any]
) -> None:
    person = starter(environment, "start", "--plan", "harbour", "--title", "Fog")
    monitor = starter(environment, "start", "--from", "alertmanager", payload=json.dumps(example))

    for ended in (person, monitor):
        assert (ended.returncode, ended.stdout) == (69, "")
        assert "Temporal does not answer" in ended.stderr
        assert "Traceback" not in ended.stderr


PROBLEM = {
    "NAGIOS_NOTIFICATIONTYPE": "PROBLEM",
    "NAGIOS_HOSTNAME": "quay-1",
    "NAGIOS_HOSTSTATE": "DOWN",
}


def test_a_monitor_whose_environment_says_nothing_is_told_what_to_set(environment: dict[str, str]) -> None:
    ended = starter(environment, "start", "--from", "nagios", "--plan", "harbour")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "set enable_environment_macros=1 in nagios.cfg" in ended.stderr


def test_the_name_of_this_machine_does_not_stand_in_for_a_host_that_icinga_did_not_name(
    environment: dict[str, str],
) -> None:
    own = {"HOSTNAME": "watchtower"}
    before_2_7 = {"NOTIFICATIONTYPE": "PROBLEM", "HOSTALIAS": "The north quay", "HOSTSTATE": "DOWN"}
    forgotten = {f"ICINGA_{name}": said for name, said in before_2_7.items()}

    for told in ({}, before_2_7, forgotten):
        ended = starter(environment | own | told, "start", "--from", "icinga", "--plan", "harbour")

        assert (ended.returncode, ended.stdout) == (1, "")
        assert 'ICINGA_HOSTNAME = "$host.name$"' in ended.stderr


def test_what_a_monitor_says_by_running_us_may_match_no_plan(environment: dict[str, str]) -> None:
    ended = starter(environment | PROBLEM, "start", "--from", "nagios")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "none has an intake rule for nagios" in ended.stderr


def test_a_byte_that_is_not_utf8_in_any_variable_loses_no_page(environment: dict[str, str]) -> None:
    latin_1 = "M\udcfcnchen"  # Python's way to write a single byte, 0xFC
    said = environment | PROBLEM | {"NAGIOS_HOSTOUTPUT": latin_1, "BANNER": latin_1}

    ended = starter(said, "start", "--from", "nagios", "--plan", "harbour")

    assert (ended.returncode, ended.stdout) == (69, "")
    assert "Temporal does not answer" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_for_a_monitor_that_would_not_come_again_it_is_tried_again_for_a_while(
    environment: dict[str, str],
) -> None:
    asked = ("start", "--from", "nagios", "--plan", "harbour", "--patience")
    began = monotonic()
    at_once = starter(environment | PROBLEM, *asked, "0")
    once = monotonic() - began
    patiently = starter(environment | PROBLEM, *asked, "3s")

    for ended in (at_once, patiently):
        assert (ended.returncode, ended.stdout) == (69, "")
        assert "Temporal does not answer" in ended.stderr
    assert monotonic() - began - once > 3


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "starter", "serve", "--port", "0", "--insecure-loopback"]
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process
        process.kill()


def test_the_service_starts_without_temporal_and_ends_when_it_is_told_to(
    service: subprocess.Popen[str],
) -> None:
    assert service.stdout is not None
    url = service.stdout.readline().strip().removeprefix("receiver on ")

    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError) as not_ready:
        urllib.request.urlopen(f"{url}/readyz", timeout=5)
    not_ready.value.close()
    assert not_ready.value.code == 503
    service.send_signal(signal.SIGTERM)
    assert service.wait(timeout=15) == 0


def test_a_port_that_is_taken_is_named(environment: dict[str, str], service: subprocess.Popen[str]) -> None:
    assert service.stdout is not None
    port = service.stdout.readline().strip().rpartition(":")[2]

    ended = starter(environment, "serve", "--port", port, "--insecure-loopback")

    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr


def test_no_part_of_an_answer_waits_for_the_client_to_acknowledge_another() -> None:
    with _listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
