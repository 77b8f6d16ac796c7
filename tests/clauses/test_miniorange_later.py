"""miniOrange's policy, from phase 3 to its end: what an outsider can see of each clause.

Two stories are read here, `cloud-outage` (level 2, everything is done in time) and `intruder` (level 3, sixteen days,
some of it late and some never), and short ones in their own words.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pytest

from tests.clauses.conftest import Rehearsed
from tests.clauses.papers import lines
from tests.clauses.publishing import Publisher, published_at
from tests.clauses.reading import DRIFT, about, entries, is_at, row
from tests.clauses.rows import PLANS
from tests.newsstand import at, item, rss
from tocsin import feedformats
from tocsin.acknowledging import NotAcknowledged
from tocsin.cli import main
from tocsin.cli.errors import Unavailable
from tocsin.cli.incidents import Incidents
from tocsin.cli.shelf import Shelf
from tocsin.domain.durations import parse_duration
from tocsin.domain.feeds import ReadFeed, news_in
from tocsin.domain.plan import Plan
from tocsin.domain.words import StepStatus, Verdict
from tocsin.library import PlanLibrary
from tocsin.rehearsal.result import Received, Result
from tocsin.settings import Settings

IST = ZoneInfo("Asia/Kolkata")
TEAM = {"asha", "ravi", "noor", "meera"}
SENIORS = {"leela", "vikram"}

WORKSPACE_DOWN = """
scenario: workspace-down
title: Google Workspace does not answer
plan: miniorange
begins: "first thursday of july 11:00"
ends: PT13H
alert:
  labels: {alertname: Workspace unreachable, vendor: google}
  annotations: {summary: Nobody can read email, description: Email of customers is not answered}
people:
  asha: {answers: sms}
  everybody: {answers: phone}
  customers: {answers: phone}
  leela: {answers: phone}
steps:
  - {at: PT4M, who: noor, says: fact affected_products "None of ours"}
  - {at: PT6M, who: asha, says: classify --criterion google_down}
  - {at: PT12H, who: asha, says: vendor google up --reason "Mail arrives again"}
"""

LEGAL_IS_SILENT = """
scenario: legal-is-silent
title: Legal decides nothing
plan: miniorange
begins: "second tuesday of july 14:00"
ends: P3DT2H
alert:
  labels: {alertname: Intrusion, site: pune, severity: warning, category: data_loss}
  annotations: {summary: A disk is gone, description: Addresses of customers were on it}
people:
  asha: {answers: sms}
  vikram: {answers: phone}
  leela: {answers: sms}
steps:
  - {at: PT1H, who: asha, says: fact confirmed now}
  - {at: PT2H, who: asha, says: update "The disk was encrypted"}
  - {at: PT2H, who: asha, says: interval team-update P7D "Nothing changes any more"}
