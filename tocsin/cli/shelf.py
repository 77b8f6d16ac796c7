"""The incidents below the state folder, as far as this machine has it: what is over answers from its archive what an
incident that Temporal still has answers through a worker."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tocsin.cli.errors import Ambiguous, Failed, Gone, NotFound
from tocsin.cli.incidents import Execution, PendingSend, Queue
from tocsin.cli.session import read_reference
from tocsin.domain import naming
from tocsin.domain.calendar import BusinessCalendar
from tocsin.domain.case import Case
from tocsin.domain.events import Commanded
from tocsin.domain.messages import CommandReply
from tocsin.domain.outcomes import Review, review_of
from tocsin.domain.performance import Performance, measure
from tocsin.domain.plan import Plan
from tocsin.domain.reports import Report, assemble
from tocsin.domain.state import Entry, IncidentState, Message
from tocsin.domain.view import IncidentView, LedgerRow, ledger, view
from tocsin.files import JsonLines
from tocsin.manifest import MANIFEST, TIMELINE

M = TypeVar("M", bound=BaseModel)


class Shelf:
    """The incidents below `state`; those that are archived can be asked like the others, and told nothing."""

    def __init__(self, state: Path) -> None:
        self._incidents = state / "incidents"

    def folder(self, typed: str) -> Path:
        """The folder of the incident that `typed` stands for. Raises `Usage`, `NotFound`, and `Ambiguous`."""
        reference = read_reference(typed)
        found = self._beginning_with(reference)
        if not found:
            raise NotFound(
                f'no incident in {self._incidents} begins with "{reference}"; set TOCSIN_STATE to the state folder',
                reference=reference,
            )
        if len(found) > 1:
            names = [each.name for each in found]
            raise Ambiguous(
                f'"{reference}" may be any of {", ".join(names)}; write more of it', candidates=names
            )
        return found[0]

    def archived(self, typed: str) -> Execution | None:
        """The archived incident that `typed` stands for; `None` when there is none, or more than one."""
        found = [each for each in self._beginning_with(read_reference(typed)) if (each / MANIFEST).exists()]
        return self._execution(found[0].name) if len(found) == 1 else None

    def home(self, incident: str) -> Path:
        """The folder of an incident, whether it is there or not."""
        return self._incidents / incident

    def _beginning_with(self, reference: str) -> list[Path]:
        return sorted(self._incidents.glob(f"{reference}*"))

    def _execution(self, incident: str) -> Execution:
        state = self._incident(incident)
        return Execution(
            workflow=naming.post_incident_workflow(incident),
            run="",
            incident=incident,
            is_running=False,
            started=state.opened,
            title=state.title,
            plan=state.plan.name,
            severity=state.severity,
            status=state.status.value,
        )

    # What `Incidents` says

    async def search(self, prefix: str = "", *, only_running: bool = False) -> list[Execution]:
        """Those that are archived; none of them runs."""
        found = [] if only_running else self._beginning_with(prefix)
        return [self._execution(each.name) for each in found if (each / MANIFEST).exists()]

    async def look_up(self, workflow: str, run: str | None = None) -> Execution | None:
        """No workflow is here."""
        return None

    async def command(self, workflow: str, commanded: Commanded) -> CommandReply:
        """Nothing can be told to what is over."""
        raise Gone

    async def queue(self, workflow: str, commanded: Commanded) -> None:
        """Nothing can be told to what is over."""
        raise Gone

    async def view(self, execution: Execution) -> IncidentView:
        """The incident as it stood at the end."""
        case = self._case(execution)
        return view(case, execution.workflow, _end_of(case))

    async def ledger(self, execution: Execution) -> list[LedgerRow]:
        """Every promise and its verdict."""
        return list(ledger(self._case(execution)))

    async def performance(self, execution: Execution) -> Performance:
        """The times that it took, and what became of the promises."""
        incident = execution.incident or ""
        return measure(self._incident(incident), self._plan_of(incident))

    async def timeline(self, execution: Execution) -> list[Entry]:
        """What happened, from the first entry."""
        return self._timeline(execution)

    async def messages(self, execution: Execution) -> list[Message]:
        """Every message and how far it came."""
        return list(self._case(execution).state.messages.values())

    async def pending(self, execution: Execution) -> list[PendingSend]:
        """Nothing leaves any more."""
        return []

    async def queues(self) -> list[Queue]:
        """Nothing waits."""
        return []

    async def report(self, execution: Execution, report: str) -> Report:
        """A report as it stood at the end."""
        case = self._case(execution)
        if report not in case.plan.reports:
            raise Failed(f'the plan has no report "{report}"; its reports are {", ".join(case.plan.reports)}')
        return assemble(case, report, _end_of(case))

    # What it has to say about all of them

    def reviews(self, plan: str) -> list[Review]:
        """What each archived incident under a plan said about it."""
        return [
            review_of(state, self._plan_of(state.id))
            for state in map(self._incident, self._archived())
            if state.plan.name == plan
        ]

    def _archived(self) -> list[str]:
        return [path.parent.name for path in sorted(self._incidents.glob(f"*/{MANIFEST}"))]

    # Reading

    def _case(self, execution: Execution) -> Case:
        folder, state = self.home(execution.incident or ""), self._incident(execution.incident or "")
        state.timeline = list(self._timeline(execution))
        calendar = _read(folder / "calendar.json", BusinessCalendar)
        return Case(plan=self._plan_of(state.id), calendar=calendar, state=state)

    def _plan_of(self, incident: str) -> Plan:
        """The version that an incident ran."""
        path = self.home(incident) / "plan.json"
        try:
            return Plan.model_validate(json.loads(path.read_bytes())["plan"])
        except (ValueError, KeyError, FileNotFoundError) as error:
            raise _unreadable(path) from error

    def _incident(self, incident: str) -> IncidentState:
        return _read(self.home(incident) / "incident.json", IncidentState)

    def _timeline(self, execution: Execution) -> list[Entry]:
        with (self.home(execution.incident or "") / TIMELINE).open("rb") as file:
            lines = JsonLines(file).read()
        return [
            Entry.model_validate({name: line[name] for name in line if name != "chain"}) for line in lines
        ]


def _end_of(case: Case) -> datetime:
    timeline = case.state.timeline
    return timeline[-1].at if timeline else case.state.opened


def _read(path: Path, model: type[M]) -> M:
    try:
        return model.model_validate_json(path.read_bytes())
    except (ValidationError, FileNotFoundError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> Failed:
    return Failed(
        f"{path} is missing, was changed, or was written by another version of Tocsin: "
        f"`tocsin verify {path.parent}` says which"
    )
