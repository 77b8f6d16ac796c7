"""What the environment may say, and what is answered when it makes no sense."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from tocsin.settings import Settings, SettingsError, host_and_port, read_environment

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


# ---- ways out


TWILIO = {"TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "first", "TWILIO_FROM": "+15005550001"}
SENDGRID = {"SENDGRID_API_KEY": "SG.x", "SENDGRID_FROM": "tocsin@example.com"}


@pytest.mark.parametrize(
    ("given", "vendors"),
    [
        pytest.param(SENDGRID, ("sendgrid",), id="SendGrid alone"),
        pytest.param({"SMTP_HOST": "mail.example"}, ("smtp",), id="a mail server alone"),
        pytest.param(SENDGRID | {"SMTP_HOST": "mail.example"}, ("sendgrid", "smtp"), id="both"),
        pytest.param(
            SENDGRID | {"SMTP_HOST": "mail.example", "TOCSIN_EMAIL_VIA": "smtp, sendgrid"},
            ("smtp", "sendgrid"),
            id="both, the mail server first",
        ),
        pytest.param(SENDGRID | {"TOCSIN_EMAIL_VIA": "smtp,smtp"}, ("smtp",), id="one that is not there"),
    ],
)
def test_mail_leaves_by_whoever_is_configured_unless_an_order_is_given(
    given: dict[str, str], vendors: tuple[str, ...]
) -> None:
    assert Settings.from_environment(given).email_vendors == vendors


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "SENDGRID_API_KEY, SENDGRID_FROM, TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM"),
        (TWILIO | {"SMTP_HOST": "mail.example"}, "SMTP_FROM"),
        (TWILIO | {"TOCSIN_EMAIL_VIA": "smtp"}, "SMTP_HOST, SMTP_FROM"),
        (TWILIO | SENDGRID | {"TOCSIN_EMAIL_VIA": "sendgrid,smtp"}, "SMTP_HOST"),
    ],
)
def test_every_vendor_that_is_named_must_be_configured(given: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=rf"^set {missing}: "):
        Settings.from_environment(given).require_ways_out()


def test_mail_over_a_mail_server_comes_from_its_own_sender_or_sendgrids() -> None:
    both = Settings.from_environment(SENDGRID | {"SMTP_HOST": "mail.example"})
    own = Settings.from_environment({"SMTP_HOST": "mail.example", "SMTP_FROM": "alarm@example.com"})

    assert (both.smtp_sender, both.email_sender) == ("tocsin@example.com", "tocsin@example.com")
    assert (own.smtp_sender, own.email_sender) == ("alarm@example.com", "alarm@example.com")


def test_mail_leaves_this_machine_only_over_tls() -> None:
    for host in ("localhost", "127.0.0.1", "[::1]"):
        assert Settings.from_environment({"SMTP_HOST": host, "SMTP_TLS": "none"}).smtp_tls == "none"

    with pytest.raises(SettingsError, match=r"SMTP_TLS: .* use starttls or tls"):
        Settings.from_environment({"SMTP_HOST": "mail.example", "SMTP_TLS": "none"})


def test_a_second_account_has_what_is_its_own_and_the_rest_of_the_first() -> None:
    second = {
        "TWILIO_2_ACCOUNT_SID": "AC2",
        "TWILIO_2_AUTH_TOKEN": "second",
        "TWILIO_2_FROM": "+15005550002",
    }

    accounts = Settings.from_environment(TWILIO | second).twilio_accounts

    assert [(each.name, each.account_sid, each.number) for each in accounts] == [
        ("twilio", "AC1", "+15005550001"),
        ("twilio-2", "AC2", "+15005550002"),
    ]
    assert [each.auth_token.get_secret_value() for each in accounts] == ["first", "second"]
    assert {each.api_url for each in accounts} == {"https://api.twilio.com"}


def test_another_region_is_the_same_account_at_another_address() -> None:
    region = {"TWILIO_2_API_URL": "https://api.dublin.ie1.twilio.com"}

    first, second = Settings.from_environment(TWILIO | region).twilio_accounts

    assert second == first.model_copy(
        update={"name": "twilio-2", "api_url": "https://api.dublin.ie1.twilio.com"}
    )


@pytest.mark.parametrize(
    ("half", "said"),
    [
        ({"TWILIO_2_ACCOUNT_SID": "AC2"}, "set TWILIO_2_AUTH_TOKEN and TWILIO_2_FROM too"),
        ({"TWILIO_2_AUTH_TOKEN": "second"}, "set TWILIO_2_ACCOUNT_SID for a second account"),
    ],
)
def test_half_a_second_account_is_refused(half: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=f"^{said}"):
        Settings.from_environment(TWILIO | half)


@pytest.mark.parametrize("address", ["8081", "127.0.0.1:", ":8081", "127.0.0.1:http", "127.0.0.1:70000"])
def test_where_to_listen_is_a_host_and_a_port(address: str) -> None:
    with pytest.raises(SettingsError, match=r"^TOCSIN_WORKER_HTTP: .*write host:port"):
        Settings.from_environment({"TOCSIN_WORKER_HTTP": address})


def test_an_ipv6_host_stands_in_brackets() -> None:
    assert host_and_port("[::1]:8081") == ("::1", 8081)
