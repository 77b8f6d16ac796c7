"""The key that checks SendGrid's events may come in a file, and the file may come late."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.ingest.conftest import Post
from tests.ingest.harbour import FakeTemporal
from tests.ingest.test_monitors import assert_problem
from tocsin.ingest.app import create_app
from tocsin.library import PlanLibrary
from tocsin.settings import Settings, SettingsError


@pytest.fixture
def public_key(vendor_key: ec.EllipticCurvePrivateKey) -> str:
    """As SendGrid shows it."""
    public = vendor_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "events-public-key"


@pytest.fixture
def settings(key_file: Path) -> Settings:
    """Of a receiver that expects the key in a file."""
    return Settings(sendgrid_events_public_key_file=key_file)


async def test_events_are_asked_for_again_until_the_key_is_there(
    post: Post, key_file: Path, public_key: str
) -> None:
    too_early = await post.sendgrid([])
    key_file.write_text(f"{public_key}\n")
    in_time = await post.sendgrid([])

    assert_problem(too_early, 503, "no-event-key")
    assert "retry-after" in too_early.headers
    assert in_time.status_code == 200


async def test_a_key_that_is_replaced_counts_at_once(post: Post, key_file: Path, public_key: str) -> None:
    key_file.write_text(public_key)
    assert (await post.sendgrid([])).status_code == 200

    key_file.write_text("half a k")

    assert_problem(await post.sendgrid([]), 503, "no-event-key")


async def test_a_key_in_a_file_refuses_what_it_did_not_sign(
    post: Post, key_file: Path, public_key: str
) -> None:
    key_file.write_text(public_key)

    assert_problem(await post.sendgrid([], tamper=b" "), 403, "not-signed-by-sendgrid")


def test_a_file_that_holds_no_key_is_refused_at_once(
    library: PlanLibrary, temporal: FakeTemporal, settings: Settings, key_file: Path
) -> None:
    key_file.write_text("-----BEGIN PUBLIC KEY-----")

    with pytest.raises(SettingsError, match=rf"KEY_FILE: {key_file}: .*copy the verification key"):
        create_app(temporal, library, settings)


def test_a_folder_in_place_of_the_file_is_refused_at_once(
    library: PlanLibrary, temporal: FakeTemporal, settings: Settings, key_file: Path
) -> None:
    key_file.mkdir()

    with pytest.raises(SettingsError, match=rf"KEY_FILE: .*{key_file}.*name a file that can be read"):
        create_app(temporal, library, settings)
