"""What has been sent, what it cost, what has not left, and why: on one screen, and as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.cli.office import STORM, Desk, execution
from tests.domain.world import World
from tocsin.cli.gateway import TemporalIncidents
from tocsin.cli.incidents import PendingSend, Queue
from tocsin.domain import naming
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.lately import HeldMessage, Lately
from tocsin.domain.state import Message, PlanPin, Target


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def world(desk: Desk) -> World:
    """A storm of which nobody has been told yet."""
    world = World()
    world.alert("storm", customer="orca")
    world.state.messages.clear()
    desk.incidents.world = world
    desk.incidents.listed = [execution(world.state.id)]
    return world


def message(world: World, number: int, **more: object) -> Message:
    values = {
        "id": naming.message_id(world.state.id, number),
        "purpose": "page",
        "template": "page",
        "target": Target(role="pilot"),
        "channel": "sms",
        "subject": "The wind rises",
        "created": world.now,
        **more,
    }
    made = Message(**values)
    world.state.messages[made.id] = made
    return made


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_text_with_whom_it_reached_its_vendor_and_its_cost(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = {"sent": world.now, "vendor": "twilio", "reached": "pia"}
    message(world, 1, state=DeliveryState.DELIVERED, segments=2, delivered=world.now, **sent)
    message(world, 2, state=DeliveryState.SENT, segments=1, **sent)
    message(world, 3, state=DeliveryState.ANSWERED, channel="phone", **sent)

    desk.types("messages", world.state.reference)

    assert lines(capsys) == [
        "TIME (UTC)   CHANNEL  TO    STATE      WHAT",
        "06-01 12:00  sms      @pia  delivered  page: The wind rises – twilio, 2 segments",
        "06-01 12:00  sms      @pia  sent       page: The wind rises – twilio, 1 segment",
        "06-01 12:00  phone    @pia  answered   page: The wind rises – twilio",
        "2 texts (3 segments), 1 call",
    ]


def test_one_person_is_named_in_one_way_however_they_were_meant(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    message(world, 1, reached="pia", state=DeliveryState.SENT)
    message(world, 2, target=Target(person="pia"))
    message(world, 3, target=Target(audience="pilots", member="pia"), state=DeliveryState.FAILED)
    message(world, 4)
    message(world, 5, target=Target(person="pia", supervisor=True))

    desk.types("messages", world.state.reference)

    shown = " ".join(" ".join(lines(capsys)).split())
    assert shown.count("@pia") == 3
    assert "sms role pilot queued" in shown
    assert "sms the supervisor of pia queued" in shown


def test_what_came_in_a_digest_says_so_and_costs_nothing_itself(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    lacks = "went in a digest with 8 others"
    message(world, 1, state=DeliveryState.SENT, sent=world.now, vendor="twilio", segments=0, lacks=lacks)

    desk.types("messages", world.state.reference)

    shown = " ".join(" ".join(lines(capsys)).split())
    assert shown.endswith("page: The wind rises – twilio – went in a digest with 8 others 1 text")


def test_what_failed_and_what_took_its_place(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    fallback = message(world, 2, channel="email", state=DeliveryState.FAILED_FOR_NOW, detail="blocked")
    message(world, 1, state=DeliveryState.FAILED, detail="failed 30005", succeeded_by=fallback.id)

    desk.types("messages", world.state.reference)

    shown = " ".join(" ".join(lines(capsys)).split())
    assert "failed for now page: The wind rises – blocked" in shown
    assert "failed for good page: The wind rises – failed 30005 – m2 took its place" in shown


def test_what_is_queued_held_back_or_tried_again_is_told_apart(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    queued, held, again = (message(world, number) for number in (1, 2, 3))
    later = world.now + timedelta(seconds=40)
    told = "held back with 4 more until 12:00:40 UTC, to come in one message instead of many"
    busy = "Twilio answered 503"
    desk.incidents.waiting = [
        PendingSend(message=queued.id, attempt=1, is_under_way=False),
        PendingSend(
            message=held.id,
            attempt=2,
            is_under_way=False,
            failed_as="HeldBack",
            failure=told,
            next_attempt=later,
        ),
        PendingSend(
            message=again.id,
            attempt=4,
            is_under_way=False,
            failed_as="TryAgain",
            failure=busy,
            next_attempt=later,
        ),
    ]

    desk.types("messages", world.state.reference)

    [_, first, second, *rest] = lines(capsys)
    assert "  queued  " in first
    assert "  held back  " in second
    shown = " ".join(" ".join(rest).split())
    assert "until 12:00:40 UTC" in " ".join([second, shown])
    assert "failed for now page: The wind rises – Twilio answered 503 – attempt 4 at 12:00:40" in shown
    assert shown.endswith("1 queued, 1 held back, 1 failed for now")


def test_as_json_with_what_temporal_knows_of_those_that_wait(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    held = message(world, 1)
    desk.incidents.waiting = [
        PendingSend(message=held.id, attempt=2, is_under_way=False, failed_as="HeldBack", failure="held back")
    ]

    desk.types("messages", world.state.reference, "--output", "json")

    [printed] = json.loads(capsys.readouterr().out)
    assert (printed["id"], printed["state"]) == (held.id, "queued")
    assert printed["waits"]["failed_as"] == "HeldBack"


def test_nothing_was_sent_yet(world: World, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.types("messages", world.state.reference)

    assert lines(capsys) == ["no message was sent yet"]


# ---- queues ----


def test_the_queues_with_what_waits_in_them(
    desk: Desk, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    desk.incidents.working = [
        Queue(queue="sms", waiting=120, oldest_seconds=61, leaves_per_second=1, rate=1, workers=2),
        Queue(queue="phone", waiting=0, oldest_seconds=0, leaves_per_second=0, rate=None, workers=0),
    ]

    assert desk.types("queues") == 0

    assert lines(capsys) == [
        "QUEUE  WAITING  OLDEST             LEAVING  RATE  WORKERS",
        "sms    120      1 minute 1 second  1.0/s    1/s   2",
        "phone  0        –                  0.0/s    any   none: start one, python",
        "                                                  worker.py",
        "",
        "nothing is held back",
    ]


def test_who_is_spared_for_now_by_the_directorys_key(
    desk: Desk, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = HeldMessage(
        message=f"{STORM}-m1",
        workflow=f"incident-{STORM}",
        incident=STORM,
        reference="7F3K2",
        plan=PlanPin(name="harbour", hash="0" * 64),
        purpose="page",
        person="pia",
        title="The wind rises",
        severity="Gale",
        created=desk.now,
    )
    two = one.model_copy(update={"message": f"{STORM}-m2"})
    folder = tmp_path / ".tocsin" / "held"
    folder.mkdir(parents=True)
    lately = Lately(waiting=[one, two], until=desk.now + timedelta(seconds=40))
    (folder / "0123.json").write_text(lately.model_dump_json())

    desk.types("queues")

    assert lines(capsys)[-2:] == ["PLAN     TO    HELD BACK  UNTIL", "harbour  @pia  2          in 40 s"]


# ---- on a real server ----


@activity.defn(name="hold")
async def hold() -> None:
    raise ApplicationError("held back until noon", type="HeldBack", next_retry_delay=timedelta(hours=1))


@workflow.defn(name="Holds", sandboxed=False)
class Holds:
    """An incident, one of whose messages is held back, while another waits for a worker that is not there."""

    @workflow.run
    async def run(self, incident: str) -> None:
        limit = timedelta(seconds=10)
        held = workflow.start_activity(
            hold, activity_id=naming.message_id(incident, 1), start_to_close_timeout=limit
        )
        waits = workflow.start_activity(
            hold,
            activity_id=naming.message_id(incident, 2),
            start_to_close_timeout=limit,
            task_queue=naming.SMS_QUEUE,
        )
        await held
        await waits


@pytest.fixture
async def server() -> AsyncIterator[WorkflowEnvironment]:
    temporal = str(Path(sys.executable).with_name("temporal"))
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=temporal) as env:
        yield env


@pytest.mark.slow
async def test_what_waits_is_read_from_temporal_itself(server: WorkflowEnvironment) -> None:
    incidents = TemporalIncidents(server.client)
    run = Worker(
        server.client,
        task_queue=naming.INCIDENT_QUEUE,
        workflows=[Holds],
        activities=[hold],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with run:
        handle = await server.client.start_workflow(
            Holds.run, STORM, id=f"incident-{STORM}", task_queue=naming.INCIDENT_QUEUE
        )
        found = execution(STORM).model_copy(update={"run": handle.result_run_id})
        pending: list[PendingSend] = []
        while [each.failed_as for each in pending].count("HeldBack") < 1 or len(pending) < 2:
            pending = await incidents.pending(found)
            await asyncio.sleep(0.05)
        queues = {each.queue: each for each in await incidents.queues()}

    held, waits = sorted(pending, key=lambda each: each.message)
    assert (held.message, held.attempt, held.failed_as) == (f"{STORM}-m1", 2, "HeldBack")
    assert held.failure == "held back until noon"
    assert held.next_attempt is not None
    assert (waits.attempt, waits.failure, waits.is_under_way) == (1, "", False)
    assert queues["incidents"].workers == 1
    assert queues["sms"].waiting == 1
    assert queues["sms"].workers == 0
    assert queues["sms"].rate is None
