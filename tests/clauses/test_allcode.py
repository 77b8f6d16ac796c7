"""AllCode's Incident Management Program Policy, row by row, in four stories and what stands around them.

night    everything goes well: nobody reads the text message, the phone call wakes the manager
failing  nobody answers, the mail is down, and whoever could do something does it late or never
weeks    a flaw that cannot be resolved in time: a proposed date, a review that moves, the customer's own assessment
low      a customer calls about something small, in the night in which the clocks change
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pypdfium2
import pytest

from tests.clauses.conftest import Rehearsed
from tests.clauses.papers import calendar_entry, lines, of, printed
from tests.clauses.reading import DRIFT, about, entries, is_at, row
from tests.clauses.rows import PLANS
from tests.cli.office import FakeIncidents, execution
from tests.domain.world import World
from tests.ingest.harbour import NOON, FakeTemporal
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.domain.view import LedgerRow
from tocsin.domain.words import Verdict
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.rehearsal.result import Received, Result
from tocsin.settings import Settings

PACIFIC = ZoneInfo("America/Los_Angeles")
MIDNIGHT = (23, 59, 59)
PRESIDENTS_DAY = date(2031, 2, 17)

LOW = """
scenario: allcode-small-fault
title: A small fault, reported by a customer
plan: allcode
begins: "second sunday of march 09:00"
ends: P1DT5H
report:
  title: One report shows yesterday's figures
  by: Robin Castillo
  kind: customer
  channel: phone
  customer: acme
  criteria: few_systems
people: {dana: {answers: sms}}
steps:
  - {at: PT30M, who: dana, says: fact description "The nightly job did not run"}
  - {at: PT30M, who: dana, says: fact customer_coordinator "Robin Castillo"}
  - {at: PT30M, who: dana, says: fact company_impact "None"}
  - {at: PT30M, who: dana, says: estimate "one day"}
  - {at: PT1H, who: dana, says: fact occurred now-PT15H --why "The job failed on Saturday evening"}
  - {at: PT1H, who: dana, says: classify --criterion few_systems}
  - {at: PT19H, who: dana, says: task done 1}
  - {at: PT20H, who: dana, says: step contain --why "The job runs again"}
"""


@pytest.fixture(scope="module")
def night(rehearsed: Rehearsed) -> Result:
    return rehearsed("allcode-card-data-at-night")


@pytest.fixture(scope="module")
def failing(rehearsed: Rehearsed) -> Result:
    return rehearsed("allcode-nobody-answers")


@pytest.fixture(scope="module")
def weeks(rehearsed: Rehearsed) -> Result:
    return rehearsed("allcode-patch-that-takes-weeks")


@pytest.fixture(scope="module")
def low(rehearsed: Rehearsed) -> Result:
    return rehearsed(LOW)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> PlanLibrary:
    return PlanLibrary(PLANS, tmp_path_factory.mktemp("allcode"))


# Reading


def after(result: Result, days: float = 0, hours: float = 0, minutes: float = 0) -> datetime:
    """A moment of the story, in AllCode's time."""
    return (result.began + timedelta(days=days, hours=hours, minutes=minutes)).astimezone(PACIFIC)


def near(moment: datetime | None, other: datetime) -> bool:
    """Whether two moments are the same, give or take what a busy server takes to get there."""
    return moment is not None and abs(moment - other) <= DRIFT


def is_due(promise: LedgerRow, moment: datetime) -> bool:
    """Whether a promise falls due then."""
    return near(promise.due, moment)


def come_after(messages: Iterable[Received], *hours: float) -> bool:
    """Whether there are so many messages, each of them so many hours after the beginning."""
    came = [message.offset for message in messages]
    return len(came) == len(hours) and all(
        is_at(each, hours=at) for each, at in zip(came, hours, strict=True)
    )


def end_of_business_day(start: datetime, count: int, but: Iterable[date] = ()) -> datetime:
    """The end of the last of so many days after `start`, not counting weekends and `but`; by steps of one day."""
    day = start.date()
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5 and day not in but
    return datetime(day.year, day.month, day.day, *MIDNIGHT, tzinfo=PACIFIC)


