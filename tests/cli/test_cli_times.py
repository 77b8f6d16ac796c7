"""Times as people type and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.cli.times import absolute, both, length, read_moment, relative, short

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("now", NOW),
        ("now-PT20M", NOW - timedelta(minutes=20)),
        ("now + P3D", NOW + timedelta(days=3)),
        (" NOW ", NOW),
        ("2026-03-01 14:05", datetime(2026, 3, 1, 14, 5, tzinfo=UTC)),
        ("2026-03-01 14:05 UTC", datetime(2026, 3, 1, 14, 5, tzinfo=UTC)),
        ("2026-03-01T14:05Z", datetime(2026, 3, 1, 14, 5, tzinfo=UTC)),
        ("2026-03-01T14:05+01:00", datetime(2026, 3, 1, 13, 5, tzinfo=UTC)),
        ("2026-03-01 14:05:30-08:00", datetime(2026, 3, 1, 22, 5, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc_unless_it_says_otherwise(typed: str, meant: datetime) -> None:
    assert read_moment(typed, NOW) == meant


@pytest.mark.parametrize("typed", ["", "yesterday", "14:05", "2026-13-01 10:00"])
def test_what_is_no_time_is_refused_with_what_to_write(typed: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write `now`"):
        read_moment(typed, NOW)


@pytest.mark.parametrize("typed", ["2026-03-01", "20260301"])
def test_a_day_alone_is_refused_for_nobody_knows_which_end_of_it_is_meant(typed: str) -> None:
    with pytest.raises(ValueError, match="is a day without a time"):
        read_moment(typed, NOW)


def test_what_is_printed_can_be_typed_again() -> None:
    assert read_moment(absolute(NOW), datetime.max.replace(tzinfo=UTC)) == NOW


@pytest.mark.parametrize(
    ("distance", "said"),
    [
        (timedelta(0), "now"),
        (timedelta(milliseconds=-400), "now"),
        (timedelta(seconds=40), "in 40 s"),
        (timedelta(minutes=-12, seconds=-30), "12 min ago"),
        (timedelta(hours=3, minutes=12), "in 3 h 12 min"),
        (timedelta(hours=4), "in 4 h"),
        (timedelta(days=-2, hours=-4), "2 d 4 h ago"),
    ],
)
def test_how_far_away_it_is_in_the_two_largest_units(distance: timedelta, said: str) -> None:
    assert relative(NOW + distance, NOW) == said


def test_both_ways_of_saying_when() -> None:
    assert both(NOW + timedelta(hours=1), NOW) == "2026-03-01 13:00 UTC, in 1 h"
    assert short(NOW) == "03-01 12:00"
    assert short(None) == "–"
    assert length(timedelta(minutes=-5)) == "5 min"
