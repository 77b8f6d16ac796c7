"""What goes wrong inside is seen and mended; what waited is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

from tests.workflows.house import Lighthouse
from tocsin.domain import commands as say
from tocsin.domain import decide as deciding
from tocsin.domain.case import Case
from tocsin.domain.events import Commanded, Event, TimePassed
from tocsin.domain.words import Status
from workflows import casework, limits

KIT = "+12025550101"


class FaultyOnce:
    """A decision that fails the first time that time has passed, as a fault in a release would until it is mended."""

    def __init__(self) -> None:
        self.failures = 0

    def __call__(self, case: Case, event: Event, now: datetime) -> Any:
        if isinstance(event, TimePassed) and self.failures < 2:
            self.failures += 1
            raise RuntimeError("a fault in this release")
        return deciding.decide(case, event, now)


async def test_a_fault_beside_the_story_fails_the_workflow_task_and_is_made_good_by_a_mended_worker(
    real_house: Lighthouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, faulty = real_house, FaultyOnce()
    monkeypatch.setattr(casework, "decide", faulty)
    await house.alert(drill_speed=300, is_drill=True)
    await house.until(lambda: house.sms.to == [KIT])

    await house.until(lambda: house.phone.to[:1] == [KIT])

    assert faulty.failures == 2
    history = await house.incident.fetch_history()
    failed = [
        event for event in history.events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    assert failed, "an operator sees a failed workflow task"


async def test_two_reopenings_at_once_are_one(real_house: Lighthouse) -> None:
    house = real_house
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    await house.says(say.Resolve, summary="lit again")
    await house.outcome(house.incident)

    for id in ("reopen-once", "reopen-twice"):
        reopen = say.Reopen(id=id, actor={"key": "kit"}, reason="out again")
        await house.after().signal("queued_command", Commanded(command=reopen))

    await house.outcome(house.after())
    view = await house.eventually(house.incident, lambda view: view.status is Status.OPEN)
    assert view.id == house.key


async def test_time_in_the_queue_counts_against_no_page_only_attempts_do(real_house: Lighthouse) -> None:
    """A worker that is away for an hour, or a rate that makes a text wait, must not have it given up unsent."""
    house = real_house
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])

    history = await house.incident.fetch_history()
    [scheduled] = [
        event.activity_task_scheduled_event_attributes
        for event in history.events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "send_sms"
    ]
    assert scheduled.schedule_to_close_timeout.ToTimedelta() == timedelta(0)
    assert scheduled.schedule_to_start_timeout.ToTimedelta() == timedelta(0)
    assert scheduled.retry_policy.maximum_attempts == limits.PAGE_ATTEMPTS


async def test_papers_wait_for_no_text_once_its_page_was_answered(real_house: Lighthouse) -> None:
    house = real_house
    house.sms.gate.clear()
    await house.alert()
    await house.eventually(house.incident, lambda view: len(view.pages) == 1)
    await house.says(say.Acknowledge)

    await house.says(say.SendReport, report="interim")

    await house.until(lambda: len(house.email.sent) == 1)
    assert house.sms.sent == [], "the text is still on its way to the vendor"
    house.sms.gate.set()
