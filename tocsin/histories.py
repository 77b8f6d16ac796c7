"""Histories: those of an incident's workflows saved readable, without need of keys; those of any of our workflows
replayed by today's code.

An incident lives under `incident-<key>`, then `post-incident-<id>`, back under the first after a reopening, and in a
new run whenever its history grows long. Each run's first event names the one before it; that chain is followed
backwards, and not the list of workflows, which Temporal keeps a moment behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import PayloadCodec
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from tocsin.domain import naming
from tocsin.domain.messages import SaveHistories
from tocsin.files import write_whole
from tocsin.lenience import LenientRunner
from workflows.attributes import INCIDENT
from workflows.broadcast import BroadcastWorkflow
from workflows.incident import IncidentWorkflow
from workflows.post_incident import PostIncidentWorkflow
from workflows.publication import PlanPublication


@dataclass(frozen=True)
class Run:
    """One run of a workflow, with its history up to now."""

    history: WorkflowHistory

    @property
    def started(self) -> WorkflowExecutionStartedEventAttributes:
        """What its first event says."""
        return self.history.events[0].workflow_execution_started_event_attributes

    @property
    def id(self) -> str:
        """The run's own id."""
        return self.started.original_execution_run_id

    @property
    def incident(self) -> str | None:
        """The incident that it was about at last, by its search attribute."""
        said = [
            fields[INCIDENT.name]
            for event in self.history.events
            for fields in (_search_attributes(event),)
            if INCIDENT.name in fields
        ]
        return pydantic_data_converter.payload_converter.from_payload(said[-1], str) if said else None

    @property
    def before(self) -> WorkflowExecution | None:
        """The run that this one goes on from: the one that continued as new, or else the one that started it."""
        if self.started.continued_execution_run_id:
            run_id = self.started.continued_execution_run_id
            return WorkflowExecution(workflow_id=self.history.workflow_id, run_id=run_id)
        return (
            self.started.parent_workflow_execution
            if self.started.HasField("parent_workflow_execution")
            else None
        )


async def save_histories(client: Client, incident_id: str, key: str, folder: Path) -> list[Path]:
    """Write every run of an incident, oldest first, as `<number>-<workflow>-<run>.json` below `folder`.

    They are decrypted with the client's keys. Raises `LookupError` when Temporal has none, `UnreadablePayload`,
    `OSError`.
    """
    return await asyncio.to_thread(write, await runs_of(client, incident_id, key), folder)


async def runs_of(client: Client, incident_id: str, key: str) -> list[Run]:
    """Every run of an incident, decrypted, oldest first. Raises `LookupError`, `UnreadablePayload`."""
    found: dict[str, Run] = {}
    for newest in (naming.post_incident_workflow(incident_id), naming.incident_workflow(key)):
        execution: WorkflowExecution | None = WorkflowExecution(workflow_id=newest)
        while execution is not None:
            run = await _fetched(client, execution)
            if run is None or run.id in found or run.incident != incident_id:
                break
            found[run.id] = run
            execution = run.before
    if not found:
        raise LookupError(
            f"Temporal has no history of incident {incident_id} under {key}; was it kept long enough?"
        )
    return sorted(found.values(), key=lambda run: run.history.events[0].event_time.ToNanoseconds())