"""


@pytest.fixture
def outage(rehearsed: Rehearsed) -> Result:
    """AWS fails on a Monday at 10:20 and stays away until Tuesday 15:00; it is resolved on Wednesday at 11:00."""
    return rehearsed("miniorange-cloud-outage")


@pytest.fixture
def intruder(rehearsed: Rehearsed) -> Result:
    """From a Tuesday at 14:00 until the Thursday sixteen days later, at 14:00."""
    return rehearsed("miniorange-intruder")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return PlanLibrary(PLANS, tmp_path).plans["miniorange"].plan


# Reading


def day(result: Result, number: int, hour: int, minute: int = 0) -> datetime:
    """A time of day in India, so many days after the one on which it began."""
    begun = result.began.astimezone(IST).date()
    return datetime.combine(begun + timedelta(days=number), time(hour, minute), IST)


def end_of_working_day(after: datetime, number: int) -> datetime:
    """The last second of the nth day after that on which people in India work, counted day by day."""
    off, found, today = holidays.country_holidays("IN"), 0, after.astimezone(IST).date()
    while found < number:
        today += timedelta(days=1)
        found += today.weekday() < 5 and today not in off
    return datetime.combine(today, time(23, 59, 59), IST)


def is_due(result: Result, key: str, **after: float) -> bool:
    """Whether a promise is due so long after the beginning."""
    due = row(result, key).due
    return due is not None and is_at(due - result.began, **after)


def is_about(given: datetime, wanted: datetime) -> bool:
    return abs(given - wanted) < DRIFT


def invitations(result: Result, title: str) -> list[Received]:
    return [each for each in result.messages if each.purpose == "invitation" and title in each.subject]


def calendar_entry(message: Received) -> dict[str, str]:
    """The lines of the invitation that is attached, by name."""
    [file] = message.attachments
    assert (file.name, file.media_type) == ("invite.ics", "text/calendar")
    lines = file.content.decode().replace("\r\n ", "").splitlines()
    return {name.partition(";")[0]: value for name, _, value in (line.partition(":") for line in lines)}


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo('UTC')):%Y%m%dT%H%M%SZ}"


def headings(message: Received) -> list[str]:
    return list(lines(message))


def under(message: Received, heading: str) -> str:
    """What a report says under one of its headings."""
    return lines(message).get(heading, "")


def status_of(result: Result, step: str) -> StepStatus:
    return next(each.state.status for each in result.view.steps if each.id == step)


def reminders(result: Result, person: str, words: str) -> list[Received]:
    return [each for each in about(result.to(person), words) if each.purpose == "reminder"]


# M13: phase 3


def test_M13_the_team_is_called_to_agree_on_what_follows(outage):
    invited = invitations(outage, "Follow-up action plan")

    assert {each.to for each in invited} == TEAM
    assert all(is_at(each.offset) for each in invited)
    for each in invited:
        entry = calendar_entry(each)
        assert (entry["METHOD"], entry["DTSTART"]) == ("REQUEST", utc(day(outage, 1, 9)))
        assert "- How long will it last\n- Continuity of departments, services and third parties" in each.text
    promise = row(outage, "follow-up-meeting")
    assert promise.verdict is Verdict.MET
    assert is_due(outage, "follow-up-meeting", days=2)
    assert "Back to the first zone at night" in promise.reason


def test_M13_the_expected_duration_opens_strategies_for_departments_services_and_third_parties(outage):
    assert "How long it is expected to last: one day" in entries(outage, "fact")
    done = under(
        about(outage.to("customers"), "Incident notice to customers")[0], "Measures and actions taken"
    )
    for measure in ("Departments: shift work", "Services: serve customers", "Third parties: warn those"):
        assert measure in done
    assert {each.id for each in outage.view.steps}.isdisjoint({"hold-departments", "relocate-departments"})


def test_M13_another_answer_opens_other_strategies_and_no_other_answer_is_taken(intruder):
    [refusal] = [each for each in intruder.refusals if each.line.startswith("estimate")]
    assert (
        refusal.reason == '"a fortnight" is not a choice; choose one of one hour, one day, one week, longer'
    )
    skipped = "\n".join(entries(intruder, "step"))
    for strategy in ("reorganise-departments", "replace-services", "replace-third-parties"):
        assert f"({strategy}): skipped — the incident was resolved" in skipped
    assert "shift-departments" not in skipped


def test_M13_backup_steps_of_the_plan_are_run_and_told(outage):
    assert status_of(outage, "other-zone") is StepStatus.DONE
    restart = "Restart from another availability zone (Noor Siddiqui (claimed))"
    before, after = (each for each in about(outage.to("everybody"), "] Incident status")[:3:2])
    assert restart not in before.text
    assert restart in after.text


# M14: phase 4


def test_M14_the_team_and_senior_management_meet_again_and_again(intruder):
    first, second, third = (day(intruder, number, 9) for number in (6, 13, 20))  # Mondays
    for number, (starts, invited_after) in enumerate([(first, 0), (second, 7), (third, 14)]):
        invited = [
            each
            for each in invitations(intruder, "Assessment meeting")
            if is_at(each.offset, days=invited_after)
        ]
        assert {each.to for each in invited} == TEAM | SENIORS
        assert {calendar_entry(each)["DTSTART"] for each in invited} == {utc(starts)}
        assert all("- Critical functions, by priority\n" in each.text for each in invited)
        assert is_due(intruder, f"assessment-meeting#{number + 1}", days=7 * (number + 1))


def test_M14_what_came_of_a_meeting_is_on_the_ledger_and_a_late_one_is_late(intruder):
    late, met = row(intruder, "assessment-meeting#1"), row(intruder, "assessment-meeting#2")
    assert (late.verdict, met.verdict) == (Verdict.LATE, Verdict.MET)
    assert "Nothing else was touched" in late.reason
    assert "The desk may be rebuilt" in met.reason
    [text, call] = about(intruder.to("asha"), "Overdue: Assessment meeting held")
    assert is_at(text.offset, days=7)
    assert (call.channel, call.answer) == ("phone", "1")


def test_M14_meetings_end_with_the_incident(intruder):
    assert row(intruder, "assessment-meeting#3").verdict is Verdict.NOT_APPLICABLE
    called_off = [each for each in invitations(intruder, "Assessment meeting") if is_at(each.offset, days=16)]
    assert {each.to for each in called_off} == TEAM | SENIORS
    for each in called_off:
        entry = calendar_entry(each)
        assert (entry["METHOD"], entry["STATUS"]) == ("CANCEL", "CANCELLED")
        assert entry["DTSTART"] == utc(day(intruder, 20, 9))


def test_M14_meetings_end_when_it_is_mitigated(outage):
    assert row(outage, "assessment-meeting#1").verdict is Verdict.MET
    ended = row(outage, "assessment-meeting#2")
    assert (ended.verdict, ended.reason) == (Verdict.NOT_APPLICABLE, "mitigated before it fell due")


def test_M14_how_often_they_meet_depends_on_the_level(rehearsed, outage, intruder):
    power = rehearsed("miniorange-power-failure-at-night")
    due = [row(each, "assessment-meeting#1").due - each.began for each in (power, outage, intruder)]
    assert [round(each / timedelta(days=1)) for each in due] == [1, 2, 7]


# M15: AWS is down


def test_M15_an_alert_about_aws_selects_the_service_plan(outage):
    assert outage.view.severity == "level2"
    assert "Amazon Web Services is down (as it was reported)" in entries(outage, "vendor")
    assert any(
        "case under its SLA (vendor-status): done — Case 17 under their SLA" in text
        for text in entries(outage, "step")
    )
    assert status_of(outage, "other-zone") is StepStatus.DONE


def test_M15_what_aws_posts_goes_to_whoever_is_affected_at_once_and_once(outage):
    posts = {
        9: "Service disruption: Mumbai — Power is back in one of three buildings.",
        26: "Resolved: Mumbai — All services run as usual.",
    }
    for hours, post in posts.items():
        told = [
            each for each in outage.messages if each.subject.endswith("] Update from Amazon Web Services")
        ]
        updates = [each for each in told if f"\n\n{post}\n\n" in each.text]
        assert sorted(each.to for each in updates) == ["customers", "everybody"]
        assert all(is_at(each.offset, hours=hours) for each in updates)
    [proposal] = [text for text in entries(outage, "vendor") if "says that it is over" in text]
    assert proposal.endswith("aws up")


def test_M15_only_what_aws_posts_about_our_region_is_news(plan):
    feed = plan.vendors["aws"].feed
    assert feed is not None
    now = datetime(2026, 7, 6, 10, tzinfo=IST)
    published = rss(item("ec2-ap-south-1_1", at(now)), item("ec2-us-west-2_2", at(now)))
    posts = feedformats.parse(published, feed.format, feed.url)

    asked = ReadFeed(
        vendor="aws", url=feed.url, format=feed.format, every=feed.every, about=feed.about, since=now
    )

    assert feed.url == "https://status.aws.amazon.com/rss/all.rss"
    assert [post.id for post in news_in(posts, asked).posts] == [
        "https://status.example.com/#ec2-ap-south-1_1"
    ]


# M16: Google Workspace is down


def test_M16_while_google_workspace_is_down_nobody_is_told_by_email(rehearsed):
    story = rehearsed(WORKSPACE_DOWN)
    told = [each for each in story.messages if each.purpose in {"notice", "report"}]
    down = [each for each in told if each.offset < timedelta(hours=12)]

    assert {each.channel for each in down} == {"phone"}
    assert {each.to for each in down} == {"everybody", "customers", "leela", "vikram"}


def test_M16_the_telephone_keeps_the_promises(rehearsed):
    story = rehearsed(WORKSPACE_DOWN)
    [first, *_] = about(story.to("everybody"), "Incident status")
    assert (first.channel, first.state) == ("phone", "answered")
    assert is_at(first.offset, minutes=10)
    [call] = [each for each in story.to("customers") if each.channel == "phone"]
    assert is_at(call.offset, hours=7)
    assert call.text.startswith("This is Tocsin, calling for miniOrange.")
    for promise in ("employee-notice#1", "incident-document", "customer-notice#1"):
        assert row(story, promise).verdict is Verdict.MET
    assert "email is not used meanwhile" in entries(story, "vendor")[0]


def test_M16_email_is_used_again_once_google_workspace_is_up(rehearsed):
    story = rehearsed(WORKSPACE_DOWN)
    [mail] = [each for each in story.to("everybody") if each.offset > timedelta(hours=12)]
    assert (mail.channel, mail.state) == ("email", "delivered")
    assert is_at(mail.offset, hours=12, minutes=10)


# M17: the Incident Manager


def test_M17_whoever_answers_first_is_the_incident_manager(outage, intruder):
    assert outage.view.roles["incident_manager"] == "asha"
    promise = row(intruder, "summon-manager")
    assert (promise.verdict, promise.reason) == (Verdict.MET, "acknowledged by @asha (by phone)")
    assert is_due(intruder, "summon-manager", minutes=30)


def test_M17_the_incident_manager_pages_anybody(outage):
    [page] = [each for each in outage.to("noor") if each.purpose == "page"]
    assert is_at(page.offset, minutes=14)
    assert page.channel == "sms"
    assert "Take the databases over to the other zone. Reply " in page.text
    assert page.answer == f"{outage.view.reference}-2"


def test_M17_communication_is_delegated_and_goes_to_whom_it_was_given(outage, intruder):
    task = "Ask the bank which payments wait"
    [reminder] = about(outage.to("ravi"), task)
    assert is_at(reminder.offset, hours=1, minutes=15)  # two hours before it is due
    assert not about(outage.to("meera"), task)
    assert reminders(intruder, "meera", "Decide whether customers must be told"), (
        "nobody else was given the role"
    )


def test_M17_the_team_is_asked_for_updates_again_and_again(outage):
    asked = about(outage.to("asha"), "Where do things stand?")
    assert [round(each.offset / timedelta(hours=1)) for each in asked] == [0, 2, 6, 10, 14, 18, 22, 26]
    updates = [each for each in outage.ledger if each.key.startswith("team-update#")]
    assert [each.verdict for each in updates] == [Verdict.MET] * 7 + [Verdict.NOT_APPLICABLE]
    [notice] = [
        each for each in about(outage.to("customers"), "Incident notice") if is_at(each.offset, hours=7)
    ]
    assert under(notice, "Current status").startswith("Sign-in works again for half of the customers")


def test_M17_who_says_nothing_is_reminded_and_the_incident_manager_is_paged(intruder):
    [reminder] = reminders(intruder, "asha", "Owed by you for: The response team says where things stand")[:1]
    assert is_at(reminder.offset, days=1, hours=7, minutes=45)
    [page, *_] = about(intruder.to("asha"), "Overdue: The response team says where things stand")
    assert is_at(page.offset, days=1, hours=8)
    assert row(intruder, "team-update#2").verdict is Verdict.LATE


# M18: afterwards


def test_M18_cleanup_is_due_three_working_days_after_the_resolution(outage, intruder):
    for story, resolved, verdict in (
        (outage, day(outage, 2, 11), Verdict.MET),
        (intruder, day(intruder, 16, 14), Verdict.LATE),
    ):
        promise = row(story, "cleanup")
        assert (promise.due, promise.verdict) == (end_of_working_day(resolved, 3), verdict)


def test_M18_who_does_not_clean_up_is_reminded_and_the_incident_manager_is_paged(intruder):
    due = end_of_working_day(day(intruder, 16, 14), 3)
    [reminder] = reminders(intruder, "noor", "Owed by you for: Cleaned up")
    assert is_about(reminder.at, due.replace(hour=10, minute=0, second=0))
    [page, *_] = about(intruder.to("asha"), "Overdue: Cleaned up")
    assert is_about(page.at, due)


def test_M18_the_report_says_cause_impact_and_resolution(outage):
    promise = row(outage, "internal-report")
    assert (promise.due, promise.verdict) == (end_of_working_day(day(outage, 2, 11), 5), Verdict.MET)
    [report] = about(outage.to("leela"), "] Incident report: Nothing at AWS answers")
    assert under(report, "Cause") == "A power failure at AWS in Mumbai"
    assert under(report, "Impact assessment") == "Customers cannot sign in"
    assert under(report, "Resolution") == "The services were restarted in another zone"
    assert "- Clean up what the response left behind (Noor Siddiqui (claimed))" in under(
        report, "What was done"
    )


# M19: the reports


def test_M19_the_internal_report_has_its_set_form(outage):
    told = about(outage.messages, "] Incident report: ")
    assert {each.to for each in told} == SENIORS
    [report] = [each for each in told if each.to == "vikram"]
    assert headings(report) == [
        "Summary",
        "First impact",
        "Detection",
        "End of impact",
        "Impact assessment",
        "Cause",
        "What was done",
        "Resolution",
        "Evidence",
        "Confirmed as resolved",
        "Lessons learned",
    ]
    assert under(report, "First impact").endswith(", 10:10 IST")
    assert under(report, "Detection").endswith(", 10:20 IST, by alertmanager")
    assert under(report, "End of impact") == f"{day(outage, 1, 15):%A %d %B %Y}, 15:00 IST"
    assert under(report, "Confirmed as resolved") == f"{day(outage, 2, 11):%A %d %B %Y}, 11:00 IST"
    assert under(report, "Lessons learned") == "Directory sync needs a copy in another zone"
    [paper] = report.attachments
    assert paper.media_type == "application/pdf"
    assert paper.content.startswith(b"%PDF")


def test_M19_customers_hear_how_services_were_restored(outage, intruder):
    promise = row(outage, "external-report")
    assert (promise.due, promise.verdict) == (end_of_working_day(day(outage, 2, 11), 2), Verdict.MET)
    [report] = about(outage.to("customers"), "] Services restored: ")
    assert headings(report) == ["What happened", "Duration", "Restoration of services"]
    assert (
        under(report, "Duration") == "28 hours 50 minutes"
        or under(report, "Duration") == "28 hours 40 minutes"
    )
    assert (
        under(report, "Restoration of services")
        == "Sign-in came back on Monday and directory sync on Tuesday"
    )
    assert row(intruder, "external-report").verdict is Verdict.NOT_APPLICABLE, "nobody outside has noticed"


def test_M19_what_a_report_lacks_is_asked_for_days_before(outage):
    due = end_of_working_day(day(outage, 2, 11), 5)
    asked = [*reminders(outage, "asha", "Owed by you for: Incident report")]
    assert {each.at.astimezone(IST).date() for each in asked} == {due.date() - timedelta(days=2)}
    words = " ".join(each.text for each in asked)
    for fact in ("First impact", "Lessons learned", "Cause", "What resolved it"):
        assert fact in words
    [restoration] = reminders(outage, "noor", "Owed by you for: Services restored")
    assert "How services were restored" in restoration.text


def test_M19_a_report_that_lacks_something_says_so_and_who_owes_it(intruder):
    due = end_of_working_day(day(intruder, 16, 14), 5)
    [press, *_] = about(intruder.to("asha"), "Still owed for Incident report")
    assert is_about(press.at, due.replace(hour=16, minute=0, second=0))
    owed = "First impact; Lessons learned; Cause; What resolved it"
    assert any(text.endswith(f"UTC: {owed}") for text in entries(intruder, "acknowledged"))
    [report] = about(intruder.to("leela"), "] Incident report: ")
    assert under(report, "Cause") == "[Not yet known — owed by ISMS team]"
    assert under(report, "Lessons learned") == "[Not yet known — owed by Asha Kulkarni (Incident Manager)]"
    assert is_about(report.at, due.replace(hour=20, minute=0, second=0))


# M20: the plan is reviewed


def test_M20_the_review_is_called_with_its_agenda_and_its_outcome_is_kept(outage):
    due = end_of_working_day(day(outage, 2, 11), 10)
    invited = invitations(outage, "Review of the Incident Response Plan")
    assert {each.to for each in invited} == TEAM | SENIORS
    assert {calendar_entry(each)["DTSTART"] for each in invited} == {
        utc(due.replace(hour=9, minute=0, second=0))
    }
    agenda = "- What was missing in the plan, or in the way\n- Corrective actions\n- Risks\n- Training\n"
    assert all(agenda in each.text for each in invited)
    promise = row(outage, "review-meeting")
    assert (promise.due, promise.verdict) == (due, Verdict.MET)
    assert "A step for directory sync; nobody needs training" in promise.reason


def test_M20_review_corrective_actions_and_risks_are_owed_and_a_review_that_is_not_held_is_missed(
    outage, intruder
):
    promise = row(outage, "plan-reviewed")
    assert (promise.due, promise.verdict) == (end_of_working_day(day(outage, 2, 11), 15), Verdict.MET)
    [refusal] = [each for each in intruder.refusals if each.line == "close"]
    assert (
        "review-meeting, plan-reviewed, review-plan, corrective-actions, risk-assessment, training"
        in refusal.reason
    )
    for missed in ("review-meeting", "plan-reviewed"):
        assert row(intruder, missed).verdict is Verdict.MISSED
        assert row(intruder, missed).reason == "the incident was closed by @asha (claimed)"


def test_M20_what_the_review_said_is_kept_with_the_version_of_the_plan(outage):
    [review] = Shelf(outage.archive).reviews("miniorange")
    assert review.reference == outage.view.reference
    assert (outage.archive.parent / "plans" / f"{review.version}.json").exists()
    assert {each.step: (str(each.status), each.said) for each in review.outcomes} == {
        "cleanup": ("done", ""),
        "review-plan": ("done", "Directory sync gets a step of its own"),
        "corrective-actions": ("done", "Noor copies directory sync to another zone by August"),
        "risk-assessment": ("done", "Everything of ours still hangs on one region"),
        "training": ("skipped", "The review calls for none"),
    }


# M21: metrics


def measured(story: Result, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What `tocsin metrics` tells of an incident that is archived."""

    async def connect() -> Incidents:
        raise Unavailable("nobody is asked: everything is archived")

    settings = Settings(state=story.archive)
    office = main.Office(connect, settings=lambda: settings, now=lambda: story.ended)
    assert main.run(["metrics", "--plan", "miniorange", "-o", "json"], office) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_M21_times_of_the_response_are_told_by_plan_and_level(outage, capsys):
    [group] = measured(outage, capsys)["summaries"]
    assert (group["plan"], group["severity"], group["incidents"]) == ("miniorange", "level2", 1)
    took = {name: parse_duration(times["median"]) for name, times in group["times"].items()}
    assert abs(took["acknowledge"] - timedelta(minutes=2)) < DRIFT
    assert abs(took["notify"] - timedelta(minutes=10)) < DRIFT
    assert abs(took["mitigate"] - timedelta(hours=28, minutes=40)) < DRIFT
    assert abs(took["resolve"] - timedelta(hours=48, minutes=40)) < DRIFT