def reports_to(result: Result, key: str, title: str) -> list[Received]:
    return [message for message in of(result.to(key), "report") if f"] {title}" in message.subject]


# ---- A1: the customer's security operations centre, at once ----


def test_A1_the_customers_operations_centre_is_told_at_once(night: Result):
    [told, resolved] = night.to("acme-soc")
    assert (told.channel, told.purpose, told.address) == ("email", "notice", "soc@acme.example.org")
    assert is_at(told.offset)
    assert told.subject.endswith("Security incident notice")
    assert lines(told)["What happened"] == "Card numbers appear in the logs of checkout-api"
    assert is_at(resolved.offset, hours=15)

    promise = row(night, "customer-soc")
    assert (promise.verdict, promise.reason) == (Verdict.MET, "delivered to @acme-soc")
    assert promise.clause == "Initial Notification of Security Incident"
    assert is_due(promise, after(night, minutes=15))


def test_A1_a_customer_whose_contract_names_the_telephone_is_called(failing: Result):
    [call, _] = failing.to("globex-desk")
    assert (call.channel, call.address, call.state) == ("phone", "+12025550112", "answered")
    assert is_at(call.offset)
    assert "calling for AllCode" in call.text
    assert "The login service accepts forged tokens." in call.text
    assert row(failing, "customer-soc").verdict is Verdict.MET


# ---- A2: a technician within the hour ----


def test_A2_a_technician_who_answers_the_text_message_is_summoned(weeks: Result):
    [page] = of(weeks.to("dana"), "page")
    assert (page.channel, page.address, page.answer) == ("sms", "+12025550101", f"{weeks.view.reference}-1")
    assert is_at(page.offset)
    promise = row(weeks, "summon-oncall")
    assert (promise.verdict, promise.reason) == (Verdict.MET, "acknowledged by @dana (by sms)")
    assert is_due(promise, after(weeks, hours=1))
    assert of(weeks.to("kim"), "page") == [], "nobody else is woken"


def test_A2_while_the_technician_sleeps_the_page_climbs(night: Result):
    [text] = of(night.to("dana"), "page")
    assert (text.channel, text.state, text.answer) == ("sms", "delivered", "")
    [call] = of(night.to("kim"), "page")
    assert (call.channel, call.state, call.answer) == ("phone", "answered", "1")
    assert is_at(call.offset, minutes=10)
    assert row(night, "summon-oncall").reason == "acknowledged by @kim (by phone)"


def test_A2_sent_is_not_summoned(failing: Result):
    pages = [message for message in failing.messages if message.purpose == "page"]
    first_hour = {message.to for message in pages if message.offset < timedelta(hours=1)}
    assert first_hour == {"dana", "kim", "lee", "sam", "alex"}, "everybody was tried"

    overdue = about(failing.to("lee"), "Overdue: On-call technician summoned")
    assert is_at(overdue[0].offset, hours=1)
    promise = row(failing, "summon-oncall")
    assert promise.verdict is Verdict.MISSED
    assert promise.settled is not None
    assert promise.settled - promise.due >= timedelta(hours=1), "the grace of an hour is given"
    acknowledged = [entry for entry in failing.timeline if entry.kind == "acknowledged"]
    assert str(acknowledged[0].by) == "sam (by sms)", "the page went on until somebody answered"
    assert is_at(acknowledged[0].offset, hours=2, minutes=5)


# ---- A3: in writing, and by email, within a day ----


def test_A3_the_customer_has_an_email_and_a_letter_within_a_day(night: Result):
    [email] = night.to("acme-notices")
    assert (email.channel, email.address) == ("email", "notices@acme.example.org")
    assert email.subject.endswith("Written notice of a security incident")

    promise = row(night, "customer-written-notice")
    assert promise.verdict is Verdict.MET
    assert promise.reason == (
        "delivered to @acme-notices; Post the letter to the customer: done by @kim (claimed)"
    )
    assert near(promise.settled, after(night, hours=9, minutes=30)), "the letter, too"
    assert is_due(promise, after(night, hours=24))


