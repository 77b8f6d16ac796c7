"""A reviewer finds who is missing: whoever holds a role, works in its hours, is paged next, or approves."""

from __future__ import annotations

import pytest

from tests.domain.ferry import SERVES, found, only, place

# ---- hours ----


def hours(of: str, week: str, span: str, zone: str = "Europe/Lisbon") -> tuple[str, str]:
    number = {"ana": "01", "rui": "02", "eva": "03"}[of]
    old = f'phone: "+120255501{number}"'
    return old, f"{old}, hours: {{timezone: {zone}, week: {week}, hours: {span}}}"


def test_a_weekend_on_which_nobody_works_leaves_a_role_uncovered():
    gap = only(hours("ana", "mon-fri", "00:00-24:00"), hours("rui", "mon-fri", "09:00-17:00"))
    assert (place(gap), gap.severity) == ("roles.mate.cover", "error")
    assert gap.text.startswith(
        'nobody who holds role "mate" works Sat 00:00–Sun 24:00 (Europe/Lisbon), and its cover is 24/7'
    )


def test_two_who_work_by_day_and_by_night_cover_a_role_together():
    assert found(hours("ana", "mon-sun", "00:00-12:00"), hours("rui", "mon-sun", "12:00-24:00")) == []


def test_one_who_always_works_covers_a_role_alone():
    assert found(hours("ana", "mon-fri", "09:00-17:00")) == []


def test_nights_that_nobody_works_are_told_one_by_one():
    gap = only(hours("ana", "mon-sun", "08:00-20:00"), hours("rui", "mon-fri", "09:00-17:00"))
    assert "works Mon 00:00–08:00, Mon 20:00–Tue 08:00, Tue 20:00–Wed 08:00" in gap.text


def test_office_hours_are_covered_by_somebody_who_works_longer_and_not_by_somebody_who_leaves_early():
    assert found(hours("eva", "mon-fri", "08:00-18:00")) == []
    gap = only(hours("eva", "mon-fri", "08:00-16:00"))
    assert place(gap) == "roles.captain.cover"
    assert "works Mon 16:00–17:00, Tue 16:00–17:00" in gap.text


def test_an_hour_that_is_uncovered_in_one_half_of_the_year_only_is_found_with_such_a_week():
    # Phoenix keeps no summer time: nine in the morning there is sixteen in Lisbon in winter, seventeen in summer.
    gap = only(
        hours("ana", "mon-sun", "09:00-24:00", "America/Phoenix"), hours("rui", "mon-sun", "07:00-16:00")
    )
    assert "Mon 16:00–17:00, Tue 16:00–17:00" in gap.text
    assert "(as in the week of 2026-06-01)" in gap.text


# ---- roles ----


@pytest.mark.parametrize(
    ("edits", "role", "says"),
    [
        (
            [("purser: [eva]", "purser: []")],
            "purser",
            'answers for whatever nobody else owes, does step "charter"',
        ),
        ([("captain: [eva]", "captain: []")], "captain", 'is paged when "summon" is late'),
        ([("captain: [eva]", "captain: []")], "captain", 'approves "tell"'),
    ],
)
def test_a_role_that_nobody_holds_is_found_with_what_it_is_for(edits, role, says):
    [unheld] = [each for each in found(*edits) if "held by nobody" in each.text]
    assert (place(unheld), unheld.severity) == (f"roles.{role}", "error")
    assert says in unheld.text


def test_a_role_that_the_incident_itself_gives_needs_no_holder_for_steps_and_facts():
    steward = "captain: {title: Captain, cover: working hours}\n  steward: {title: Steward}"
    edits = [
        ("captain: {title: Captain, cover: working hours}", steward),
        ("title: Cause, owed_by: mate", "title: Cause, owed_by: steward"),
    ]
    assert place(only(*edits)) == "roles.steward"
    assert found(*edits, ("assigns: captain", "assigns: steward")) == []


def test_a_role_that_is_to_be_paged_when_it_is_late_needs_a_holder_whoever_takes_it_later():
    steward = "captain: {title: Captain, cover: working hours}\n  steward: {title: Steward}"
    [late, *_] = found(
        ("captain: {title: Captain, cover: working hours}", steward),
        ("assigns: captain", "assigns: steward"),
        ("when_late: captain", "when_late: steward"),
    )
    assert 'is paged when "summon" is late' in late.text


# ---- escalations ----

LEVELS = "levels: [{role: mate, via: [sms, phone]}, {role: captain, via: [phone, sms]}]"


