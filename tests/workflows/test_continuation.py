"""Histories that grow long, workers that die: the incident goes on from its state alone."""

from __future__ import annotations

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from tests.workflows.house import Lighthouse, Refused
from tocsin.domain import commands as say
from tocsin.domain.events import Commanded
from tocsin.domain.words import Verdict

KIT, DEE = "+12025550101", "+12025550102"


async def runs_of(client: Client, handle: WorkflowHandle) -> int:
    """How often the workflow has continued as new, and once more: the chain of its runs."""
    count, run_id = 1, (await handle.describe()).run_id
    first = await client.get_workflow_handle(handle.id).describe()
    history = await client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes
    while started.continued_execution_run_id:
        count += 1
        earlier = client.get_workflow_handle(handle.id, run_id=started.continued_execution_run_id)
        started = (await earlier.fetch_history()).events[0].workflow_execution_started_event_attributes
    assert first.status is WorkflowExecutionStatus.RUNNING
    return count


async def test_the_next_level_is_called_on_time_though_the_run_continued_as_new_in_between(
    house: Lighthouse,
) -> None:
    house.continue_after = 40
    began = await house.now()
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    await house.passes(minutes=5, seconds=1)
    await house.until(lambda: house.phone.to == [KIT])
    for number in range(12):
        await house.says(say.AddNote, text=f"note {number}")
    assert await runs_of(house.client, house.incident) > 1

    await house.passes(minutes=4, seconds=50)
    assert house.phone.to == [KIT], "not yet"
    await house.passes(seconds=15)
    await house.until(lambda: house.phone.to == [KIT, DEE])

    await house.says(say.Acknowledge, actor={"key": "dee"})
    row = (await house.ledger())["summon"]
    assert row.verdict is Verdict.MET
    assert row.settled is not None
    assert 600 <= (row.settled - began).total_seconds() < 660
    view = await house.view()
    assert [page.number for page in view.pages] == [1], "the page was not begun again"


async def test_a_command_repeated_after_continuing_as_new_is_applied_once(house: Lighthouse) -> None:
    house.continue_after = 40
    await house.alert()
    await house.says(say.AddNote, id="the-same-note", text="the lamp smells")
    for number in range(12):
        await house.says(say.AddNote, text=f"note {number}")
    assert await runs_of(house.client, house.incident) > 1

    await house.says(say.AddNote, id="the-same-note", text="the lamp smells")

    timeline = await house.incident.query("timeline")
    assert sum(entry["text"] == "the lamp smells" for entry in timeline) == 1


async def test_a_command_that_came_as_a_signal_is_applied_once_though_the_update_follows(
    house: Lighthouse,
) -> None:
    await house.alert()
    note = say.AddNote(id="the-same-note", actor={"key": "kit"}, text="the lamp smells")

    await house.incident.signal("queued_command", Commanded(command=note))
    await house.says(say.AddNote, id="the-same-note", text="the lamp smells")

    timeline = await house.incident.query("timeline")
    assert sum(entry["text"] == "the lamp smells" for entry in timeline) == 1


async def test_a_queued_command_that_is_refused_later_tells_its_author(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    step = say.FinishStep(id="no-such-step", actor={"key": "dee"}, step="polish")

    await house.incident.signal("queued_command", Commanded(command=step))

    await house.until(lambda: DEE in house.sms.to)
    assert 'there is no step "polish"' in house.sms.sent[-1].body
    with pytest.raises(Refused, match='there is no step "polish"'):
        await house.says(say.FinishStep, id="no-such-step", step="polish")
