"""miniOrange's plan from whom it tells what to the steps that are taken: rows M5, M7 to M12."""

from __future__ import annotations

from datetime import timedelta

import pypdfium2
import pytest

from tests.clauses.conftest import Rehearsed
from tests.clauses.offices import FORGED_PAGE, HEADINGS, NIGHT, SERVER_ROOM, SILENCE, allowed, notices, steps
from tests.clauses.papers import lines
from tests.clauses.reading import about, is_at, row
from tocsin.domain.state import Actor
from tocsin.domain.words import Phase, StepStatus, Verdict

# ---- M5: top management ----


@pytest.mark.parametrize(
    ("story", "within", "told_after"),
    [
        (NIGHT, timedelta(minutes=15), timedelta(minutes=5)),
        (SILENCE, timedelta(hours=1), timedelta(minutes=50)),
        (FORGED_PAGE, timedelta(hours=8), timedelta(hours=7, minutes=50)),
    ],
    ids=["level1", "level2", "level3"],
)
def test_M5_top_management_is_told_as_soon_as_the_level_asks_for_it(
    rehearsed: Rehearsed, story: str, within: timedelta, told_after: timedelta
) -> None:
    result = rehearsed(story)
    assert is_at(allowed(result, "inform-top-management"), hours=within / timedelta(hours=1))
    for chief in ("leela", "vikram"):
        [told] = notices(result, chief, "Incident notice to top management")
        assert is_at(told.offset, hours=told_after / timedelta(hours=1))
        assert list(lines(told)) == HEADINGS


def test_M5_it_is_kept_when_each_of_them_has_got_it(rehearsed: Rehearsed) -> None:
    promise = row(rehearsed(NIGHT), "inform-top-management")
    assert (promise.verdict, promise.reason) == (Verdict.MET, "delivered to @leela, @vikram")


def test_M5_who_cannot_be_reached_is_not_said_to_have_been_told(rehearsed: Rehearsed) -> None:
    result = rehearsed(SILENCE)
    calls = [
        (each.to, each.state)
        for each in result.messages
        if each.purpose == "notice" and each.channel == "phone" and each.to in {"leela", "vikram"}
    ]
    assert sorted(calls) == [("leela", "no answer"), ("vikram", "answered")]
    assert row(result, "inform-top-management").verdict is Verdict.MISSED
    [page, *_] = about(result.to("vikram"), "Overdue: Incident notice to top management")
    assert is_at(page.offset, hours=1)


# ---- M7: the incident document ----


def test_M7_the_incident_document_goes_round_within_half_an_hour(rehearsed: Rehearsed) -> None:
    result = rehearsed(NIGHT)
    [document] = notices(result, "everybody", "Incident document: The mains have failed in Pune")
    assert is_at(document.offset, minutes=10)
    assert (document.address, document.state) == ("everybody@example.com", "delivered")
    said = lines(document)
    assert {heading: said[heading] for heading in list(said)[:4]} == {
        "Incident summary": "The mains have failed in Pune",
        "Description": "Nobody reaches any business system; customers cannot sign in",
        "Fault": "all services of the Pune site",
        "Affected products": "Identity broker and directory sync",
    }
    assert is_at(allowed(result, "incident-document"), minutes=30)
    assert row(result, "incident-document").verdict is Verdict.MET


def test_M7_it_comes_as_a_paper_too(rehearsed: Rehearsed) -> None:
    [document] = notices(rehearsed(NIGHT), "everybody", "Incident document: The mains have failed in Pune")
    [paper] = document.attachments
    assert (paper.name[5:], paper.media_type) == ("-incident_document.pdf", "application/pdf")
    pages = pypdfium2.PdfDocument(paper.content)
    text = " ".join(page.get_textpage().get_text_range() for page in pages)
    assert "Identity broker and directory sync" in text


