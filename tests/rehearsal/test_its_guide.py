"""The guide to rehearsing says what scenarios may say, and shows one that makes sense."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.rehearsal.conftest import PLANS
from tocsin import yamlfile
from tocsin.library import PlanLibrary
from tocsin.rehearsal.scenario import Habit, Report, Scenario, Step, Trouble
from tocsin.rehearsal.script import prepare

GUIDE = (PLANS.parent / "docs" / "rehearsing.md").read_text()


@pytest.mark.parametrize("model", [Scenario, Report, Habit, Trouble, Step], ids=lambda model: model.__name__)
def test_every_key_that_can_be_written_is_explained(model: type[BaseModel]):
    _, _, behind = GUIDE.partition(f"<!-- keys: {model.__name__} -->\n")
    rows = behind.partition("\n\n")[0].splitlines()[2:]
    explained = [key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert explained
    assert set(explained) == {each.alias or name for name, each in model.model_fields.items()}


def test_the_scenario_of_the_guide_makes_sense(tmp_path: Path):
    [written] = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    prepare(yamlfile.read_text(written), PlanLibrary(PLANS, tmp_path), datetime.now(UTC))
