"""A storm of alerts while processes die at random: every alert that was taken is worked on, nothing is forgotten."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import pytest
from temporalio.api.enums.v1 import EventType

from tests.e2e.outside import LONG, Message, arrived, dead, ledger, let_vendor, sends, timeline
from tests.e2e.payloads import lamp_is_out
from tocsin.domain import naming
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack
from tocsin.temporal import connect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ALERTS = 12
ALERTS_WITHIN = 20.0
STORM = 30.0
"""Seconds."""

PAUSE = 0.5
"""Seconds between two tries, as a monitor or a person makes them."""

MORTALS = ("temporal", "sandbox", "receiver", "worker")
ACKNOWLEDGED = 3
"""How many incidents the keeper answers while it lasts."""


@dataclass
class Storm:
    """What goes on at once: a monitor that reports lamps, a keeper who answers, and death."""

    stack: Stack
    dice: Random
    deaths: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def report(self, lamp: int, after: float) -> str:
        """Report a lamp as Alertmanager does: whatever is not a 2xx is tried again. The incident's id."""
        self.ended.wait(after)
        deadline = time.monotonic() + 2 * LONG
        while time.monotonic() < deadline:
            if (incident := self._report_once(lamp)) is not None:
                return incident
            time.sleep(PAUSE)
        raise AssertionError(f"nobody took the alert of lamp {lamp}")

    def _report_once(self, lamp: int) -> str | None:
        url = f"{self.stack.receiver_url}/v1/alertmanager"
        try:
            answer = httpx.post(url, json=lamp_is_out(lamp), timeout=10)
        except httpx.TransportError:
            return None
        assert answer.is_success or answer.is_server_error, answer.text
        return str(answer.json()["key"]) if answer.is_success else None

    def acknowledge(self, incident: str) -> None:
        """Acknowledge as kit, and again under the same id until it is taken: accepted, or kept for a worker."""
        command = [str(Path(sys.executable).with_name("tocsin")), "ack", incident, "--as", "kit"]
        command += ["--id", f"ack-{incident}"]
        deadline = time.monotonic() + 2 * LONG
        while time.monotonic() < deadline:
            done = subprocess.run(
                command, env=self.stack.child_environment(), capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return
            time.sleep(PAUSE)
        raise AssertionError(f"nobody took the acknowledgement of {incident}: {done.stderr}")

    def rage(self) -> None:
        """Kill one or two processes at random moments, and start them again after a while."""
        deadline = time.monotonic() + STORM
        self._slow_down()
        try:
            while time.monotonic() < deadline:
                self._strike()
        finally:
            self.ended.set()

    def _strike(self) -> None:
        time.sleep(self.dice.uniform(0, 1.5))
        victims = self.dice.sample(MORTALS, self.dice.choice([1, 1, 2]))
        self.deaths += victims
        with dead(self.stack, *victims):
            time.sleep(self.dice.uniform(0, 1.5))
        if "sandbox" in victims:
            self._slow_down()

    def _slow_down(self) -> None:
        """Let every send take a while, so that death finds some under way; the sandbox forgets it when it dies."""
        let_vendor(self.stack, "twilio", "slow:1.5")


@pytest.mark.parametrize("seed", [20261122])
def test_whatever_dies_in_a_storm_every_alert_that_was_taken_is_worked_on(
    own_house: Stack, own_play: Play, seed: int
) -> None:
    stack, play = own_house, own_play
    dice = Random(seed)
    storm = Storm(stack, dice)
    moments = sorted(dice.uniform(0, ALERTS_WITHIN) for _ in range(ALERTS))
    with ThreadPoolExecutor(ALERTS + ACKNOWLEDGED) as executor:
        reports = [executor.submit(storm.report, lamp, after) for lamp, after in enumerate(moments, 1)]
        answers = [executor.submit(_answer, storm, report) for report in reports[:ACKNOWLEDGED]]
        storm.rage()
        incidents = [report.result(LONG) for report in reports]
        acknowledged = [answer.result(2 * LONG) for answer in answers]
    print(f"seed {seed}: {len(storm.deaths)} deaths: {' '.join(storm.deaths)}")

    assert len(set(incidents)) == ALERTS
    for incident in incidents:
        play.wait_for(
            f"{incident} to be paged or answered", lambda each=incident: _is_cared_for(play, each), LONG
        )
    for incident in incidents:
        no_obligation_is_forgotten(play, incident)
        what_is_called_sent_is_at_the_vendor(play, incident)
    for incident in acknowledged:
        acknowledgements = [text for text in timeline(play, incident) if ") acknowledged: " in text]
        assert len(acknowledgements) == 1, "a command that is repeated is applied once"
        assert ledger(play, incident)["summon"]["verdict"] == "met"
    assert {run["incident"] for run in play.tocsin("list")} == set(incidents), "none is doubled"
    print(f"seed {seed}: {repeats(play)} messages arrived twice or more")
    asyncio.run(no_workflow_task_failed(stack, incidents))


def _answer(storm: Storm, report: Future[str]) -> str:
    incident = report.result()
    storm.acknowledge(incident)
    return incident


def _is_cared_for(play: Play, incident: str) -> bool:
    if arrived(play, incident, "sms") or arrived(play, incident, "call"):
        return True
    return ledger(play, incident)["summon"]["verdict"] == "met"


def no_obligation_is_forgotten(play: Play, incident: str) -> None:
    rows = ledger(play, incident)
    for key in ("summon", "interim-report#1"):
        assert rows[key]["due"] is not None, f"{key} of {incident} has no clock"
    assert rows["final-report"]["reason"].startswith("its clock starts when known")


def what_is_called_sent_is_at_the_vendor(play: Play, incident: str) -> None:
    at_the_vendor = {message["vendor_id"] for message in play.messages()}
    for message in sends(play, incident):
        if message["vendor_id"]:
            assert message["vendor_id"] in at_the_vendor, f"{message['id']} was never taken"


def repeats(play: Play) -> int:
    """How many messages came more than once; each time they said the same, to the same person."""
    by_message: dict[str, list[Message]] = defaultdict(list)
    for message in play.messages():
        if message["direction"] == "outbound" and message["status_callback"]:
            by_message[message["status_callback"]].append(message)
    for same in by_message.values():
        assert len({(each["to"], each["text"]) for each in same}) == 1, f"not the same: {same}"
    return sum(len(same) > 1 for same in by_message.values())


async def no_workflow_task_failed(stack: Stack, incidents: list[str]) -> None:
    """A task may be lost with its worker; one that fails is a defect of the workflow."""
    client = await connect(stack.temporal_address)
    for incident in incidents:
        handle = client.get_workflow_handle(naming.incident_workflow(incident))
        history = await handle.fetch_history()
        failed = [
            event.workflow_task_failed_event_attributes.failure.message
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
        ]
        assert failed == [], f"{incident}: {failed}"
