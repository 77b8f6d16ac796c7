"""A reviewer finds in a plan what breaks its own policy, and in a good plan nothing: promises, clocks and vendors."""

from __future__ import annotations

import pytest

from tests.domain.ferry import BOARD, TODAY, calendar, found, only, place, subject
from tocsin.domain.reachability import unreachable
from tocsin.domain.review import Subject, review


def test_in_a_good_plan_nothing_is_found():
    assert found() == []
    assert list(unreachable(subject().plan, subject().directory)) == []


# ---- severities, impacts and times ----


def test_a_severity_for_which_nothing_is_owed_is_found():
    plan = subject().plan
    only_boats = plan.model_copy(update={"obligations": (plan.obligation("boats"),)})
    findings = review(Subject(only_boats, subject().directory, calendar(), TODAY))
    bare = [each for each in findings if each.path[0] == "severities"]
    assert [(place(each), each.severity) for each in bare] == [("severities.late", "error")]


def test_an_impact_without_a_time_changes_nothing():
    lost = only(("    by_impact: {passengers: PT2H}\n", ""))
    assert (place(lost), lost.severity) == ("impacts.passengers", "error")


def test_an_impact_that_has_a_time_under_one_severity_only_is_worth_a_question():
    some = only(
        (
            "    by_impact: {passengers: PT2H}\n",
            "    by_severity: {sunk: {by_impact: {passengers: PT2H}}}\n",
        )
    )
    assert (some.severity, "under severity late" in some.text) == ("advice", True)


def test_an_impact_that_allows_more_than_its_severity_changes_nothing():
    idle = found(("{passengers: PT2H}", "{passengers: PT9H}"))
    assert {place(each) for each in idle} == {"obligations.1.by_impact.passengers"}
    assert "the shorter holds" in idle[0].text


def test_a_promise_that_is_slower_than_its_clause_is_found_with_a_day_that_shows_it():
    # Two days are within one working day over a weekend, and not in the week.
    slow = only(
        ("    within: PT8H\n", "    within: PT8H\n    by_severity: {late: {within: PT48H}}\n"),
    )
    assert (place(slow), slow.severity) == ("obligations.1.by_severity.late.within", "error")
    assert 'severity "late" gets 48 hours, and §2 allows 1 business day' in slow.text
    assert "counted from 2026-06-01 01:00 it is due 2026-06-03 01:00" in slow.text
    assert "the clause is broken at 2026-06-02 23:59" in slow.text


@pytest.mark.parametrize(
    ("within", "allowed", "is_slower"),
    [
        ("PT8H", "PT8H", False),
        ("PT9H", "PT8H", True),
        ("{business_days: 2}", "{business_days: 2}", False),
        ("{business_days: 1}", "PT72H", True),  # over a weekend
        ("{calendar_days: 1}", "PT24H", True),  # on the day on which clocks go back
        ("PT24H", "{calendar_days: 1}", True),  # on the day on which they go forward
        ("{business_hours: 8}", "{business_days: 1}", False),
    ],
)
def test_times_that_are_counted_in_different_ways_are_compared_over_a_year(within, allowed, is_slower):
    edits = [
        ("    within: PT8H\n", f"    within: {within}\n"),
        ("allowed: {business_days: 1}", f"allowed: {allowed}"),
    ]
    assert any("the clause is broken" in each.text for each in found(*edits)) == is_slower


def test_an_exception_that_holds_allows_a_promise_to_be_slower():
    edits = [("    within: PT8H\n", "    within: P5D\n"), ('clause: "§5", what', 'clause: "§2", what')]
    assert found(*edits) == []
    ran_out = found(*edits, (BOARD, "approved_on: 2026-01-10, until: 2026-05-31"))
    assert any("the clause is broken" in each.text for each in ran_out)


