"""Finding the Temporal server, and saying where it was looked for when it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.channels.vendor import closed_port
from tocsin.settings import SettingsError
from tocsin.temporal import DEFAULT_ADDRESS, TemporalUnavailable, connect


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's variables nor its user's profile count here."""
    for variable in (
        "TEMPORAL_ADDRESS",
        "TEMPORAL_NAMESPACE",
        "TEMPORAL_PROFILE",
        "TEMPORAL_API_KEY",
        "TEMPORAL_TLS",
    ):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "none.toml"))


@pytest.fixture
def nobody() -> str:
    """An address where nobody listens."""
    return closed_port().removeprefix("http://")


async def test_the_address_that_is_given_is_tried_and_named_when_nobody_answers(nobody: str) -> None:
    with pytest.raises(TemporalUnavailable, match=f"does not answer at {nobody}: .*Start one with `make up`"):
        await connect(nobody)


async def test_the_environment_says_where_the_server_is(monkeypatch: pytest.MonkeyPatch, nobody: str) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", nobody)

    with pytest.raises(TemporalUnavailable, match=f"does not answer at {nobody}"):
        await connect()


async def test_a_profile_says_where_the_server_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nobody: str
) -> None:
    profiles = tmp_path / "temporal.toml"
    profiles.write_text(f'[profile.night]\naddress = "{nobody}"\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(profiles))
    monkeypatch.setenv("TEMPORAL_PROFILE", "night")

    with pytest.raises(TemporalUnavailable, match=f"does not answer at {nobody}"):
        await connect()


async def test_an_address_that_is_given_wins_over_the_environment(
    monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", DEFAULT_ADDRESS)

    with pytest.raises(TemporalUnavailable, match=f"does not answer at {nobody}"):
        await connect(nobody)


async def test_a_profile_that_does_not_exist_is_a_wrong_setting_not_a_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_PROFILE", "night")

    with pytest.raises(SettingsError, match=r"'night' not found; check TEMPORAL_PROFILE"):
        await connect()


async def test_a_certificate_that_does_not_exist_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "client.pem"
    monkeypatch.setenv("TEMPORAL_TLS_CLIENT_CERT_PATH", str(missing))

    with pytest.raises(SettingsError, match=rf"{missing}.*check .*TEMPORAL_TLS"):
        await connect()


async def test_a_byte_that_is_not_utf8_is_found_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "M\udcfcnchen")

    with pytest.raises(SettingsError, match="TEMPORAL_NAMESPACE: the value is not UTF-8"):
        await connect()
