"""Approvals and waivers: who may let words go, by when, and what happens to words that nobody approved."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain import observatory
from tests.domain.leak import leaking
from tocsin.domain import commands as say
from tocsin.domain.commands import CommandRefused
from tocsin.domain.decide import decide
from tocsin.domain.events import Commanded
from tocsin.domain.state import Reporter, Witness
from tocsin.domain.words import Verdict


@pytest.fixture
def world():
    """It drips, at nine in the morning."""
    return leaking()


def lenders_told(world):
    return [letter for letter in world.letters if letter.to == "paris"]


def test_words_wait_for_whoever_alone_may_let_them_go(world):
    assert [letter.to for letter in world.sent("approval")] == ["caroline", "caroline"]
    assert lenders_told(world) == []

    world.decides(1, by="caroline")
    (letter,) = lenders_told(world)
    assert letter.dispatch.wording == world.state.approvals[1].wording
    assert world.verdict("lenders") is Verdict.MET
    assert world.state.approvals[1].wording in world.row("lenders").reason
    assert "approved by @caroline by the link sent to their address" in world.row("lenders").reason


def test_anybody_elses_approval_is_refused(world):
    with pytest.raises(CommandRefused, match="only Director may decide this, and edmond is not"):
        world.decides(1, by="edmond")
    world.says(say.AssignRole, role="director", person="edmond")
    with pytest.raises(CommandRefused, match="edmond is not, says the directory"):
        world.decides(1, by="edmond")
    assert lenders_told(world) == []


def test_an_approval_without_proof_is_refused(world):
    with pytest.raises(CommandRefused, match="has to prove it"):
        world.says(say.Decide, "caroline", approval=1, approve=True)


def test_whoever_decides_is_reminded_and_then_called_and_without_them_nothing_is_sent(world):
    world.passes(hours=7, minutes=45)
    asked = [(letter.channel, world.after(letter.at)) for letter in world.sent("approval")]
    assert asked == [
        ("email", timedelta(0)),
        ("sms", timedelta(0)),
        ("email", timedelta(hours=6)),
        ("sms", timedelta(hours=6)),
    ]
    calls = calls_for_a_decision(world)
    assert [(call.to, call.channel, world.after(call.at)) for call in calls[:1]] == [
        ("caroline", "phone", timedelta(hours=7, minutes=30))
    ]

    world.passes(minutes=15)
    assert world.verdict("lenders") is Verdict.MISSED
    assert world.row("lenders").reason == "not approved by Director before it was due; nothing was sent"
    assert lenders_told(world) == []


def calls_for_a_decision(world):
    return [
        letter for letter in world.sent("page") if "Your decision is waited for" in letter.dispatch.subject
    ]


def test_nobody_is_called_about_a_decision_that_comes_too_late(world):
    world.passes(hours=8)
    called = calls_for_a_decision(world)
    assert called
    world.passes(hours=3)
    assert calls_for_a_decision(world) == called


def test_whoever_has_decided_is_not_called_any_more(world):
    world.passes(hours=7, minutes=31)
    called = calls_for_a_decision(world)
    assert called
    world.decides(1, by="caroline")
    world.passes(minutes=28)
    assert calls_for_a_decision(world) == called


def test_an_approval_after_the_fact_is_refused(world):
    world.passes(hours=8, minutes=1)
    with pytest.raises(CommandRefused, match="already overtaken"):
        world.decides(1, by="caroline")


def test_whoever_may_decide_may_also_decide_that_nobody_is_told(world):
    with pytest.raises(CommandRefused, match="say why"):
        world.decides(1, by="caroline", approve=False)
    world.decides(1, by="caroline", approve=False, reason="they know")
    assert world.verdict("lenders") is Verdict.NOT_APPLICABLE
    assert "declined it: they know" in world.row("lenders").reason
    assert lenders_told(world) == []


def test_other_words_are_asked_about_anew_and_the_old_ones_are_forgotten(world):
    before = world.state.approvals[1].wording
    world.says(say.Reword, approval=1, text="The dome leaks a little.")
    assert world.state.approvals[1].wording != before
    assert len(world.sent("approval")) == 4
    assert world.sent("approval")[-1].dispatch.approval.subject == world.state.approvals[1].wording


def test_whoever_is_reminded_gets_words_that_say_what_is_known_by_then(world):
    before = world.state.approvals[1].wording
    world.says(say.GiveUpdate, text="it drips less")
    world.passes(hours=6)
    assert world.state.approvals[1].wording == before, "nothing that was known has changed"


def test_more_that_became_known_is_in_the_words_at_the_next_reminder(world):
    world.passes(minutes=1)
    world.says(say.StateFact, name="depth", value="3")
    world.passes(hours=6)
    assert "more is known, and the words are drafted anew" in " ".join(world.log("approval"))
    assert len(world.sent("approval")) == 4
    world.decides(1, by="caroline")
    assert world.verdict("lenders") is Verdict.MET


def test_words_that_are_just_being_changed_cannot_be_approved(world):
    """Between the command and the draft there is a moment in which the old words are no longer meant."""
    command = world.command(say.Reword, approval=1, text="The dome leaks a little.")
    in_between = replace(world.case, state=decide(world.case, Commanded(command=command), world.now))
    witness = Witness(person="caroline", roles=("director",), how="by their own token")
    approval = world.command(say.Decide, "caroline", approval=1, approve=True, witness=witness)
    with pytest.raises(CommandRefused, match="are just being changed"):
        decide(in_between, Commanded(command=approval), world.now)


def test_a_promise_that_lost_its_object_needs_no_decision_any_more(world):
    world.says(say.Dismiss, reason="it was tea")
    assert world.state.approvals[1].decision == "overtaken"


# Waivers


def test_a_waiver_counts_when_it_was_approved_before_the_promise_was_due(world):
    world.says(say.AskForWaiver, obligation="lenders", reason="Paris is closed today")
    (waiver,) = [item for item in world.state.approvals.values() if item.what == "waiver"]
    world.decides(waiver.number, by="caroline")
    assert world.verdict("lenders") is Verdict.WAIVED
    assert (
        world.row("lenders").reason == "by @caroline by the link sent to their address: Paris is closed today"
    )
    world.passes(hours=9)
    assert lenders_told(world) == []


def test_a_waiver_that_nobody_may_grant_is_refused(world):
    with pytest.raises(CommandRefused, match="names nobody who may waive"):
        world.says(say.AskForWaiver, obligation="log#1", reason="boring")
    with pytest.raises(CommandRefused, match='"logs" is not owed'):
        world.says(say.AskForWaiver, obligation="logs", reason="boring")


def test_a_waiver_after_the_fact_is_refused(world):
    world.says(say.AskForWaiver, obligation="lenders", reason="Paris is closed today")
    world.passes(hours=8)
    with pytest.raises(CommandRefused, match="already overtaken"):
        world.decides(2, by="caroline")
    with pytest.raises(CommandRefused, match="not owed"):
        world.says(say.AskForWaiver, obligation="lenders", reason="again")


# What nobody may forge


def test_a_witness_is_believed_for_the_roles_that_the_directory_gives(world):
    witness = Witness(person="edmond", roles=("astronomer",), how="by their own token")
    with pytest.raises(CommandRefused, match="only Director"):
        world.says(say.Decide, "edmond", approval=1, approve=True, witness=witness)


def test_a_late_report_by_an_employee_is_told_once_somebody_confirms_it():
    world = leaking()
    assert world.verdict("gossip") is Verdict.NOT_APPLICABLE
    assert world.row("gossip").reason == "it was not reported late by an employee"

    world.state.reported = Reporter(
        kind="employee", channel="phone", knew=observatory.TUESDAY - timedelta(hours=25)
    )
    world.passes(minutes=1)
    world.says(say.AddNote, text="hm")
    assert world.verdict("gossip") is Verdict.PENDING
    number = next(item.number for item in world.state.approvals.values() if item.obligation == "gossip")
    world.decides(number, by="edmond")
    assert world.verdict("gossip") is Verdict.MET
