"""Two incidents are said to be one, at a terminal."""

from __future__ import annotations

import pytest

from tests.cli.office import BREEZE, STORM, Desk, execution
from tocsin.domain import naming
from tocsin.domain.commands import Merge


def test_an_incident_cannot_be_merged_into_one_that_nobody_knows(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.types("merge", "7F3K2", "ZZZZZ") == 3
    assert 'no incident begins with "ZZZZZ"' in capsys.readouterr().err


def test_the_incident_is_told_which_one_the_work_goes_on_in(desk: Desk) -> None:
    desk.incidents.listed.append(execution(BREEZE))
    assert desk.types("merge", "7F3K2", "9QQQQ", "--why", "the same cause") == 0
    told = desk.told
    assert isinstance(told, Merge)
    assert (told.incident, told.into, told.key, told.reason) == (
        STORM,
        BREEZE,
        BREEZE,
        "the same cause",
    )


def test_an_incident_that_is_resolved_is_no_place_to_go_on(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.incidents.listed.append(execution(BREEZE, naming.post_incident_workflow(BREEZE)))
    assert desk.types("merge", "7F3K2", "9QQQQ") == 1
    assert (
        "incident 9QQQQ is over; merge into one that is open, or reopen it first" in capsys.readouterr().err
    )
    assert desk.incidents.commanded == []