def test_M21_so_are_the_shares_of_promises_kept_late_and_missed(outage, intruder, capsys):
    [good] = measured(outage, capsys)["summaries"]
    assert (good["met"], good["late"], good["missed"]) == (1.0, 0.0, 0.0)
    told = measured(intruder, capsys)
    [bad] = told["summaries"]
    assert (bad["verdicts"]["late"], bad["verdicts"]["missed"]) == (3, 2)
    # Kept: the summons, the document, the management's notice, the customers' decision, the follow-up, the authority,
    # the report; one meeting, three updates, and sixteen notices to employees.
    assert bad["verdicts"]["met"] == 7 + 1 + 3 + 16
    assert bad["met"] == pytest.approx(27 / 32)
    [incident] = told["incidents"]
    assert [(each["key"], each["clause"]) for each in incident["missed"]] == [
        ("review-meeting", "11. Review of the Information Security Continuity"),
        ("plan-reviewed", "11. Review of the Information Security Continuity"),
    ]


# M22: contacts by responsibility


def test_M22_the_incident_document_names_the_team_for_each_responsibility(outage):
    [document] = about(outage.to("everybody"), "] Incident document")
    assert under(document, "Whom to ask") == (
        "- Communication throughout: Human Resources, hr@example.com\n"
        "- Keeping the business running: Operations, operations@example.com\n"
        "- This plan and how it is carried out: ISMS team, info@example.com"
    )


