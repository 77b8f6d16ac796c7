"""miniOrange's plan from the first report to the evidence that is kept: rows M1 to M4, M6."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from tests.clauses.conftest import Rehearsed
from tests.clauses.offices import EXCUSED, FORGED_PAGE, NIGHT, PUNE, SERVER_ROOM, allowed, notices
from tests.clauses.papers import lines
from tests.clauses.reading import entries, is_at, row
from tests.clauses.reception import Received as OnTheRecord
from tests.clauses.reception import Reception, received
from tests.clauses.rows import PLANS
from tests.ingest.harbour import FakeTemporal
from tests.ingest.newsroom import Mail
from tocsin.cli.showing import show
from tocsin.domain.events import Alert
from tocsin.domain.state import Actor, Reporter
from tocsin.domain.words import Phase, Verdict
from tocsin.evidence import Altered, EvidenceStore
from tocsin.ingest.app import ALERTMANAGER_PATH, create_app
from tocsin.library import PlanLibrary
from tocsin.rehearsal.result import Result
from tocsin.settings import Settings
from tocsin.verifying import verify

# ---- M1: how bad is it? ----


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> PlanLibrary:
    return PlanLibrary(PLANS, tmp_path_factory.mktemp("state"))


async def told(library: PlanLibrary, **labels: str) -> Alert:
    """What an incident learns of an alert that a monitor posts to the receiver."""
    temporal = FakeTemporal()
    app = create_app(temporal, library, Settings())
    group = {"status": "firing", "fingerprint": "1", "startsAt": "2026-11-22T20:40:00Z", "labels": labels}
    body = {"version": "4", "groupKey": "1", "alerts": [group], "commonLabels": labels}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as http:
        assert (await http.post(ALERTMANAGER_PATH, json=body)).status_code == 202
    [started] = temporal.started
    [alert] = started["start_signal_args"]
    return alert


@pytest.mark.parametrize(
    ("category", "level"),
    [
        ("natural_disaster", "level1"),
        ("attack_on_site", "level1"),
        ("power_or_fire", "level1"),
        ("aws_down", "level2"),
        ("google_down", "level2"),
        ("data_loss", "level3"),
        ("unauthorised_change", "level3"),
        ("external_attack", "level3"),
        ("device_malfunction", "level3"),
        ("external_attack,power_or_fire", "level1"),
    ],
)
@pytest.mark.parametrize("loudness", ["critical", "info"])
async def test_M1_the_category_on_an_alert_decides_the_level_however_loud_it_is(
    library: PlanLibrary, category: str, level: str, loudness: str
) -> None:
    alert = await told(library, site="pune", category=category, severity=loudness)
    assert (alert.plan.name, alert.severity) == ("miniorange", level)
    assert alert.criteria == tuple(category.split(","))


@pytest.mark.parametrize("vendor", ["aws", "google"])
async def test_M1_a_supplier_that_is_down_is_level_2(library: PlanLibrary, vendor: str) -> None:
    alert = await told(library, vendor=vendor, severity="critical")
    assert (alert.severity, alert.criteria, alert.vendors) == ("level2", (f"{vendor}_down",), (vendor,))


def test_M1_level_1_is_the_highest(library: PlanLibrary) -> None:
    ranks = {name: severity.rank for name, severity in library.plans["miniorange"].plan.severities.items()}
    assert sorted(ranks, key=ranks.__getitem__) == ["level1", "level2", "level3"]


def test_M1_a_person_may_say_that_it_is_worse_and_what_is_owed_follows(rehearsed: Rehearsed) -> None:
    result = rehearsed(SERVER_ROOM)
    assert entries(result, "classified") == ["severity level1 (was level3): The server room burns"]
    assert result.view.severity == "level1"
    moved = row(result, "inform-top-management").changes
    assert [change.reason for change in moved] == ["reclassified as level1"]
    assert is_at(moved[0].due - result.began, hours=8)
    assert is_at(allowed(result, "inform-top-management"), minutes=15)


# ---- M2: logged before anything is done ----


def test_M2_no_message_leaves_and_no_clock_runs_before_the_log_has_the_incident(rehearsed: Rehearsed) -> None:
    result = rehearsed(NIGHT)
    history = result.archive / "incidents" / result.view.id / "history"
    [first] = history.glob("01-incident-*.json")
    events = json.loads(first.read_text())["events"]
    kinds = [event["eventType"].removeprefix("EVENT_TYPE_") for event in events]
    logged = kinds.index("MARKER_RECORDED")
    assert local_activity(events[logged]) == "open_record"
    assert not {"ACTIVITY_TASK_SCHEDULED", "TIMER_STARTED"} & set(kinds[:logged])
    assert {"ACTIVITY_TASK_SCHEDULED", "TIMER_STARTED"} <= set(kinds[logged:])


def local_activity(marker: dict[str, Any]) -> str:
    """What Temporal's history calls the work that a workflow had done beside itself."""
    [payload] = marker["markerRecordedEventAttributes"]["details"]["data"]["payloads"]
    return str(json.loads(base64.b64decode(payload["data"]))["activity_type"])