def test_A3_an_email_alone_does_not_do(failing: Result):
    assert is_at(failing.to("globex-notices")[0].offset)
    reminders = about(failing.to("sam"), "Post the letter to the customer")
    assert [message.purpose for message in reminders] == ["reminder", "reminder"]
    assert come_after(reminders, 20, 23)
    [overdue] = about(failing.to("kim"), "Overdue: Written notice of a security incident")
    assert is_at(overdue.offset, hours=24)
    assert row(failing, "customer-written-notice").verdict is Verdict.LATE, "posted after thirty hours"


def test_A3_the_letter_is_printed_for_the_address_that_the_customer_gave(
    library: PlanLibrary, tmp_path: Path
):
    loaded = library.plans["allcode"]
    world = World(plan=loaded.plan, directory=loaded.directory)
    world.alert(severity="high", customer="acme", title="Card numbers in the logs")
    letter = tmp_path / "letter.pdf"

    async def connect() -> FakeIncidents:
        return FakeIncidents(listed=[execution(world.state.id)], world=world)

    office = Office(
        connect=connect,
        settings=lambda: Settings(plans=PLANS, state=tmp_path),
        now=lambda: world.now,
    )
    words = ["report", world.state.reference, "security_notice", "--letter", "--pdf", str(letter)]
    assert run(words, office) == 0

    with pypdfium2.PdfDocument(letter) as document:
        text = document[0].get_textpage().get_text_bounded().replace("\r", "")
    address = "Acme Legal Notices\nAcme Corporation\nLegal Notices\n1 Example Street\nSpringfield, CA 90000"
    assert address in text
    assert "Dear Acme Legal Notices" in text
    assert "Card numbers in the logs" in text


# ---- A4: a bridge of the incident's own ----


def test_A4_every_notice_names_the_bridge_and_its_pin(night: Result):
    notices = of(night.messages, "notice")
    assert {message.to for message in notices} == {"acme-soc", "acme-notices", "robin", "alex", "lee"}
    bridges = {lines(message)["Teleconference bridge"] for message in notices}
    [bridge] = bridges
    assert re.fullmatch(r"\+12025550100, PIN \d{6}", bridge)


def test_A4_whoever_is_called_hears_the_bridge(failing: Result):
    pin = lines(failing.to("globex-notices")[0])["Teleconference bridge"][-6:]
    for call in failing.to("globex-desk"):
        assert f" The teleconference is at 1 2 0 2 5 5 5 0 1 0 0, PIN {' '.join(pin)}." in call.text


def test_A4_no_two_incidents_share_a_pin(night: Result, failing: Result, weeks: Result):
    pins = {_bridge(result) for result in (night, failing, weeks)}
    assert len(pins) == 3


def _bridge(result: Result) -> str:
    mails = [message for message in of(result.messages, "notice") if message.channel == "email"]
    [said] = {lines(message)["Teleconference bridge"] for message in mails}
    return said


# ---- A5: everything by email, too ----


def test_A5_every_report_goes_by_email_with_the_paper_attached(weeks: Result):
    reports = of(weeks.messages, "report")
    assert len(reports) == 14, "eleven interim reports, two with a proposed date, the final one"
    for message in reports:
        assert (message.channel, message.to, message.state) == ("email", "robin", "delivered")
        paper = printed(message)
        for heading in lines(message):
            assert heading in paper


def test_A5_a_customer_who_is_called_has_the_incident_by_email_as_well(failing: Result):
    [email] = failing.to("globex-notices")
    assert (email.channel, email.state, email.address) == (
        "email",
        "delivered",
        "contracts@globex.example.org",
    )
    assert {message.channel for message in of(failing.to("toni"), "report")} == {"email"}


# ---- A6: told of the resolution ----


def test_A6_the_customer_hears_of_the_resolution_at_once(night: Result):
    for key in ("acme-soc", "robin"):
        [notice] = about(tuple(of(night.to(key), "notice")), "Security incident resolved")
        assert is_at(notice.offset, hours=15)
        assert lines(notice)["Resolved"] == "Saturday 15 February 2031, 13:40 PST"
        assert lines(notice)["Length of outage"] == "17 hours 45 minutes"
    promise = row(night, "resolution-notice")
    assert (promise.verdict, promise.clause) == (Verdict.MET, "Security Incident Resolution Times")
    assert is_due(promise, after(night, hours=16))


