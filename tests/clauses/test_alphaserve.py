"""Alpha Serve's procedure, row by row: who is told, who alone may tell the outside, and what is kept."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import Client

from tests.clauses.conftest import Rehearsed
from tests.clauses.reading import DRIFT, about, entries, is_at, row
from tests.clauses.rows import PLANS
from tests.test_what_temporal_keeps import raw
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.domain.state import Actor
from tocsin.domain.words import Status, Verdict
from tocsin.ingest.formats.alertmanager import AlertmanagerPayload
from tocsin.ingest.intake import alert_of
from tocsin.keyring import KeyRing, new_key
from tocsin.library import PlanLibrary
from tocsin.rehearsal.house import time_skipping_server
from tocsin.rehearsal.result import Received, Result
from tocsin.settings import Settings
from tocsin.starting import Declaration, report
from tocsin.temporal import data_converter
from tocsin.verifying import verify

OUTSIDE = ("customers-list", "partner-desk")
KYIV = ZoneInfo("Europe/Kyiv")

WORDS = (
    "Somebody signed in as one of our support staff and read tickets. If one of yours was among them, you have a "
    "second mail from us. Nothing that was read gives access to anything."
)

FALSE_ALARM = """
scenario: false-alarm
title: A contractor sees a change that was announced
plan: alphaserve
begins: "second wednesday of february 10:00"

report:
  title: Settings of the calendar app were changed
  by: Petro Hnatiuk, contractor
  kind: stakeholder
  channel: phone
  criteria: [unauthorised_changes]

people:
  taras: {answers: sms}

steps:
  - {at: PT20M, who: maksym, says: dismiss "The change was announced on Monday"}
"""

KINDS = {
    "information": "serious",
    "interference": "serious",
    "policy_violation": "minor",
    "compromised_accounts": "serious",
    "unauthorised_use": "serious",
    "unauthorised_changes": "serious",
}
"""The procedure's six kinds of incident, by what alerts call them."""


@pytest.fixture(scope="module")
def account(rehearsed: Rehearsed) -> Result:
    """A stolen account on a Tuesday at 21:10; everybody does what they should."""
    return rehearsed("alphaserve-stolen-account")


@pytest.fixture(scope="module")
def weekend(rehearsed: Rehearsed) -> Result:
    """Changed code on a Friday at 22:00; the supervisor sleeps, and the CEO never answers."""
    return rehearsed("alphaserve-silent-weekend")


def to_outsiders(result: Result) -> list[Received]:
    return [message for message in result.messages if message.to in OUTSIDE]


def within_a_moment(moment: datetime | None, wanted: datetime) -> bool:
    assert moment is not None
    return wanted <= moment <= wanted + DRIFT


# P1: six kinds, actual or suspected


@pytest.mark.parametrize("kind", KINDS)
def test_P1_each_of_the_six_kinds_is_an_incident_of_its_severity(kind: str, tmp_path: Path) -> None:
    labels = {"team": "app-security", "category": kind}
    alert = {"status": "firing", "fingerprint": "f", "startsAt": "2027-02-09T19:00:00Z", "labels": labels}
    payload = AlertmanagerPayload.model_validate(
        {"version": "4", "groupKey": kind, "commonLabels": labels, "alerts": [alert]}
    )
    opened = alert_of(payload.reading, PlanLibrary(PLANS, tmp_path), datetime(2027, 2, 9, 19, 1, tzinfo=UTC))
    assert (opened.plan.name, opened.criteria, opened.severity) == ("alphaserve", (kind,), KINDS[kind])


def test_P1_an_incident_is_suspected_until_somebody_confirms_it(account: Result) -> None:
    [alarm] = [mail for mail in account.to("olena") if mail.channel == "email" and mail.purpose == "notice"]
    assert "Suspected; not yet confirmed" in alarm.text
    [final] = [mail for mail in account.to("olena") if mail.purpose == "report"]
    confirmed = account.began.astimezone(KYIV) + timedelta(minutes=40)
    assert f"Confirmed on {confirmed:%A %d %B %Y, %H:%M}" in final.text