def write(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write runs as files that the Temporal UI imports and `replays` replays. Raises `OSError`."""
    paths = []
    for number, run in enumerate(runs, 1):
        path = folder / f"{number:02}-{quote(run.history.workflow_id, safe='')}-{run.id}.json"
        write_whole(path, f"{run.history.to_json()}\n".encode())
        paths.append(path)
    return paths


async def replays(folder: Path) -> list[str]:
    """Replay every history in `folder` with today's code; what went wrong, file by file, and nothing when all is well.

    A history that does not replay as production wrote it is tried as a rehearsal would have (`tocsin.lenience`).
    Raises `OSError`.
    """
    found = await asyncio.to_thread(
        lambda: {path: path.read_bytes() for path in sorted(folder.glob("*.json"))}
    )
    problems = [(path.name, await _problem_of(path.stem, history)) for path, history in found.items()]
    return [f"{name}: {problem}" for name, problem in problems if problem]


@cache
def _quiet() -> Runtime:
    """The SDK writes to standard output what went wrong in a replay; that is ours to say."""
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="OFF")))


def _replayer(runner: WorkflowRunner) -> Replayer:
    return Replayer(
        runtime=_quiet(),
        workflows=[IncidentWorkflow, PostIncidentWorkflow, BroadcastWorkflow, PlanPublication],
        data_converter=pydantic_data_converter,
        workflow_runner=runner,
    )


class HistoryFolders(Protocol):
    """Where the histories of incidents belong (`tocsin.archive.DiskArchive`)."""

    def history_folder(self, incident: str) -> AbstractContextManager[Path]:
        """The folder of an incident, to nobody else meanwhile."""


class SavedHistories:
    """Saves the histories of incidents where the archive wants them; what `activities.histories` depends on."""

    def __init__(self, client: Client, folders: HistoryFolders) -> None:
        self._client = client
        self._folders = folders

    async def save(self, wanted: SaveHistories) -> int:
        """Save all runs of an incident; how many. Raises as `save_histories`."""
        runs = await runs_of(self._client, wanted.incident, wanted.key)
        return await asyncio.to_thread(self._write, wanted.incident, runs)

    def _write(self, incident: str, runs: Sequence[Run]) -> int:
        with self._folders.history_folder(incident) as folder:
            return len(write(runs, folder))


async def _fetched(client: Client, execution: WorkflowExecution) -> Run | None:
    handle = client.get_workflow_handle(execution.workflow_id, run_id=execution.run_id or None)
    try:
        history = await handle.fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
    if client.data_converter.payload_codec:
        for event in history.events:
            await decrypt(event, client.data_converter.payload_codec)
    return Run(history)


async def decrypt(message: Message, codec: PayloadCodec) -> None:
    """Decrypt every payload within a message, and put the words of failures back into their place."""
    parts = list(_parts_of(message))
    for payload in (part for part in parts if isinstance(part, Payload)):
        payload.CopyFrom((await codec.decode([payload]))[0])
    for failure in (
        part for part in parts if isinstance(part, Failure) and part.HasField("encoded_attributes")
    ):
        said = pydantic_data_converter.payload_converter.from_payload(
            failure.encoded_attributes, dict[str, str]
        )
        failure.message, failure.stack_trace = said["message"], said["stack_trace"]
        failure.ClearField("encoded_attributes")


def _parts_of(message: Message) -> Iterator[Message]:
    """A message and all messages within it, whatever their fields are called."""
    yield message
    for _, value in message.ListFields():
        for part in _messages_in(value):
            yield from _parts_of(part)


def _messages_in(value: Any) -> Iterator[Message]:
    if isinstance(value, Message):
        yield value
    elif hasattr(value, "values"):  # a map
        yield from (each for each in value.values() if isinstance(each, Message))
    elif not isinstance(value, (str, bytes, int, float)):
        yield from (each for each in value if isinstance(each, Message))


def _search_attributes(event: HistoryEvent) -> Any:
    if event.HasField("upsert_workflow_search_attributes_event_attributes"):
        return event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    return event.workflow_execution_started_event_attributes.search_attributes.indexed_fields


async def _problem_of(name: str, written: bytes) -> str | None:
    try:
        history = WorkflowHistory.from_json(name, written.decode())
    except (ValueError, json_format.ParseError) as error:
        return f"this is no history: {error}"
    if not history.events:
        return "this history is empty"
    as_live = await _replayed(history, UnsandboxedWorkflowRunner())
    return as_live and (await _replayed(history, LenientRunner()) and as_live)


async def _replayed(history: WorkflowHistory, runner: WorkflowRunner) -> str | None:
    """What went wrong when a history was replayed by a runner; `None` when nothing did."""
    replayed = await _replayer(runner).replay_workflow(history, raise_on_replay_failure=False)
    return str(replayed.replay_failure) if replayed.replay_failure else None