def test_A6_until_the_resolution_somebody_is_pressed_for_what_is_open(failing: Result):
    assert come_after(about(failing.to("lee"), "Overdue: First response"), 24)
    reports = reports_to(failing, "toni", "Interim status report")
    assert "- Contain it (On-call security technician)" in lines(reports[0])["Response plan: still to do"]
    assert "- Contain it (Sam Okafor (claimed))" in lines(reports[-1])["Response plan: done so far"]


# ---- A7: interim reports ----


def test_A7_the_interim_report_has_the_policys_nine_fields(night: Result):
    report = reports_to(night, "robin", "Interim status report")[0]
    assert is_at(report.offset, hours=3, minutes=30)
    assert lines(report) == {
        "Date of the security incident": "Friday 14 February 2031, 19:55 PST",
        "Description, with known or suspected cause": (
            "A debug switch was left on; card numbers of customers are written to logs that others can read"
        ),
        "Company Incident Coordinator": "Kim Larsen",
        "Customer's Incident Coordinator": "Robin Castillo",
        "Impact on the company": "None so far; payments run",
        "Response plan: done so far": (
            "- Take the incident (Kim Larsen (by phone))\n"
            "- Settle the severity (Kim Larsen (claimed))\n"
            "- Contain it (Dana Reyes (claimed))\n"
            "- Take charge: lead those who respond, decide what comes first (Kim Larsen (claimed))\n"
            "- Test that the containment holds, and what else may be affected (Dana Reyes (claimed))\n"
            "- Estimate how long it will last (Kim Larsen (claimed))"
        ),
        "Response plan: still to do": (
            "- Agree with the customer's coordinator that nothing remains (Company Incident Coordinator)\n"
            "- Post the letter to the customer (Company Incident Coordinator)"
        ),
        "Current status": "No other service logs card numbers (Friday 14 February 2031, 23:30 PST)",
        "Expected time to full restoration": "one hour",
    }


def test_A7_a_high_incident_is_reported_every_four_hours_until_it_is_resolved(night: Result):
    assert come_after(reports_to(night, "robin", "Interim status report"), 3.5, 7.5, 11.5)
    for number in (1, 2, 3):
        promise = row(night, f"interim-report#{number}")
        assert promise.verdict is Verdict.MET
        assert is_due(promise, after(night, hours=4 * number))
    after_the_end = row(night, "interim-report#4")
    assert after_the_end.verdict is Verdict.NOT_APPLICABLE
    assert after_the_end.reason == "resolved before it fell due"


def test_A7_the_interval_follows_the_severity_until_another_is_agreed(weeks: Result):
    second = row(weeks, "interim-report#2")
    assert is_due(second, after(weeks, hours=4 + 6)), "six hours were agreed"
    [change] = second.changes
    assert near(change.due, after(weeks, hours=4 + 8)), "eight are the rule for medium"
    assert change.reason == "another interval was agreed"
    assert (
        "every 6 hours from now on — Agreed with Robin Castillo on the bridge"
        in entries(weeks, "interval")[0]
    )
    assert is_due(row(weeks, "interim-report#3"), after(weeks, hours=16)), (
        "agreed is agreed, also when it is high"
    )


def test_A7_a_low_incident_is_reported_once_a_day(low: Result):
    assert is_due(row(low, "interim-report#1"), after(low, hours=4))
    assert is_due(row(low, "interim-report#2"), after(low, hours=4 + 24))


def test_A7_what_nobody_has_said_is_asked_for_and_then_reported_as_owed(failing: Result):
    asked = about(failing.messages, "Owed by you for: Interim status report")
    assert come_after(asked, 2, 3)
    assert [message.to for message in asked] == ["kim", "sam"], (
        "the directory's coordinator, until somebody answered"
    )
    [pressed] = about(failing.to("kim"), "Still owed for Interim status report")
    assert (pressed.purpose, is_at(pressed.offset, hours=3, minutes=15)) == ("page", True)

    first = lines(reports_to(failing, "toni", "Interim status report")[0])
    assert first["Impact on the company"] == (
        "[Not yet known — owed by Sam Okafor (Company Incident Coordinator)]"
    )
    second = lines(reports_to(failing, "toni", "Interim status report 2")[0])
    assert second["Impact on the company"] == "Nobody at AllCode can log in"


