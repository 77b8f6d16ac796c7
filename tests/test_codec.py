"""Payloads cannot be read without their key: encryption, rotation, tampering, and what makes a key ring."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload

from tocsin.codec import ENCODING, KEY_NAME, EncryptionCodec
from tocsin.keyring import DamagedPayload, KeyRing, KeyRingError, UnknownKey, ensure_file, new_key
from tocsin.settings import Settings, SettingsError

SOURCE = "TOCSIN_PAYLOAD_KEYS"
SPRING, AUTUMN = new_key("spring"), new_key("autumn")


def ring(*keys: str) -> KeyRing:
    return KeyRing.parse(",".join(keys), SOURCE)


def codec(*keys: str) -> EncryptionCodec:
    return EncryptionCodec(ring(*keys))


PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"the moth"')


# ---- payloads ----


async def test_an_encrypted_payload_says_that_it_is_one_and_under_which_key_and_nothing_else() -> None:
    [kept] = await codec(SPRING).encode([PLAIN])

    assert dict(kept.metadata) == {"encoding": ENCODING, KEY_NAME: b"spring"}
    assert b"moth" not in kept.data
    assert b"json" not in kept.data
    assert await codec(SPRING).decode([kept]) == [PLAIN]


async def test_the_same_words_never_look_the_same() -> None:
    one, other = await codec(SPRING).encode([PLAIN, PLAIN])

    assert one.data != other.data


async def test_after_a_rotation_the_old_key_still_reads_and_the_new_one_writes() -> None:
    [before] = await codec(SPRING).encode([PLAIN])
    rotated = codec(AUTUMN, SPRING)
    [after] = await rotated.encode([PLAIN])

    assert after.metadata[KEY_NAME] == b"autumn"
    assert await rotated.decode([before, after]) == [PLAIN, PLAIN]


async def test_a_worker_may_learn_the_new_key_before_anybody_writes_under_it() -> None:
    [written] = await codec(AUTUMN, SPRING).encode([PLAIN])

    assert await codec(SPRING, AUTUMN).decode([written]) == [PLAIN]


async def test_what_was_written_before_there_were_keys_is_read_as_it_is() -> None:
    assert await codec(SPRING).decode([PLAIN]) == [PLAIN]


async def test_without_keys_nothing_is_encrypted() -> None:
    assert await codec().encode([PLAIN]) == [PLAIN]


@pytest.mark.parametrize(("keys", "has"), [((AUTUMN,), "only autumn"), ((), "no key at all")])
async def test_a_key_that_is_missing_is_named(keys: tuple[str, ...], has: str) -> None:
    written = await codec(SPRING).encode([PLAIN])

    with pytest.raises(
        UnknownKey, match=f'under key "spring", and this process has {has}: put "spring" into'
    ):
        await codec(*keys).decode(written)


@pytest.mark.parametrize("place", [0, 12, -1], ids=["nonce", "words", "seal"])
async def test_a_byte_that_was_changed_is_noticed(place: int) -> None:
    [kept] = await codec(SPRING).encode([PLAIN])
    changed = bytearray(kept.data)
    changed[place] ^= 1

    with pytest.raises(DamagedPayload, match='under key "spring": it was changed'):
        await codec(SPRING).decode([Payload(metadata=kept.metadata, data=bytes(changed))])


@pytest.mark.parametrize("left", [0, 5, 12, 20])
async def test_a_payload_that_was_cut_short_is_noticed(left: int) -> None:
    [kept] = await codec(SPRING).encode([PLAIN])

    with pytest.raises(DamagedPayload):
        await codec(SPRING).decode([Payload(metadata=kept.metadata, data=kept.data[:left])])


async def test_another_key_of_the_same_name_reads_nothing() -> None:
    written = await codec(SPRING).encode([PLAIN])

    with pytest.raises(DamagedPayload, match='"spring" is another key here'):
        await codec(new_key("spring")).decode(written)


async def test_the_name_of_the_key_is_sealed_too() -> None:
    [kept] = await codec(SPRING).encode([PLAIN])
    renamed = Payload(metadata={**kept.metadata, KEY_NAME: b"winter"}, data=kept.data)
    same_key_as_winter = SPRING.replace("spring", "winter")

    with pytest.raises(DamagedPayload):
        await codec(same_key_as_winter).decode([renamed])


# ---- key rings ----


def test_keys_are_separated_by_commas_or_lines() -> None:
    assert ring(AUTUMN, SPRING).names == ("autumn", "spring")
    assert KeyRing.parse(f"{AUTUMN}\n{SPRING}\n", SOURCE).names == ("autumn", "spring")


@pytest.mark.parametrize(
    "entry",
    [
        "k1",
        ":c2hvcnQ=",
        "k1:",
        "k1:c2hvcnQ=",
        "k1:not*base64",
        f"k/1:{base64.b64encode(bytes(32)).decode()}",
        f"k1:{base64.b64encode(bytes(33)).decode()}",
    ],
)
def test_an_entry_that_is_no_key_is_pointed_at_and_not_shown(entry: str) -> None:
    with pytest.raises(
        KeyRingError, match=rf"^{SOURCE}, entry 2: write NAME:KEY, .*`tocsin keys new`"
    ) as refused:
        ring(SPRING, entry)

    key = entry.partition(":")[2]
    assert not key or key not in str(refused.value)


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(KeyRingError, match="entry 2: a key spring stands before it"):
        ring(SPRING, new_key("spring"))


def test_no_key_shows_when_a_ring_is_printed() -> None:
    assert repr(ring(AUTUMN, SPRING)) == "KeyRing(autumn, spring)"


def test_an_installation_may_have_its_keys_in_a_variable_in_a_file_or_in_its_state_folder(
    tmp_path: Path,
) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{AUTUMN}\n{SPRING}\n")
    state = tmp_path / "state"

    assert KeyRing.read(Settings(state=state)).names == ()
    assert KeyRing.read(Settings(state=state, payload_keys_file=file)).names == ("autumn", "spring")
    ensure_file(state, "made-here")
    assert KeyRing.read(Settings(state=state)).names == ("made-here",)
    assert KeyRing.read(Settings(state=state, payload_keys=SecretStr(SPRING))).names == ("spring",)


def test_keys_and_a_file_for_them_contradict_each_other() -> None:
    both = {"TOCSIN_PAYLOAD_KEYS": SPRING, "TOCSIN_PAYLOAD_KEYS_FILE": "/run/keys"}

    with pytest.raises(
        SettingsError, match=r"^set TOCSIN_PAYLOAD_KEYS or TOCSIN_PAYLOAD_KEYS_FILE, and leave"
    ):
        Settings.from_environment(both)


def test_a_file_that_is_missing_or_empty_does_not_switch_encryption_off(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.write_text("\n")

    with pytest.raises(KeyRingError, match=f"cannot be read from {missing}"):
        KeyRing.read(Settings(state=tmp_path, payload_keys_file=missing))
    with pytest.raises(KeyRingError, match=f"{empty} holds no key"):
        KeyRing.read(Settings(state=tmp_path, payload_keys_file=empty))


def test_the_file_of_a_state_folder_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = ensure_file(tmp_path / "state", "k1")
    written = path.read_text()

    assert path.stat().st_mode & 0o777 == 0o600
    assert ensure_file(tmp_path / "state", "k1").read_text() == written
