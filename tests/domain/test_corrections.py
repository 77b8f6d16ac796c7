"""Corrections: a new verdict stands beside the old one, and nothing that was promised is loosened in silence."""

from datetime import timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.domain.words import Verdict


@pytest.fixture
def world():
    """A gale, and somebody is on it."""
    world = World()
    world.alert()
    world.acknowledges()
    return world


def test_a_corrected_time_adds_a_verdict_beside_the_old_one(world):
    world.passes(hours=5)
    world.says(say.FinishStep, step="moor")
    assert world.verdict("secured") is Verdict.MET

    occurred = harbour.MONDAY_NOON - timedelta(hours=20)
    world.says(say.SetAnchor, anchor="occurred", at=occurred, reason="says the log of the pilot boat")
    row = world.row("secured")
    assert row.verdict is Verdict.LATE
    (overtaken,) = row.judgements
    assert overtaken.verdict is Verdict.MET
    assert overtaken.due == harbour.MONDAY_NOON + timedelta(days=1)
    assert "says the log of the pilot boat" in overtaken.reason


def test_what_was_missed_by_a_wrong_time_is_owed_again_by_the_right_one(world):
    occurred = harbour.MONDAY_NOON - timedelta(hours=20)
    world.says(say.SetAnchor, anchor="occurred", at=occurred, reason="says the pilot")
    world.passes(hours=11)
    assert world.verdict("secured") is Verdict.MISSED

    world.says(
        say.SetAnchor, anchor="occurred", at=harbour.MONDAY_NOON - timedelta(hours=1), reason="she erred"
    )
    row = world.row("secured")
    assert row.verdict is Verdict.PENDING
    assert [judgement.verdict for judgement in row.judgements] == [Verdict.MISSED]
    world.says(say.FinishStep, step="moor")
    assert world.verdict("secured") is Verdict.MET


def test_a_resolution_may_be_dated_anew_but_not_before_the_incident(world):
    with pytest.raises(CommandRefused, match='"resolved" cannot be set'):
        world.says(say.SetAnchor, anchor="resolved", at=world.now)
    world.passes(days=1)
    world.says(say.Resolve, summary="calm")
    before = world.row("final-report").due
    world.says(
        say.SetAnchor, anchor="resolved", at=world.now - timedelta(hours=20), reason="it had calmed at night"
    )
    assert world.row("final-report").due < before
    assert world.row("final-report").changes[-1].due == before
    with pytest.raises(CommandRefused, match="before the incident began"):
        world.says(say.SetAnchor, anchor="resolved", at=harbour.MONDAY_NOON - timedelta(days=1))


def test_a_milder_severity_loosens_only_with_a_reason(world):
    with pytest.raises(CommandRefused, match="say why later deadlines"):
        world.says(say.Classify, severity="breeze", loosen=True)
