"""Somebody who answers the page and then does, one after the other, whatever the incident shows as open."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.client import WorkflowHandle

from tocsin.domain import commands as say
from tocsin.domain.events import Commanded
from tocsin.domain.plan import Plan, Step
from tocsin.domain.state import Actor
from tocsin.domain.view import IncidentView, LedgerRow, StepView
from tocsin.domain.words import Phase, StepStatus
from workflows.casework import Casework

Handle = WorkflowHandle[Any, Any]


async def give(handle: Handle, actor: Actor, command: Any, **words: Any) -> None:
    """Give one command; raises `WorkflowUpdateFailedError` for one that is refused."""
    id = uuid.uuid4().hex
    commanded = Commanded(command=command(id=id, actor=actor, **words))
    await handle.execute_update(Casework.command, commanded, id=id)


@dataclass
class Responder:
    """A person with the command line; `spoken` counts the commands, which go the way that the CLI's go."""

    plan: Plan
    actor: Actor
    spoken: int = 0
    _asked_for: set[str] = field(default_factory=set)

    async def resolve(self, incident: Handle) -> None:
        """Acknowledge, work through all four phases, resolve."""
        await self._say(incident, say.Acknowledge)
        await self._do_all_that_is_open(incident)
        await self._say(incident, say.Resolve, summary="The certificate was renewed")

    async def finish(self, afterwards: Handle) -> None:
        """Do what is still owed after the resolution, without waiting for when it is due."""
        await self._do_all_that_is_open(afterwards)
        for report in await self._owed_reports(afterwards):
            await self._say(afterwards, say.SendReport, report=report)

    async def close(self, afterwards: Handle) -> None:
        """Close, whatever is still owed."""
        await self._say(afterwards, say.Close, reason="the benchmark waits for nobody", anyway=True)

    async def _do_all_that_is_open(self, handle: Handle) -> None:
        while (told := self._next(await handle.query(Casework.view))) is not None:
            command, words = told
            await self._say(handle, command, **words)

    def _next(self, view: IncidentView) -> tuple[Any, dict[str, Any]] | None:
        return next(self._possible(view), None)

    def _possible(self, view: IncidentView) -> Iterator[tuple[Any, dict[str, Any]]]:
        for step in view.steps:
            if step.phase is view.phase and step.state.status is StepStatus.OPEN:
                yield self._completing(step, view)
        for task in view.tasks:
            if task.done is None:
                yield say.FinishTask, {"task": task.number}
        for meeting in view.meetings:
            if meeting.status in {"proposed", "confirmed"} and view.phase is Phase.POST_INCIDENT:
                yield say.ChangeMeeting, {"meeting": meeting.id, "action": "hold", "outcome": "Lessons noted"}

    def _completing(self, shown: StepView, view: IncidentView) -> tuple[Any, dict[str, Any]]:
        """What the record needs for the step to be complete, as the plan has it."""
        step = self._step(shown, view.severity)
        kind, _, name = (step.done_when or "").partition(":")
        match kind:
            case "acknowledged":
                return say.Acknowledge, {}
            case "estimated" if self.plan.estimate is not None:
                return say.GiveEstimate, {"choice": self.plan.estimate.choices[0]}
            case "fact":
                return say.StateFact, {"name": name, "value": "An expired certificate"}
            case "anchor" if name == "classified":
                return say.Classify, {"severity": view.severity}
            case "anchor":
                return say.SetAnchor, {"anchor": name, "at": datetime.now(UTC)}
        return say.FinishStep, {"step": step.id}

    def _step(self, shown: StepView, severity: str) -> Step:
        return next(step for step in self.plan.steps_of(shown.phase, severity) if step.id == shown.id)

    async def _owed_reports(self, handle: Handle) -> list[str]:
        """The reports of obligations that are armed and still open."""
        rows: list[LedgerRow] = await handle.query(Casework.ledger)
        specs = [self.plan.obligation(row.key.partition("#")[0]) for row in rows if _is_owed(row)]
        named = (duty.report.report for spec in specs for duty in spec.do if duty.report is not None)
        return list(dict.fromkeys(named))

    async def _say(self, handle: Handle, command: Any, **words: Any) -> None:
        await give(handle, self.actor, command, **words)
        self.spoken += 1


def _is_owed(row: LedgerRow) -> bool:
    return row.due is not None and not row.verdict.is_settled
