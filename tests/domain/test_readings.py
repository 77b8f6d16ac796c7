"""The keys of what a monitor says, which are as long as it likes, and stay short in an incident's history."""

from __future__ import annotations

import pytest

from tocsin.domain.readings import LONGEST_GROUP, LONGEST_KEY, Reading, Sighting


def keys_of(key: str) -> tuple[str, str]:
    """What becomes of a key, as a group's and as an alert's."""
    reading = Reading(group=key, sightings=(Sighting(key=key, is_firing=True),))
    return reading.group, reading.sightings[0].key


def test_a_key_that_is_not_too_long_stays_as_it_is() -> None:
    assert keys_of("ü" * LONGEST_KEY) == ("ü" * LONGEST_KEY, "ü" * LONGEST_KEY)
    assert keys_of("g" * LONGEST_GROUP)[0] == "g" * LONGEST_GROUP


def test_a_longer_one_is_its_beginning_and_a_hash_of_the_whole() -> None:
    group, key = keys_of("quay-" + "q" * LONGEST_GROUP)

    assert (len(group), len(key)) == (LONGEST_GROUP, LONGEST_KEY)
    assert group.startswith("quay-q")
    assert key.startswith("quay-q")


@pytest.mark.parametrize("other", ["k" * 5_000 + "x", "k" * 5_001, "x" + "k" * 5_000])
def test_long_keys_that_differ_anywhere_stay_different(other: str) -> None:
    one = keys_of("k" * 5_000)

    assert one == keys_of("k" * 5_000)
    assert one[0] != keys_of(other)[0]
    assert one[1] != keys_of(other)[1]


def test_what_was_shortened_once_is_not_shortened_again() -> None:
    group, key = keys_of("k" * 5_000)

    reading = Reading(group=group, sightings=(Sighting(key=key, is_firing=True),))

    assert (reading.group, reading.sightings[0].key) == (group, key)
