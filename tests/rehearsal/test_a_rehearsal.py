"""One night of the shipped plan `allcode`, from the alert to the archive."""

from __future__ import annotations

from datetime import timedelta

from tests.rehearsal.conftest import SCENARIOS
from tocsin.domain.words import Status, Verdict
from tocsin.histories import replays
from tocsin.rehearsal.stage import Stage
from tocsin.verifying import verify

NIGHT = SCENARIOS / "allcode-card-data-at-night.yaml"


def is_about(offset: timedelta, **wanted: float) -> bool:
    """Skipped time is exact; what is worked on takes the time that this machine needs for it."""
    return timedelta() <= offset - timedelta(**wanted) < timedelta(seconds=30)


async def test_a_leak_on_the_eve_of_a_long_weekend_is_carried_to_its_end(stage: Stage):
    result = await stage.rehearse(NIGHT)

    # The technician does not see the text; the manager picks up the phone after ten seconds.
    [text] = result.to("dana")[:1]
    assert (text.channel, text.purpose, text.state, text.answer) == ("sms", "page", "delivered", "")
    [call] = [message for message in result.to("kim") if message.channel == "phone"]
    assert (call.state, call.answer) == ("answered", "1")
    assert is_about(call.offset, minutes=10)
    [acknowledged] = [entry for entry in result.timeline if entry.kind == "acknowledged"]
    assert is_about(acknowledged.offset, minutes=10, seconds=10)
    assert str(acknowledged.by) == "kim (by phone)"

    # Every four hours the customer hears, until it is resolved.
    reports = [message for message in result.to("robin") if message.purpose == "report"]
    for message, hours in zip(reports[:3], (3, 7, 11), strict=True):
        assert is_about(message.offset, hours=hours, minutes=30)

    # Nobody can close what is not over.
    [refusal] = result.refusals
    assert "resolve the incident first" in refusal.reason
    assert result.surprises == ()

    # Three business days after a Saturday are not Wednesday: Monday is Presidents' Day.
    final = next(row for row in result.ledger if row.key == "final-report")
    assert final.verdict is Verdict.MET
    assert final.due is not None
    assert f"{final.due - timedelta(hours=8):%A %H:%M}" == "Thursday 23:59"
    assert result.view.status is Status.CLOSED
    assert {row.verdict for row in result.ledger} == {Verdict.MET, Verdict.NOT_APPLICABLE}
    assert (result.archive / "incidents" / result.view.id / "incident.json").is_file()

    # What it leaves behind is a record like any other: whole, and it replays.
    record = result.archive / "incidents" / result.view.id
    assert verify(record).problems == ()
    assert await replays(record / "history") == []
