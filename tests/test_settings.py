"""What the environment may say, and what is answered when it makes no sense."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from tocsin.settings import Settings, SettingsError, read_environment

ROOT = Path(__file__).resolve().parent.parent
SECRETS = {
    "TOCSIN_INGEST_TOKENS": "monitor:red",
    "SENDGRID_API_KEY": "SG.blue",
    "TWILIO_AUTH_TOKEN": "green",
}


def test_an_empty_environment_is_an_installation_on_this_machine_that_can_reach_nobody() -> None:
    settings = Settings.from_environment({})

    assert settings == Settings()
    assert (settings.plans, settings.state) == (Path("plans"), Path(".tocsin"))
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.drill_speed is None


def test_each_variable_arrives_as_what_it_means() -> None:
    settings = Settings.from_environment(
        {"TOCSIN_PLANS": "/etc/plans", "TOCSIN_DRILL_SPEED": "60", "TOCSIN_SMS_PER_SECOND": "0.5", **SECRETS}
    )

    assert (settings.plans, settings.drill_speed, settings.sms_per_second) == (Path("/etc/plans"), 60, 0.5)
    assert settings.twilio_auth_token.get_secret_value() == "green"


def test_an_empty_variable_counts_as_not_set() -> None:
    empty = dict.fromkeys(
        ["TOCSIN_DRILL_SPEED", "TOCSIN_SMS_PER_SECOND", "SENDGRID_HOST", "TOCSIN_PLANS"], ""
    )

    assert Settings.from_environment(empty) == Settings()


def test_variables_of_other_programs_are_left_alone() -> None:
    assert Settings.from_environment({"PATH": "/bin", "TOCSINESS": "9"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TOCSIN_DRILL_SPEED", "0", "greater than or equal to 1"),
        ("TOCSIN_DRILL_SPEED", "fast", "valid integer"),
        ("TOCSIN_SMS_PER_SECOND", "0", "greater than 0"),
        ("TOCSIN_CALLS_PER_SECOND", "-1", "greater than 0"),
        ("TOCSIN_EMAILS_PER_SECOND", "many", "valid number"),
    ],
)
def test_an_error_names_the_variable(variable: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable}: .*{said}"):
        Settings.from_environment({variable: value})


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"TOCSIN_DRILL_SPEED": "fast", "TOCSIN_CALLS_PER_SECOND": "0"})

    assert [line.partition(":")[0] for line in str(refused.value).splitlines()] == [
        "TOCSIN_DRILL_SPEED",
        "TOCSIN_CALLS_PER_SECOND",
    ]


def test_a_key_and_a_file_for_it_contradict_each_other() -> None:
    both = {"SENDGRID_EVENTS_PUBLIC_KEY": "MFkw", "SENDGRID_EVENTS_PUBLIC_KEY_FILE": "/run/key"}

    with pytest.raises(
        SettingsError, match=r"^set SENDGRID_EVENTS_PUBLIC_KEY or .*_KEY_FILE, and leave the other"
    ):
        Settings.from_environment(both)


def test_what_a_part_needs_is_asked_for_by_the_names_of_the_variables() -> None:
    settings = Settings(sendgrid_from="tocsin@example.com")

    settings.require("sendgrid_from")
    with pytest.raises(
        SettingsError, match=r"^set SENDGRID_API_KEY, TWILIO_FROM: \.env\.example says what each"
    ):
        settings.require("sendgrid_api_key", "sendgrid_from", "twilio_from")


def test_no_secret_shows_when_the_settings_are_printed() -> None:
    settings = Settings.from_environment(SECRETS)

    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert not re.search("red|blue|green", shown)


def test_settings_never_change_while_a_process_runs() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().drill_speed = 2  # type: ignore[misc]


def test_a_process_reads_its_own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_ACTOR", "kim")

    assert read_environment().actor == "kim"
