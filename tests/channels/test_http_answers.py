from datetime import UTC, datetime, timedelta

import pytest

from tocsin.channels.http_answers import is_transient, retry_after

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", timedelta(0)),
        (" 120 ", timedelta(minutes=2)),
        ("Sun, 01 Mar 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 12:00:30 -0000", timedelta(seconds=30)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("-5", None),
        ("9" * 400, None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_and_anything_else_is_ignored(
    header: str | None, wait: timedelta | None
) -> None:
    assert retry_after(header, NOW) == wait


def test_only_time_outs_throttling_and_broken_servers_pass_by_themselves() -> None:
    assert [status for status in range(400, 600) if is_transient(status)] == [408, 429, *range(500, 600)]