def test_A7_a_report_that_could_not_be_delivered_in_time_is_late(failing: Result):
    [first, *_] = reports_to(failing, "toni", "Interim status report")
    assert first.offset >= timedelta(hours=4, minutes=10), "until then the mail was down"
    promise = row(failing, "interim-report#1")
    assert (promise.verdict, promise.reason) == (Verdict.LATE, "delivered to @toni")
    assert is_due(promise, after(failing, hours=4))
    [overdue] = about(failing.to("kim"), "Overdue: Interim status report")
    assert is_at(overdue.offset, hours=4)


# ---- A8: the final report ----


def test_A8_the_final_report_has_the_policys_sixteen_fields(night: Result):
    [report] = reports_to(night, "robin", "Final report")
    assert lines(report) == {
        "Company": "AllCode",
        "Company Incident Coordinator, and contact": "Kim Larsen, kim.larsen@example.com, +12025550103",
        "Customer's Incident Coordinator": "Robin Castillo",
        "Date of the incident": "Friday 14 February 2031, 19:55 PST",
        "Length of outage": "17 hours 45 minutes",
        "Executive overview": "Card numbers were logged for three hours. Nobody outside read them.",
        "People involved": "Dana Reyes, Kim Larsen",
        "Third parties involved": "None",
        "How and when it was detected": "Friday 14 February 2031, 22:40 PST, by alertmanager",
        "When and how the customer was told": (
            "- Friday 14 February 2031, 22:40 PST, by email to Acme Security Operations Center\n"
            "- Friday 14 February 2031, 22:40 PST, by email to Acme Legal Notices\n"
            "- Saturday 15 February 2031, 08:10 PST, by letter"
        ),
        "Resources and services affected": "checkout-api",
        "Impact on the customer": "None known",
        "How it was contained": "Logging was switched off and the logs were locked",
        "Root cause": "A deployment left a debug switch on",
        "Corrective action during the incident": "The logs were purged",
        "Permanent corrective action": "Deployments refuse debug switches",
        "Conclusion": "Contained before anybody outside could read the logs",
    }
    assert "Deployments refuse debug switches" in printed(report)


def test_A8_it_is_due_three_business_days_after_the_resolution(night: Result, failing: Result):
    resolved = after(night, hours=15)
    due = end_of_business_day(resolved, 3, but=[PRESIDENTS_DAY])
    assert f"{resolved:%A}" == "Saturday"
    assert f"{due:%A %H:%M:%S}" == "Thursday 23:59:59", "Monday is a holiday"
    assert is_due(row(night, "final-report"), due)
    assert row(night, "final-report").verdict is Verdict.MET

    assert is_due(row(failing, "final-report"), end_of_business_day(after(failing, days=2, hours=7), 3))


def test_A8_it_leaves_in_time_with_what_is_missing_marked_and_everybody_asked_before(failing: Result):
    due = end_of_business_day(after(failing, days=2, hours=7), 3)
    [report] = reports_to(failing, "toni", "Final report")
    assert near(report.at, due - timedelta(hours=7))
    said = lines(report)
    assert said["Root cause"] == "The new library took an empty signature for a valid one"
    assert said["Conclusion"] == "[Not yet known — owed by Incident manager]"
    assert said["Third parties involved"] == (
        "[Not yet known — owed by Sam Okafor (Company Incident Coordinator)]"
    )

    asked = about(failing.messages, "Owed by you for: Final report")
    assert {message.to for message in asked} == {"sam", "dana", "kim"}
    assert len(asked) == 6, "each of them twice"
    [pressed] = about(failing.to("kim"), "Still owed for Final report")
    assert near(pressed.at, due - timedelta(hours=9))