def test_P1_a_suspicion_that_is_dismissed_is_told_to_nobody_outside(rehearsed: Rehearsed) -> None:
    result = rehearsed(FALSE_ALARM)
    assert result.view.status is Status.DISMISSED
    assert not result.view.is_confirmed
    assert to_outsiders(result) == []
    assert {each.verdict for each in result.ledger if each.key != "supervisor-told"} == {
        Verdict.NOT_APPLICABLE
    }


# P2: whoever reveals it assesses the impact; the recovery effort is on the record


def test_P2_whoever_revealed_it_assesses_the_impact(account: Result, weekend: Result) -> None:
    assert row(account, "impact-assessed").reason == "assess-impact recorded by @maksym (claimed)"
    asked = [
        m for m in about(weekend.messages, "The potential impact is assessed") if m.purpose == "reminder"
    ]
    assert {message.to for message in asked} == {"iryna"}  # whoever is on duty, for what a monitor reveals
    assert [is_at(message.offset, hours=hours) for message, hours in zip(asked, (1, 1.5), strict=True)] == [
        True
    ] * 2


def test_P2_an_impact_that_nobody_assessed_in_time_is_late_on_the_ledger(weekend: Result) -> None:
    assessed = row(weekend, "impact-assessed")
    assert assessed.verdict is Verdict.LATE
    assert assessed.clause == "Incident Detection and Impact Assessment"
    assert within_a_moment(assessed.due, weekend.began + timedelta(hours=2))
    assert within_a_moment(assessed.settled, weekend.began + timedelta(hours=2, minutes=30))


def test_P2_the_recovery_effort_is_put_on_the_record(account: Result) -> None:
    assert row(account, "recovery-defined").verdict is Verdict.MET
    [final] = [mail for mail in account.to("taras") if "Incident report" in mail.subject]
    assert "Two engineers for a day, new secrets for every support account" in final.text
    assert "Tickets of about forty customers; no payment data" in final.text


# P3: to one's supervisor, as soon as possible


def test_P3_the_reporters_own_supervisor_is_paged_at_once(account: Result) -> None:
    """Of the two supervisors it is maksym's, who is not the first in the directory."""
    first = next(message for message in account.messages if message.purpose == "page")
    assert (first.to, first.channel, first.answer) == ("sofia", "sms", f"{account.view.reference}-1")
    assert is_at(first.offset)
    told = row(account, "supervisor-told")
    assert (told.verdict, told.clause) == (Verdict.MET, "Incident Reporting and Escalation")
    assert told.reason == "acknowledged by @sofia (by sms)"


def test_P3_a_supervisor_who_sleeps_is_called_and_then_others_are(weekend: Result) -> None:
    tried = [(m.to, m.channel, m.state) for m in weekend.messages if m.purpose == "page"][:5]
    assert tried == [
        ("taras", "sms", "delivered"),
        ("taras", "phone", "no answer"),
        ("taras", "sms", "delivered"),
        ("taras", "phone", "no answer"),
        ("sofia", "phone", "answered"),
    ]
    assert row(weekend, "supervisor-told").reason == "acknowledged by @sofia (by phone)"


def test_P3_a_contractor_whom_the_directory_does_not_know_reaches_a_supervisor_too(
    rehearsed: Rehearsed,
) -> None:
    result = rehearsed(FALSE_ALARM)
    assert result.view.reported.contact == "Petro Hnatiuk, contractor"
    assert row(result, "supervisor-told").verdict is Verdict.MET
    assert {m.to for m in result.messages if m.purpose == "page"} == {"taras"}


# P4: in immediate danger the CEO at once, by email and telephone