@pytest.mark.parametrize(
    ("old", "new", "where", "severity"),
    [
        ("begin: {before_due: PT2H}", "begin: {before_due: PT9H}", "obligations.1.begin.before_due", "error"),
        ("begin: {before_due: PT1H}", "begin: {before_due: PT5H}", "obligations.2.begin.before_due", "error"),
        ("every: PT4H", "every: PT30M", "obligations.2.begin.before_due", "error"),
        ("remind: [PT2H]", "remind: [PT5H]", "obligations.2.remind.0", "error"),
        ("escalate: {before_due: PT30M", "escalate: {before_due: PT9H", "obligations.1.escalate.before_due", "error"),
        ("page_before: PT30M", "page_before: PT9H", "obligations.1.approval.page_before", "error"),
        ("page_before: PT30M", "page_before: PT3H", "obligations.1.approval.page_before", "advice"),
    ],
)  # fmt: skip
def test_what_should_happen_before_the_clock_starts_is_found(old, new, where, severity):
    findings = found((old, new))
    assert (where, severity) in [(place(each), each.severity) for each in findings]


def test_a_reminder_that_comes_too_early_under_one_severity_is_worth_a_question():
    by_severity = "    every: PT4H\n    by_severity: {sunk: {every: PT90M}}\n"
    early = only(("    every: PT4H\n", by_severity))
    assert (place(early), early.severity) == ("obligations.2.remind.0", "advice")
    assert "under severity sunk" in early.text


# ---- clauses and clocks ----


def test_an_empty_clause_is_found():
    assert place(only(('clause: "§4"', 'clause: " "'))) == "obligations.3.clause"


def test_two_promises_of_one_title_are_worth_a_question():
    twin = only(("title: The port is kept informed", "title: The port is told"))
    assert (place(twin), twin.severity) == ("obligations.2.title", "advice")
    assert '"tell" has this title too' in twin.text


def test_a_clock_that_nothing_starts_is_found():
    assert place(only(("    marks: report_sent\n", ""))) == "obligations.2.from"


@pytest.mark.parametrize(
    ("until", "marks", "says"), [("report_sent", "", "never ends"), ("aware", "", "is over when it begins")]
)
def test_a_series_that_never_ends_or_never_runs_is_found(until, marks, says):
    series = only(
        ("    from: report_sent", "    from: aware"),
        ("    until: resolved", f"    until: {until}"),
        ("    marks: report_sent\n", marks),
    )
    assert (place(series), says in series.text) == ("obligations.2.until", True)


def test_a_promise_that_needs_late_reports_needs_a_time_for_reports():
    assert place(only(("report_within: {employee: PT24H}\n", ""))) == "obligations.5.requires"


def test_a_promise_to_each_customer_concerns_incidents_with_a_customer():
    loose = only(("    requires: customer\n    from: report_sent", "    from: report_sent"))
    assert (place(loose), loose.severity) == ("obligations.2.do.0.notify", "advice")


# ---- vendors ----


def test_a_vendor_that_carries_the_only_channel_must_leave_another():
    stranded = only((", instead: [sms, phone]", ""))
    assert (place(stranded), stranded.severity) == ("vendors.mailer", "error")
    assert 'over which alone "tell" can be kept' in stranded.text


def test_what_stands_in_must_not_be_carried_by_the_same_vendor():
    assert only(("instead: [sms, phone]", "instead: email")).severity == "error"


def test_members_whom_the_other_channels_do_not_reach_are_named():
    lost = only((', phone: "+12025550111"', ""))
    assert (place(lost), lost.severity) == ("vendors.mailer.instead", "advice")
    assert lost.text.startswith("desk can't be reached by sms and phone")


def test_a_vendor_that_leaves_another_channel_to_every_promise_needs_no_other():
    edits = [
        (", instead: [sms, phone]", ""),
        ("audience: port}}]\n    marks", "audience: port, via: [email, sms]}}]\n    marks"),
    ]
    assert found(*edits) == []


# ---- every finding ----


def test_every_finding_says_what_to_do():
    findings = found(("purser: [eva]", "purser: []"), (BOARD, "approved_on: 2026-06-02, until: 2026-05-31"))
    assert len(findings) >= 3
    assert all(";" in each.text for each in findings)