def test_M7_who_owes_what_is_not_known_is_asked_before_and_named_in_it(rehearsed: Rehearsed) -> None:
    result = rehearsed(FORGED_PAGE)
    [asked] = about(result.to("noor"), "Owed by you for: Incident document")
    assert is_at(asked.offset, minutes=5)
    assert "Products affected" in asked.text
    [document] = about(result.to("everybody"), "Incident document")
    assert lines(document)["Affected products"] == "[Not yet known — owed by Operations]"
    assert lines(document)["Fault"] == "[Not yet known — owed by ISMS team]"


def test_M7_a_document_that_did_not_arrive_is_not_said_to_have_gone_round(rehearsed: Rehearsed) -> None:
    result = rehearsed(SILENCE)
    [document] = about(result.to("everybody"), "Incident document")
    assert document.state == "bounced"
    assert row(result, "incident-document").verdict is Verdict.MISSED
    [page, *_] = about(result.to("meera"), "Overdue: Incident document")
    assert is_at(page.offset, minutes=30)


# ---- M8: again and again ----


@pytest.mark.parametrize(
    ("story", "hours", "resolved"),
    [(NIGHT, [0, 2, 4, 6, 8], 8.5), (SILENCE, [0, 4, 8, 12], 15.5)],
    ids=["level1", "level2"],
)
def test_M8_notices_come_again_and_again_until_the_resolution_and_then_no_more(
    rehearsed: Rehearsed, story: str, hours: list[int], resolved: float
) -> None:
    result = rehearsed(story)
    told = notices(result, "everybody", "Incident status")
    assert len(told) == len(hours)
    for notice, hour in zip(told, hours, strict=True):
        assert is_at(notice.offset, hours=hour, minutes=10)
    [end] = [entry for entry in result.timeline if entry.kind == "resolved"]
    assert is_at(end.offset, hours=resolved)


def test_M8_each_of_them_says_type_impact_measures_and_status(rehearsed: Rehearsed) -> None:
    result = rehearsed(NIGHT)
    told = [
        *notices(result, "everybody", "Incident status"),
        *notices(result, "customers", "Incident notice to customers"),
    ]
    for notice in told:
        assert list(lines(notice)) == HEADINGS
        assert lines(notice)["Type of incident"] == "Power failure"
        assert lines(notice)["Impact"] == "Nobody reaches any business system; customers cannot sign in"
    status = [lines(notice)["Current status"].partition(" (")[0] for notice in told[:5]]
    assert status == [
        "open, in phase 1 immediate action",
        "The generator runs; half of the racks are up",
        "All racks run on the generator",
        "The utility repairs a transformer until noon",
        "The transformer is replaced; mains return at ten",
    ]


def test_M8_what_nobody_has_said_is_said_to_be_owed_and_by_whom(rehearsed: Rehearsed) -> None:
    [told, *_] = notices(rehearsed(FORGED_PAGE), "everybody", "Incident status")
    assert list(lines(told)) == HEADINGS
    assert lines(told)["Type of incident"] == "[Not yet known — owed by ISMS team]"
    assert lines(told)["Impact"] == "[Not yet known — owed by ISMS team]"


# ---- M9: all employees ----


def test_M9_all_employees_are_written_to_ten_minutes_after_the_incident_was_recorded(
    rehearsed: Rehearsed,
) -> None:
    result = rehearsed(NIGHT)
    first = result.to("everybody")[0]
    assert (first.channel, first.address) == ("email", "everybody@example.com")
    assert is_at(first.offset, minutes=10)
    assert (
        "Take charge as Incident Manager"
        in lines(notices(result, "everybody", "Incident status")[0])["Measures and actions taken"]
    )
    assert {each.channel for each in result.to("everybody")} == {"email"}
    promise = row(result, "employee-notice#1")
    assert (promise.verdict, promise.reason) == (Verdict.MET, "delivered to @everybody")


