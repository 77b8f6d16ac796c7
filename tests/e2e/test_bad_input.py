"""What makes no sense is refused at the door, with its place and what to do."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.e2e.outside import run
from tests.e2e.payloads import lamp_is_out
from tests.workflows.lighthouse import DIRECTORY, PLAN
from tocsin.callbacks import EVENTS_PATH, KEY_PATH, SMS_PATH, STATUS_PATH
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


PROBLEMS = [
    pytest.param(
        "plan.yaml", "title: Lighthouse keepers' policy", "titel: Lighthouse", "titel", id="an unknown key"
    ),
    pytest.param("plan.yaml", "within: PT1H", "within: 1 hour", "1 hour", id="an impossible duration"),
    pytest.param("plan.yaml", "audience: fleet}", "audience: flet}", "flet", id="an unknown audience"),
    pytest.param(
        "directory.yaml",
        'phone: "+12025550102", ',
        "",
        "phone, wait: PT10M",
        id="a deputy without a phone",
    ),
]


@pytest.mark.parametrize(("file", "right", "wrong", "told"), PROBLEMS)
def test_with_a_plan_that_makes_no_sense_the_worker_does_not_start_and_says_where(
    tmp_path: Path, file: str, right: str, wrong: str, told: str
) -> None:
    plan, environment = plan_with(tmp_path, file, right, wrong)

    done = run(["worker"], environment)

    assert done.returncode == 2
    assert placed(plan, told) in done.stderr
    assert "Traceback" not in done.stderr


def test_nor_does_the_receiver(tmp_path: Path) -> None:
    plan, environment = plan_with(tmp_path, "plan.yaml", "within: PT1H", "within: soon")

    done = run(["starter", "serve", "--port", "0"], environment)

    assert done.returncode == 2
    assert placed(plan, "soon") in done.stderr


def plan_with(folder: Path, file: str, right: str, wrong: str) -> tuple[Path, dict[str, str]]:
    """The lighthouse's plan with one thing made wrong; the plan's file, and the environment that names it."""
    plan = folder / "plans" / "lighthouse"
    plan.mkdir(parents=True)
    for name, text in {"plan.yaml": PLAN, "directory.yaml": DIRECTORY}.items():
        (plan / name).write_text(text)
    assert right in (plan / file).read_text()
    (plan / file).write_text((plan / file).read_text().replace(right, wrong, 1))
    environment = {"TOCSIN_PLANS": str(folder / "plans"), "TOCSIN_STATE": str(folder / "state")}
    return plan / "plan.yaml", environment


def placed(file: Path, part: str) -> str:
    """`file:line:column` of the first place where `part` begins in a file."""
    before = file.read_text().partition(part)[0]
    return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_settings_that_are_missing_are_named(tmp_path: Path) -> None:
    done = run(["worker"], {"TOCSIN_STATE": str(tmp_path)})

    assert done.returncode == 2
    assert "TWILIO_AUTH_TOKEN" in done.stderr


def test_a_payload_of_more_than_a_mebibyte_is_refused_and_opens_nothing(
    house: Stack, play: Play, lamp: int
) -> None:
    payload = lamp_is_out(lamp)
    payload["commonAnnotations"]["summary"] = "lamp" * 300_000

    answer = httpx.post(f"{house.receiver_url}/v1/alertmanager", json=payload)

    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert play.alert(lamp_is_out(lamp))["outcome"], "the receiver goes on"


@pytest.mark.parametrize("path", [STATUS_PATH, KEY_PATH, SMS_PATH, EVENTS_PATH])
@pytest.mark.parametrize("signature", ["", "bm90IHNpZ25lZA=="])
def test_a_callback_that_no_vendor_signed_is_refused(house: Stack, path: str, signature: str) -> None:
    headers = {
        "X-Twilio-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Signature": signature,
        "X-Twilio-Email-Event-Webhook-Timestamp": "1767225600",
    }
    answer = httpx.post(
        f"{house.receiver_url}{path}?workflow=incident-X&incident=X&page=1&person=kit",
        content=b"[]" if path == EVENTS_PATH else b"Digits=1&Body=ACK&From=%2B12025550101",
        headers=headers | {"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert answer.status_code == 403
