"""The scenario that the README shows is one that can be played."""

import re
from pathlib import Path

from tocsin.rehearsal.stage import Stage

ROOT = Path(__file__).parents[2]


async def test_the_scenario_of_the_readme_makes_sense(tmp_path):
    [shown] = [
        block
        for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if block.startswith("scenario:")
    ]
    async with Stage.open(ROOT / "plans", tmp_path) as stage:
        script = stage.read(shown)
    assert script.scenario.plan == "allcode"
    assert len(script.scenario.steps) == shown.count("- {at:")


async def test_it_is_an_excerpt_of_the_one_that_ships(tmp_path):
    shown = (ROOT / "README.md").read_text()
    shipped = (ROOT / "plans/scenarios/allcode-card-data-at-night.yaml").read_text()
    steps = re.findall(r"^  (- \{at: .*)$", shown, re.MULTILINE)
    assert steps
    assert all(step in shipped for step in steps)
