"""Processes are killed without warning; nothing accepted is lost, and repeats are recognisable."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest

from tests.e2e.payloads import lamp_is_out
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

KIT, DEE = "+12025550101", "+12025550102"


def texts(play: Play) -> list[str]:
    """The bodies of the text messages at the sandbox."""
    return [message["text"] for message in play.messages("sms")]


def slow_twilio(stack: Stack, seconds: float) -> None:
    """The vendor takes the next message at once and answers late."""
    fault = {"vendor": "twilio", "kind": f"slow:{seconds:g}", "times": 1}
    httpx.post(f"{stack.sandbox_url}/sandbox/faults", json=fault).raise_for_status()


def incident_of(play: Play) -> str:
    """The id of the only incident."""

    def found() -> Any:
        incidents = play.tocsin("list", quiet=True)
        return incidents[0]["incident"] if incidents else None

    return str(play.wait_for("the incident to be listed", found))


def test_a_worker_killed_in_the_middle_of_a_page_loses_no_message(stack: Stack, play: Play) -> None:
    slow_twilio(stack, 3)
    play.alert(lamp_is_out())
    play.wait_for("the page to be under way", lambda: play.messages("sms") or _is_under_way(play))

    stack.kill("worker")
    stack.start_worker()

    play.wait_for("the page", lambda: texts(play), 60)
    incident = incident_of(play)
    play.tocsin("ack", incident, person="kit")
    ledger = {row["key"]: row for row in play.tocsin("ledger", incident)}
    assert ledger["summon"]["verdict"] == "met"
    assert set(Counter(texts(play)).values()) <= {1, 2}, "only the send that was in flight may repeat"
    assert len(set(texts(play))) == 1, "a repeat says exactly the same, with the same code"


def _is_under_way(play: Play) -> bool:
    incidents = play.tocsin("list", quiet=True)
    return bool(incidents)


def test_a_server_killed_after_the_alert_was_accepted_pages_all_the_same(stack: Stack, play: Play) -> None:
    stack.kill("worker")
    play.alert(lamp_is_out())

    stack.kill("temporal")
    stack.start_temporal()
    stack.start_worker()

    play.wait_for("the page", lambda: texts(play), 60)


def test_a_receiver_killed_and_started_again_takes_what_the_vendors_kept(stack: Stack, play: Play) -> None:
    play.alert(lamp_is_out())
    play.wait_for("the page", lambda: texts(play))
    stack.kill("receiver")
    stack.start_receiver()

    incident = incident_of(play)

    def delivered() -> bool:
        return any(
            message["state"] == "delivered" for message in play.tocsin("messages", incident, quiet=True)
        )

    assert play.wait_for("the delivery report to reach the incident", delivered, 60)


def test_while_temporal_is_away_an_alert_is_refused_with_503_and_taken_on_the_next_try(
    stack: Stack, play: Play
) -> None:
    stack.kill("temporal")
    url = f"{stack.receiver_url}/v1/alertmanager"
    answer = httpx.post(url, json=lamp_is_out(), timeout=10)
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers

    stack.start_temporal()
    play.wait_for(
        "the receiver to reach Temporal", lambda: httpx.post(url, json=lamp_is_out()).is_success, 60
    )

    play.wait_for("the page", lambda: texts(play), 60)
    assert len(play.tocsin("list")) == 1
