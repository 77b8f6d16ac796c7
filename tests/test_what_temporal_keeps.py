"""What a real server holds, searched byte by byte for words that only people of the house may read."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    QueryWorkflowRequest,
)
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.workflows.house import Lighthouse, workers_of
from tocsin.cli.errors import Usage
from tocsin.cli.gateway import TemporalIncidents
from tocsin.domain import commands as say
from tocsin.domain import naming
from tocsin.domain.channel import Refused
from tocsin.domain.state import Entry
from tocsin.keyring import KeyRing, UnknownKey, new_key
from tocsin.temporal import data_converter

pytestmark = [pytest.mark.slow]

KEYS = KeyRing.parse(new_key("k1"), "the test")
DEV_SERVER = Path(sys.executable).with_name("temporal")


async def describe(client: Client, workflow_id: str) -> DescribeWorkflowExecutionResponse:
    """What the server says of a workflow's newest run, unread by the SDK."""
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    return await client.workflow_service.describe_workflow_execution(request)


async def raw(client: Client, workflow_id: str) -> bytes:
    """All that the server holds of a workflow's newest run: its description and every event."""
    kept = (await describe(client, workflow_id)).SerializeToString()
    execution = WorkflowExecution(workflow_id=workflow_id)
    page = GetWorkflowExecutionHistoryRequest(namespace=client.namespace, execution=execution)
    while True:
        answer = await client.workflow_service.get_workflow_execution_history(page)
        kept += answer.SerializeToString()
        if not answer.next_page_token:
            return kept
        page.next_page_token = answer.next_page_token


async def raw_details(client: Client, workflow_id: str) -> bytes:
    """What the UI asks for to show a workflow's current details, as it passes through the server."""
    answer = await client.workflow_service.query_workflow(
        QueryWorkflowRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id),
            query=WorkflowQuery(query_type="__temporal_workflow_metadata"),
        )
    )
    return answer.SerializeToString()


async def server(converter: DataConverter) -> WorkflowEnvironment:
    attributes = [f"--search-attribute={name}={kind}" for name, kind in naming.SEARCH_ATTRIBUTES.items()]
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(DEV_SERVER), dev_server_extra_args=attributes, data_converter=converter
    )


@pytest.fixture
async def sealed() -> AsyncIterator[WorkflowEnvironment]:
    """A server that is spoken to under a key."""
    async with await server(data_converter(KEYS)) as env:
        yield env


@pytest.fixture
async def plain() -> AsyncIterator[WorkflowEnvironment]:
    """A server that is spoken to in plain."""
    async with await server(pydantic_data_converter) as env:
        yield env


def under(keys: KeyRing, env: WorkflowEnvironment) -> WorkflowEnvironment:
    """The same server, spoken to under other keys."""
    config = env.client.config()
    config["data_converter"] = data_converter(keys)
    return WorkflowEnvironment.from_client(Client(**config))


# ---- every way to the server ----

# fmt: off
WAYS = (
    "input", "memo", "summary", "static details", "current details", "signal", "result", "defect",
    "activity input", "activity summary", "activity result", "failure", "failure details", "heartbeat",
    "local activity", "timer summary", "update input", "update result", "update failure",
)
# fmt: on


def secret(way: str) -> str:
    """Each way gets a word of its own, such as `secret-of-the-memo`."""
    assert way in WAYS
    return f"secret-of-the-{way.replace(' ', '-')}"


@activity.defn
async def whisper(words: str) -> str:
    """Fail once, after a word on the way."""
    activity.heartbeat(secret("heartbeat"))
    if activity.info().attempt == 1:
        raise ApplicationError(secret("failure"), secret("failure details"))
    return secret("activity result")


@activity.defn
async def whisper_here() -> str:
    """Answer within the worker."""
    return secret("local activity")


@workflow.defn
class Gossip:
    """Says a secret in every way there is; its first task fails."""

    defects: ClassVar[list[str]] = []

    def __init__(self) -> None:
        self._may_end = False

    @workflow.run
    async def run(self, words: str) -> str:
        """Whisper, wait, end."""
        if self.defects:
            raise RuntimeError(self.defects.pop())
        workflow.set_current_details(secret("current details"))
        await workflow.execute_activity(
            whisper,
            secret("activity input"),
            summary=secret("activity summary"),
            start_to_close_timeout=timedelta(seconds=5),
        )
        await workflow.execute_local_activity(whisper_here, start_to_close_timeout=timedelta(seconds=5))
        await workflow.sleep(0.01, summary=secret("timer summary"))
        await workflow.wait_condition(lambda: self._may_end)
        return secret("result")

    @workflow.signal
    def end(self, words: str) -> None:
        """Let it end."""
        self._may_end = True

    @workflow.update
    async def repeat(self, words: str) -> str:
        """Answer one question and fail at every other."""
        if words == secret("update input"):
            return secret("update result")
        raise ApplicationError(secret("update failure"))