def test_M22_each_team_is_asked_for_its_own(intruder, outage):
    [page, *_] = [each for each in intruder.messages if each.purpose == "page"]
    assert page.to == "asha", "the ISMS team carries out the plan"
    [decision, _] = reminders(intruder, "meera", "Decide whether customers must be told")
    assert is_at(decision.offset, hours=1), "Human Resources communicates"
    assert reminders(outage, "noor", "How services were restored"), "Operations keeps the business running"
    for responsibility in ("Decide whether", "How services were restored"):
        assert not reminders(intruder, "ravi", responsibility)


# M23: what the law asks for


def test_M23_the_authority_is_told_in_the_words_that_legal_approved(intruder):
    promise = row(intruder, "authorities")
    assert is_due(intruder, "authorities", days=4), "72 hours after it was confirmed, on the second day"
    assert promise.verdict is Verdict.MET
    assert "approved by @vikram by the link sent to vikram's address" in promise.reason
    [notice] = intruder.to("authority-desk")
    assert (notice.channel, notice.address) == ("email", "notifications@authority.example.org")
    assert is_at(notice.offset, days=3, hours=1)
    [draft] = [
        each
        for each in about(intruder.to("vikram"), "Approve by")
        if is_at(each.offset, days=2) and each.channel == "email"
    ]
    approved = [line.removeprefix(">").strip() for line in draft.text.splitlines() if line.startswith(">")]
    for line in filter(None, notice.text.partition("\n-- \n")[0].splitlines()):
        assert line.strip() in approved
    assert headings(notice) == [
        "Organisation",
        "Type of incident",
        "Impact",
        "Measures and actions taken",
        "Current status",
    ]


