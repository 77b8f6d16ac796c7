"""A small organisation of our own, for tests of the domain: a harbour's policy, and the people whom it may reach."""

from datetime import UTC, date, datetime
from functools import cache

from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.directory import Directory
from tocsin.domain.plan import Plan
from tocsin.yamlfile import parse

MONDAY_NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""In Lisbon it is one in the afternoon; no holiday is near."""

CALENDAR = BusinessCalendar(
    timezone="Europe/Lisbon",
    week="mon-fri",
    pinned_from=date(2026, 1, 1),
    pinned_until=date(2028, 12, 31),
)

PLAN = """
plan: harbour
title: Harbour safety policy
organisation: Port of Pedra
calendar: {timezone: Europe/Lisbon}

severities:
  storm: {rank: 1, title: Storm, response_plan: clear_the_port}
  gale: {rank: 2, title: Gale}
  breeze: {rank: 3, title: Breeze}
criteria:
  ship_adrift: {severity: storm, title: A ship is adrift}
  berth_lost: {severity: gale, title: A berth is lost}

roles:
  pilot: {title: Pilot}
  watch_officer: {title: Watch officer}
  harbour_master: {title: Harbour master}
  clerk: {title: Clerk}
audiences:
  crews: {title: The crews}
  owners: {title: The ship's owners, of: customer, external: true}
  coastguard: {title: The coastguard, external: true}
facts:
  cause: {title: Cause, owed_by: pilot}
  duration: {title: Expected duration, owed_by: watch_officer}
estimate: {fact: duration, choices: [hours, days]}

phases:
  immediate_action:
    title: Secure
    steps:
      - {id: answer, title: Answer the bell, role: pilot, done_when: acknowledged}
      - {id: moor, title: Double the moorings, role: pilot}
  testing_and_monitoring:
    title: Watch
    steps: [{id: sound, title: Take soundings, role: pilot}]
  backup_and_meeting:
    title: Meet
    steps: [{id: estimate, title: Say how long it lasts, role: watch_officer, done_when: estimated}]
  ongoing_assessment: {title: Assess}
  post_incident:
    title: Afterwards
    steps: [{id: repaint, title: Repaint the bollards, role: pilot}]
response_plans:
  clear_the_port:
    title: Clear the port
    steps: {immediate_action: [{id: clear, title: Clear the port, role: harbour_master}]}

reports:
  interim:
    title: Interim report
    fields:
      - {heading: Cause, source: "fact:cause"}
      - {heading: Owners told, source: customer_informed}
      - {heading: Last word, source: last_update}
      - {heading: Who took part, source: people_involved}
  final:
    title: Final report
    fields:
      - {heading: Cause, source: "fact:cause"}
      - {heading: How long, source: length_of_outage}

obligations:
  - id: summon
    title: A pilot is summoned
    clause: "§1"
    from: aware
    within: PT1H
    do:
      - page:
          levels:
            - {role: pilot, via: [sms, phone], wait: PT5M}
            - {role: harbour_master, via: phone, wait: PT10M}
          assigns: watch_officer
    when_late: harbour_master

  - id: interim-report
    title: The crews get an interim report
    clause: "§2"
    from: aware
    within: PT4H
    every: PT4H
    by_severity: {breeze: {within: P1D, every: P1D}}
    until: resolved
    begin: {before_due: PT30M}
    do: [{report: {report: interim, audience: crews}}]

  - id: rounds
    title: The quay is walked
    clause: "§3"
    source: convention
    from: declared
    by_severity: {storm: {within: PT6H, every: PT6H}}
    until: resolved
    do: [{task: {title: Walk the quay, role: pilot}}]

  - id: owners
    title: The owners are told, and written to
    clause: "§4"
    requires: customer
    from: aware
    within: P1D
    do:
      - {notify: {audience: owners, via: [email, sms]}}
      - {task: {title: Post the letter, role: clerk}}
    marks: customer_notified

  - id: secured
    title: Ships are secured
    clause: "§5"
    from: [occurred, aware]
    by_severity:
      storm: {within: PT12H}
      gale: {within: P1D}
    do: [{step: {step: moor}}]
    when_late: harbour_master
    grace: PT6H

  - id: coastguard
    title: The coastguard is told
    clause: "§6"
    from: classified
    by_severity: {storm: {within: PT2H}}
    do: [{notify: {audience: coastguard, via: phone}}]
    when_late: harbour_master

  - id: final-report
    title: The crews get the final report
    clause: "§7"
    from: [resolved, unresolvable]
    within: {business_days: 3}
    begin: {before_due: PT1H}
    do: [{report: {report: final, audience: crews}}]

  - id: review
    title: The review is held
    clause: "§8"
    from: resolved
    within: {business_days: 7}
    do: [{meeting: {meeting: Review, audiences: [crews], length: PT1H}}]
"""

DIRECTORY = """
people:
  ana: {name: Ana, phone: "+12025550101", email: ana@example.com}
  rui: {name: Rui, phone: "+12025550102", email: rui@example.com}
  eva: {name: Eva, phone: "+12025550103", email: eva@example.com}
roles: {pilot: [ana], watch_officer: [ana], harbour_master: [rui], clerk: [eva]}
audiences:
  crews:
    mess: {name: The mess, email: mess@example.org}
customers:
  orca:
    name: Orca Shipping
    audiences:
      owners:
        desk: {name: Orca's desk, email: desk@example.net, phone: "+12025550111"}
drill: {email: drill@example.com, phone: "+12025550199"}
"""


@cache
def plan() -> Plan:
    """The harbour's policy."""
    return parse(PLAN, Plan)


def plan_with(old: str, new: str) -> Plan:
    """The policy with one passage worded differently."""
    assert PLAN.count(old) == 1, f"{old!r} must stand once in the plan"
    return parse(PLAN.replace(old, new), Plan)


def plan_without(*obligations: str) -> Plan:
    """The policy without some of its promises."""
    kept = tuple(spec for spec in plan().obligations if spec.id not in obligations)
    return plan().model_copy(update={"obligations": kept})


@cache
def directory() -> Directory:
    """The harbour's people."""
    return parse(DIRECTORY, Directory)
