"""Stories that show what a policy demands: each is rehearsed once, and read by many tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clauses.rows import PLANS
from tocsin.rehearsal.result import Result
from tocsin.rehearsal.stage import Stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Stories take seconds each: all but the table itself are left to `make test` and `make clauses`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.path.name != "test_rows.py":
            item.add_marker(pytest.mark.slow)


Rehearsed = Callable[[str], Result]
"""A scenario under plans/scenarios by its name, or in its own words as YAML, to what it shows."""


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """Plays a scenario under the shipped plans; what was played before is not played again."""
    played: dict[str, Result] = {}

    def rehearse(scenario: str) -> Result:
        if scenario not in played:
            played[scenario] = asyncio.run(_play(scenario, tmp_path_factory.mktemp("rehearsal")))
        return played[scenario]

    return rehearse


async def _play(scenario: str, folder: Path) -> Result:
    is_text = "\n" in scenario
    async with Stage.open(PLANS, folder) as stage:
        return await stage.rehearse(scenario if is_text else PLANS / "scenarios" / f"{scenario}.yaml")
