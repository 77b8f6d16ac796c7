"""The table itself: no row without a test, no entry that the plan does not have."""

import re
from pathlib import Path

import pytest

from tests.clauses.rows import PLANS, found, named_after, rows

SOURCE = Path(__file__).parents[3] / "shared" / "policies" / "CLAUSES.md"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.row)
def test_every_row_has_a_test_and_stands_in_its_plan(row):
    assert named_after(row), f"no test is named test_{row.row}_…"
    assert row.entries, f"{row.row} names no entry of plans/{row.plan}"
    for entry in row.entries:
        assert found(row, entry) is not None


def test_every_shipped_plan_has_its_rows():
    shipped = {path.parent.name for path in PLANS.glob("*/plan.yaml")}
    assert {row.plan for row in rows()} == shipped


@pytest.mark.skipif(not SOURCE.exists(), reason="the source policies' list of clauses is not on this machine")
def test_no_row_of_the_source_policies_is_left_out():
    named = re.findall(r"^\| ([A-Z]\d+) \|", SOURCE.read_text(), re.M)
    assert [row.row for row in sorted(rows(), key=lambda row: named.index(row.row))] == named