def test_P4_in_immediate_danger_the_ceo_has_an_email_and_a_call_at_once(account: Result) -> None:
    told = [message for message in account.to("olena") if message.purpose == "notice"]
    assert {(message.channel, message.state) for message in told} == {
        ("email", "delivered"),
        ("phone", "answered"),
    }
    assert all(is_at(message.offset) for message in told)
    assert all("Somebody reads customers' tickets" in message.text for message in told)
    kept = row(account, "ceo-told")
    assert (kept.verdict, kept.reason) == (Verdict.MET, "delivered to @olena by email, @olena by phone")


def test_P4_without_danger_the_ceo_is_not_woken(weekend: Result) -> None:
    assert [m for m in weekend.to("olena") if m.offset < timedelta(hours=30)] == []
    assert row(weekend, "ceo-told").verdict is Verdict.NOT_APPLICABLE


def test_P4_an_email_alone_does_not_tell_the_ceo(rehearsed: Rehearsed) -> None:
    result = rehearsed(NOT_AT_THE_PHONE)
    email, call = sorted((m for m in result.to("olena") if m.purpose == "notice"), key=lambda m: m.channel)
    assert (email.state, call.state) == ("delivered", "no answer")
    assert row(result, "ceo-told").verdict is Verdict.MISSED
    [paged, *_] = about(result.to("sofia"), "Overdue: Immediate danger")
    assert is_at(paged.offset, minutes=15)


NOT_AT_THE_PHONE = """
scenario: not-at-the-phone
title: Danger, and the CEO does not pick up
plan: alphaserve
begins: "second wednesday of february 10:00"

report:
  title: Somebody deletes customers' calendars
  by: iryna
  criteria: [immediate_danger]

people:
  taras: {answers: sms}
  sofia: {answers: sms}

steps:
  - {at: PT8H, who: taras, says: 'resolve "The token is revoked, the calendars are back"'}
  - {at: PT9H, who: taras, says: close --anyway}
"""


# P5: only the CEO decides what the outside is told


def test_P5_the_ceo_is_asked_reminded_and_called_before_the_deadline(weekend: Result) -> None:
    """Confirmed after 3 hours, so customers are to be told within 51."""
    asked = [m for m in about(weekend.to("olena"), "(customers-told)") if m.purpose == "approval"]
    assert {message.channel for message in asked} == {"email", "sms"}
    hours = (39, 39, 51 - 6, 51 - 6, 51 - 2, 51 - 2)
    assert [is_at(m.offset, hours=wanted) for m, wanted in zip(asked, hours, strict=True)] == [True] * 6
    calls = [m for m in weekend.to("olena") if m.channel == "phone" and m.offset > timedelta(hours=40)]
    assert is_at(calls[0].offset, hours=50)
    assert calls[0].purpose == "page"
    assert max(call.offset for call in calls) < timedelta(hours=51)


def test_P5_without_the_ceo_nothing_is_sent_and_the_promise_is_missed(weekend: Result) -> None:
    assert to_outsiders(weekend) == []
    for key in ("customers-told", "partner-told"):
        promise = row(weekend, key)
        assert promise.verdict is Verdict.MISSED
        assert promise.reason == "not approved by CEO before it was due; nothing was sent"
        assert promise.clause == "Incident Reporting and Escalation"
        assert within_a_moment(promise.due, weekend.began + timedelta(hours=51))


def test_P5_an_approval_after_the_deadline_is_refused(weekend: Result) -> None:
    [refused] = weekend.refusals
    assert (refused.who, is_at(refused.offset, hours=52)) == ("olena", True)
    assert "this link was good until" in refused.reason


def test_P5_nobody_else_can_approve_not_even_with_the_ceos_code(account: Result) -> None:
    at_the_page, with_the_code = (each for each in account.refusals if each.who == "sofia")
    assert at_the_page.reason == "nobody asked sofia about customers-told"
    assert with_the_code.reason.startswith("this code is not the one that was sent to sofia")
    assert all(message.offset >= timedelta(hours=14) for message in to_outsiders(account))


