"""The worker dies while it tells a multitude: nobody is passed over, and only the batch in flight may repeat."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.e2e.outside import LONG, dead, let_vendor
from tocsin.domain import naming
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack
from tocsin.temporal import connect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

RECIPIENTS = 12_000
BATCH = 1_000
MOST_EVENTS = 120


@pytest.fixture
def ships(own_house: Stack) -> str:
    """A long list beside the plan, with a row that makes no sense."""
    folder = Path(own_house.environment["TOCSIN_PLANS"]) / "lighthouse" / "lists"
    folder.mkdir()
    rows = [f"ship-{number}@example.org,Ship {number}" for number in range(RECIPIENTS)]
    (folder / "ships.csv").write_text("\n".join(["email,name", *rows, "nobody,Nobody"]) + "\n")
    return "ships.csv"


@pytest.fixture
def words(tmp_path: Path) -> str:
    path = tmp_path / "fog.md"
    path.write_text("There is fog, {{name}}.")
    return str(path)


def test_whoever_dies_everybody_is_told_and_only_batches_in_flight_are_told_twice(
    own_house: Stack, own_play: Play, ships: str, words: str
) -> None:
    stack, play = own_house, own_play
    dice = Random(1)
    let_vendor(stack, "sendgrid", "slow:0.4", times=100)
    sent = play.tocsin(
        *("broadcast", "send", "lighthouse", ships, "--subject", "Fog", "--text", words, "--yes")
    )
    deaths = (("worker",), ("worker", "temporal"))
    for number, victims in enumerate(deaths, 1):
        play.wait_for("some batches to leave", lambda least=number: _taken(stack) >= 3 * least * BATCH, LONG)
        time.sleep(dice.uniform(0, 0.4))
        with dead(stack, *victims):
            pass

    shown = play.wait_for("the end", lambda: _ended(play, sent["id"]), 3 * LONG)

    told = Counter(message["to"] for message in _arrived(stack))
    assert set(told) == {f"ship-{number}@example.org" for number in range(RECIPIENTS)}, (
        "nobody is passed over"
    )
    doubled = sum(count - 1 for count in told.values())
    assert doubled <= shown["counts"]["may_be_doubled"] <= len(deaths) * BATCH
    assert (shown["counts"]["accepted"], shown["counts"]["malformed"]) == (RECIPIENTS, 1)
    assert [problem["row"] for problem in shown["problems"]] == [RECIPIENTS + 2]
    events, text = asyncio.run(_history(stack, sent["id"]))
    assert events < MOST_EVENTS
    assert "ship-" not in text, "recipients never enter history"
    play.wait_for("the vendor's reports", lambda: _is_reported(play, sent["id"]), LONG)


def _taken(stack: Stack) -> int:
    return int(httpx.get(f"{stack.sandbox_url}/healthz").raise_for_status().json()["messages"])


def _arrived(stack: Stack) -> list[dict[str, str]]:
    query = {"kind": "email", "limit": str(10 * RECIPIENTS)}
    answer = httpx.get(f"{stack.sandbox_url}/sandbox/messages", params=query, timeout=LONG)
    found: list[dict[str, str]] = answer.raise_for_status().json()["messages"]
    return found


def _ended(play: Play, broadcast: str) -> dict[str, object] | None:
    shown: dict[str, object] = play.tocsin("broadcast", "show", broadcast, quiet=True)
    return shown if shown["state"] == "done" else None


def _is_reported(play: Play, broadcast: str) -> bool:
    shown = play.tocsin("broadcast", "show", broadcast, quiet=True)
    return bool(shown["deliveries"].get("delivered") == RECIPIENTS)


async def _history(stack: Stack, broadcast: str) -> tuple[int, str]:
    """How long the history is, and all that is in it, as whoever has the keys reads it."""
    client = await connect(stack.temporal_address, settings=stack.settings)
    handle = client.get_workflow_handle(naming.broadcast_workflow(broadcast))
    await handle.result()
    history = await handle.fetch_history()
    payloads = [
        payload
        for event in history.events
        for payload in (
            *event.workflow_execution_started_event_attributes.input.payloads,
            *event.activity_task_scheduled_event_attributes.input.payloads,
            *event.activity_task_completed_event_attributes.result.payloads,
        )
    ]
    codec = client.data_converter.payload_codec
    assert codec is not None
    plain = await codec.decode(payloads)
    return len(history.events), "\n".join(payload.data.decode() for payload in plain)
