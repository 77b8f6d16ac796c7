"""What a real server keeps of an activity that fails again and again is the reason, in the vendors' own words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.testing import WorkflowEnvironment

from tests.channels.vendor import Answer, Vendor, closed_port
from tests.workflows.house import Lighthouse, workers_of
from tocsin.channels.failover import Failover
from tocsin.channels.metrics import VendorMetrics
from tocsin.channels.twilio_account import TwilioWays, twilio_ways
from tocsin.domain.channel import Sms, TryAgain

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

LARGEST = 4 * 1024
"""Bytes of a failure that the server keeps while an activity is tried again."""

LOCKED_OUT = {"code": 20003, "message": "Authenticate", "status": 401}


def account(name: str, url: str) -> TwilioWays:
    return twilio_ways(name, "AC" + "1" * 32, "a token", "+15005550006", api_url=url, timeout_seconds=2)


@pytest.fixture
def dead_ways() -> Iterator[Failover[Sms]]:
    """Texts by an account that is out of reach, and by another that does not let us in."""
    with Vendor() as locked:
        locked.will(*[Answer(401, LOCKED_OUT)] * 50)
        accounts = [account("twilio", closed_port()), account("twilio-2", locked.url)]
        yield Failover("sms", [each.texts for each in accounts], VendorMetrics())
        for each in accounts:
            each.close()


async def pending_failure(house: Lighthouse, attempts: int) -> Failure:
    """The latest failure of the activity that is tried again, once it has been so often."""
    while True:
        for pending in (await house.incident.describe()).raw_description.pending_activities:
            if pending.attempt > attempts:
                return pending.last_failure
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("attempts", [1, 3])
async def test_with_two_dead_ways_it_says_what_is_wrong_with_both(
    real_env: WorkflowEnvironment, dead_ways: Failover[Sms], attempts: int
) -> None:
    house = Lighthouse(real_env, sms=dead_ways)  # type: ignore[arg-type]
    async with workers_of(house):
        await house.alert()
        failure = await pending_failure(house, attempts)

    assert "could not be reached" in failure.message
    assert "401, code 20003" in failure.message
    assert failure.ByteSize() < LARGEST / 2, "an error of a vendor's, with its traceback, came along"
    assert not failure.HasField("cause")


async def test_words_that_are_too_many_are_cut_and_not_lost(real_env: WorkflowEnvironment) -> None:
    house = Lighthouse(real_env)
    house.sms.failures = [TryAgain("⚠" * 2_000)] * 3
    async with workers_of(house):
        await house.alert()
        failure = await pending_failure(house, 1)

    assert failure.message.startswith("⚠⚠⚠")
    assert failure.message.endswith("…")
