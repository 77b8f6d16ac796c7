"""One whole incident as a drill, seen from outside: real processes, real HTTP, the real SDKs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.conftest import lighthouse_stack
from tests.e2e.outside import (
    KIT,
    LONG,
    arrived,
    asked,
    faults_are_used_up,
    first,
    ledger,
    let_vendor,
    running_stack,
    tocsin_ends_with,
    wait_until_met,
)
from tests.e2e.payloads import lamp_is_out
from tocsin.embedded.play import Play
from tocsin.embedded.stack import Stack
from tocsin.sealing import contradictions
from tocsin.verifying import verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

SPEED = 720
"""Four hours of the policy are twenty seconds."""

DRILL_INBOX = "drill@example.com"


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack in which every incident is a drill."""
    with running_stack(lighthouse_stack(tmp_path_factory.mktemp("drill"), SPEED)) as stack:
        yield stack


@pytest.fixture
def play(drill: Stack) -> Iterator[Play]:
    """Somebody who speaks to it from outside."""
    with closing(Play(drill)) as play:
        yield play


def test_an_incident_from_the_alert_to_the_archive(drill: Stack, play: Play, lamp: int) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]

    the_keeper_sleeps_through_the_text_and_answers_the_call(play, incident)
    they_work_through_the_phases(play, incident)
    after_four_hours_the_fleet_has_an_interim_report(play, incident)
    it_is_resolved_and_what_is_owed_is_delivered(play, incident)

    play.wait_for("both workflows to complete", lambda: _is_over(play, incident), LONG)
    every_promise_is_settled_as_it_was_kept(play, incident)
    the_archive_has_it_unaltered(drill, incident)
    nothing_can_be_done_to_it_any_more(drill, incident)


def the_keeper_sleeps_through_the_text_and_answers_the_call(play: Play, incident: str) -> None:
    text = first(play, incident, "sms")
    assert text["to"] == KIT
    assert text["text"].startswith("DRILL ")
    call = first(play, incident, "call")
    assert call["to"] == KIT
    play.press(call, "1")
    row = wait_until_met_or_late(play, incident, "summon")
    assert "acknowledged by @kit" in row["reason"]
    assert asked(play, "show", incident)["roles"]["keeper"] == "kit"


def they_work_through_the_phases(play: Play, incident: str) -> None:
    for step in ("lamp", "watch", "meet"):
        play.tocsin("step", incident, step, person="kit")
    assert asked(play, "show", incident)["phase"] == "ongoing_assessment"
    play.tocsin("fact", incident, "cause", "The wick was wet", person="kit")


def after_four_hours_the_fleet_has_an_interim_report(play: Play, incident: str) -> None:
    wait_until_met(play, incident, "interim-report#1")
    report = first(play, incident, "email")
    assert report["to"] == DRILL_INBOX, "in a drill no outsider is told anything"
    assert report["subject"].startswith("[DRILL] ")
    assert "The wick was wet" in report["text"]


def it_is_resolved_and_what_is_owed_is_delivered(play: Play, incident: str) -> None:
    play.tocsin("resolve", incident, "The wick is dry", person="kit")
    play.tocsin("report", incident, "final", "--send", person="kit")
    wait_until_met(play, incident, "final-report")
    play.tocsin("step", incident, "clean", person="kit")


def _is_over(play: Play, incident: str) -> bool:
    runs = [run for run in play.tocsin("list", "--all", quiet=True) if run["incident"] == incident]
    return bool(runs) and not any(run["is_running"] for run in runs)


def every_promise_is_settled_as_it_was_kept(play: Play, incident: str) -> None:
    rows = ledger(play, incident)
    assert {"summon", "interim-report#1", "final-report"} <= rows.keys()
    for key, row in rows.items():
        if row["verdict"] != "not applicable":
            assert row["verdict"] == ("met" if row["settled"] <= row["due"] else "late"), key


def the_archive_has_it_unaltered(drill: Stack, incident: str) -> None:
    folder = drill.state / "incidents" / incident
    kept = json.loads((folder / "incident.json").read_text())
    assert kept["status"] == "closed"
    assert kept["facts"]["cause"]["value"] == "The wick was wet"
    found = verify(folder)
    assert (found.is_archived, found.problems) == (True, ())
    assert contradictions(drill.state, incident, found.manifest) == []


def nothing_can_be_done_to_it_any_more(drill: Stack, incident: str) -> None:
    assert tocsin_ends_with(drill, "show", incident) == 0
    assert tocsin_ends_with(drill, "note", incident, "too late", "--as", "kit") == 1
    assert tocsin_ends_with(drill, "note", incident, "--as", "kit") == 2
    assert tocsin_ends_with(drill, "show", "ZZZZZZZZZZ") == 3


def wait_until_met_or_late(play: Play, incident: str, key: str) -> dict[str, Any]:
    """Wait for a promise to be kept, on a machine that may be slower than the drill."""

    def kept() -> dict[str, Any] | None:
        row = ledger(play, incident)[key]
        return row if row["verdict"] in {"met", "late"} else None

    return play.wait_for(f"{key} to be kept", kept, LONG)


def test_a_page_that_is_repeated_arrives_again_though_it_has_the_same_words_and_its_first_attempt_fails(
    drill: Stack, play: Play, lamp: int
) -> None:
    incident = play.alert(lamp_is_out(lamp))["key"]
    first(play, incident, "sms")
    let_vendor(drill, "twilio", "503", times=1, path="Messages.json")
    play.wait_for("the first attempt of the second text", lambda: faults_are_used_up(drill), LONG)

    texts = play.wait_for("the second text", lambda: _two_texts(play, incident), LONG)

    assert texts[0]["text"] == texts[1]["text"]
    play.tocsin("ack", incident, person="kit")


def _two_texts(play: Play, incident: str) -> list[Any] | None:
    """The first two text messages, unless one stands for both on the record."""
    vendor_ids = [
        message["vendor_id"]
        for message in asked(play, "messages", incident)
        if message["channel"] == "sms" and message["vendor_id"]
    ]
    assert len(vendor_ids) == len(set(vendor_ids)), "an earlier text was taken for the repeated one"
    texts = arrived(play, incident, "sms")
    return texts[:2] if len(texts) >= 2 else None
