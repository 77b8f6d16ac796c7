"""The worker as a process: how it stops, what it serves, what it says of its health."""

from __future__ import annotations

import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from tests.e2e.outside import LONG, arrived, dead, faults_are_used_up, first, let_vendor, run, running, sends
from tests.e2e.payloads import lamp_is_out
from tocsin.domain import naming
from tocsin.embedded.play import Play
from tocsin.embedded.processes import answers, free_port
from tocsin.embedded.stack import Stack
from tocsin.temporal import connect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

GRACE = 30


def test_sigterm_lets_a_slow_send_finish_and_ends_with_0(
    house: Stack, play: Play, lamp: int, tmp_path: Path
) -> None:
    port = free_port()
    arguments = ["worker", "--health-port", str(port)]
    with dead(house, "worker"), running(arguments, house.child_environment(), tmp_path / "log") as worker:
        play.wait_for("the worker to be up", lambda: answers(f"http://127.0.0.1:{port}/healthz"), LONG)
        let_vendor(house, "twilio", "slow:2", times=1, path="Messages.json")
        incident = play.alert(lamp_is_out(lamp))["key"]
        play.wait_for("the send to be under way", lambda: faults_are_used_up(house), LONG)

        worker.send_signal(signal.SIGTERM)

        assert worker.wait(GRACE) == 0
        (text,) = arrived(play, incident, "sms")

    known = play.wait_for("the send to be known", lambda: sends(play, incident, vendor_id=text["vendor_id"]))
    assert len(known) == 1
    assert len(arrived(play, incident, "sms")) == 1, "what was told before the end is not sent again"


async def test_a_worker_serves_the_queues_that_it_was_given_and_no_other(
    house: Stack, play: Play, lamp: int, tmp_path: Path
) -> None:
    environment = house.child_environment()
    with ExitStack() as stack:
        stack.enter_context(dead(house, "worker"))
        texting = stack.enter_context(running(["worker", "--queues", "sms"], environment, tmp_path / "sms"))
        others = ["worker", "--queues", "incidents,email,phone"]
        stack.enter_context(running(others, environment, tmp_path / "others"))

        incident = play.alert(lamp_is_out(lamp))["key"]

        first(play, incident, "sms")
        assert await _served_by(texting, house) == {naming.SMS_QUEUE}


async def _served_by(process: subprocess.Popen[bytes], house: Stack) -> set[str]:
    """The queues that a process has polled, by what Temporal knows of who asked."""
    client = await connect(house.temporal_address)
    served = set()
    for queue in naming.QUEUES:
        for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
            request = DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
            )
            answer = await client.workflow_service.describe_task_queue(request)
            if any(poller.identity.startswith(f"{process.pid}@") for poller in answer.pollers):
                served.add(queue)
    return served


def test_a_queue_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    done = run(["worker", "--queues", "sms,fax"], {"TOCSIN_STATE": str(tmp_path)})

    assert done.returncode == 2
    assert "there is no queue fax; the queues are incidents, email, sms, phone" in done.stderr


def test_a_worker_is_ill_while_temporal_is_away_and_well_when_it_is_back(house: Stack, play: Play) -> None:
    url = f"http://127.0.0.1:{house.ports.health}/healthz"
    assert httpx.get(url).status_code == 200

    with dead(house, "temporal"):
        ill = play.wait_for("the worker to notice", lambda: _when(url, 503), LONG)
        assert "Temporal" in ill

    play.wait_for("the worker to recover", lambda: _when(url, 200), LONG)


def _when(url: str, status: int) -> str | None:
    answer = httpx.get(url, timeout=10)
    return answer.text if answer.status_code == status else None


def test_without_temporal_the_worker_says_where_it_looked(house: Stack) -> None:
    address = f"127.0.0.1:{free_port()}"

    done = run(["worker"], house.child_environment() | {"TEMPORAL_ADDRESS": address})

    assert done.returncode == 69
    assert address in done.stderr