@pytest.mark.parametrize(
    ("levels", "severity", "says"),
    [
        ("[{role: mate, via: phone}, {role: captain, via: phone}]", "advice", "ends in one telephone"),
        ("[{role: mate, via: phone}, {role: captain, via: email}]", "error", "an email wakes nobody"),
        ("[{role: captain, via: [phone, sms]}]", "error", "pages nobody but eva, also when it is late"),
    ],
)
def test_an_escalation_that_ends_in_nobody_is_found(levels, severity, says):
    end = only((LEVELS, f"levels: {levels}"))
    assert (end.severity, says in end.text) == (severity, True)
    assert place(end).startswith("obligations.0.do.0.page.levels.")


def test_a_page_of_one_level_is_only_advised_against_when_somebody_else_is_paged_late():
    end = only(
        (LEVELS, "levels: [{role: captain, via: [phone, sms]}]"), ("when_late: captain", "when_late: mate")
    )
    assert (end.severity, place(end)) == ("advice", "obligations.0.do.0.page.levels.0")


def test_one_level_with_several_holders_ends_in_somebody():
    assert found((LEVELS, "levels: [{role: mate, via: phone}]")) == []


def test_a_page_that_tells_nobody_when_it_is_late_is_found():
    silent = only(("    when_late: captain\n", ""))
    assert (place(silent), silent.severity) == ("obligations.0", "advice")
    assert "has no `when_late`" in silent.text


SUPERVISED = f"levels: [{{supervisor_of: mate, via: phone}}, {LEVELS.partition('[')[2][:-1]}]"


def test_everybody_whose_supervisor_is_paged_must_have_one():
    assert found((LEVELS, SUPERVISED)) == []
    alone = only((LEVELS, SUPERVISED), (SERVES, '"+12025550101"'))
    assert (place(alone), alone.file, alone.severity) == ("people.ana", "directory", "advice")


def test_without_a_supervisor_a_page_that_has_no_other_level_finds_nobody():
    alone = only((LEVELS, "levels: [{supervisor_of: mate, via: phone}]"), (SERVES, '"+12025550101"'))
    assert alone.severity == "error"
    assert "reaches nobody" in alone.text


def test_anybody_may_report_and_only_those_at_the_top_need_no_supervisor():
    reporter = "report_within: {employee: PT24H}\nreporter: witness"
    witness = "captain: {title: Captain, cover: working hours}\n  witness: {title: Witness}"
    edits = [
        ("report_within: {employee: PT24H}", reporter),
        ("captain: {title: Captain, cover: working hours}", witness),
        (LEVELS, SUPERVISED.replace("supervisor_of: mate", "supervisor_of: witness")),
    ]
    assert found(*edits) == []
    assert place(only(*edits, (SERVES, '"+12025550101"'))) == "people.ana"


def test_somebody_who_is_paged_for_what_is_late_needs_a_telephone():
    edits = [
        (', phone: "+12025550103"', ""),
        (LEVELS, "levels: [{role: mate, via: phone}]"),
        ("email, sms], remind: [PT1H], page_before: PT30M}", "email], remind: [PT1H]}"),
    ]
    assert [place(each) for each in found(*edits)] == ["obligations.0.when_late", "obligations.1.escalate.to"]


def test_a_role_that_is_paged_over_late_tasks_needs_a_holder_with_a_telephone():
    tasks = ("report_within:", "tasks: {when_late: purser}\nreport_within:")
    assert found(tasks) == []
    places = [place(each) for each in found(tasks, (', phone: "+12025550103"', ""))]
    assert "tasks.when_late" in places


# ---- approvals ----


def test_an_approval_of_what_goes_to_our_own_people_is_worth_a_question():
    inward = only(("{report: status, audience: port}", "{report: status, audience: crew, via: [email, sms]}"))
    assert (place(inward), inward.severity) == ("obligations.1.approval", "advice")


def test_an_approval_of_what_goes_to_insiders_who_hear_of_other_things_freely_is_a_decision():
    assert not found(
        ("{report: status, audience: port}", "{report: status, audience: crew, via: [email, sms]}"),
        (
            "{notify: {audience: port, via: [email, phone], message: status}}",
            "{notify: {audience: crew, via: [email, phone]}}",
        ),
    )


def test_an_approval_of_nothing_is_found():
    approval = "    approval: {role: captain}\n    do: [{task: {title: Hold"
    idle = only(("    do: [{task: {title: Hold", approval))
    assert (place(idle), idle.severity) == ("obligations.4.approval", "error")


def test_whoever_approves_must_have_an_address_where_they_are_asked():
    mute = [
        place(each)
        for each in found(
            ("email: eva@example.com, ", ""), ("via: [email, sms], remind", "via: email, remind")
        )
    ]
    assert mute == ["obligations.1.approval.via"]


def test_whoever_is_paged_for_an_approval_must_have_a_telephone():
    places = [place(each) for each in found((', phone: "+12025550103"', ""))]
    assert "obligations.1.approval.page_before" in places