def test_M9_where_the_email_bounces_a_call_tells_them_the_same(rehearsed: Rehearsed) -> None:
    result = rehearsed(SILENCE)
    calls = [each for each in result.to("everybody") if each.channel == "phone"]
    for call, hour in zip(calls, [0, 4, 8], strict=True):
        assert is_at(call.offset, hours=hour, minutes=10)
        assert (call.address, call.state) == ("+12025550130", "answered")
        assert "Type of incident: AwsUnreachable. Impact: Nobody can sign in." in call.text
        assert "Measures and actions taken: " in call.text
        assert "Current status: open, in phase 1 immediate action." in call.text
    assert [each.state for each in notices(result, "everybody", "Incident status")] == [
        "bounced",
        "bounced",
        "bounced",
        "delivered",
    ]
    verdicts = {row(result, f"employee-notice#{number}").verdict for number in (1, 2, 3, 4)}
    assert verdicts == {Verdict.MET}


# ---- M10: customers ----


def test_M10_customers_are_written_to_in_time_counted_from_when_it_occurred(rehearsed: Rehearsed) -> None:
    result = rehearsed(NIGHT)
    # It occurred at 01:56, fourteen minutes before the alert; level 1 has four hours.
    assert is_at(allowed(result, "customer-notice#1"), hours=3, minutes=46)
    [told] = notices(result, "customers", "Incident notice to customers")
    assert (told.address, told.state) == ("status-subscribers@example.org", "delivered")
    assert is_at(told.offset, hours=2, minutes=46)
    assert row(result, "customer-notice#1").verdict is Verdict.MET
    [moved] = row(result, "customer-notice#1").changes
    assert is_at(moved.due - result.began, hours=4)


def test_M10_without_that_the_eight_hours_count_from_the_detection(rehearsed: Rehearsed) -> None:
    result = rehearsed(SILENCE)
    assert is_at(allowed(result, "customer-notice#1"), hours=8)
    assert row(result, "customer-notice#1").clause == "5. Communication Plan"


def test_M10_what_bounces_is_missed_and_somebody_is_called_when_the_time_is_over(
    rehearsed: Rehearsed,
) -> None:
    result = rehearsed(SILENCE)
    bounced, arrived = notices(result, "customers", "Incident notice to customers")
    assert (bounced.state, arrived.state) == ("bounced", "delivered")
    assert is_at(bounced.offset, hours=7)
    assert is_at(arrived.offset, hours=15)
    assert {each.channel for each in result.to("customers")} == {"email"}
    [page, *_] = about(result.to("meera"), "Overdue: Incident notice to customers")
    assert is_at(page.offset, hours=8)
    assert row(result, "customer-notice#1").verdict is Verdict.MISSED
    assert row(result, "customer-notice#2").verdict is Verdict.MET


def test_M10_when_the_time_is_over_before_the_level_is_known_they_are_told_at_once_and_late(
    rehearsed: Rehearsed,
) -> None:
    result = rehearsed(SERVER_ROOM)
    [told] = notices(result, "customers", "Incident notice to customers")
    assert is_at(told.offset, minutes=30)
    # It occurred five hours before the report, and level 1 has four.
    assert is_at(allowed(result, "customer-notice#1"), hours=-1)
    assert row(result, "customer-notice#1").verdict is Verdict.LATE


def test_M10_at_the_lowest_level_a_person_decides_whether_they_are_told(rehearsed: Rehearsed) -> None:
    result = rehearsed(FORGED_PAGE)
    assert result.to("customers") == ()
    assert is_at(allowed(result, "customer-decision"), hours=8)
    assert row(result, "customer-decision").verdict is Verdict.MET
    assert row(result, "customer-notice").verdict is Verdict.NOT_APPLICABLE
    [task] = result.view.tasks
    assert (task.title, task.outcome) == (
        "Decide whether customers must be told, and tell those who must",
        "No customer is affected",
    )


# ---- M11: the response plan ----


