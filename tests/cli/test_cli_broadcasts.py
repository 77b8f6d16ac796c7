"""`tocsin broadcast`: what is asked before it is sent, and what is said of it afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.crowds import ID, NOW, Crowd, ships
from tocsin.broadcastfiles import BroadcastFolder
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.domain.broadcasts import DeliveryNote
from tocsin.domain.channel import Refused
from tocsin.settings import Settings

ROWS = [*ships(2), "nobody,Bo", "SHIP-1@example.org,Again"]


@pytest.fixture
def crowd(tmp_path: Path) -> Crowd:
    return Crowd.of(tmp_path, ROWS)


@pytest.fixture
def office(crowd: Crowd, tmp_path: Path) -> Office:
    settings = Settings(plans=tmp_path / "plans", state=crowd.state)
    return Office(settings=lambda: settings, now=lambda: NOW)


@pytest.fixture
def words(tmp_path: Path) -> str:
    path = tmp_path / "fog.md"
    path.write_text("There is **fog**, {{name|captain}}.\n")
    return str(path)


def types(office: Office, *arguments: str) -> int:
    office.output = "text"
    return run(["broadcast", *arguments], office)


def test_a_dry_run_says_whom_it_would_reach_and_what_is_wrong_with_the_list(
    office: Office, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        types(office, "send", "lighthouse", "ships.csv", "--subject", "Fog", "--text", words, "--dry-run")
        == 0
    )

    assert capsys.readouterr().out.splitlines() == [
        "ships.csv: 2 can be written to by email, in 1 request to SendGrid",
        "  1 are malformed",
        "  1 stand there twice, and are written to once",
        "  row 4: has an email address that is none",
        "  row 5: is written to once: row 3 has the same address",
    ]


@pytest.mark.parametrize(
    ("ways_out", "rows", "how_long"),
    [
        ({}, ships(2_001), "2,001 can be written to by email, in 3 requests to SendGrid"),
        (
            {},
            [*ships(1_000), "nameless@example.org,"],
            "1,001 can be written to by email, in 2 requests to SendGrid",
        ),
        (
            {"smtp_host": "mail.example.org"},
            ships(2),
            "2 can be written to by email, one by one by the mail server",
        ),
        (
            {"smtp_host": "mail.example.org", "email_via": "sendgrid,smtp"},
            ships(2),
            "2 can be written to by email, in 1 request to SendGrid",
        ),
    ],
)
def test_email_says_in_how_many_requests_it_leaves_by_the_first_way_out(
    ways_out: dict[str, Any],
    rows: list[str],
    how_long: str,
    tmp_path: Path,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state = Crowd.of(tmp_path / "elsewhere", rows).state
    settings = Settings(plans=tmp_path / "elsewhere" / "plans", state=state, **ways_out)
    office = Office(settings=lambda: settings, now=lambda: NOW)

    types(office, "send", "lighthouse", "ships.csv", "--subject", "Fog", "--text", words, "--dry-run")

    assert f"ships.csv: {how_long}" in capsys.readouterr().out


def test_texts_say_how_long_they_take_at_their_rate(
    office: Office, crowd: Crowd, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers = "\n".join(f"+1202555{number:04}" for number in range(600))
    path = crowd.library.plans["lighthouse"].folder / "lists" / "phones.csv"
    path.write_text(f"phone\n{numbers}\n")

    arguments = ("send", "lighthouse", "phones.csv", "--via", "sms", "--subject", "Fog", "--text", words)
    assert types(office, *arguments, "--dry-run", "--drill") == 0

    shown = capsys.readouterr().out
    assert "phones.csv: 600 can be written to by sms, in about 10 min at 1 a second" in shown
    assert "this is a drill" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nowhere", "ships.csv"), 2, 'there is no plan "nowhere"'),
        (("lighthouse", "boats.csv"), 2, "put the list there as a CSV file"),
        (("lighthouse", "os:getcwd"), 2, "is not called"),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_sent(
    office: Office,
    words: str,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    assert types(office, "send", *arguments, "--subject", "Fog", "--text", words, "--yes") == code
    assert said in capsys.readouterr().err


def test_a_list_with_nobody_is_not_sent(
    office: Office, crowd: Crowd, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (crowd.library.plans["lighthouse"].folder / "lists" / "ships.csv").write_text("email\n")

    assert types(office, "send", "lighthouse", "ships.csv", "--subject", "Fog", "--text", words, "--yes") == 1
    assert "nobody can be written to" in capsys.readouterr().err


def test_what_was_sent_is_shown_with_its_counts_its_problems_and_what_the_vendor_reported(
    office: Office, crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd.tell_everybody()
    BroadcastFolder(crowd.state, ID).keep_deliveries([DeliveryNote(row=2, state="delivered", at=NOW)])

    assert types(office, "show", f"broadcast-{ID.lower()}") == 0

    shown = capsys.readouterr().out
    assert "done: taken by the vendor for 2 of 3; 1 malformed" in shown
    assert "reported by the vendor: 1 delivered" in shown
    assert "row 4: has an email address that is none" in shown
    assert "@example.org" not in shown


def test_the_same_in_json_has_everything(
    office: Office, crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd.tell_everybody()

    assert types(office, "show", ID, "-o", "json") == 0

    shown = json.loads(capsys.readouterr().out)
    assert (shown["state"], shown["left"], shown["doubled"]) == ("done", 0, 1)
    assert shown["counts"]["accepted"] == 2
    assert [problem["row"] for problem in shown["problems"]] == [4, 5]


def test_one_that_no_vendor_will_take_says_why(
    office: Office, crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object) -> None:
        raise Refused("the subject is required", "400")

    crowd.vendor.before = [refuse]
    with pytest.raises(Refused):
        crowd.send()

    types(office, "show", ID)

    shown = capsys.readouterr().out
    assert "given up" in shown
    assert "the subject is required" in shown


def test_the_list_of_broadcasts_has_each_with_how_far_it_has_come(
    office: Office, crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(office, "list") == 0
    assert capsys.readouterr().out == "no broadcast was sent so far\n"

    crowd.pin()
    types(office, "list")

    row = capsys.readouterr().out.splitlines()[1]
    assert row.startswith(ID)
    assert "0 of 3" in row
    assert "on its way" in row


def test_one_that_nobody_knows_is_looked_for_in_the_right_place(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(office, "show", "ZZZZZZZZZZ") == 3
    assert "is $TOCSIN_STATE the workers'?" in capsys.readouterr().err
    assert types(office, "show", "../../etc") == 2
