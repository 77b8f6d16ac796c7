"""A payload that is piped into the starter goes where the same payload would go that is posted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.e2e.outside import LONG
from tests.ingest.formats.test_grafana import PAYLOAD
from tests.monitors.conftest import ROUTING_KEY
from tests.monitors.lamps import Lamp
from tests.monitors.seen import incident_called, incidents_called, wait_until_it_is_said_to_be_over
from tocsin.embedded.play import Play
from tocsin.embedded.stack import ROOT, Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def piped(stack: Stack, format: str, payload: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "starter", "start", "--from", format],
        env=stack.child_environment(),
        cwd=ROOT,
        input=json.dumps(payload),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def from_grafana(lamp: Lamp, status: str) -> dict[str, Any]:
    labels = {"alertname": "LampOut", "lamp": lamp.name, "tocsin_plan": "lighthouse"}
    annotations = {"summary": f"{lamp.name} is out"}
    alert = PAYLOAD["alerts"][0] | {"status": status, "labels": labels, "annotations": annotations}
    group = {"groupKey": lamp.name, "commonLabels": labels, "commonAnnotations": annotations}
    return PAYLOAD | group | {"status": status, "alerts": [alert]}


def test_grafanas_payload_opens_an_incident_and_says_when_it_is_over(
    house: Stack, play: Play, lamp: Lamp
) -> None:
    begun = piped(house, "grafana", from_grafana(lamp, "firing"))
    incident = incident_called(play, lamp.name)
    ended = piped(house, "grafana", from_grafana(lamp, "resolved"))

    assert (begun.returncode, ended.returncode) == (0, 0)
    assert begun.stdout == ended.stdout
    assert begun.stdout.endswith(" opened or joined\n")
    wait_until_it_is_said_to_be_over(play, incident)


def test_what_pagerdutys_source_describes_is_so_for_a_pipe_too(house: Stack, play: Play, lamp: Lamp) -> None:
    event = {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": lamp.name,
        "payload": {"summary": f"{lamp.name} is out", "source": "mole", "severity": "error"},
    }
    assert piped(house, "pagerduty", event).returncode == 0
    incident = incident_called(play, lamp.name)

    over = {key: event[key] for key in ("routing_key", "dedup_key")} | {"event_action": "resolve"}
    httpx.post(f"{house.receiver_url}/v2/enqueue", json=over).raise_for_status()

    wait_until_it_is_said_to_be_over(play, incident)
    assert incidents_called(play, lamp.name) == [incident]
