"""Prometheus sees a lamp go out, Alertmanager says so, somebody is paged; and the same when the lamp is lit again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.recorder import Exchange, Recorder
from tests.e2e.outside import LONG, dead, first, timeline
from tests.monitors.lamps import Lamp
from tests.monitors.watch import Watch, missing
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(missing()), reason=f"not installed: {', '.join(missing())}"),
]


@contextmanager
def watching(folder: Path, lamp: Lamp, receiver: Mapping[str, Any]) -> Iterator[None]:
    watch = Watch(folder, [lamp], receiver)
    watch.start()
    try:
        yield
    finally:
        watch.stop()


def webhook(gate: Recorder) -> Mapping[str, Any]:
    return {"webhook_configs": [{"url": f"{gate.url}/v1/alertmanager", "send_resolved": True}]}


def incidents_of(play: Play, lamp: Lamp) -> list[str]:
    """Every incident that this lamp has had, whatever became of it."""
    runs = play.tocsin("list", "--all", quiet=True)
    return [run["incident"] for run in runs if f"{lamp.name} is out" in run["title"]]


def incident_of(play: Play, lamp: Lamp) -> str:
    return play.wait_for(f"an incident of {lamp.name}", lambda: incidents_of(play, lamp), LONG)[0]


def is_said_to_be_lit(play: Play, incident: str) -> bool:
    return any("is resolved, says the monitor" in words for words in timeline(play, incident))


def answered(gate: Recorder, status: int) -> list[Exchange]:
    return [exchange for exchange in gate.exchanges if exchange.status == status]


def test_a_lamp_goes_out_and_is_lit_again(play: Play, lamp: Lamp, gate: Recorder, tmp_path: Path) -> None:
    with watching(tmp_path, lamp, webhook(gate)):
        lamp.go_out()
        incident = incident_of(play, lamp)
        first(play, incident, "sms")

        lamp.light()
        play.wait_for("the monitor's word that it is lit", lambda: is_said_to_be_lit(play, incident), LONG)

    assert incidents_of(play, lamp) == [incident]
    assert {exchange.status for exchange in gate.exchanges} == {202}


def test_while_temporal_is_stopped_alertmanager_tries_again_until_there_is_one_incident(
    house: Stack, play: Play, lamp: Lamp, gate: Recorder, tmp_path: Path
) -> None:
    with watching(tmp_path, lamp, webhook(gate)):
        with dead(house, "temporal"):
            lamp.go_out()
            refusals = play.wait_for("a second refusal", lambda: answered(gate, 503)[1:], LONG)
            assert int(refusals[0].answer_headers["retry-after"]) > 0

        play.wait_for("Temporal to have the alert", lambda: answered(gate, 202), LONG)
        incident = incident_of(play, lamp)
        first(play, incident, "sms")
        lamp.light()
        play.wait_for("the monitor's word that it is lit", lambda: is_said_to_be_lit(play, incident), LONG)

    assert incidents_of(play, lamp) == [incident]
    assert {exchange.status for exchange in gate.exchanges} == {202, 503}, "no other answer, least of all 429"