def test_A8_what_cannot_be_resolved_in_time_is_reported_with_a_proposed_date(weeks: Result):
    given_up, proposed = after(weeks, days=1), after(weeks, days=9)
    first, second = reports_to(weeks, "robin", "Final report, not yet resolved")
    promise = row(weeks, "final-report-unresolved")
    assert is_due(promise, end_of_business_day(given_up, 3))
    assert (promise.verdict, promise.clause) == (Verdict.MET, "Final Report")
    assert lines(first)["Proposed date of the resolution"] == f"{proposed:%A %d %B %Y, %H:%M %Z}"
    assert lines(first)["Conclusion"] == "Contained; not yet resolved"
    assert list(lines(first)) == list(lines(second))
    assert len(lines(first)) == 18, "the sixteen, one of them over two lines, and the date"


def test_A8_after_the_proposed_date_there_is_a_new_report_and_after_the_resolution_the_last(weeks: Result):
    again = row(weeks, "final-report-as-proposed")
    assert is_due(again, end_of_business_day(after(weeks, days=9), 3))
    assert again.verdict is Verdict.MET
    _, second = reports_to(weeks, "robin", "Final report, not yet resolved")
    assert near(second.at, end_of_business_day(after(weeks, days=9), 3) - timedelta(hours=7))

    [last] = reports_to(weeks, "robin", "Final report:")
    assert is_due(row(weeks, "final-report"), end_of_business_day(after(weeks, days=15), 3))
    assert lines(last)["Conclusion"] == "Resolved with the vendor's rewritten release"
    assert "Proposed date of the resolution" not in lines(last)


# ---- A9: the review ----


def test_A9_the_review_is_proposed_within_seven_business_days_at_an_hour_that_suits_both(night: Result):
    due = end_of_business_day(after(night, hours=15), 7, but=[PRESIDENTS_DAY])
    assert is_due(row(night, "post-mortem"), due)
    assert is_due(row(night, "post-mortem-held"), due)

    invitations = of(night.messages, "invitation")
    assert {message.to for message in invitations} == {"robin", "dana", "sam", "kim"}
    assert all(is_at(message.offset, hours=15) for message in invitations)
    entry = calendar_entry(of(night.to("robin"), "invitation")[0])
    assert entry["METHOD"] == "REQUEST"
    starts = datetime.strptime(entry["DTSTART"], "%Y%m%dT%H%M%S%z").astimezone(PACIFIC)
    assert starts.date() == due.date(), "the last day of the seven"
    assert f"{starts:%A %H:%M}" == "Wednesday 09:00", (
        "when AllCode opens; noon for Robin, in New York until four"
    )


def test_A9_an_hour_at_which_the_customers_coordinator_does_not_work_is_not_proposed(weeks: Result):
    due = end_of_business_day(after(weeks, days=1), 7)
    assert f"{due:%A}" == "Friday", "Robin works from Monday to Thursday"
    entry = calendar_entry(of(weeks.to("robin"), "invitation")[0])
    starts = datetime.strptime(entry["DTSTART"], "%Y%m%dT%H%M%S%z").astimezone(PACIFIC)
    assert starts == datetime(due.year, due.month, due.day, 9, tzinfo=PACIFIC) - timedelta(days=1)


def test_A9_an_invitation_is_no_agreement(night: Result):
    scheduled = row(night, "post-mortem")
    assert scheduled.reason == "Post-mortem review confirmed, says @kim (claimed)"
    assert near(scheduled.settled, after(night, days=3, hours=12))
    held = row(night, "post-mortem-held")
    assert (held.verdict, held.clause) == (Verdict.MET, "Post Mortem Reviews")


def test_A9_the_review_is_moved_called_off_called_again_and_held(weeks: Result):
    entries_of = [calendar_entry(message) for message in of(weeks.to("robin"), "invitation")]
    assert [(entry["METHOD"], entry["SEQUENCE"]) for entry in entries_of] == [
        ("REQUEST", "0"),
        ("REQUEST", "1"),
        ("CANCEL", "2"),
        ("REQUEST", "3"),
    ]
    assert len({entry["UID"] for entry in entries_of}) == 1, "one entry in the calendar"
    moved = datetime.strptime(entries_of[1]["DTSTART"], "%Y%m%dT%H%M%S%z")
    assert near(moved, after(weeks, days=7, hours=1))
    assert row(weeks, "post-mortem").verdict is Verdict.MET
    assert row(weeks, "post-mortem-held").verdict is Verdict.MET, (
        "held before its time, and before the resolution"
    )
    assert about(weeks.messages, "Overdue: Post-mortem") == []


