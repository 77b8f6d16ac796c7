"""Infinity Works' Security Response Plan, row by row: a client's product, its contacts, its times, its agreement."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.clauses.conftest import Rehearsed
from tests.clauses.reading import DRIFT, about, entries, is_at, row
from tests.clauses.rows import PLANS
from tests.cli.office import FakeIncidents
from tests.domain.world import World
from tocsin.calendars import pin
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.domain import commands as say
from tocsin.domain.words import Status, Verdict
from tocsin.library import PlanLibrary
from tocsin.rehearsal.result import Result
from tocsin.settings import Settings

PLAN = PLANS / "infinityworks"
TODAY = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)
AGREEMENT = "Master Service Agreement (MSA-2025-014)"
ASK = "ask Ben Whitlock, ben.whitlock@example.com, +12025550134 (Account Lead)"

Document = dict[str, Any]
Printed = pytest.CaptureFixture[str]

NOTHING_IN_IT = """
scenario: nothing-in-it
title: A report that does not hold
plan: infinityworks
begins: "second wednesday of february 10:00"

report:
  title: Somebody says that Parcel tracker leaks
  by: Alex Reed, researcher
  kind: stakeholder
  channel: email

people:
  priya: {answers: sms}

steps:
  - {at: PT40M, who: grace, says: fact validation "The list is of another company's parcels"}
  - {at: PT45M, who: priya, says: dismiss "It is not ours"}
"""


@pytest.fixture(scope="module")
def night(rehearsed: Rehearsed) -> Result:
    """A weakness, on a Tuesday at 23:30 in London; everybody does what they should."""
    return rehearsed("infinityworks-weakness-at-night")


@pytest.fixture(scope="module")
def sunday(rehearsed: Rehearsed) -> Result:
    """An exploited weakness, on a Sunday at 07:00; nearly nobody does."""
    return rehearsed("infinityworks-exploited-on-a-sunday")


def checked(folder: Path, capsys: Printed) -> tuple[int, str]:
    """What `tocsin plan check` says on the day of these tests."""
    code = run(["plan", "check", str(folder)], Office(settings=Settings, now=lambda: TODAY))
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def changed(tmp_path: Path, change: Callable[[Document], object], file: str = "plan.yaml") -> Path:
    """A copy of the plan's folder in which one of its files says something else."""
    folder = tmp_path / "infinityworks"
    shutil.copytree(PLAN, folder)
    yaml = YAML(typ="safe", pure=True)
    document = yaml.load((folder / file).read_text())
    change(document)
    with (folder / file).open("w") as written:
        yaml.dump(document, written)
    return folder


def is_due(result: Result, key: str, after: timedelta) -> bool:
    due = row(result, key).due
    return due is not None and result.began + after <= due <= result.began + after + DRIFT


# I1: a plan for each client's product, which describes it


def test_I1_the_plan_as_it_is_shipped_is_in_order(capsys: Printed) -> None:
    assert checked(PLAN, capsys) == (0, "plan infinityworks: in order\n")


def test_I1_a_clients_plan_without_its_product_is_refused(tmp_path: Path, capsys: Printed) -> None:
    code, said = checked(changed(tmp_path, lambda plan: plan.pop("product")), capsys)
    assert code == 1
    assert "the plan is for Fernhill Bank and does not say what it protects" in said


@pytest.mark.parametrize("part", ["description", "data_flows", "diagrams"])
@pytest.mark.parametrize("is_left_out", [True, False], ids=["left out", "empty"])
def test_I1_a_product_needs_its_description_data_flows_and_diagrams(
    part: str, is_left_out: bool, tmp_path: Path, capsys: Printed
) -> None:
    def without(plan: Document) -> None:
        product = plan["product"]
        product[part] = type(product[part])()
        if is_left_out:
            del product[part]

    code, said = checked(changed(tmp_path, without), capsys)
    assert code == 1
    assert f"product.{part}" in said or f"`{part}`" in said


# I2: dedicated contacts, around the clock


def test_I2_everybody_who_holds_a_role_has_a_phone_number_and_an_email_address(tmp_path: Path) -> None:
    directory = PlanLibrary(PLANS, tmp_path).directory("infinityworks")
    holders = {key for keys in directory.roles.values() for key in keys}
    assert holders == {"priya", "tom", "grace", "ben", "isobel"}
    assert all(directory.people[key].phone and directory.people[key].email for key in holders)