def test_M23_nobody_else_decides_what_the_authority_is_told(intruder):
    [refusal] = [
        each for each in intruder.refusals if each.offset < timedelta(days=3) and "approve" in each.line
    ]
    assert refusal.who == "asha"
    assert is_at(refusal.offset, days=2, hours=2)
    assert [each.offset > timedelta(days=3) for each in intruder.to("authority-desk")] == [True]


def test_M23_while_legal_says_nothing_nothing_is_sent_and_it_is_missed(rehearsed):
    story = rehearsed(LEGAL_IS_SILENT)
    asked = [
        each.offset for each in story.to("vikram") if each.purpose == "approval" and each.channel == "email"
    ]
    assert [is_at(each, days=1, hours=1 + hours) for each, hours in zip(asked, (0, 24, 44), strict=True)] == [
        True
    ] * 3
    [page] = [each for each in story.to("vikram") if each.purpose == "page"]
    assert (page.channel, page.answer) == ("phone", "1"), "he hears of it, and decides nothing"
    assert is_at(page.offset, days=2, hours=23), "two hours before it is due"
    assert story.to("authority-desk") == ()
    promise = row(story, "authorities")
    assert promise.verdict is Verdict.MISSED
    assert promise.reason == "not approved by Legal and compliance before it was due; nothing was sent"