def test_A9_a_review_that_nobody_agrees_on_is_missed(failing: Result):
    due = end_of_business_day(after(failing, days=2, hours=7), 7)
    reminded = about(failing.to("sam"), "Post-mortem review, to be confirmed")
    assert [due - message.at for message in reminded] == [
        pytest.approx(timedelta(days=5, hours=15), abs=timedelta(seconds=20)),
        pytest.approx(timedelta(days=2, hours=15), abs=timedelta(seconds=20)),
    ]
    [paged] = about(failing.to("kim"), "Overdue: Post-mortem review scheduled")
    assert near(paged.at, due)
    assert row(failing, "post-mortem").verdict is Verdict.MISSED
    assert row(failing, "post-mortem-held").verdict is Verdict.MISSED
    [refusal] = failing.refusals
    assert refusal.reason.startswith("still open: post-mortem, post-mortem-held")


# ---- A10: the customer's own assessment ----


def test_A10_the_request_the_access_and_the_outcome_of_an_assessment_are_on_the_record(weeks: Result):
    said = [
        (entry.text, str(entry.by))
        for entry in weeks.timeline
        if entry.text.startswith("Security assessment")
    ]
    assert said == [
        (
            "Security assessment: whether the customer asks for one, and what for: "
            "Acme's auditors want to see that nobody can read without signing in",
            "dana (claimed)",
        ),
        (
            "Security assessment: when, and with what access: "
            "Monday to Wednesday, with read access to the search servers",
            "kim (claimed)",
        ),
        ("Security assessment: what came of it: The auditors found nothing that remains", "kim (claimed)"),
    ]


def test_A10_the_incident_stays_until_the_assessment_has_an_outcome(weeks: Result):
    [refusal] = weeks.refusals
    assert refusal.line == "close"
    assert "assessment-outcome" in refusal.reason
    [closed] = [entry for entry in weeks.timeline if entry.kind == "closed"]
    assert is_at(closed.offset, days=22)


def test_A10_that_none_is_asked_for_is_an_answer(night: Result):
    assert any(text.endswith("Acme does not ask for one") for text in entries(night, "fact"))
    skipped = [text for text in entries(night, "step") if "skipped — None was asked for" in text]
    assert len(skipped) == 2


# ---- A11: how bad is it? ----


async def opened_by(library: PlanLibrary, labels: dict[str, str]) -> str:
    """The severity of the incident that an alert with these labels opens, through the receiver."""
    temporal = FakeTemporal()
    app = create_app(temporal, library, Settings(), clock=lambda: NOON)
    labels = {"alertname": "Finding", "customer": "acme", **labels}
    alert = {"status": "firing", "fingerprint": "1", "startsAt": NOON.isoformat(), "labels": labels}
    body = {"version": "4", "groupKey": "finding", "alerts": [alert], "commonLabels": labels}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://tocsin.example"
    ) as http:
        answer = await http.post("/v1/alertmanager", json=body)
    assert answer.status_code == 202, answer.text
    [alerted] = temporal.started[0]["start_signal_args"]
    return str(alerted.severity)


@pytest.mark.parametrize(
    ("characteristics", "severity"),
    [
        ("critical_systems", "high"),
        ("financial_or_legal", "high"),
        ("personal_data", "high"),
        ("spreading", "high"),
        ("life_or_property", "high"),
        ("many_affected", "medium"),
        ("partial_outage", "medium"),
        ("non_critical_service", "medium"),
        ("few_systems", "low"),
        ("few_systems,partial_outage", "medium"),
        ("few_systems,partial_outage,personal_data", "high"),
    ],
)
async def test_A11_the_worst_characteristic_decides(
    library: PlanLibrary, characteristics: str, severity: str
):
    assert await opened_by(library, {"severity": "info", "characteristics": characteristics}) == severity