def test_I2_hours_that_nobody_covers_are_found_before_anybody_depends_on_them(
    tmp_path: Path, capsys: Printed
) -> None:
    def sleeps_late(directory: Document) -> None:
        directory["people"]["tom"]["hours"]["hours"] = "09:00-17:00"

    code, said = checked(changed(tmp_path, sleeps_late, "directory.yaml"), capsys)
    assert code == 1
    assert 'nobody who holds role "security_lead" works' in said
    assert "and its cover is 24/7" in said


def test_I2_out_of_hours_whoever_is_at_work_is_tried_first(night: Result, sunday: Result) -> None:
    """At 23:30 in London it is morning in Sydney; at seven in the morning it is London's turn."""
    [first, *_] = [message for message in night.messages if message.purpose == "page"]
    assert (first.to, first.channel, is_at(first.offset)) == ("tom", "sms", True)
    [first, *_] = [message for message in sunday.messages if message.purpose == "page"]
    assert (first.to, first.channel, is_at(first.offset)) == ("priya", "sms", True)


# I3: escalation paths and agreed times


def test_I3_the_page_climbs_from_the_security_lead_to_the_account_lead(sunday: Result) -> None:
    tried = [message for message in sunday.messages if message.purpose == "page"][:5]
    assert [(m.to, m.channel, m.state) for m in tried] == [
        ("priya", "sms", "delivered"),
        ("priya", "phone", "no answer"),
        ("grace", "sms", "delivered"),
        ("grace", "phone", "no answer"),
        ("ben", "phone", "answered"),
    ]
    assert is_at(tried[1].offset, minutes=5)
    assert tried[4].offset < timedelta(minutes=15)


def test_I3_the_agreed_times_are_on_the_ledger_as_conventions(night: Result, sunday: Result) -> None:
    assert is_due(night, "summon", timedelta(minutes=30))
    assert is_due(sunday, "summon", timedelta(minutes=15))
    assert is_due(night, "triage", timedelta(hours=4))
    assert is_due(sunday, "triage", timedelta(hours=2))
    assert {row(night, key).source for key in ("summon", "triage", "client-told")} == {"convention"}
    assert {row(night, "summon").verdict, row(sunday, "summon").verdict} == {Verdict.MET}


def test_I3_what_is_late_reaches_the_account_lead(sunday: Result) -> None:
    assert row(sunday, "triage").verdict is Verdict.LATE
    text, call = about(sunday.to("ben"), "Overdue: The report is validated")
    assert (text.channel, is_at(text.offset, hours=2)) == ("sms", True)
    assert (call.channel, call.state, is_at(call.offset, hours=2, minutes=5)) == ("phone", "answered", True)


# I4: triage validates the report


def test_I4_nothing_is_confirmed_before_it_was_validated(night: Result) -> None:
    early = night.refusals[0]
    assert (early.line, early.reason) == (
        "step confirm",
        "step confirm comes after validate, which is not done yet",
    )
    [told] = [message for message in night.to("fernhill-soc") if message.purpose == "notice"]
    assert is_at(told.offset, hours=2, minutes=5)
    confirmed = night.began + timedelta(hours=2, minutes=5)
    assert f"Confirmed on {confirmed:%A %d %B %Y, %H:%M} GMT" in told.text


def test_I4_a_report_that_does_not_hold_is_dismissed_and_the_client_is_not_troubled(
    rehearsed: Rehearsed,
) -> None:
    result = rehearsed(NOTHING_IN_IT)
    assert result.view.status is Status.DISMISSED
    assert result.to("fernhill-soc") == ()
    assert row(result, "triage").verdict is Verdict.MET
    assert {row(result, key).verdict for key in ("mitigation", "remediation")} == {Verdict.NOT_APPLICABLE}


# I5: measures are tested before they are deployed


def test_I5_nothing_is_deployed_before_its_test_is_recorded(night: Result) -> None:
    refused = {each.line: each.reason for each in night.refusals}
    assert refused["mitigation deployed 1"].startswith("mitigation 1 has not been tested")
    assert refused["mitigation deployed 2"].startswith("mitigation 2 has not been tested")
    assert refused["step mitigate"].startswith(
        "step mitigate is done once a measure for it was tested and deployed"
    )


def test_I5_the_short_term_measure_and_the_remediation_keep_a_promise_each(night: Result) -> None:
    mitigated, remedied = row(night, "mitigation"), row(night, "remediation")
    assert (mitigated.verdict, remedied.verdict) == (Verdict.MET, Verdict.MET)
    assert mitigated.settled is not None
    assert remedied.settled is not None
    assert is_at(mitigated.settled - night.began, hours=9)
    assert is_at(remedied.settled - night.began, days=6, hours=2)


