"""Prometheus sees a lamp go out, Alertmanager says so, somebody is paged; and the same when the lamp is lit again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.recorder import Recorder
from tests.e2e.outside import LONG, dead, first
from tests.monitors.conftest import ROUTING_KEY
from tests.monitors.lamps import Lamp
from tests.monitors.seen import (
    answered,
    incident_called,
    incidents_called,
    statuses,
    wait_until_it_is_said_to_be_over,
)
from tests.monitors.watch import missing, watching
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
]


def webhook(gate: Recorder) -> Mapping[str, Any]:
    return {"webhook_configs": [{"url": f"{gate.url}/v1/alertmanager", "send_resolved": True}]}


def as_pagerduty(gate: Recorder) -> Mapping[str, Any]:
    return {"pagerduty_configs": [{"url": f"{gate.url}/v2/enqueue", "routing_key": ROUTING_KEY}]}


@pytest.mark.parametrize("receiver", [webhook, as_pagerduty])
def test_a_lamp_goes_out_and_is_lit_again(
    play: Play, lamp: Lamp, gate: Recorder, tmp_path: Path, receiver: Any
) -> None:
    with watching(tmp_path, lamp, receiver(gate)):
        lamp.go_out()
        incident = incident_called(play, lamp.name)
        first(play, incident, "sms")

        lamp.light()
        wait_until_it_is_said_to_be_over(play, incident)

    assert incidents_called(play, lamp.name) == [incident]
    assert statuses(gate) == {202}


@pytest.mark.parametrize("receiver", [webhook, as_pagerduty])
def test_while_temporal_is_stopped_alertmanager_tries_again_until_there_is_one_incident(
    house: Stack, play: Play, lamp: Lamp, gate: Recorder, tmp_path: Path, receiver: Any
) -> None:
    with watching(tmp_path, lamp, receiver(gate)):
        with dead(house, "temporal"):
            lamp.go_out()
            refusals = play.wait_for("a second refusal", lambda: answered(gate, 503)[1:], LONG)
            assert int(refusals[0].answer_headers["retry-after"]) > 0

        play.wait_for("Temporal to have the alert", lambda: answered(gate, 202), LONG)
        incident = incident_called(play, lamp.name)
        first(play, incident, "sms")
        lamp.light()
        wait_until_it_is_said_to_be_over(play, incident)

    assert incidents_called(play, lamp.name) == [incident]
    assert statuses(gate) == {202, 503}, "no other answer, least of all 429"
