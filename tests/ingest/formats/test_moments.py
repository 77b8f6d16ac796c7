from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tocsin.ingest.formats.moments import believable


def test_a_time_is_moved_to_utc() -> None:
    in_athens = datetime(2026, 11, 24, 14, tzinfo=timezone(timedelta(hours=2)))

    assert believable(in_athens) == datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize("year", [1, 1969, 9999])
def test_a_time_that_nobody_can_mean_says_nothing(year: int) -> None:
    assert believable(datetime(year, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))) is None