def test_I5_the_report_says_what_was_tested_with_what_result(night: Result) -> None:
    [report] = [message for message in night.to("fernhill-soc") if message.purpose == "report"]
    assert (
        "- Ask for a sign-in at the edge (short term): tested — Staging refuses whoever is not signed in; deployed"
        in report.text
    )
    assert (
        "- Stages are read by their owner only (remediation): tested — Nobody reads a stage of somebody else; deployed"
        in report.text
    )
    assert report.attachments[0].content.startswith(b"%PDF")


# I6: times by severity and impact

BEGAN = datetime(2027, 2, 9, 23, 30, tzinfo=UTC)
"""A Tuesday, half an hour before midnight in London. The times below are UTC; business days end at 23:59:59."""

MITIGATED_BY = {
    ("critical", ""): "2027-02-10 23:30:00",
    ("critical", "consumer"): "2027-02-10 03:30:00",
    ("critical", "brand"): "2027-02-10 07:30:00",
    ("critical", "company"): "2027-02-10 11:30:00",
    ("high", ""): "2027-02-12 23:30:00",
    ("high", "consumer"): "2027-02-10 23:30:00",
    ("high", "brand"): "2027-02-11 23:30:00",
    ("high", "company"): "2027-02-11 23:30:00",
    ("medium", ""): "2027-02-23 23:59:59",  # the tenth working day is a Tuesday
    ("medium", "consumer"): "2027-02-16 23:59:59",
    ("medium", "brand"): "2027-02-18 23:59:59",
    ("medium", "company"): "2027-02-18 23:59:59",
    ("low", ""): "2027-03-23 23:59:59",  # six weeks later
    ("low", "consumer"): "2027-03-09 23:59:59",
    ("low", "brand"): "2027-03-16 23:59:59",
    ("low", "company"): "2027-03-16 23:59:59",
}
REMEDIED_BY = {
    ("critical", ""): "2027-02-16 23:30:00",
    ("critical", "consumer"): "2027-02-12 23:30:00",
    ("high", ""): "2027-03-11 23:30:00",
    ("high", "consumer"): "2027-02-23 23:30:00",
    ("medium", ""): "2027-05-10 22:30:00",  # 23:30 in London, whose clocks have gone forward
    ("medium", "consumer"): "2027-04-10 22:30:00",
    ("low", ""): "2027-08-09 22:30:00",
}


def rated(severity: str, impact: str, folder: Path) -> World:
    """A weakness that was found when these times begin, and rated at once."""
    loaded = PlanLibrary(PLANS, folder).plans["infinityworks"]
    world = World(
        plan=loaded.plan, directory=loaded.directory, calendar=pin(loaded.plan.calendar, 2026), now=BEGAN
    )
    world.alert(severity="low")
    world.says(say.Classify, severity=severity, impacts=(impact,) if impact else ())
    return world


@pytest.mark.parametrize(("severity", "impact"), MITIGATED_BY)
def test_I6_severity_and_impact_say_by_when_a_mitigation_is_deployed(
    severity: str, impact: str, tmp_path: Path
) -> None:
    world = rated(severity, impact, tmp_path)
    assert f"{world.row('mitigation').due:%Y-%m-%d %H:%M:%S}" == MITIGATED_BY[severity, impact]


@pytest.mark.parametrize(("severity", "impact"), REMEDIED_BY)
def test_I6_severity_and_impact_say_by_when_the_cause_is_remedied(
    severity: str, impact: str, tmp_path: Path
) -> None:
    world = rated(severity, impact, tmp_path)
    assert f"{world.row('remediation').due:%Y-%m-%d %H:%M:%S}" == REMEDIED_BY[severity, impact]


def test_I6_an_impact_that_is_found_makes_a_promise_tighter_and_the_ledger_keeps_the_old_time(
    night: Result,
) -> None:
    assert is_due(night, "mitigation", timedelta(hours=24))
    [change] = row(night, "mitigation").changes
    assert night.began + timedelta(hours=72) <= change.due <= night.began + timedelta(hours=72) + DRIFT
    assert change.reason == "its impact was assessed anew"
    assert is_due(night, "remediation", timedelta(days=14))


# I7: exceptions and waivers, in advance and in writing


@pytest.mark.parametrize("part", ["approved_by", "approved_on", "until", "record"])
def test_I7_an_exception_says_who_approved_it_when_until_when_and_where_that_is_written(
    part: str, tmp_path: Path, capsys: Printed
) -> None:
    code, said = checked(changed(tmp_path, lambda plan: plan["exceptions"][0].pop(part)), capsys)
    assert code == 1
    assert "exceptions[0]" in said
    assert part in said


