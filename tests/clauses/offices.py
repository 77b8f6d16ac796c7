"""Stories of incidents under miniOrange's plan, and what is read of them again and again."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.clauses.reading import row
from tocsin.domain.words import Phase, StepStatus
from tocsin.rehearsal.result import Received, Result

NIGHT = "miniorange-power-failure-at-night"
"""Level 1, and everybody does their part; Tuesday, 02:10 in Pune."""

SILENCE = "miniorange-nobody-answers"
"""Level 2: nobody answers for half an hour, and email fails for eight hours and a half; Sunday, 23:30."""

FORGED_PAGE = """
scenario: forged-page
title: An employee reports after 27 hours
plan: miniorange
begins: "first wednesday of february 10:00"
ends: PT20H

report:
  title: Credentials were typed into a forged page
  by: ravi
  channel: phone
  knew: PT27H
  criteria: external_attack

people:
  asha: {answers: sms}

steps:
  - {at: PT10M, who: ravi, decides: approve, about: late-report, with_code_of: asha, expect: refused}
  - {at: PT1H, who: asha, decides: approve, about: late-report, expect: accepted}
  - {at: PT3H, who: meera, says: task done 1 --outcome "No customer is affected"}
  - {at: PT7H, who: ravi, says: update "The password is changed"}
  - {at: PT9H, who: asha, says: resolve "No session was opened with it"}
"""
"""Level 3."""

SERVER_ROOM = """
scenario: server-room
title: It is worse than it seemed
plan: miniorange
begins: "first thursday of february 14:00"
ends: PT50M

report:
  title: The file server is gone
  by: noor
  channel: ticket
  knew: PT23H59M
  occurred: PT5H

people:
  asha: {answers: sms}

steps:
  - {at: PT30M, who: asha, says: classify --criterion power_or_fire --why "The server room burns"}
"""
"""Level 3 for half an hour, then level 1."""

EXCUSED = """
scenario: excused
title: An employee could not report
plan: miniorange
begins: "first friday of february 10:00"
ends: PT2H10M

report:
  title: A laptop was stolen on the train
  by: noor
  knew: PT30H
  criteria: data_loss

people:
  asha: {answers: sms}

steps:
  - {at: PT1H, who: asha, decides: decline, about: late-report, reason: "The telephone was stolen, too"}
"""

PUNE = ZoneInfo("Asia/Kolkata")

HEADINGS = ["Type of incident", "Impact", "Measures and actions taken", "Current status"]


def notices(result: Result, key: str, title: str) -> list[Received]:
    """The emails of one kind that somebody got, in order."""
    return [each for each in result.to(key) if each.channel == "email" and each.subject.endswith(title)]


def allowed(result: Result, key: str) -> timedelta:
    """How long after the beginning a promise is due."""
    due = row(result, key).due
    assert due is not None
    return due - result.began


def steps(result: Result, phase: Phase) -> dict[str, StepStatus]:
    """The steps of a phase, and what became of them."""
    return {step.id: step.state.status for step in result.view.steps if step.phase is phase}
