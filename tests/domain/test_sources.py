"""Lines of reports: what was done, by whom, and who told us."""

from datetime import timedelta

import pytest

from tests.domain import observatory
from tests.domain.observatory import parse
from tests.domain.world import World
from tocsin.domain import commands as say
from tocsin.domain.plan import Plan
from tocsin.domain.state import Actor, Reporter

LINES = """
      - {heading: Done, source: actions_done}
      - {heading: Told by, source: reporter}
obligations:
"""


@pytest.fixture
def world():
    """It drips, at nine in the morning; the log has two more lines."""
    world = World(
        plan=parse(observatory.PLAN.replace("\nobligations:\n", LINES, 1), Plan),
        directory=observatory.directory(),
        calendar=observatory.CALENDAR,
        now=observatory.TUESDAY,
    )
    world.alert(severity="drip")
    return world


def test_steps_tasks_and_measures_are_told_with_whoever_did_them(world):
    assert world.report("log")["Done"] == "Nothing is recorded as done yet"
    world.says(say.AddTask, title="Buy a tarpaulin", person="edmond")
    world.says(say.FinishTask, task=1, outcome="a green one", by="edmond")
    world.says(say.FinishStep, step="look", by="edmond")
    world.says(say.Mitigate, action="identify", title="Tarpaulin over the dome", by="caroline")
    world.says(say.Mitigate, action="test", mitigation=1, result="dry", by="caroline")
    assert "over the dome" not in world.report("log")["Done"], "what was found is not what was done"
    world.says(say.Mitigate, action="deploy", mitigation=1, by="caroline")
    assert world.report("log")["Done"].splitlines() == [
        "- Look (@edmond (claimed))",
        "- Mend the roof (@caroline (claimed))",
        "- Buy a tarpaulin: a green one (@edmond (claimed))",
        "- Tarpaulin over the dome (@caroline (claimed))",
    ]


def test_whoever_knew_for_long_is_told_of_with_the_time(world):
    knew = world.now - timedelta(hours=30)
    reported = Reporter(kind="employee", channel="phone", knew=knew)
    reporter = Actor(key="edmond", via="phone")
    world.becomes(world.state.model_copy(update={"reporter": reporter, "reported": reported}))
    assert world.report("log")["Told by"] == (
        "@edmond (employee), by phone, Tuesday 03 February 2026, 09:00 GMT; "
        "known to them since Monday 02 February 2026, 03:00 GMT"
    )