def test_M2_when_the_first_message_leaves_the_incident_is_in_the_log(tmp_path: Path) -> None:
    logs: list[dict[str, Any]] = []

    async def story(reception: Reception) -> None:
        def first(_: object) -> bool:
            logs.extend(json.loads(path.read_text()) for path in tmp_path.glob("incidents/*/record.json"))
            return True

        house = reception.house
        house.sandbox.store.watch(first)
        await reception.alert(alertname="Smoke", site="pune", category="power_or_fire")
        await reception.passes(minutes=1)
        [record] = await reception.records()
        assert [each["incident"] for each in logs] == [record.view.id]
        assert [entry.kind for entry in record.timeline[:2]] == ["alert", "declared"]

    received("miniorange", tmp_path, story)
    assert logs


# ---- M3: anybody reports ----


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OnTheRecord]:
    """An employee writes an email, a customer's desk a ticket, and somebody whom nobody knows calls."""
    folder = tmp_path_factory.mktemp("reception")
    found: dict[str, OnTheRecord] = {}

    async def story(reception: Reception) -> None:
        mail = Mail(
            sender="Ravi Menon <ravi.menon@example.com>",
            subject="A form asks for passwords",
            text="It looks like ours.",
            files=[("screen.png", b"\x89PNG form")],
        )
        answers = [await reception.mail(mail)]
        desk = {"name": "Meridian", "email": "it-desk@meridian.example.org"}
        answers.append(
            await reception.ticket(
                id="M-17", subject="Nobody can sign in", body="Since nine.", requester=desk
            )
        )
        assert [answer.status_code for answer in answers] == [202, 202]
        reception.call("+12025550188", "Smoke comes out of your roof")
        await reception.passes(minutes=5)
        for record in await reception.records():
            found[record.view.reported.channel] = record

    received("miniorange", folder, story)
    return found


@pytest.mark.parametrize(
    ("channel", "title", "reporter", "reported", "words"),
    [
        (
            "email",
            "A form asks for passwords",
            Actor(key="ravi", via="email"),
            Reporter(kind="employee", channel="email"),
            "Attached: screen.png\n\nIt looks like ours.",
        ),
        (
            "ticket",
            "Nobody can sign in",
            Actor(key="meridian/it-desk", via="ticket"),
            Reporter(kind="customer", channel="ticket"),
            "Ticket M-17: Since nine.",
        ),
        (
            "phone",
            "Smoke comes out of your roof",
            Actor(key="stakeholder", via="phone"),
            Reporter(kind="stakeholder", channel="phone", contact="+12025550188"),
            "Smoke comes out of your roof",
        ),
    ],
    ids=["email", "ticket", "phone"],
)
def test_M3_whoever_reports_by_email_ticket_or_phone_is_on_the_record_with_their_words(
    reports: dict[str, OnTheRecord],
    channel: str,
    title: str,
    reporter: Actor,
    reported: Reporter,
    words: str,
) -> None:
    record = reports[channel]
    assert (record.view.title, record.view.reporter, record.view.reported) == (title, reporter, reported)
    assert record.said("note") == [words]
    assert record.view.phase is Phase.IMMEDIATE_ACTION


# ---- M4: within 24 hours ----


def test_M4_a_report_by_an_employee_who_knew_for_27_hours_is_flagged(rehearsed: Rehearsed) -> None:
    result = rehearsed(FORGED_PAGE)
    knew = result.view.reported.knew
    assert knew is not None
    assert is_at(knew - result.began, hours=-27)
    assert "REPORTED LATE" in click.unstyle(show(result.view, result.ledger, result.view.opened))


def test_M4_hr_is_told_in_the_drafted_words_once_the_manager_has_confirmed_them(rehearsed: Rehearsed) -> None:
    result = rehearsed(FORGED_PAGE)
    [asked] = [each for each in result.to("asha") if each.purpose == "approval"]
    [told] = [each for each in result.to("meera") if each.purpose == "notice"]
    assert is_at(asked.offset, hours=0)
    assert is_at(told.offset, hours=1)
    assert (told.channel, told.address) == ("email", "meera.joshi@example.com")
    assert lines(told) == {
        "Incident": "Credentials were typed into a forged page",
        "Reported": _reported(result),
    }
    assert all(words in asked.text for words in lines(told).values())
    promise = row(result, "late-report")
    assert promise.verdict is Verdict.MET
    assert "approved by @asha by the link sent to asha's address" in promise.reason


