"""Histories of real incidents are replayed by today's code: what was decided once is decided again.

A failure here means that a worker with this code would break the incidents that are open now. To record new ones
after a deliberate, versioned change: `python -m tests.workflows.record_histories`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from workflows.incident import IncidentWorkflow
from workflows.post_incident import PostIncidentWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_history_replays(path: Path) -> None:
    replayer = Replayer(
        workflows=[IncidentWorkflow, PostIncidentWorkflow], data_converter=pydantic_data_converter
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))


def test_there_are_histories_to_replay() -> None:
    assert {path.stem for path in HISTORIES} >= {
        "escalated-acknowledged-and-resolved-in-one-run",
        "continued-as-new-in-the-middle-of-an-escalation",
        "resolved-while-the-alert-fired-again",
        "final-report-sent-and-archived",
    }
