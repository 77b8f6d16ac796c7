"""What can be seen of incidents from outside, and of what monitors were answered."""

from __future__ import annotations

from tests.contracts.recorder import Exchange, Recorder
from tests.e2e.outside import LONG, timeline
from tocsin.embedded.play import Play


def incidents_called(play: Play, words: str) -> list[str]:
    """Every incident in whose title these words are, whatever became of it."""
    runs = play.tocsin("list", "--all", quiet=True)
    return [run["incident"] for run in runs if words in run["title"]]


def incident_called(play: Play, words: str) -> str:
    """Wait for an incident in whose title these words are."""
    return play.wait_for(f"an incident called {words}", lambda: incidents_called(play, words), LONG)[0]


def wait_until_it_is_said_to_be_over(play: Play, incident: str) -> None:
    """Wait for the monitor's word on the timeline that an alert is resolved."""

    def is_said() -> bool:
        return any("is resolved, says the monitor" in words for words in timeline(play, incident))

    play.wait_for("the monitor's word that it is over", is_said, LONG)


def answered(gate: Recorder, status: int) -> list[Exchange]:
    """What was answered with this status so far."""
    return [exchange for exchange in gate.exchanges if exchange.status == status]


def statuses(gate: Recorder) -> set[int]:
    """Every status that was answered so far."""
    return {exchange.status for exchange in gate.exchanges}