@pytest.mark.parametrize(
    ("story", "at_once", "later"),
    [
        (NIGHT, {"people-safe", "activate-continuity"}, {"work-elsewhere"}),
        (SILENCE, {"vendor-status"}, {"other-zone"}),
        (FORGED_PAGE, {"isolate"}, {"restore-data"}),
    ],
    ids=["business continuity", "service", "generic"],
)
def test_M11_the_level_selects_the_plan_whose_steps_open(
    rehearsed: Rehearsed, story: str, at_once: set[str], later: set[str]
) -> None:
    result = rehearsed(story)
    common = {"take-charge", "assess", "preserve-evidence"}
    assert set(steps(result, Phase.IMMEDIATE_ACTION)) == common | at_once
    assert later <= set(steps(result, Phase.BACKUP_AND_MEETING))


def test_M11_its_steps_are_put_to_whoever_does_them_and_hold_the_phase(rehearsed: Rehearsed) -> None:
    result = rehearsed(SERVER_ROOM)
    to_do = {action.command: action for action in result.view.next_actions}
    assert result.view.phase is Phase.IMMEDIATE_ACTION
    ref = result.view.reference
    assert to_do[f"tocsin step {ref} people-safe"].who == "Human Resources"
    assert to_do[f"tocsin step {ref} activate-continuity"].who == "Operations"
    assert f"tocsin step {ref} isolate" not in to_do, "that was the lower level's"


def test_M11_the_next_phase_begins_when_they_are_done(rehearsed: Rehearsed) -> None:
    result = rehearsed(NIGHT)
    assert set(steps(result, Phase.IMMEDIATE_ACTION).values()) == {StepStatus.DONE}
    reached = {entry.text: entry.offset for entry in result.timeline if entry.kind == "phase"}
    assert is_at(reached["phase 2 testing and monitoring"], minutes=30)


# ---- M12: every action ----

ACTIONS = [
    (20, "meera", "Make sure that everybody is safe and accounted for", "Meera Joshi"),
    (25, "noor", "Activate the business continuity plan", "Noor Siddiqui"),
    (30, "asha", "Preserve files, logs and screen captures as evidence", "Asha Kulkarni"),
    (60, "ravi", "Watch the effect of every measure and write it down", "Ravi Menon"),
    (120, "noor", "Fetch diesel for the generator", "Noor Siddiqui"),
    (180, "noor", "Move critical functions to where they can be done", "Noor Siddiqui"),
]
"""Minutes after the beginning, who, what, and their name."""


def test_M12_each_action_is_written_down_with_its_author_and_time(rehearsed: Rehearsed) -> None:
    result = rehearsed(NIGHT)
    for minutes, who, what, _ in ACTIONS:
        [entry] = [
            each
            for each in result.timeline
            if what in each.text and each.kind in {"step", "task"} and "done" in each.text
        ]
        assert entry.by == Actor(key=who)
        assert is_at(entry.offset, minutes=minutes)


def test_M12_the_next_notice_tells_of_it_and_the_one_before_did_not(rehearsed: Rehearsed) -> None:
    told = notices(rehearsed(NIGHT), "everybody", "Incident status")
    for minutes, _, what, name in ACTIONS:
        at = timedelta(minutes=minutes)
        line = f"- {what} ({name} (claimed))"
        before = [each for each in told if each.offset < at]
        after = [each for each in told if each.offset > at]
        assert all(line not in lines(each)["Measures and actions taken"] for each in before)
        assert all(line in lines(each)["Measures and actions taken"].splitlines() for each in after)


def test_M12_customers_hear_of_the_measures_too(rehearsed: Rehearsed) -> None:
    [told] = notices(rehearsed(NIGHT), "customers", "Incident notice to customers")
    measures = lines(told)["Measures and actions taken"]
    assert "- Fetch diesel for the generator (Noor Siddiqui (claimed))" in measures.splitlines()
    assert "Move critical functions" not in measures, "that was done a quarter of an hour later"


def test_M12_nobody_is_said_to_have_taken_charge_who_answered_something_else(rehearsed: Rehearsed) -> None:
    result = rehearsed(SILENCE)
    [taken] = [
        each for each in result.timeline if each.text == "Take charge as Incident Manager (take-charge): done"
    ]
    assert taken.by.key == "vikram"
    assert is_at(taken.offset, minutes=36), "meera answered another page a minute before"
