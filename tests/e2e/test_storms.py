"""A storm is one incident: repeats cost a handful of signals, and whoever dies loses none that was accepted."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.service import RPCError

from tests.e2e.outside import LONG, arrived, asked, dead, first, running
from tests.e2e.payloads import lamp_is_out
from tocsin.domain import naming
from tocsin.domain.alerts import CLOCKS_DIFFER_BY
from tocsin.domain.view import IncidentView
from tocsin.embedded.play import Play
from tocsin.embedded.processes import answers, free_port
from tocsin.embedded.stack import Stack
from tocsin.temporal import connect
from workflows.incident import IncidentWorkflow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

AT_ONCE = 20


def storm(url: str, lamp: int, repeats: int) -> list[dict[str, Any]]:
    """What the monitor hears who says the same so often, from some clients at a time."""

    async def say() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(base_url=url, timeout=LONG, limits=limits) as http:
            payload = lamp_is_out(lamp)
            return await asyncio.gather(
                *(http.post("/v1/alertmanager", json=payload) for _ in range(repeats))
            )

    said = asyncio.run(say())
    assert {answer.status_code for answer in said} == {202}
    return [answer.json() for answer in said]


def outcomes(said: list[dict[str, Any]]) -> list[str]:
    return [answer["outcome"] for answer in said]


def count(play: Play, incident: str) -> int:
    """How often the lamp was said to be out, as the incident knows it."""
    [alert] = asked(play, "show", incident)["alerts"].values()
    return int(alert["count"])


def wait_for_count(play: Play, incident: str, wanted: int) -> None:
    play.wait_for(f"{wanted} words to be counted", lambda: count(play, incident) == wanted, LONG)


def signals(stack: Stack, key: str) -> int:
    """How many alerts the incident was signalled."""

    async def found() -> int:
        client = await connect(stack.temporal_address, settings=stack.settings)
        handle = client.get_workflow_handle(naming.incident_workflow(key))
        history = await handle.fetch_history()
        return sum(
            event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
            and event.workflow_execution_signaled_event_attributes.signal_name == "alert"
            for event in history.events
        )

    return asyncio.run(found())


def spooled(url: str) -> float:
    """How many repeats are on a receiver's disk alone."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("tocsin_ingest_spooled "))


def incident_after(stack: Stack, play: Play, old: str, key: str) -> IncidentView:
    """The incident that follows another under the same key."""

    async def view() -> IncidentView | None:
        client = await connect(stack.temporal_address, settings=stack.settings)
        handle = client.get_workflow_handle(naming.incident_workflow(key))
        try:
            shown = await handle.query(IncidentWorkflow.view)
        except (WorkflowQueryFailedError, RPCError):
            return None  # not logged yet, or for some seconds Temporal still counts on a worker that is busy
        return shown if shown.id != old else None

    return play.wait_for(f"an incident after {old}", lambda: asyncio.run(view()), LONG)


@contextmanager
def another_receiver(stack: Stack, play: Play) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A second one beside the stack's: where it answers, and its process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = ["starter", "serve", "--port", str(port), "--insecure-loopback"]
    with running(command, stack.child_environment(), stack.state / "logs" / "second.log") as process:
        play.wait_for("the second receiver", lambda: answers(f"{url}/healthz"), LONG)
        yield url, process


def is_open(stack: Stack, key: str) -> bool:
    """Whether an incident runs under a key, known to Temporal itself, which does not count on what it lists."""

    async def status() -> WorkflowExecutionStatus | None:
        client = await connect(stack.temporal_address, settings=stack.settings)
        return (await client.get_workflow_handle(naming.incident_workflow(key)).describe()).status

    return asyncio.run(status()) is WorkflowExecutionStatus.RUNNING


def end(stack: Stack, play: Play, incident: str, key: str) -> None:
    """Resolve an incident and wait until nothing runs under its key; no word said so far may pass for a later one."""
    time.sleep(CLOCKS_DIFFER_BY.total_seconds())
    play.tocsin("resolve", incident, "the wick is dry", person="kit")
    play.wait_for("the hand-over", lambda: not is_open(stack, key), LONG)


def test_two_thousand_repeats_are_one_incident_a_handful_of_signals_and_all_are_counted(
    house: Stack, play: Play, lamp: int
) -> None:
    said = storm(house.receiver_url, lamp, 2_000)

    key = said[0]["key"]
    assert outcomes(said).count("opened or joined") <= 3
    wait_for_count(play, key, 2_000)
    assert signals(house, key) <= 6
    assert len(arrived(play, asked(play, "show", key)["id"], "sms")) == 1


