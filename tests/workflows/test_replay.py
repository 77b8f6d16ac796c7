"""Histories of every workflow are replayed by today's code: what was decided once is decided again.

A failure here means that a worker with this code would break the workflows that are open now. To record new ones
after a deliberate, versioned change: `python -m tests.workflows.record_histories`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

import workflows
from tests.workflows.record_histories import FOLDER
from tocsin.histories import replays

HISTORIES = sorted(FOLDER.glob("*.json"))


def every_workflow() -> dict[str, type]:
    """All that the package defines, by the names under which Temporal knows them."""
    modules = [import_module(f"workflows.{found.name}") for found in iter_modules(workflows.__path__)]
    classes = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    defined = {each: workflow._Definition.from_class(each) for each in classes}
    return {str(definition.name): each for each, definition in defined.items() if definition}


def history_in(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_history_replays(path: Path) -> None:
    replayer = Replayer(workflows=list(every_workflow().values()), data_converter=pydantic_data_converter)
    await replayer.replay_workflow(history_in(path))


def test_there_is_a_history_of_every_workflow() -> None:
    started = [history_in(path).events[0].workflow_execution_started_event_attributes for path in HISTORIES]

    assert {each.workflow_type.name for each in started} == set(every_workflow())


async def test_before_an_upgrade_every_workflow_can_be_replayed() -> None:
    assert await replays(FOLDER) == []


def test_there_are_histories_to_replay() -> None:
    assert {path.stem for path in HISTORIES} >= {
        "escalated-acknowledged-and-resolved-in-one-run",
        "continued-as-new-in-the-middle-of-an-escalation",
        "resolved-while-the-alert-fired-again",
        "final-report-sent-and-archived",
        "list-written-to-in-shares-and-each-quarter-told",
        "list-that-a-new-run-goes-on-with",
        "plan-acknowledged-reminded-of-and-superseded",
    }