def test_A11_a_person_who_finds_a_worse_characteristic_makes_it_worse(weeks: Result):
    assert entries(weeks, "classified") == [
        "severity medium: One of three search servers is switched off",
        "severity high (was medium): Letters of patients were readable",
    ]
    assert weeks.view.severity_title == "High"


def test_A11_the_severity_decides_who_is_informed_and_how_fast(night: Result, weeks: Result, low: Result):
    assert is_due(row(night, "inform-management"), after(night, hours=1))
    assert is_due(row(weeks, "inform-management"), after(weeks, hours=4))
    for result in (night, weeks):
        assert [is_at(of(result.to(key), "notice")[0].offset) for key in ("alex", "lee")] == [True, True]
    assert (low.to("alex"), low.to("lee")) == ((), ())
    untold = row(low, "inform-management")
    assert (untold.verdict, untold.source) == (Verdict.NOT_APPLICABLE, "convention")
    assert untold.reason == "the policy sets no such time for severity low"


def test_A11_the_severity_decides_who_manages(failing: Result, weeks: Result, low: Result):
    leads = row(weeks, "manager-in-charge")
    assert is_due(leads, after(weeks, hours=12 + 2)), "two hours after it turned out to be high"
    assert (leads.verdict, leads.reason) == (Verdict.MET, "take-charge recorded by @kim (claimed)")
    assert row(low, "manager-in-charge").verdict is Verdict.NOT_APPLICABLE

    assert len(about(failing.to("kim"), "Owed by you for: Incident manager in charge")) == 2
    [paged] = about(failing.to("lee"), "Overdue: Incident manager in charge")
    assert is_at(paged.offset, hours=2.5 + 2)
    assert row(failing, "manager-in-charge").verdict is Verdict.LATE


# ---- A12: response times ----


def test_A12_a_high_incident_is_answered_within_a_day_of_its_discovery(night: Result, failing: Result):
    kept, broken = row(night, "first-response"), row(failing, "first-response")
    assert is_due(kept, after(night, hours=24))
    assert (kept.verdict, kept.reason) == (Verdict.MET, "contain recorded by @dana (claimed)")
    assert is_due(broken, after(failing, hours=24))
    assert broken.verdict is Verdict.LATE, "contained after twenty-six hours"
    assert broken.clause == "Incident Response Summary Table"


def test_A12_the_vendors_announcement_counts_where_it_was_earlier(weeks: Result):
    announced = after(weeks, minutes=20) - timedelta(hours=10)
    response = row(weeks, "first-response")
    by_detection, by_announcement = response.changes
    assert near(by_detection.due, after(weeks, hours=48))
    assert by_detection.reason.endswith(": The vendor's announcement of this night")
    assert near(by_announcement.due, announced + timedelta(hours=48))
    assert by_announcement.reason == "reclassified as high"
    assert near(response.due, announced + timedelta(hours=24))
    assert response.verdict is Verdict.MET


def test_A12_an_announcement_that_comes_later_gives_no_more_time(failing: Result):
    assert "vendor patch at" in " ".join(entries(failing, "anchor"))
    assert row(failing, "first-response").changes == ()


def test_A12_a_low_incident_has_seven_calendar_days_from_its_occurrence(low: Result):
    sunday = after(low)
    occurred = datetime(sunday.year, sunday.month, sunday.day, 18, tzinfo=PACIFIC) - timedelta(days=1)
    response = row(low, "first-response")
    assert is_due(response, occurred + timedelta(days=7)), "Saturday at six, by the clock on the wall"
    assert near(response.due, occurred.astimezone(UTC) + timedelta(days=7, hours=-1)), (
        "of the seven days, one has 23 hours"
    )
    [while_unknown] = response.changes
    assert near(while_unknown.due, sunday + timedelta(days=7)), "from its detection"
    assert (response.verdict, response.reason) == (Verdict.MET, "contain recorded by @dana (claimed)")


def test_A12_no_story_goes_otherwise_than_it_is_written(
    night: Result, failing: Result, weeks: Result, low: Result
):
    assert [result.surprises for result in (night, failing, weeks, low)] == [()] * 4
    assert {promise.verdict for promise in night.ledger} == {Verdict.MET, Verdict.NOT_APPLICABLE}