def _reported(result: Result) -> str:
    """Who told us, over which channel, and when; and since when they knew, 27 hours before Wednesday at ten."""
    wednesday = result.began.astimezone(PUNE)
    tuesday = wednesday - timedelta(days=1)
    return (
        f"Ravi Menon (employee), by phone, {wednesday:%A %d %B %Y}, 10:00 IST; "
        f"known to them since {tuesday:%A %d %B %Y}, 07:00 IST"
    )


def test_M4_nobody_but_the_manager_confirms_it(rehearsed: Rehearsed) -> None:
    result = rehearsed(FORGED_PAGE)
    [refused] = result.refusals
    assert (refused.who, refused.offset) == ("ravi", timedelta(minutes=10))
    assert result.surprises == ()


def test_M4_what_the_manager_declines_is_never_sent(rehearsed: Rehearsed) -> None:
    result = rehearsed(EXCUSED)
    promise = row(result, "late-report")
    assert [each for each in result.to("meera") if each.purpose == "notice"] == []
    assert promise.verdict is Verdict.NOT_APPLICABLE
    assert promise.reason.endswith("declined it: The telephone was stolen, too")


def test_M4_who_reports_in_time_is_named_to_nobody(rehearsed: Rehearsed) -> None:
    result = rehearsed(SERVER_ROOM)
    promise = row(result, "late-report")
    assert (promise.verdict, promise.reason) == (
        Verdict.NOT_APPLICABLE,
        "it was not reported late by an employee",
    )
    assert [each for each in result.messages if each.purpose == "approval"] == []
    assert "REPORTED LATE" not in show(result.view, result.ledger, result.view.opened)


# ---- M6: evidence ----

LOG = b"02:06 on battery"
LOG_HASH = hashlib.sha256(LOG).hexdigest()


def test_M6_a_log_is_kept_under_its_hash_with_who_when_and_whence(rehearsed: Rehearsed) -> None:
    result = rehearsed(NIGHT)
    [piece] = result.view.evidence
    assert (piece.name, piece.origin, piece.size) == ("ups.log", "ups-1:/var/log/ups.log", len(LOG))
    assert (piece.sha256, piece.by) == (LOG_HASH, Actor(key="asha"))
    assert is_at(piece.at - result.began, minutes=28)
    kept = result.archive / "evidence" / LOG_HASH[:2] / LOG_HASH
    assert kept.read_bytes() == LOG
    assert kept.stat().st_mode & 0o222 == 0
    [report] = notices(result, "leela", "Incident report: The mains have failed in Pune")
    assert lines(report)["Evidence"] == (
        f"- ups.log, 16 bytes, from ups-1:/var/log/ups.log: SHA-256 {LOG_HASH}"
    )


def test_M6_a_screen_capture_that_comes_with_a_report_is_kept_too(reports: dict[str, OnTheRecord]) -> None:
    [piece] = reports["email"].view.evidence
    assert (piece.name, piece.origin) == ("screen.png", "email from ravi")
    assert piece.sha256 == hashlib.sha256(b"\x89PNG form").hexdigest()


def test_M6_nothing_is_written_over_and_what_was_altered_is_found(
    rehearsed: Rehearsed, tmp_path: Path
) -> None:
    result = rehearsed(NIGHT)
    store = EvidenceStore(tmp_path)
    shutil.copytree(result.archive / "evidence", store.folder)
    before = store.path(LOG_HASH).stat()
    assert store.keep(BytesIO(LOG)).sha256 == LOG_HASH
    assert store.path(LOG_HASH).stat().st_ino == before.st_ino

    store.path(LOG_HASH).chmod(0o644)
    store.path(LOG_HASH).write_bytes(b"02:06 on mains..")
    with pytest.raises(Altered):
        store.write_to(LOG_HASH, BytesIO())


def test_M6_the_whole_record_can_be_verified_with_its_evidence(rehearsed: Rehearsed, tmp_path: Path) -> None:
    result = rehearsed(NIGHT)
    folder = tmp_path / result.view.id
    shutil.copytree(result.archive / "incidents" / result.view.id, folder)
    found = verify(folder)
    assert (found.is_archived, found.evidence, found.problems) == (True, 1, ())

    piece = folder / "evidence" / LOG_HASH
    piece.chmod(0o644)
    piece.write_bytes(b"02:06 on mains..")
    assert any(f"evidence/{LOG_HASH} was changed" in problem for problem in verify(folder).problems)