def test_P5_exactly_the_words_that_the_ceo_approved_are_sent(account: Result) -> None:
    [told] = account.to("customers-list")
    assert is_at(told.offset, hours=14)
    subject = f"[{account.view.reference}] Information for customers about a security incident"
    assert told.subject == subject
    assert told.text.partition("\n\n-- \n")[0].split() == WORDS.split()
    assert "tickets with a stolen support account" not in told.text + told.html  # the title was not approved
    [asked, *_] = reversed([mail for mail in account.to("olena") if "(customers-told)" in mail.subject])
    assert " ".join(WORDS.split()) in " ".join(asked.text.replace("> ", "").split())


def test_P5_the_ledger_has_the_hash_of_the_words_and_who_approved_them(account: Result) -> None:
    reason = row(account, "customers-told").reason
    words = reason.removeprefix("words ").partition(" ")[0]
    kept = account.archive / "wordings" / f"{words}.json"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == words
    assert "Nothing that was read gives access to anything." in kept.read_text()
    assert "approved by @olena by the link sent to olena's address" in reason


def test_P5_what_the_ceo_declines_is_not_sent(account: Result) -> None:
    assert account.to("partner-desk") == ()
    declined = row(account, "partner-told")
    assert declined.verdict is Verdict.NOT_APPLICABLE
    assert "No data of the marketplace is concerned" in declined.reason


def test_P5_the_final_evaluation_of_the_risks_is_the_ceos_alone(account: Result) -> None:
    [by_another] = [each for each in account.refusals if each.who == "taras" and "final-risk" in each.line]
    assert by_another.reason == "nobody asked taras about final-risk"
    evaluated = row(account, "final-risk")
    assert evaluated.verdict is Verdict.MET
    assert "approved by @olena by the link sent to olena's address" in evaluated.reason
    told = [mail for mail in account.to("taras") if "Final evaluation of the risks" in mail.subject]
    assert [is_at(mail.offset, hours=7) for mail in told] == [True]
    assert "Low: what was read had no secrets in it" in told[0].text


def test_P5_without_the_ceo_there_is_no_final_evaluation(weekend: Result) -> None:
    evaluated = row(weekend, "final-risk")
    assert evaluated.reason == "not approved by CEO before it was due; nothing was sent"
    assert evaluated.verdict is Verdict.MISSED
    assert within_a_moment(evaluated.due, weekend.began + timedelta(hours=3 + 36))


# P6: tasks, assigned, with due dates


def test_P6_tasks_have_somebody_and_a_due_date_and_are_reminded_of(account: Result) -> None:
    locked, listed = account.view.tasks
    assert (locked.assignee.person, listed.assignee.person) == ("iryna", "maksym")
    assert within_a_moment(listed.due, account.began + timedelta(minutes=46, days=2))
    [reminder] = [m for m in account.to("maksym") if m.purpose == "reminder"]
    assert "List the tickets that were read" in reminder.text
    assert is_at(reminder.offset, days=1, minutes=46)
    assert row(account, "resolution-planned").verdict is Verdict.MET


def test_P6_an_overdue_task_reaches_the_management(weekend: Result) -> None:
    [reminder] = [m for m in weekend.to("maksym") if m.purpose == "reminder"]
    assert is_at(reminder.offset, hours=8)
    text, call = about(weekend.to("sofia"), "Overdue: task 1, Revoke the key of the store")
    assert (text.channel, is_at(text.offset, hours=10)) == ("sms", True)
    assert (call.channel, call.state, is_at(call.offset, hours=10, minutes=5)) == ("phone", "answered", True)
    assert any(
        entry.startswith("task 1 (Revoke the key of the store) was due")
        for entry in entries(weekend, "overdue")
    )


