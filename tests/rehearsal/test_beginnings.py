"""When a rehearsal begins, in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tocsin.rehearsal.beginnings import moment_of

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
"""A Sunday; seven in the morning in Los Angeles."""


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("friday 22:40", "2026-11-27 22:40 PST"),
        ("Sunday 08:00", "2026-11-22 08:00 PST"),
        ("sunday 06:00", "2026-11-29 06:00 PST"),
        ("first tuesday of february 22:40", "2027-02-02 22:40 PST"),
        ("last  monday of november 9:00", "2026-11-30 09:00 PST"),
        ("second saturday of november 9:00", "2027-11-13 09:00 PST"),
        ("third friday of july 12:00", "2027-07-16 12:00 PDT"),
        ("24 december 18:00", "2026-12-24 18:00 PST"),
        ("29 february 12:00", "2028-02-29 12:00 PST"),
        ("2031-02-04T22:40", "2031-02-04 22:40 PST"),
        ("2031-02-04T22:40+00:00", "2031-02-04 14:40 PST"),
    ],
)
def test_a_day_and_a_time_are_the_next_ones_in_the_plans_own_time_zone(words, meant):
    assert f"{moment_of(words, 'America/Los_Angeles', NOW):%Y-%m-%d %H:%M %Z}" == meant


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        ("soon", "is not a beginning"),
        ("friday", "is not a beginning"),
        ("friday 25:00", "no such time of day"),
        ("31 june 10:00", "june has no day 31"),
        ("2020-01-01T00:00", "lies in the past"),
    ],
)
def test_what_is_no_moment_ahead_is_refused_with_what_to_write(words, mistake):
    with pytest.raises(ValueError, match=mistake) as caught:
        moment_of(words, "America/Los_Angeles", NOW)
    assert 'write "friday 22:40"' in str(caught.value)
