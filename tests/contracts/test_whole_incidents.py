"""Whole incidents under the shipped plans, with letters, invitations and approvals: all of it fits the documents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tocsin.rehearsal import house
from tocsin.rehearsal.stage import Stage
from tocsin.settings import Settings
from tocsin.waysout import Channels, channels_of

from .contract import contract_of
from .recorder import Exchange, Recorder

PLANS = Path(__file__).parents[2] / "plans"

pytestmark = pytest.mark.slow


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Recorder]]:
    """The worker of a rehearsal reaches its vendors through a recorder."""
    recorders: list[Recorder] = []
    with ExitStack() as stack:

        def through_a_recorder(settings: Settings) -> Channels:
            recorders.append(stack.enter_context(Recorder(settings.sendgrid_host)))
            url = recorders[-1].url
            return channels_of(settings.model_copy(update={"sendgrid_host": url, "twilio_api_url": url}))

        monkeypatch.setattr(house, "channels_of", through_a_recorder)
        yield recorders


@pytest.mark.parametrize(
    "scenario", ["allcode-card-data-at-night", "miniorange-intruder", "miniorange-mail-is-down"]
)
async def test_all_that_an_incident_sends_fits(
    recorders: list[Recorder], tmp_path: Path, scenario: str
) -> None:
    async with Stage.open(PLANS, tmp_path) as stage:
        await stage.rehearse(PLANS / "scenarios" / f"{scenario}.yaml")

    exchanges = [exchange for recorder in recorders for exchange in recorder.exchanges]
    assert _kinds(exchanges) >= {"send", "Calls.json"}
    for exchange in exchanges:
        contract_of(exchange).check_request(exchange)
        if exchange.status < 400:  # a fault that a scenario injects is nobody's answer
            contract_of(exchange).check_answer(exchange)


def _kinds(exchanges: list[Exchange]) -> set[str]:
    return {exchange.path.rpartition("/")[2] for exchange in exchanges}
