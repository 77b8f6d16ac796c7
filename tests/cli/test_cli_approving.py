"""Deciding at the command line: what waits, in which words, and with which proof."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.office import Desk, library_of_the_harbour
from tests.ingest.courtroom import Observatory
from tocsin.cli import main
from tocsin.cli.office import Office
from tocsin.domain import commands as said_as
from tocsin.domain.approvals import subject_of
from tocsin.domain.messages import CheckProof
from tocsin.proofs import Proofs
from tocsin.settings import Settings
from tocsin.wordings import WordingStore

KEY = "k1:" + "s" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path, signing_keys=KEY, actor="caroline")


@pytest.fixture
def waiting(desk: Desk, settings: Settings) -> Desk:
    """Words for the lenders wait for the director, Caroline."""
    desk.incidents.world = Observatory.drips(WordingStore(settings.state))
    desk.now = desk.incidents.world.now
    return desk


def types(desk: Desk, settings: Settings, *words: str) -> int:
    async def connect() -> object:
        return desk.incidents

    return main.run(words, Office(connect=connect, settings=lambda: settings, now=lambda: desk.now))


def token_for(settings: Settings, desk: Desk, person: str = "caroline") -> str:
    return Proofs.of(settings, lambda: desk.now).issue(person, ["observatory"], timedelta(days=1))[1]


# ---- looking ----


def test_what_waits_is_listed_with_who_decides_and_until_when(
    waiting: Desk, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(waiting, settings, "approvals", "7F3K2") == 0

    head, row, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == ["N", "STATE", "WHO", "DECIDES", "PROMISE", "WHAT"]
    assert row.startswith("1  due in 8 h  director     lenders  words ")


def test_what_was_decided_is_listed_when_asked_for(
    waiting: Desk, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert waiting.incidents.world is not None
    waiting.incidents.world.decides(1, by="caroline")

    types(waiting, settings, "approvals", "7F3K2")
    assert capsys.readouterr().out == "nothing waits for a decision\n"

    types(waiting, settings, "approvals", "7F3K2", "--all")
    said = " ".join(capsys.readouterr().out.split())
    assert "approved" in said
    assert "by caroline by the link sent to their address" in said


def test_the_draft_is_printed_as_it_is_kept(
    waiting: Desk, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(waiting, settings, "draft", "7F3K2", "1") == 0

    assert capsys.readouterr().out == "It drips <b>\n\nDear *lenders*,\n\n<script>alert(1)</script>\n"


def test_a_draft_that_is_not_in_this_folder_is_said_to_be_lost(
    waiting: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = Settings(state=tmp_path / "elsewhere", actor="caroline")

    assert types(waiting, elsewhere, "draft", "7F3K2", "1") == 1
    assert "give every worker and the receiver the same TOCSIN_STATE" in capsys.readouterr().err


# ---- deciding ----


def test_a_code_goes_with_the_decision_as_it_was_typed(waiting: Desk, settings: Settings) -> None:
    assert types(waiting, settings, "approve", "7F3K2", "1", "--code", "8K3F2-9QX7M") == 0

    command = waiting.told
    assert isinstance(command, said_as.Decide)
    assert (command.approval, command.approve, command.proof) == (1, True, "8K3F2-9QX7M")
    assert command.actor.key == "caroline"


def test_a_token_seals_the_decision_and_stays_at_home(waiting: Desk, settings: Settings) -> None:
    token = token_for(settings, waiting)
    at_home = settings.model_copy(update={"token": type(settings.token)(token), "actor": None})

    assert types(waiting, at_home, "decline", "7F3K2", "1", "--reason", "too early") == 0

    command, world = waiting.told, waiting.incidents.world
    assert isinstance(command, said_as.Decide)
    assert world is not None
    assert (command.approve, command.reason, command.actor.key) == (False, "too early", "caroline")
    assert token.rpartition(".")[2] not in command.proof
    request = CheckProof(
        plan="observatory",
        incident=world.state.id,
        approval=1,
        subject=subject_of(world.state.approvals[1]),
        claimed="caroline",
        proof=command.proof,
    )
    assert Proofs.of(settings, lambda: waiting.now).check(request).person == "caroline"


def test_without_any_proof_nothing_is_sent(
    waiting: Desk, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(waiting, settings, "approve", "7F3K2", "1") == 2

    assert "prove who you are" in capsys.readouterr().err
    assert waiting.incidents.commanded == []


@pytest.mark.parametrize("token", ["nonsense", "tocsin_p1_a.b.c"])
def test_a_token_that_is_none_is_found_before_anything_is_sent(
    waiting: Desk, settings: Settings, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    wrong = settings.model_copy(update={"token": type(settings.token)(token)})

    assert types(waiting, wrong, "approve", "7F3K2", "1") == 2
    assert "TOCSIN_TOKEN: " in capsys.readouterr().err
    assert waiting.incidents.commanded == []


def test_a_token_is_not_used_for_what_is_not_there(
    waiting: Desk, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    at_home = settings.model_copy(update={"token": type(settings.token)(token_for(settings, waiting))})

    assert types(waiting, at_home, "approve", "7F3K2", "9") == 1
    assert "there is no approval 9; there are: 1" in capsys.readouterr().err


# ---- asking for something else ----


def test_a_waiver_is_asked_for(waiting: Desk, settings: Settings) -> None:
    assert types(waiting, settings, "waive", "7F3K2", "lenders", "They sit here") == 0

    command = waiting.told
    assert isinstance(command, said_as.AskForWaiver)
    assert (command.obligation, command.reason) == ("lenders", "They sit here")


def test_other_words_are_read_from_a_file(waiting: Desk, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "words.md").write_text("It *pours*. ☔")

    assert types(waiting, settings, "reword", "7F3K2", "1", "--file", str(tmp_path / "words.md")) == 0

    command = waiting.told
    assert isinstance(command, said_as.Reword)
    assert (command.approval, command.text) == (1, "It *pours*. ☔")


def test_another_interval_is_agreed_on(waiting: Desk, settings: Settings) -> None:
    assert types(waiting, settings, "interval", "7F3K2", "log", "PT2H", "They want to know") == 0

    command = waiting.told
    assert isinstance(command, said_as.SetInterval)
    assert (command.obligation, command.every) == ("log", timedelta(hours=2))


# ---- tokens ----


@pytest.fixture
def harbour(settings: Settings, tmp_path: Path) -> Settings:
    """An operator of the harbour, who has the signing keys."""
    return settings.model_copy(update={"plans": library_of_the_harbour(tmp_path)})


def test_a_token_is_issued_listed_and_revoked(
    desk: Desk, harbour: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(desk, harbour, "token", "issue", "ana", "--days", "30", "-o", "json") == 0
    issued = json.loads(capsys.readouterr().out)
    assert (issued["person"], issued["plans"], issued["expires"][:10]) == ("ana", ["harbour"], "2026-07-01")
    assert issued["token"].startswith("tocsin_p1_")

    types(desk, harbour, "token", "list")
    assert f"{issued['id']}  ana    counts" in capsys.readouterr().out

    assert types(desk, harbour, "token", "revoke", issued["id"]) == 0
    capsys.readouterr()
    types(desk, harbour, "token", "list")
    listed = capsys.readouterr().out
    assert "revoked 06-01 03:00" in listed
    assert issued["token"] not in listed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["issue", "nobody"], 'no directory of harbour has a person "nobody"'),
        (["issue", "ana", "--plan", "lighthouse"], 'there is no plan "lighthouse"; there are harbour'),
        (["revoke", "t-00000"], 'no token "t-00000" was issued here'),
    ],
)
def test_what_makes_no_sense_issues_and_revokes_nothing(
    desk: Desk, harbour: Settings, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert types(desk, harbour, "token", *words) == 2
    assert said in capsys.readouterr().err


def test_two_people_under_one_key_are_not_given_one_token(
    desk: Desk, harbour: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    other = harbour.plans / "marina"
    other.mkdir()
    for name in ("plan.yaml", "directory.yaml"):
        text = (harbour.plans / "harbour" / name).read_text()
        (other / name).write_text(text.replace("plan: harbour", "plan: marina").replace("ana@", "other-ana@"))

    assert types(desk, harbour, "token", "issue", "ana") == 2
    assert '"ana" is not the same person in harbour, marina' in capsys.readouterr().err
    assert types(desk, harbour, "token", "issue", "ana", "--plan", "marina") == 0


def test_without_signing_keys_it_says_what_to_set(
    desk: Desk, harbour: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    keyless = harbour.model_copy(update={"signing_keys": type(harbour.signing_keys)("")})

    assert types(desk, keyless, "token", "issue", "ana") == 2
    assert "set TOCSIN_SIGNING_KEYS" in capsys.readouterr().err


def test_words_that_cannot_be_read_are_said_to_be_so(
    waiting: Desk, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(waiting, settings, "reword", "7F3K2", "1", "--file", str(tmp_path / "none.md")) == 2
    assert "none.md cannot be read as text" in capsys.readouterr().err
    assert waiting.incidents.commanded == []
