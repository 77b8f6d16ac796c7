"""What people are answered comes from templates, in every shipped language, and a broken one costs nobody an answer."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from tocsin.domain.sms_text import in_gsm, sms_segments
from tocsin.library import PlanLibrary
from tocsin.prompts import Label, Prompts, Reply

SHIPPED = Path(__file__).parents[1] / "plans"
LANGUAGES = ["en", "es", "fr", "de"]

SAID: dict[str, Any] = {
    "codes": "7F3K2-1, 9ABCD-2",
    "more": 3,
    "by": "Sam Park",
    "reason": "it rains",
    "number": 2,
    "most": 20,
    "word": "PASS",
}
SHOWN: dict[str, Any] = {
    "code": "7F3K2-1",
    "by": "Sam Park",
    "reason": "it rains",
    "phase": "1 immediate action",
    "moment": datetime(2026, 6, 1, 12, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    return Prompts(PlanLibrary(SHIPPED, tmp_path_factory.mktemp("state")))


# ---- replies to texts ----


def reply(prompts: Prompts, prompt: Reply, language: str, **more: Any) -> str:
    return prompts.reply(prompt, "allcode", language, SAID | more)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("prompt", get_args(Reply))
def test_every_reply_is_there_in_every_shipped_language_and_cheap(
    prompts: Prompts, caplog: pytest.LogCaptureFixture, language: str, prompt: Reply
) -> None:
    said = reply(prompts, prompt, language)

    assert caplog.text == ""
    assert said.endswith(".")
    assert ("Sam Park" in said, "it rains" in said) == (prompt == "taken", prompt == "refused")
    assert language == "en" or said != reply(prompts, prompt, "en")
    assert sms_segments(in_gsm(said))[1] == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_names_pages_names_them_and_says_how_many_more_there_are(
    prompts: Prompts, language: str
) -> None:
    for prompt in ("accepted", "passed_on", "kept", "taken", "over", "refused", "which_one"):
        said = reply(prompts, prompt, language)  # type: ignore[arg-type]
        assert "7F3K2-1, 9ABCD-2" in said
        assert " 3 " in said
        assert " 3 " not in reply(prompts, prompt, language, more=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "one", "several"),
    [
        ("en", "1 more waits:", "2 more wait:"),
        ("de", "1 weitere wartet:", "2 weitere warten:"),
        ("es", "Queda 1 más:", "Quedan 2 más:"),
        ("fr", "1 autre attend :", "2 autres attendent :"),
    ],
)
def test_one_and_several_are_said_as_people_say_it(
    prompts: Prompts, language: str, one: str, several: str
) -> None:
    assert reply(prompts, "more_wait", language, number=1).startswith(one)
    assert reply(prompts, "more_wait", language, number=2).startswith(several)


# ---- the page behind a link ----


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("label", get_args(Label))
def test_every_label_is_there_in_every_shipped_language(
    prompts: Prompts, caplog: pytest.LogCaptureFixture, language: str, label: Label
) -> None:
    shown = prompts.show(label, "allcode", language, SHOWN)

    assert caplog.text == ""
    assert shown.language == language
    assert shown.text
    assert ("Sam Park" in shown.text, "it rains" in shown.text) == (label == "taken", label == "refused")
    if label in {"title", "over"}:
        assert "7F3K2-1" in shown.text
    if label in {"when", "taken"}:
        assert "2026" in shown.text


# ---- whose words ----


def test_a_plans_own_words_go_first_and_what_they_leave_out_or_break_is_said_as_tocsin_would(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plans = Path(shutil.copytree(SHIPPED, tmp_path / "plans"))
    own = plans / "allcode" / "templates"
    own.mkdir(exist_ok=True)
    (own / "answer.sms.j2").write_text(
        '{% if prompt == "accepted" %}Roger, {{ codes }}.{% elif prompt == "over" %}{{ cods }}{% endif %}'
    )
    prompts = Prompts(PlanLibrary(plans, tmp_path / "state"))

    assert reply(prompts, "accepted", "en") == "Roger, 7F3K2-1, 9ABCD-2."
    assert reply(prompts, "over", "en").startswith("The incident is over")
    assert reply(prompts, "how_to", "en").startswith("To acknowledge")
    assert reply(prompts, "accepted", "es-MX").startswith("Aceptado"), "whoever reads it goes before that"
    assert f"answer.sms.j2 failed for over with UndefinedError at {own / 'answer.sms.j2'}:1;" in caplog.text
    assert "answer.sms.j2 failed for how_to with NoWords;" in caplog.text
