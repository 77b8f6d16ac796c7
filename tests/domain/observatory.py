"""A second organisation of our own: an observatory, whose policy wants approvals, tested measures and meetings."""

from datetime import UTC, date, datetime
from functools import cache

from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.directory import Directory
from tocsin.domain.plan import Plan
from tocsin.yamlfile import parse

TUESDAY = datetime(2026, 2, 3, 9, tzinfo=UTC)
"""Nine in the morning in London."""

CALENDAR = BusinessCalendar(
    timezone="Europe/London",
    week="mon-fri",
    pinned_from=date(2025, 1, 1),
    pinned_until=date(2027, 12, 31),
)

PLAN = """
plan: observatory
title: What to do when the dome leaks
organisation: Old Observatory
calendar: {timezone: Europe/London}
severities:
  flood: {rank: 1, title: Flood}
  drip: {rank: 2, title: Drip}
criteria:
  lens_wet: {severity: flood, title: The lens is wet}
  smell: {severity: drip, title: It smells}
impacts:
  visitors: {title: Visitors}
  name: {title: The name of the house}
roles:
  astronomer: {title: Astronomer}
  director: {title: Director}
  finder: {title: Whoever found it}
reporter: finder
report_within: {employee: PT24H}
tasks: {remind: [PT1H], when_late: director}
bridge: {number: "+12025550150"}
agreement: {title: Loan agreement, reference: LA-7, contact: director}
audiences:
  lenders: {title: The lenders of the instruments, external: true}
  staff: {title: Staff}
  guests: {title: Guests, external: true}
facts:
  depth: {title: How deep the water is, owed_by: astronomer, type: number}
  pumps: {title: Whether the pumps run, owed_by: astronomer, type: "yes or no"}
  how_long: {title: How long it lasts, owed_by: astronomer}
  weather: {title: The weather, owed_by: astronomer, type: choice, choices: [rain, snow]}
estimate:
  fact: how_long
  choices: [hours, days]
  strategies:
    days: [{id: tent, title: Put up a tent, role: astronomer}]
phases:
  immediate_action:
    title: Look
    steps:
      - {id: look, title: Look, role: astronomer}
      - {id: fix, title: Mend the roof, role: astronomer, after: look, done_when: deployed}
      - {id: dry, title: Dry the lens, role: astronomer, only_for: lens_wet}
  testing_and_monitoring: {title: Watch}
  backup_and_meeting: {title: Meet}
  ongoing_assessment: {title: Assess}
  post_incident:
    title: Afterwards
    steps: [{id: review, title: Hold the review, role: director, done_when: "held:review-meeting"}]
reports:
  log:
    title: Log
    fields:
      - {heading: Depth, source: "fact:depth"}
      - {heading: Measures, source: mitigations}
      - {heading: Bridge, source: bridge}
      - {heading: Sure, source: confirmation}
obligations:
  - id: lenders
    title: The lenders are told
    clause: "§1"
    from: aware
    within: PT8H
    waivable_by: director
    approval: {role: director, remind: [PT2H], page_before: PT30M}
    do: [{notify: {audience: lenders, via: email}}]
  - id: log
    title: The log
    clause: "§2"
    from: aware
    within: PT4H
    every: PT4H
    until: resolved
    begin: {before_due: PT15M}
    remind: [PT1H]
    escalate: {before_due: PT30M, to: director}
    do: [{report: {report: log, audience: staff}}]
  - id: repair
    title: It is repaired
    clause: "§3"
    from: [occurred, detected]
    by_severity:
      flood: {within: P2D, by_impact: {visitors: PT12H, name: P1D}}
      drip: {within: {calendar_days: 7}, by_impact: {visitors: P2D}}
    do: [{step: {step: fix}}]
  - id: news
    title: The astronomer says where things stand
    clause: "§4"
    from: declared
    within: PT2H
    every: PT2H
    until: resolved
    do: [{update: {role: astronomer}}]
  - id: review-meeting
    title: A review is held
    clause: "§5"
    from: resolved
    within: {business_days: 5}
    do: [{meeting: {meeting: Review, audiences: [staff, lenders], agenda: [What leaked], done_when: held}}]
  - id: both-ways
    title: Guests are told by every means
    clause: "§6"
    only_for: lens_wet
    from: aware
    within: PT1H
    do: [{notify: {audience: guests, via: [email, phone], at_once: true}}]
  - id: gossip
    title: Whoever kept it to themselves is named to the director
    clause: "§7"
    requires: late_report
    from: reported
    within: P5D
    approval: {role: astronomer}
    do: [{notify: {audience: staff}}]
"""

DIRECTORY = """
people:
  edmond: {name: Edmond, email: edmond@example.com, phone: "+12025550101"}
  caroline: {name: Caroline, email: caroline@example.com, phone: "+12025550102"}
roles: {astronomer: [edmond], director: [caroline], finder: [edmond]}
audiences:
  lenders:
    paris: {name: Paris, email: paris@example.org, hours: {timezone: Europe/Paris, week: mon-thu, hours: "08:00-12:00"}}
  staff:
    edmond: {name: Edmond, email: edmond@example.com}
    caroline: {name: Caroline, email: caroline@example.com, via: [sms], phone: "+12025550102"}
  guests: {ada: {name: Ada, email: ada@example.org, phone: "+12025550103"}}
drill: {email: drill@example.com, phone: "+12025550199"}
"""


@cache
def plan() -> Plan:
    return parse(PLAN, Plan)


@cache
def directory() -> Directory:
    return parse(DIRECTORY, Directory)
