"""A stage for the shipped plans."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tocsin.rehearsal.stage import Stage

PLANS = Path(__file__).parents[2] / "plans"
SCENARIOS = PLANS / "scenarios"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage.open(PLANS, tmp_path) as stage:
        yield stage