def test_a_receiver_that_is_killed_with_repeats_on_its_disk_is_succeeded_by_one_that_tells_them(
    house: Stack, play: Play, lamp: int
) -> None:
    key = storm(house.receiver_url, lamp, 1)[0]["key"]
    assert outcomes(storm(house.receiver_url, lamp, 30)) == ["counted"] * 30

    with dead(house, "receiver"):
        assert count(play, key) == 1

    wait_for_count(play, key, 31)


def test_a_firing_that_was_accepted_after_the_resolution_opens_the_next_incident_even_if_the_receiver_dies(
    house: Stack, play: Play, lamp: int
) -> None:
    key = storm(house.receiver_url, lamp, 1)[0]["key"]
    old = asked(play, "show", key)["id"]
    first(play, old, "sms")
    play.tocsin("resolve", old, "the wick is dry", person="kit")
    play.wait_for("the hand-over", lambda: asked(play, "show", old)["workflow"].startswith("post-"), LONG)
    assert outcomes(storm(house.receiver_url, lamp, 1)) == ["counted"]

    with dead(house, "receiver"):
        pass

    new = incident_after(house, play, old, key)
    assert new.follows == old
    first(play, new.id, "sms")


def test_a_repeat_that_a_dead_receiver_had_accepted_before_the_resolution_opens_no_incident_after_it(
    house: Stack, play: Play, lamp: int
) -> None:
    key = storm(house.receiver_url, lamp, 1)[0]["key"]
    old = asked(play, "show", key)["id"]
    first(play, old, "sms")
    assert outcomes(storm(house.receiver_url, lamp, 3)) == ["counted"] * 3

    with dead(house, "receiver"):
        end(house, play, old, key)

    play.wait_for("the repeats to be told", lambda: spooled(house.receiver_url) == 0, LONG)
    assert not is_open(house, key)
    storm(house.receiver_url, lamp, 1)
    new = incident_after(house, play, old, key)
    assert new.follows == old
    first(play, new.id, "sms")


def test_a_repeat_that_another_receiver_tells_too_late_opens_no_incident_and_one_that_it_hears_later_does(
    house: Stack, play: Play, lamp: int
) -> None:
    with another_receiver(house, play) as (url, second):
        key = storm(url, lamp, 1)[0]["key"]
        old = asked(play, "show", key)["id"]
        first(play, old, "sms")
        assert outcomes(storm(url, lamp, 1)) == ["counted"]
        second.send_signal(signal.SIGSTOP)
        end(house, play, old, key)
        second.send_signal(signal.SIGCONT)

        play.wait_for("the repeat to be told", lambda: spooled(url) == 0, LONG)
        assert not is_open(house, key)
        assert outcomes(storm(url, lamp, 1)) == ["counted"], "it has not forgotten what it was told"
        second.terminate()
        second.wait(LONG)

    new = incident_after(house, play, old, key)
    assert new.follows == old
    first(play, new.id, "sms")


def test_what_temporal_was_away_for_is_told_once_it_is_back(house: Stack, play: Play, lamp: int) -> None:
    key = storm(house.receiver_url, lamp, 1)[0]["key"]
    asked(play, "show", key)
    with dead(house, "temporal"):
        assert outcomes(storm(house.receiver_url, lamp, 5)) == ["counted"] * 5
        assert spooled(house.receiver_url) == 5
        url = f"{house.receiver_url}/v1/alertmanager"
        play.wait_for(
            "the window to end: nothing more is taken",
            lambda: httpx.post(url, json=lamp_is_out(lamp), timeout=LONG).status_code == 503,
            LONG,
        )
        kept = spooled(house.receiver_url)

    wait_for_count(play, key, 1 + int(kept))
    assert spooled(house.receiver_url) == 0


def test_two_receivers_make_one_incident_their_counts_add_up_and_the_one_that_is_stopped_tells_its_own_first(
    house: Stack, play: Play, lamp: int
) -> None:
    with another_receiver(house, play) as (url, second):
        first_said = storm(house.receiver_url, lamp, 50)
        second_said = storm(url, lamp, 50)
        second.terminate()
        second.wait(LONG)

    assert {answer["key"] for answer in first_said + second_said} == {first_said[0]["key"]}
    assert len(list((house.state / "ingest").iterdir())) <= 1, "it has left nothing behind"
    wait_for_count(play, first_said[0]["key"], 100)
