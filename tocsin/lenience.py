"""Keeps workflows from a fault of the time-skipping server: it refuses a workflow task that cancels a timer which fired
while the task was worked on, and the task is lost until it times out.

Skipped time makes that likely: many timers fall due in the same moment. A real server takes such a task. So here a
timer that is about to fire is not cancelled on the server; the workflow has forgotten it, and ignores that it fires.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)
from temporalio.workflow import Info

ABOUT_TO_FIRE = timedelta(seconds=5)
"""Longer than any workflow task takes."""


class LenientRunner(WorkflowRunner):
    """Runs workflows as `runner` does, by default as in production, and leaves timers alone that are about to fire."""

    def __init__(self, runner: WorkflowRunner | None = None) -> None:
        self._runner = runner or UnsandboxedWorkflowRunner()

    def prepare_workflow(self, defn: Any) -> None:
        """Prepare it as the other runner would."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """The instance that the other runner would make, behind a filter."""
        return _Lenient(self._runner.create_instance(det))

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        """Tell the other runner."""
        self._runner.set_worker_level_failure_exception_types(types)


class _Lenient(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance
        self._fires: dict[int, datetime] = {}

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """What the workflow wants done, but for the timers that are better left alone."""
        now = act.timestamp.ToDatetime()
        completion = self._instance.activate(act)
        commands = completion.successful.commands
        wanted = [command for command in commands if not self._is_better_left(command, now)]
        if len(wanted) < len(commands):
            del commands[:]
            commands.extend(wanted)
        return completion

    def _is_better_left(self, command: Any, now: datetime) -> bool:
        """Whether a command cancels a timer that is about to fire; timers that are started are noted."""
        kind = command.WhichOneof("variant")
        if kind == "start_timer":
            wait = command.start_timer.start_to_fire_timeout.ToTimedelta()
            self._fires[command.start_timer.seq] = now + wait
        if kind != "cancel_timer":
            return False
        return self._fires.pop(command.cancel_timer.seq, now) - now < ABOUT_TO_FIRE

    def get_serialization_context(self, command_info: Any) -> Any:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
