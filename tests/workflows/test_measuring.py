"""An incident tells how well it is responded to, while it goes on and when it is over."""

from __future__ import annotations

from datetime import timedelta

from tests.workflows.house import Lighthouse
from tocsin.domain import commands as say
from tocsin.domain.performance import Performance
from tocsin.domain.words import Verdict


async def test_an_incident_is_measured_while_it_goes_on_and_afterwards(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 1)
    await house.passes(minutes=3)
    await house.says(say.Acknowledge)

    so_far = await house.incident.query("performance", result_type=Performance)

    assert timedelta(minutes=3) <= so_far.times["acknowledge"] < timedelta(minutes=4)
    assert so_far.verdicts[Verdict.MET] == 1
    assert "resolve" not in so_far.times

    await house.passes(minutes=57)
    await house.says(say.Resolve, summary="the lamp burns")
    await house.outcome(house.incident)

    after = await house.after().query("performance", result_type=Performance)
    assert after.times["acknowledge"] == so_far.times["acknowledge"]
    assert after.times["resolve"] >= timedelta(hours=1)
