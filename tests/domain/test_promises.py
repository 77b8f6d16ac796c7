"""Promises and their clocks: armed by anchors, moved by corrections and severities, kept, late, missed or overtaken."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World, says_nothing
from tocsin.domain import commands as say
from tocsin.domain.decide import decide
from tocsin.domain.events import Commanded
from tocsin.domain.words import Anchor, Verdict


@pytest.fixture
def world():
    """A gale, and somebody is on it."""
    world = World()
    world.alert()
    world.acknowledges()
    return world


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


# Interim reports


def test_interim_reports_go_out_before_every_fourth_hour_until_the_resolution(world):
    world.passes(hours=9)
    assert [world.after(letter.at) for letter in world.sent("interim")] == [hours(3.5), hours(7.5)]
    assert world.verdict("interim-report#1") is Verdict.MET
    assert world.verdict("interim-report#2") is Verdict.MET
    assert world.after(world.owed("interim-report#3").due) == hours(12)

    world.says(say.Resolve, summary="calm")
    assert world.verdict("interim-report#3") is Verdict.NOT_APPLICABLE
    assert world.row("interim-report#3").reason == "resolved before it fell due"
    world.passes(hours=20)
    assert len(world.sent("interim")) == 2


def test_a_report_says_what_is_not_yet_known_and_who_owes_it(world):
    report = world.report("interim")
    assert report["Cause"] == "Not yet known — owed by Pilot"
    world.says(say.AssignRole, role="pilot", person="rui")
    assert world.report("interim")["Cause"] == "Not yet known — owed by @rui (Pilot)"

    world.says(say.StateFact, name="cause", value="a squall")
    world.says(say.GiveUpdate, by="eva", text="all moored")
    report = world.report("interim")
    assert report["Cause"] == "a squall"
    assert report["Last word"].startswith("all moored (Monday 01 June 2026, 13:00 WEST")
    assert report["Who took part"] == "@ana, @eva, @rui"


def test_a_report_can_be_sent_before_its_time_and_the_next_keeps_the_rhythm(world):
    world.passes(hours=1)
    world.says(say.SendReport, report="interim")
    assert world.verdict("interim-report#1") is Verdict.MET
    assert world.after(world.owed("interim-report#2").due) == hours(8)


def test_a_report_on_its_way_when_the_resolution_comes_is_still_judged(world):
    world.vendors["email"] = says_nothing
    world.passes(hours=3, minutes=45)
    world.says(say.Resolve, summary="calm")
    assert world.verdict("interim-report#1") is Verdict.PENDING
    message = world.sent("interim")[0].dispatch.message
    world.happens(world.reported(message, "delivered"))
    assert world.verdict("interim-report#1") is Verdict.MET


def test_a_task_of_a_series_is_overtaken_by_the_resolution_even_though_it_was_open():
    world = World()
    world.alert(severity="storm")
    assert world.verdict("rounds#1") is Verdict.PENDING
    world.says(say.Resolve, summary="calm")
    assert world.verdict("rounds#1") is Verdict.NOT_APPLICABLE


def test_after_a_long_outage_wholly_passed_intervals_are_missed_and_the_current_one_is_owed(world):
    world.is_down_for(hours=18, minutes=30)
    assert world.verdict("interim-report#1") is Verdict.LATE
    assert world.verdict("interim-report#2") is Verdict.MISSED
    assert world.verdict("interim-report#3") is Verdict.MISSED
    assert world.row("interim-report#3").reason == "its whole interval passed while nothing could run"
    assert world.verdict("interim-report#4") is Verdict.LATE
    assert world.after(world.owed("interim-report#5").due) == hours(20)
    assert len(world.sent("interim")) == 2


def test_a_year_of_outage_is_counted_without_breaking(world):
    world.is_down_for(days=365)
    assert world.owed(f"interim-report#{365 * 6 + 1}").due > world.now


# Severity


def test_a_worse_severity_tightens_at_once():
    world = World()
    world.alert(severity="breeze")
    world.says(say.Classify, severity="storm", reason="a ship is adrift")
    first = world.owed("interim-report#1")
    assert world.after(first.due) == hours(4)
    [change] = first.changes
    assert (world.after(change.due), change.reason) == (hours(24), "reclassified as storm")
    assert "secured" in world.state.obligations, "what the worse severity demands is owed from now on"


def test_a_worse_severity_tightens_the_running_one_of_a_series():
    world = World()
    world.alert(severity="breeze")
    world.acknowledges()
    world.passes(hours=25)
    assert world.after(world.owed("interim-report#2").due) == hours(48)
    world.says(say.Classify, severity="gale")
    assert world.after(world.owed("interim-report#2").due) == hours(28)


def test_a_milder_severity_loosens_nothing_by_itself(world):
    world.says(say.Classify, severity="breeze")
    assert world.after(world.owed("interim-report#1").due) == hours(4)
    assert world.verdict("secured") is Verdict.PENDING, "what was promised stays promised"


def test_a_milder_severity_does_not_loosen_through_a_later_correction(world):
    world.says(say.Classify, severity="breeze")
    world.says(say.SetAnchor, anchor="aware", at=world.state.opened - hours(1), reason="the log says so")
    assert world.after(world.owed("interim-report#1").due) == hours(3), (
        "the correction moves it, and nothing else"
    )


def test_a_milder_severity_loosens_when_that_was_decided(world):
    world.says(say.Classify, severity="breeze", loosen=True, reason="agreed with the owners")
    assert world.after(world.owed("interim-report#1").due) == hours(24)
    assert world.verdict("secured") is Verdict.NOT_APPLICABLE
    assert world.row("secured").reason == "the policy sets no such time for severity breeze"


def test_classifying_again_does_not_buy_time():
    world = World(plan=harbour.plan_without("summon"))
    world.alert(severity="gale")
    world.says(say.Classify, severity="storm")
    due = world.owed("coastguard").due
    world.passes(hours=1)
    world.says(say.Classify, severity="storm", reason="looked again")
    assert world.owed("coastguard").due == due


def test_the_severity_can_be_told_by_the_plans_criteria(world):
    world.says(say.Classify, criteria=("berth_lost", "ship_adrift"))
    assert world.state.severity == "storm"
    assert world.state.criteria == ("berth_lost", "ship_adrift")


def test_steps_that_a_worse_severity_brings_to_an_earlier_phase_are_opened_too(world):
    world.says(say.FinishStep, step="moor")
    assert world.state.phase == "testing_and_monitoring"
    world.says(say.Classify, severity="storm")
    world.says(say.FinishStep, step="sound")
    assert world.state.phase == "testing_and_monitoring", "the port is not cleared yet"
    world.says(say.FinishStep, step="clear")
    assert world.state.phase == "backup_and_meeting"


# Anchors


def test_a_corrected_anchor_moves_the_due_time_and_the_old_one_stays_on_the_ledger(world):
    world.says(say.SetAnchor, anchor="aware", at=world.state.opened - hours(2), reason="the night watch knew")
    [change] = world.row("interim-report#1").changes
    assert world.after(world.row("interim-report#1").due) == hours(2)
    assert world.after(change.due) == hours(4)
    assert change.reason == "aware is now 2026-06-01 10:00 UTC: the night watch knew"


def test_an_anchor_corrected_to_a_later_time_gives_that_time_back(world):
    world.passes(hours=2)
    world.says(say.SetAnchor, anchor="aware", at=world.state.opened + hours(1))
    assert world.after(world.owed("interim-report#1").due) == hours(5)


def test_a_promise_that_was_kept_is_judged_again_by_the_corrected_time(world):
    assert world.verdict("summon") is Verdict.MET
    world.says(say.SetAnchor, anchor="aware", at=world.state.opened - hours(2))
    assert world.verdict("summon") is Verdict.LATE
    world.says(say.SetAnchor, anchor="aware", at=world.state.opened)
    assert world.verdict("summon") is Verdict.MET
    assert len(world.row("summon").changes) == 2


def test_the_earliest_of_several_anchors_starts_the_clock(world):
    assert world.owed("secured").anchor is Anchor.AWARE
    world.says(say.SetAnchor, anchor="occurred", at=world.state.opened - hours(3))
    assert world.owed("secured").anchor is Anchor.OCCURRED
    assert world.after(world.owed("secured").due) == hours(21)


def test_an_overdue_promise_whose_anchor_is_corrected_is_pending_again(world):
    world.says(say.AddNote, text="nothing moored yet")
    world.passes(hours=25)
    assert world.verdict("secured") is Verdict.OVERDUE
    world.says(say.SetAnchor, anchor="aware", at=world.now - hours(1))
    assert world.verdict("secured") is Verdict.PENDING


# Late, missed, moot


def test_late_is_written_down_as_late_and_its_page_ends(world):
    world.passes(hours=24)
    assert world.verdict("secured") is Verdict.OVERDUE
    assert world.sent("page")[-1].to == "rui"
    assert world.sent("page")[-1].dispatch.subject == "Overdue: Ships are secured"

    world.passes(hours=1)
    world.says(say.FinishStep, step="moor")
    assert world.verdict("secured") is Verdict.LATE
    assert not any(page.is_open for page in world.state.pages.values()), "nobody is rung up for what is done"


def test_a_promise_is_missed_when_its_grace_has_passed(world):
    world.passes(hours=29, minutes=59)
    assert world.verdict("secured") is Verdict.OVERDUE
    world.passes(minutes=1)
    assert world.verdict("secured") is Verdict.MISSED
    assert world.row("secured").reason == "not done when the plan's grace ended"


def test_a_step_that_a_person_skips_leaves_its_promise_missed(world):
    world.says(say.FinishStep, step="moor", skip=True, reason="no ropes")
    assert world.verdict("secured") is Verdict.MISSED
    assert world.row("secured").reason == "step moor was skipped by @ana (claimed): no ropes"


def test_a_false_alarm_leaves_nothing_owed(world):
    world.says(say.Dismiss, reason="a sensor fault")
    assert {row.verdict for row in map(world.row, world.state.obligations)} == {
        Verdict.MET,
        Verdict.NOT_APPLICABLE,
    }
    world.passes(days=3)
    assert world.sent("interim") == []


def test_a_false_alarm_after_an_outage_is_told_to_nobody(world):
    world.now += hours(6)
    world.says(say.Dismiss, reason="a sensor fault")
    assert world.sent("interim") == []


def test_nobody_in_the_directory_makes_the_promise_overdue_and_says_so():
    world = World()
    world.alert(severity="storm")
    world.acknowledges()
    world.says(say.Classify, severity="storm")
    assert world.log("nobody") == ["the directory has nobody for coastguard"]
    world.passes(hours=2)
    row = world.row("coastguard")
    assert (row.verdict, row.reason) == (Verdict.OVERDUE, "the directory has nobody for coastguard")
    assert world.sent("page")[-1].dispatch.subject == "Overdue: The coastguard is told"


def test_a_promise_to_a_customer_does_not_concern_an_incident_without_one(world):
    assert world.row("owners").reason == "no customer is concerned"


def test_of_two_duties_in_one_promise_both_are_needed():
    world = World()
    world.alert(customer="orca")
    world.acknowledges()
    assert world.sent("notice")[0].to == "desk"
    assert world.verdict("owners") is Verdict.PENDING

    world.passes(hours=2)
    world.says(say.FinishTask, by="eva", task=1)
    assert world.verdict("owners") is Verdict.MET
    assert world.row("owners").reason == "delivered to @desk; Post the letter: done by @eva (claimed)"
    assert world.after(world.state.anchors[Anchor.CUSTOMER_NOTIFIED].at) == hours(2)


def test_a_report_says_when_and_how_the_customer_was_told():
    world = World(plan=harbour.plan_with("role: clerk}}", "role: clerk, letter: interim}}"))
    world.alert(customer="orca")
    world.passes(hours=2)
    world.says(say.FinishTask, by="eva", task=1)
    assert world.report("interim")["Owners told"].splitlines() == [
        "- Monday 01 June 2026, 13:00 WEST, by email to @desk",
        "- Monday 01 June 2026, 15:00 WEST, by letter",
    ]


def test_of_a_customer_whom_somebody_called_the_report_says_when():
    world = World(plan=harbour.plan_without("owners"))
    world.alert(customer="orca")
    world.says(say.SetAnchor, by="eva", anchor=Anchor.CUSTOMER_NOTIFIED, at=world.now)
    assert world.report("interim")["Owners told"] == "Monday 01 June 2026, 13:00 WEST"


def test_what_a_kept_promise_marks_completes_a_step_in_the_same_breath():
    world = World(plan=harbour.plan_with("Take soundings,", "Sound, done_when: anchor:customer_notified,"))
    world.alert(customer="orca")
    world.acknowledges()
    world.says(say.FinishStep, step="moor")
    posted = Commanded(command=world.command(say.FinishTask, task=1))
    assert decide(world.case, posted, world.now).steps["sound"].status == "done"


def test_what_is_done_before_its_phase_comes_counts_from_when_it_was_done():
    world = World()
    world.alert()
    assert world.state.phase == "immediate_action"
    world.says(say.GiveEstimate, choice=harbour.plan().estimate.choices[0])
    said = world.now
    assert (world.state.steps["estimate"].status, world.state.steps["estimate"].at) == ("done", said)


def test_business_days_are_counted_on_the_plans_calendar():
    world = World(plan=harbour.plan_without("secured"))
    world.alert()
    world.acknowledges()
    world.passes(days=3)
    world.says(say.Resolve, summary="calm")
    assert world.owed("final-report").due == datetime(2026, 6, 9, 22, 59, 59, tzinfo=UTC), "Thursday + 3"


def test_a_second_declaration_that_it_cannot_be_resolved_does_not_buy_time(world):
    world.says(say.DeclareUnresolvable, reason="no crane", proposed=world.now + hours(100))
    due = world.owed("final-report").due
    world.passes(hours=30)
    world.says(say.DeclareUnresolvable, reason="still none", proposed=world.now + hours(100))
    assert world.owed("final-report").due == due


def test_a_drill_divides_its_clocks():
    world = World()
    world.alert(drill_speed=60)
    world.acknowledges()
    world.passes(minutes=4)
    assert world.verdict("interim-report#1") is Verdict.MET
    assert world.after(world.sent("interim")[0].at) == timedelta(minutes=3, seconds=30)
    assert world.after(world.owed("interim-report#2").due) == timedelta(minutes=8)


def test_steps_are_completed_by_what_the_record_says(world):
    assert world.state.steps["answer"].status == "done"
    world.says(say.FinishStep, step="moor")
    world.says(say.FinishStep, step="sound")
    assert world.state.phase == "backup_and_meeting"
    world.says(say.GiveEstimate, choice="days")
    assert world.state.steps["estimate"].status == "done"
    assert world.state.phase == "ongoing_assessment"
