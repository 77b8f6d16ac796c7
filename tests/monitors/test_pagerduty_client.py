"""PagerDuty's own client for Python, pointed at Tocsin by another URL and key."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pagerduty import EventsApiV2Client, HttpError

from tests.e2e.outside import LONG, dead, first, ledger, timeline
from tests.monitors.conftest import ROUTING_KEY, SecureGate
from tests.monitors.seen import (
    answered,
    incident_called,
    incidents_called,
    statuses,
    wait_until_it_is_said_to_be_over,
)
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def client_of(gate: SecureGate, key: str) -> EventsApiV2Client:
    trust = ssl.create_default_context(cafile=gate.certificate.file)
    return EventsApiV2Client(key, base_url=gate.url, verify=trust)


@pytest.fixture
def client(secure_gate: SecureGate) -> Iterator[EventsApiV2Client]:
    with client_of(secure_gate, ROUTING_KEY) as client:
        yield client


def test_what_is_triggered_pages_and_is_resolved_by_the_key_that_the_client_got(
    play: Play, secure_gate: SecureGate, client: EventsApiV2Client
) -> None:
    key = client.trigger("The bell rope is torn", "belfry.harbour.example", severity="error")
    incident = incident_called(play, "The bell rope is torn")
    first(play, incident, "sms")
    assert client.trigger("The bell rope is torn", "belfry.harbour.example", severity="error") == key

    assert client.resolve(key) == key
    wait_until_it_is_said_to_be_over(play, incident)

    assert incidents_called(play, "The bell rope is torn") == [incident]
    assert statuses(secure_gate) == {202}


def test_that_a_tool_acknowledged_it_lets_nobody_off(play: Play, client: EventsApiV2Client) -> None:
    key = client.trigger("The bell is cracked", "belfry.harbour.example", dedup_key="bell/crack")
    incident = incident_called(play, "The bell is cracked")
    first(play, incident, "sms")

    assert client.acknowledge(key) == key
    client.resolve(key)
    wait_until_it_is_said_to_be_over(play, incident)

    assert ledger(play, incident)["summon"]["verdict"] == "pending"
    assert any("acknowledged, says the monitor" in line for line in timeline(play, incident))


def test_while_temporal_is_away_the_client_tries_again_until_there_is_one_incident(
    house: Stack, play: Play, secure_gate: SecureGate, client: EventsApiV2Client
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with dead(house, "temporal"):
            triggered = pool.submit(client.trigger, "The bell is gone", "belfry.harbour.example")
            play.wait_for("a refusal", lambda: answered(secure_gate, 503), LONG)
        key = triggered.result(LONG)

    incident = incident_called(play, "The bell is gone")
    assert statuses(secure_gate) == {202, 503}
    assert client.trigger("The bell is gone", "belfry.harbour.example") == key
    first(play, incident, "sms")
    assert incidents_called(play, "The bell is gone") == [incident]


def test_another_key_opens_nothing(play: Play, secure_gate: SecureGate) -> None:
    with client_of(secure_gate, "0" * 32) as stranger, pytest.raises(HttpError, match="400"):
        stranger.trigger("Somebody else rings", "belfry.harbour.example")

    assert incidents_called(play, "Somebody else rings") == []
