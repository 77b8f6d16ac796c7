"""Keys for encryption: a fresh one, and which ones there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.cli.office import Desk
from tocsin.cli import main
from tocsin.keyring import KeyRing, new_key
from tocsin.settings import Settings


def types(settings: Settings, *words: str) -> int:
    return main.run(["keys", *words], main.Office(settings=lambda: settings))


def test_a_fresh_key_is_called_after_the_day_and_can_be_used_as_it_is_printed(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.types("keys", "new") == 0
    first = capsys.readouterr().out
    assert desk.types("keys", "new") == 0

    assert KeyRing.parse(first, "the test").names == (f"k{desk.now:%Y%m%d}",)
    assert capsys.readouterr().out != first


def test_a_fresh_key_may_be_called_as_one_likes(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.types("keys", "new", "--name", "spring", "-o", "json") == 0

    assert json.loads(capsys.readouterr().out)["key"].startswith("spring:")


def test_a_name_that_could_not_be_written_into_a_ring_is_refused(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert desk.types("keys", "new", "--name", "a:b,c") == 2

    assert '"a:b,c" cannot be the name of a key' in capsys.readouterr().err


def test_the_keys_are_listed_by_name_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [new_key("autumn"), new_key("spring")]

    assert types(Settings(state=tmp_path, payload_keys=SecretStr(",".join(keys))), "list") == 0

    assert capsys.readouterr().out == "autumn\nspring\n"


def test_without_keys_the_list_says_what_that_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(Settings(state=tmp_path), "list") == 0

    assert capsys.readouterr().out == "no keys: nothing is encrypted\n"


def test_a_ring_that_makes_no_sense_is_a_mistake_in_the_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert types(Settings(state=tmp_path, payload_keys=SecretStr("k1")), "list") == 2

    assert "TOCSIN_PAYLOAD_KEYS, entry 1: write NAME:KEY" in capsys.readouterr().err