def test_P6_the_review_is_called_and_one_that_nobody_holds_is_missed(
    account: Result, weekend: Result
) -> None:
    invited = [m for m in account.messages if m.purpose == "invitation"]
    assert {message.to for message in invited} == {"taras", "iryna", "maksym"}
    assert all(b"METHOD:REQUEST" in message.attachments[0].content for message in invited)
    assert row(account, "review").verdict is Verdict.MET
    assert row(weekend, "review").verdict is Verdict.MISSED


def test_P6_the_incident_report_is_due_five_business_days_after_the_resolution(account: Result) -> None:
    """Resolved on a Wednesday: Thursday, Friday, Monday, Tuesday, and the end of the next Wednesday."""
    resolved = (account.began + timedelta(hours=26)).astimezone(KYIV)
    assert f"{resolved:%A}" == "Wednesday"
    due = row(account, "incident-report").due
    assert due is not None
    assert due.astimezone(KYIV) == resolved.replace(hour=23, minute=59, second=59, microsecond=0) + timedelta(
        days=7
    )
    reports = [message for message in account.messages if message.purpose == "report"]
    assert {message.to for message in reports} == {"taras", "iryna", "maksym", "olena"}
    assert all(message.attachments[0].content.startswith(b"%PDF") for message in reports)


# P7: protected, preserved, usable


def test_P7_evidence_is_on_the_record_with_its_hash_and_in_the_report(account: Result) -> None:
    content = b"20:58 support3 signs in from 203.0.113.9"
    [kept] = account.view.evidence
    assert (kept.name, kept.origin, kept.sha256) == (
        "auth.log",
        "sso-1:/var/log/auth.log",
        hashlib.sha256(content).hexdigest(),
    )
    [final] = [mail for mail in account.to("olena") if mail.purpose == "report"]
    assert kept.sha256 in final.text


def test_P7_the_record_is_exported_whole_and_can_be_verified_anywhere(
    account: Result, tmp_path: Path
) -> None:
    office = Office(settings=lambda: Settings(state=account.archive))
    assert run(["verify", account.view.reference], office) == 0
    assert run(["export", account.view.reference, str(tmp_path / "record.zip")], office) == 0
    zipfile.ZipFile(tmp_path / "record.zip").extractall(tmp_path / "copy")
    assert verify(tmp_path / "copy").problems == ()
    assert any(
        b"support3 signs in" in file.read_bytes() for file in (tmp_path / "copy").rglob("*") if file.is_file()
    )


def test_P7_a_record_that_somebody_changed_does_not_verify(account: Result, tmp_path: Path) -> None:
    office = Office(settings=lambda: Settings(state=account.archive))
    assert run(["export", account.view.reference, str(tmp_path / "copy")], office) == 0
    [log] = [
        file for file in (tmp_path / "copy").rglob("*") if file.is_file() and b"support3" in file.read_bytes()
    ]
    log.chmod(0o644)
    log.write_bytes(log.read_bytes().replace(b"support3", b"support4"))
    assert verify(tmp_path / "copy").problems != ()


async def test_P7_under_a_key_nothing_of_a_report_lies_open_at_the_server(tmp_path: Path) -> None:
    library = PlanLibrary(PLANS, tmp_path)
    told = Declaration(
        plan="alphaserve",
        title="Tickets are read with a stolen account",
        facts={"what_happened": "An outsider signed in"},
        reporter=Actor(key="maksym"),
    )
    async with time_skipping_server(tmp_path) as env:
        for converter, lies_open in (
            (data_converter(KeyRing.parse(new_key("k1"), "the test")), False),
            (None, True),
        ):
            config = env.client.config()
            config["data_converter"] = converter or config["data_converter"]
            started = await report(Client(**config), library, Settings(), told)
            kept = await raw(env.client, started.workflow_id)
            assert [word in kept for word in (b"stolen account", b"An outsider", b"maksym")] == [
                lies_open
            ] * 3
