"""A reviewer finds steps that cannot be taken, reports with gaps, and papers that are missing or have run out."""

from __future__ import annotations

import pytest

from tests.domain.ferry import BOARD, PLAN, found, only, place, written
from tocsin.domain.plan import Plan
from tocsin.domain.references import inconsistencies
from tocsin.yamlfile import parse

# ---- steps ----


def test_a_response_plan_that_no_severity_selects_is_found():
    lost = [each for each in found((", response_plan: rescue", "")) if each.path[0] == "response_plans"]
    assert [each.severity for each in lost] == ["error"]


def test_a_step_that_is_demanded_where_it_does_not_open_can_only_be_missed():
    lost = only(("by_severity: {sunk: {within: PT30M}}", "within: PT30M"))
    assert place(lost) == "obligations.3.do.0.step.step"
    assert "which severity late does not open" in lost.text


def test_a_step_must_not_wait_for_one_that_only_another_severity_opens():
    waits = only(("role: mate, after: anchor", "role: mate, after: boats"))
    assert place(waits) == "phases.testing_and_monitoring.steps.0.after.0"
    assert "which severity late does not open" in waits.text


@pytest.mark.parametrize(
    ("old", "new", "severity"),
    [
        ("role: mate, after: anchor", 'role: mate, done_when: "anchor:resolved"', "advice"),
        ("    marks: report_sent\n", "", "error"),
    ],
)
def test_a_step_that_the_record_never_completes_is_found(old, new, severity):
    edits = [(old, new)]
    if not new:
        edits.append(("role: mate, after: anchor", 'role: mate, done_when: "anchor:report_sent"'))
    steps = [each for each in found(*edits) if each.path[-1] == "done_when"]
    assert [each.severity for each in steps] == [severity]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("role: mate, after: answer}\n  testing", "role: mate, after: anchor}\n  testing", "comes after itself"),
        ("role: mate, done_when: acknowledged", "role: mate, after: anchor", "comes after itself, by way of anchor"),
        ("role: mate, after: answer}\n  testing", "role: mate, after: sound}\n  testing", "opens only in testing_and"),
        ("id: boats, title: Lower", "id: anchor, title: Lower", "is the id of another step"),
    ],
)  # fmt: skip
def test_steps_that_could_never_be_done_in_their_order_keep_a_plan_from_being_loaded(old, new, says):
    plan, _ = written((old, new))
    problems = [text for _, text in inconsistencies(parse(plan, Plan))]
    assert any(says in text for text in problems), problems


def test_two_response_plans_may_use_the_same_id():
    again = "response_plans:\n  tow: {title: Tow, steps: {immediate_action: [{id: boats, title: Tow, role: mate}]}}"
    towed = ("late: {rank: 2, title: Late}", "late: {rank: 2, title: Late, response_plan: tow}")
    assert found(towed, ("response_plans:", again)) == []


# ---- reports ----


@pytest.mark.parametrize("remind", ["", "    remind: [PT1H]\n"], ids=["not at all", "when it has left"])
def test_facts_that_nobody_is_asked_for_in_time_are_found_with_their_report(remind):
    unasked = only(("    remind: [PT2H]\n", remind))
    assert (place(unasked), unasked.severity) == ("obligations.2.do.0.notify", "advice")
    assert unasked.text.startswith("status goes out with cause, and nobody is asked in time")


def test_what_goes_out_at_once_may_have_gaps_that_somebody_is_asked_to_fill():
    assert found(("    begin: {before_due: PT1H}\n", "")) == []


def test_gaps_that_nobody_is_ever_asked_to_fill_are_found():
    silent = ("    remind: [PT3H]\n    escalate: {before_due: PT30M, to: captain}\n", "")
    hasty = found(("    begin: {before_due: PT1H}\n    remind: [PT2H]\n", ""), silent)
    assert ("obligations.2.do.0.notify", True) in [
        (place(each), "goes out with" in each.text) for each in hasty
    ]


def test_an_escalation_asks_as_well_as_a_reminder():
    escalates = "    escalate: {before_due: PT2H, to: captain}\n"
    assert found(("    remind: [PT2H]\n", escalates)) == []


def test_facts_for_a_letter_are_asked_for_at_any_time_before_it_is_due():
    letter = ("title: Hold a drill, role: purser}", "title: Post the letter, role: purser, letter: status}")
    assert "nobody is asked in time" in only(letter).text
    assert (
        found(
            letter,
            ("    within: {business_days: 5}\n", "    within: {business_days: 5}\n    remind: [PT4H]\n"),
        )
        == []
    )


def test_a_fact_that_no_report_uses_is_found():
    unused = only(("  cause: {", "  weather: {title: Weather, owed_by: mate}\n  cause: {"))
    assert (place(unused), unused.severity) == ("facts.weather", "advice")


@pytest.mark.parametrize(
    ("edits", "key"),
    [
        ([('bridge: {number: "+12025550190"}\n', "")], "bridge"),
        ([("source: bridge", 'source: "anchor:report_sent"'), ("    marks: report_sent\n", "")], "marks"),
    ],
)
def test_a_line_that_the_record_can_never_fill_is_found(edits, key):
    empty = [each for each in found(*edits) if each.path[-1] == "source"]
    assert [place(each) for each in empty] == ["reports.status.fields.1.source"]
    assert f"comes from `{key}`" in empty[0].text


# ---- papers ----


def test_a_plan_for_a_client_describes_its_product_and_names_its_agreement():
    product = PLAN[PLAN.index("product:") : PLAN.index("agreement:")]
    agreement = "agreement: {title: Concession, reference: C-17, contact: purser}\n"
    assert "does not say what it protects" in only((product, "")).text
    assert "names no `agreement`" in only((agreement, "")).text
    assert only((", contact: purser", "")).severity == "advice"
    assert found((product, ""), (agreement, ""), ("client: Port of Pedra\n", "")) == []


@pytest.mark.parametrize(
    ("dates", "where"),
    [
        ("approved_on: 2026-01-10, until: 2026-05-31", "exceptions.0.until"),
        ("approved_on: 2026-06-02, until: 2026-12-31", "exceptions.0.approved_on"),
    ],
)
def test_an_exception_must_be_approved_in_advance_and_must_not_have_run_out(dates, where):
    wrong = only((BOARD, dates))
    assert (place(wrong), wrong.severity) == (where, "error")


def test_an_exception_holds_on_its_last_day():
    assert found((BOARD, "approved_on: 2026-01-10, until: 2026-06-01")) == []
    assert found((BOARD, "approved_on: 2026-06-01, until: 2026-06-01")) == []


def test_an_exception_that_was_approved_after_it_had_run_out_is_found():
    texts = [each.text for each in found((BOARD, "approved_on: 2026-05-20, until: 2026-05-10"))]
    assert any("after it had run out" in text for text in texts)


def test_an_exception_from_a_clause_that_nothing_cites_is_worth_a_question():
    lost = only(('clause: "§5", what', 'clause: "§9", what'))
    assert (place(lost), lost.severity) == ("exceptions.0.clause", "advice")


def test_an_answer_that_opens_no_strategy_is_found_unless_the_plan_says_that_it_needs_none():
    missing = only(("    hours: []\n", ""))
    assert (place(missing), missing.severity) == ("estimate", "advice")
    assert missing.text.startswith("hours: no strategy")
