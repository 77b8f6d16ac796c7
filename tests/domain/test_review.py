"""A reviewer finds in a plan what breaks its own policy, and in a good plan nothing."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.directory import Directory
from tocsin.domain.plan import Plan
from tocsin.domain.reachability import unreachable
from tocsin.domain.references import inconsistencies
from tocsin.domain.review import Finding, Subject, review
from tocsin.yamlfile import parse

TODAY = date(2026, 6, 1)

PLAN = """
plan: ferry
title: Ferry safety policy
organisation: Straits Ferries
calendar: {timezone: Europe/Lisbon}
client: Port of Pedra
product:
  name: The ferry line
  description: Carries people and cars over the strait
  data_flows: [From the ticket desk to the bridge]
  diagrams: [docs/line.svg]
agreement: {title: Concession, reference: C-17, contact: purser}
exceptions:
  - {clause: "§5", what: No drill, approved_by: Board, approved_on: 2026-01-10, until: 2026-12-31, record: M-4}

severities:
  sunk: {rank: 1, title: Sunk, response_plan: rescue}
  late: {rank: 2, title: Late}
impacts:
  passengers: {title: Passengers}
roles:
  purser: {title: Purser}
  mate: {title: Mate, cover: 24/7}
  captain: {title: Captain, cover: working hours}
audiences:
  crew: {title: The crew}
  port: {title: The port, of: customer, external: true}
facts:
  cause: {title: Cause, owed_by: mate}
  duration: {title: How long, owed_by: captain}
estimate:
  fact: duration
  choices: [hours, days]
  strategies:
    hours: []
    days: [{id: charter, title: Charter a ship, role: purser, after: estimate}]
phases:
  immediate_action:
    title: Secure
    steps:
      - {id: answer, title: Answer the bell, role: mate, done_when: acknowledged}
      - {id: anchor, title: Drop the anchor, role: mate, after: answer}
  testing_and_monitoring: {title: Watch, steps: [{id: sound, title: Take soundings, role: mate, after: anchor}]}
  backup_and_meeting:
    title: Meet
    steps: [{id: estimate, title: Say how long, role: captain, done_when: estimated}]
  ongoing_assessment: {title: Assess}
  post_incident: {title: Afterwards}
response_plans:
  rescue: {title: Rescue, steps: {immediate_action: [{id: boats, title: Lower the boats, role: mate, after: answer}]}}
vendors:
  mailer: {title: The mailer, carries: email, instead: [sms, phone]}
reports:
  status: {title: Status, fields: [{heading: Cause, source: "fact:cause"}, {heading: Call, source: bridge}]}
bridge: {number: "+12025550190"}
report_within: {employee: PT24H}

obligations:
  - id: summon
    title: A mate is summoned
    clause: "§1"
    from: aware
    within: PT1H
    do:
      - page:
          levels: [{role: mate, via: [sms, phone]}, {role: captain, via: [phone, sms]}]
          assigns: captain
    when_late: captain

  - id: tell
    title: The port is told
    clause: "§2"
    allowed: {business_days: 1}
    requires: customer
    from: aware
    within: PT8H
    by_impact: {passengers: PT2H}
    begin: {before_due: PT2H}
    remind: [PT3H]
    escalate: {before_due: PT30M, to: captain}
    approval: {role: captain, via: [email, sms], remind: [PT1H], page_before: PT30M}
    waivable_by: captain
    do: [{report: {report: status, audience: port}}]
    marks: report_sent

  - id: keep-told
    title: The port is kept informed
    clause: "§3"
    requires: customer
    from: report_sent
    within: PT4H
    every: PT4H
    until: resolved
    begin: {before_due: PT1H}
    remind: [PT2H]
    do: [{notify: {audience: port, via: [email, phone], message: status}}]

  - id: boats
    title: The boats are lowered
    clause: "§4"
    from: classified
    by_severity: {sunk: {within: PT30M}}
    do: [{step: {step: boats}}]

  - id: drill
    title: A drill is held
    clause: "§5"
    from: resolved
    within: {business_days: 5}
    do: [{task: {title: Hold a drill, role: purser}}]

  - id: tell-personnel
    title: Personnel hears of a late report
    clause: "§6"
    requires: late_report
    from: aware
    within: P1D
    do: [{task: {title: Talk to whoever was late, role: purser}}]
"""

DIRECTORY = """
people:
  ana: {name: Ana, email: ana@example.com, phone: "+12025550101", supervisor: eva}
  rui: {name: Rui, email: rui@example.com, phone: "+12025550102", supervisor: eva}
  eva: {name: Eva, email: eva@example.com, phone: "+12025550103"}
roles: {purser: [eva], mate: [ana, rui], captain: [eva]}
audiences:
  crew: {ana: {name: Ana, email: ana@example.com}}
customers:
  pedra:
    name: Port of Pedra
    audiences: {port: {desk: {name: Desk, email: desk@example.org, phone: "+12025550111"}}}
drill: {email: drill@example.com, phone: "+12025550199"}
"""

BOARD = "approved_on: 2026-01-10, until: 2026-12-31"
SERVES = '"+12025550101", supervisor: eva'
"""What stands behind Ana's name, where her hours are written."""


def written(*edits: tuple[str, str]) -> tuple[str, str]:
    """The plan and its directory, each passage worded differently that stands in one of them."""
    plan, directory = PLAN, DIRECTORY
    for old, new in edits:
        assert (plan + directory).count(old) == 1, f"{old!r} must stand once in plan and directory"
        plan, directory = plan.replace(old, new), directory.replace(old, new)
    return plan, directory


def subject(*edits: tuple[str, str]) -> Subject:
    plan, directory = (
        parse(text, model) for text, model in zip(written(*edits), (Plan, Directory), strict=True)
    )
    assert list(inconsistencies(plan)) == []
    return Subject(plan, directory, calendar(), TODAY)


@cache
def calendar() -> BusinessCalendar:
    return BusinessCalendar(
        timezone="Europe/Lisbon",
        week="mon-fri",
        pinned_from=date(2026, 1, 1),
        pinned_until=date(2028, 12, 31),
    )


def found(*edits: tuple[str, str]) -> list[Finding]:
    return list(review(subject(*edits)))


def place(finding: Finding) -> str:
    return ".".join(map(str, finding.path))


def only(*edits: tuple[str, str]) -> Finding:
    """The one thing that a reviewer finds once the plan is edited so."""
    findings = found(*edits)
    assert len(findings) == 1, findings
    return findings[0]


def test_in_a_good_plan_nothing_is_found():
    assert found() == []
    assert list(unreachable(subject().plan, subject().directory)) == []


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