async def gossip(client: Client) -> bytes:
    """Let every secret be said, and bring what the server held of it."""
    Gossip.defects.append(secret("defect"))
    async with Worker(
        client,
        task_queue="gossip",
        workflows=[Gossip],
        activities=[whisper, whisper_here],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handle = await client.start_workflow(
            Gossip.run,
            secret("input"),
            id="gossip",
            task_queue="gossip",
            memo={"about": secret("memo")},
            static_summary=secret("summary"),
            static_details=secret("static details"),
        )
        kept = await raw_while_the_activity_waits(client)
        kept += await raw_details(client, "gossip")
        assert await handle.execute_update(Gossip.repeat, secret("update input")) == secret("update result")
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await handle.execute_update(Gossip.repeat, "something else")
        assert str(failed.value.cause) == secret("update failure")
        await handle.signal(Gossip.end, secret("signal"))
        assert await handle.result() == secret("result")
    return kept + await raw(client, "gossip")


async def raw_while_the_activity_waits(client: Client) -> bytes:
    """What the server holds between two attempts: no event has the failure and the heartbeat yet."""
    async with asyncio.timeout(20):
        while True:
            described = await describe(client, "gossip")
            if any(each.HasField("last_failure") for each in described.pending_activities):
                return described.SerializeToString()
            await asyncio.sleep(0.05)


async def test_without_keys_every_word_lies_open(plain: WorkflowEnvironment) -> None:
    kept = await gossip(plain.client)

    assert [way for way in WAYS if secret(way).encode() not in kept] == []


async def test_under_a_key_no_word_is_found_whichever_way_it_took(sealed: WorkflowEnvironment) -> None:
    kept = await gossip(sealed.client)

    assert [way for way in WAYS if secret(way).encode() in kept] == []
    assert b"Encoded failure" in kept


async def test_a_house_that_ran_in_plain_goes_on_under_a_key(plain: WorkflowEnvironment) -> None:
    house = Lighthouse(plain)
    async with workers_of(house):
        await house.alert()
        await house.says(say.AddNote, text="written in plain")
    house = Lighthouse(under(KEYS, plain))
    async with workers_of(house):
        await house.says(say.AddNote, text="written under a key")
        entries = await house.incident.query("timeline", result_type=list[Entry])

    notes = [entry.text for entry in entries if "written" in entry.text]
    assert len(notes) == 2
    kept = await raw(plain.client, house.incident.id)
    assert b"written in plain" in kept
    assert b"written under a key" not in kept


async def test_a_worker_without_the_key_does_nothing_and_one_that_has_it_goes_on(
    sealed: WorkflowEnvironment,
) -> None:
    house, stranger = Lighthouse(sealed), Lighthouse(under(KeyRing({}), sealed))
    await house.alert()

    async with workers_of(stranger), asyncio.timeout(20):
        while not await failed_tasks(house.client, house.incident.id):
            await asyncio.sleep(0.1)
    assert stranger.sms.sent == []

    async with workers_of(house):
        await house.until(lambda: len(house.sms.sent) == 1)


async def failed_tasks(client: Client, workflow_id: str) -> list[str]:
    """What the workflow tasks that failed say of it."""
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return [
        event.workflow_task_failed_event_attributes.failure.application_failure_info.type
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]


# ---- a whole incident ----

SPOKEN = (
    b"Zanzibar",
    b"Quetzalcoatl",
    b"Xylophone",
    b"Wolframite",
    b"Ultramarine",
    b"kit",
    b"Keeper",
    b"+1202",
)
"""Words of the incident below, and of the people in it."""


async def lamp_goes_out(house: Lighthouse) -> bytes:
    """An incident with a word of each kind in it; what the server held of it."""
    house.sms.failures.append(Refused("Wolframite: +12025550101 is no number"))
    async with workers_of(house):
        await house.alert(title="The lamp of Zanzibar is out")
        await house.until(lambda: len(house.phone.sent) == 1)
        await house.says(say.AddNote, text="Quetzalcoatl was seen on the gallery")
        await house.says(say.StateFact, name="cause", value="Xylophone practice")
        kept = await raw_details(house.client, house.incident.id)
        await house.says(say.Resolve, summary="The lamp burns Ultramarine")
        await house.incident.result()
        after = house.after()
        await house.eventually(after, lambda view: view.status == "resolved")
        return kept + await raw(house.client, house.incident.id) + await raw(house.client, after.id)


async def test_of_an_incident_and_its_people_nothing_lies_open_but_ids(sealed: WorkflowEnvironment) -> None:
    house = Lighthouse(sealed)

    kept = await lamp_goes_out(house)

    assert [word for word in SPOKEN if word in kept] == []
    assert house.key.encode() in kept


async def test_ids_and_search_attributes_hold_no_personal_data(sealed: WorkflowEnvironment) -> None:
    house = Lighthouse(sealed)
    await lamp_goes_out(house)

    for workflow_id in (house.incident.id, house.after().id):
        info = (await describe(house.client, workflow_id)).workflow_execution_info
        attributes = info.search_attributes.indexed_fields
        assert set(attributes) - {"BuildIds", "TemporalUsedWorkerDeploymentVersions"} <= set(
            naming.SEARCH_ATTRIBUTES
        )
        assert workflow_id.endswith(house.key)
        assert not any(word in info.search_attributes.SerializeToString() for word in SPOKEN)


async def test_whoever_lacks_the_key_is_told_which_one(sealed: WorkflowEnvironment) -> None:
    await gossip(sealed.client)
    stranger = under(KeyRing({}), sealed).client
    said = 'under key "k1", and this process has no key at all'

    with pytest.raises(UnknownKey, match=said):
        await stranger.get_workflow_handle("gossip").result()
    with pytest.raises(Usage, match=said):
        await TemporalIncidents(stranger).look_up("gossip")