def test_I7_an_exception_is_approved_in_advance(tmp_path: Path, capsys: Printed) -> None:
    folder = changed(tmp_path, lambda plan: plan["exceptions"][0].update(approved_on="2027-02-02"))
    code, said = checked(folder, capsys)
    assert code == 1
    assert "2027-02-02 is yet to come: an exception is approved in advance" in said


def test_I7_an_exception_that_has_run_out_is_one_no_longer(tmp_path: Path, capsys: Printed) -> None:
    code, said = checked(
        changed(tmp_path, lambda plan: plan["exceptions"][0].update(until="2027-01-31")), capsys
    )
    assert code == 1
    assert "this exception ran out on 2027-01-31: the policy holds again" in said


def test_I7_a_waiver_counts_when_the_committee_approved_it_before_the_promise_was_due(sunday: Result) -> None:
    waived = row(sunday, "mitigation")
    assert waived.verdict is Verdict.WAIVED
    assert waived.reason == (
        "by @isobel by the link sent to isobel's address: The tracker is switched off until Monday: there is nothing "
        "to mitigate"
    )
    assert waived.settled is not None
    assert waived.due is not None
    assert is_at(waived.settled - sunday.began, hours=5, minutes=30)
    assert is_at(waived.due - sunday.began, hours=8)


def test_I7_nobody_but_the_committee_waives_anything(sunday: Result) -> None:
    at_the_page, with_the_code = [each for each in sunday.refusals if each.who == "ben"][:2]
    assert at_the_page.reason == "nobody asked ben about mitigation"
    assert with_the_code.reason.startswith("this code is not the one that was sent to ben")
    assert {m.to for m in sunday.messages if m.purpose == "approval"} == {"isobel"}


def test_I7_a_waiver_that_comes_after_the_promise_was_due_waives_nothing(sunday: Result) -> None:
    [too_late] = [each for each in sunday.refusals if each.who == "isobel"]
    assert "this link was good until" in too_late.reason
    asked_too_late = sunday.refusals[-1]
    assert asked_too_late.line.startswith("waive remediation")
    assert "a waiver has to be approved before" in asked_too_late.reason
    assert row(sunday, "remediation").verdict is Verdict.MISSED


def test_I7_the_request_and_the_decision_are_in_writing(sunday: Result) -> None:
    written = entries(sunday, "approval")
    assert any(
        each.startswith("waiver of A mitigation is deployed (mitigation) asked for:") for each in written
    )
    assert any(each.startswith("approval 1 approved by @isobel by the link") for each in written)


# I8: what was not kept points to the agreement, and to whom to talk


def test_I8_a_missed_promise_names_the_agreement_that_it_breaks(sunday: Result) -> None:
    assert row(sunday, "remediation").agreement == AGREEMENT
    assert {each.key for each in sunday.ledger if each.agreement} == {"remediation"}


def test_I8_the_report_to_the_client_names_it_and_whom_to_ask(sunday: Result) -> None:
    [report] = [message for message in sunday.to("fernhill-soc") if message.purpose == "report"]
    due = sunday.began + timedelta(days=7)
    assert (
        f"- The cause is remedied, due {due:%A %d %B %Y, %H:%M} GMT: missed, which breaks {AGREEMENT}"
        in report.text
    )
    assert f"{AGREEMENT}; {ASK}" in report.text


def test_I8_the_first_notice_says_whom_the_client_can_ask(night: Result) -> None:
    [notice] = [message for message in night.to("fernhill-soc") if message.purpose == "notice"]
    assert f"{AGREEMENT}; {ASK}" in notice.text


def test_I8_the_metrics_name_it_too(sunday: Result, capsys: Printed) -> None:
    async def connect() -> FakeIncidents:
        return FakeIncidents(listed=[])

    office = Office(connect, settings=lambda: Settings(state=sunday.archive), now=lambda: sunday.ended)
    assert run(["metrics", "--plan", "infinityworks", "-o", "json"], office) == 0
    told = json.loads(capsys.readouterr().out)
    broken = [each for each in _all_of(told, "agreement") if each]
    assert broken == [AGREEMENT]


def _all_of(found: Any, key: str) -> list[Any]:
    """Every value under a key, however deep."""
    if isinstance(found, dict):
        here = [found[key]] if key in found else []
        return here + [each for value in found.values() for each in _all_of(value, key)]
    return [each for item in found for each in _all_of(item, key)] if isinstance(found, list) else []
