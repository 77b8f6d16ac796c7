"""A page is passed on, or handed over, at a terminal and in a scenario."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.cli.office import STORM, Desk
from tests.domain.world import World
from tocsin.cli.speaking import command_of
from tocsin.domain.commands import CommandRefused, HandOver
from tocsin.domain.events import Commanded

NIGHT = datetime(2027, 2, 3, 6, 52, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "whom"),
    [
        (["7F3K2-2"], (None, None)),
        (["7F3K2", "--page", "2"], (None, None)),
        (["7F3K2-2", "--to", "eva"], ("eva", None)),
        (["7F3K2-2", "--to-role", "clerk", "--page", "2"], (None, "clerk")),
    ],
)
def test_a_page_is_handed_over_by_its_code(
    desk: Desk, typed: list[str], whom: tuple[str | None, str | None]
) -> None:
    assert desk.types("handover", *typed, "--why", "on a plane") == 0

    told = desk.told
    assert isinstance(told, HandOver)
    assert (told.incident, told.page, told.person, told.role) == (STORM, 2, *whom)
    assert (told.reason, told.actor.key) == ("on a plane", "ana")


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        (["7F3K2"], "say which page, by its code such as 7F3K2-2, or with --page N"),
        (["7F3K2-2", "--page", "3"], "the code names page 2, and --page says 3"),
        (["7F3K2-2", "--to", "eva", "--to-role", "clerk"], "either --to PERSON or --to-role ROLE"),
    ],
)
def test_a_line_that_does_not_say_what_or_to_whom_is_a_usage_error(
    desk: Desk, capsys: pytest.CaptureFixture[str], typed: list[str], complaint: str
) -> None:
    assert desk.types("handover", *typed) == 2
    assert complaint in capsys.readouterr().err


def test_in_a_scenario_the_same_words_pass_a_page_on() -> None:
    world = World()
    world.alert()

    world.happens(Commanded(command=command_of('handover --page 1 --why "in a tunnel"', "ana", NIGHT)))

    assert world.reached == [("sms", "ana"), ("phone", "rui")]


def test_what_was_acknowledged_is_handed_over_to_somebody_who_is_named() -> None:
    world = World()
    world.alert()
    world.acknowledges("ana")

    with pytest.raises(CommandRefused, match="say to whom"):
        world.happens(Commanded(command=command_of("handover --page 1", "ana", NIGHT)))
    world.happens(Commanded(command=command_of("handover --page 1 --to eva", "ana", NIGHT)))

    assert world.reached[-1] == ("sms", "eva")
