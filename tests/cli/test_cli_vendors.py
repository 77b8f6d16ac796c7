"""Naming a supplier down or up, and seeing it, at the command line."""

from __future__ import annotations

import pytest

from tests.cli.office import Desk, FakeIncidents
from tests.domain.test_vendors import world
from tocsin.domain import commands as said_as


@pytest.mark.parametrize(
    ("words", "is_down", "reason"),
    [
        (("down", "--reason", "it says so"), True, "it says so"),
        (("down", "--why", "it says so"), True, "it says so"),
        (("up",), False, ""),
    ],
)
def test_somebody_says_that_a_vendor_is_down_or_up(
    desk: Desk, words: tuple[str, ...], is_down: bool, reason: str
) -> None:
    assert desk.types("vendor", "7F3K2", "mailhouse", *words) == 0

    assert isinstance(desk.told, said_as.NameVendor)
    assert (desk.told.vendor, desk.told.is_down, desk.told.reason) == ("mailhouse", is_down, reason)


def test_anything_but_down_and_up_is_a_usage_error(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.types("vendor", "7F3K2", "mailhouse", "sideways") == 2
    assert "'sideways' is not one of 'down', 'up'" in capsys.readouterr().err


def test_show_names_what_is_down_and_what_is_not_used(capsys: pytest.CaptureFixture[str]) -> None:
    story = world()
    story.alert(vendors=("mailhouse",))

    assert Desk(incidents=FakeIncidents(world=story)).types("show", "7F3K2") == 0

    assert "Down       Mailhouse, since 2026-06-01 12:00 UTC, no email" in capsys.readouterr().out
