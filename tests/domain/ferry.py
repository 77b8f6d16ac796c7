"""A ferry's plan in which a reviewer finds nothing, and the same with passages that are worded differently."""

from __future__ import annotations

from datetime import date
from functools import cache

from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.directory import Directory
from tocsin.domain.plan import Plan
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