def test_M23_before_anything_is_confirmed_no_authority_is_owed_anything(outage):
    promise = row(outage, "authorities")
    assert (promise.due, promise.verdict) == (None, Verdict.NOT_APPLICABLE)
    assert outage.to("authority-desk") == ()


# M24: everybody acknowledges the policy


@pytest.fixture
async def publisher(tmp_path: Path) -> AsyncIterator[Publisher]:
    async with published_at(tmp_path) as publisher:
        yield publisher


READERS = ["asha", "dev", "leela", "lina", "meera", "noor", "ravi", "vikram"]


async def test_M24_a_published_version_asks_each_of_those_whom_it_names(publisher):
    assert "nobody was asked to acknowledge it" in publisher.note

    await publisher.publishes()

    mails = await publisher.mails(len(READERS))
    assert sorted(mail.to.partition("@")[0].partition(".")[0] for mail in mails) == READERS
    assert all("Incident Response Plan" in mail.subject for mail in mails)
    assert publisher.note.endswith(f": not acknowledged by {publisher.in_order(READERS)}")


async def test_M24_who_acknowledges_is_on_the_record_and_who_has_not_is_reminded_and_known(publisher):
    await publisher.publishes()
    await publisher.mails(len(READERS))
    for person in ("asha", "lina"):
        await publisher.acknowledges(person)
    others = [key for key in READERS if key not in {"asha", "lina"}]
    assert publisher.note.endswith(f": not acknowledged by {publisher.in_order(others)}")

    await publisher.passes(days=3)

    reminders = (await publisher.mails(len(READERS) + len(others)))[len(READERS) :]
    assert sorted(mail.to.partition(".")[0] for mail in reminders) == others

    for person in others:
        await publisher.acknowledges(person)
    assert publisher.note == ""


async def test_M24_nobody_acknowledges_for_somebody_else_and_an_edit_is_a_version_of_its_own(publisher):
    await publisher.publishes()
    await publisher.mails(len(READERS))
    with pytest.raises(NotAcknowledged):
        await publisher.acknowledges("leela", code_of="asha")
    for person in READERS:
        await publisher.acknowledges(person)
    assert publisher.note == ""

    publisher.edits("title: Incident Response Plan", "title: Incident Response Plan, revised")

    assert "nobody was asked to acknowledge it" in publisher.note
