"""An office for tests: incidents that are remembered rather than run, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.domain import harbour
from tests.domain.world import World
from tocsin.cli.errors import Failed, Gone, Unavailable
from tocsin.cli.incidents import Execution, PendingSend, Queue
from tocsin.cli.main import run
from tocsin.cli.office import Office
from tocsin.domain import naming
from tocsin.domain.commands import Command
from tocsin.domain.events import Commanded
from tocsin.domain.messages import CommandReply
from tocsin.domain.performance import Performance, measure
from tocsin.domain.reports import Report, assemble
from tocsin.domain.state import Entry, Message
from tocsin.domain.view import IncidentView, LedgerRow, ledger, view
from tocsin.settings import Settings

NIGHT = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
STORM = "7F3K2ABCDE"
GALE = "7F3ZZABCDE"
BREEZE = "9QQQQABCDE"


def execution(
    incident: str | None = STORM,
    workflow: str | None = None,
    *,
    is_running: bool = True,
    hours_ago: int = 1,
    status: str = "open",
    title: str = "The wind rises",
    next_deadline: datetime | None = None,
    is_overdue: bool = False,
) -> Execution:
    """A run as Temporal describes it."""
    return Execution(
        workflow=workflow or naming.incident_workflow(incident or ""),
        run=f"run-{workflow or incident}-{hours_ago}",
        incident=incident,
        is_running=is_running,
        started=NIGHT - timedelta(hours=hours_ago),
        title=title,
        plan="harbour",
        severity="gale",
        phase="1 immediate action",
        status=status,
        next_deadline=next_deadline,
        is_overdue=is_overdue,
    )


REPLY = CommandReply(
    reference="7F3K2", status="open", phase="1 immediate action", severity="gale", recorded=("noted",)
)


@dataclass
class FakeIncidents:
    """What a server would know. `listed` is the list, which lags; `now` is what the workflows themselves say.

    `answers` holds what each workflow does with a command: an exception, or `None` to accept it.
    """

    listed: list[Execution] = field(default_factory=lambda: [execution()])
    now: dict[str, Execution] | None = None
    answers: Mapping[str, Exception | None] = field(default_factory=dict)
    queue_answer: Exception | None = None
    world: World | None = None
    searches: int = 0
    appears_after: int = 0
    commanded: list[tuple[str, Command]] = field(default_factory=list)
    queued: list[tuple[str, Command]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    waiting: list[PendingSend] = field(default_factory=list)
    working: list[Queue] = field(default_factory=list)

    async def search(self, prefix: str = "", *, only_running: bool = False) -> list[Execution]:
        self.searches += 1
        if self.searches <= self.appears_after:
            return []
        found = [each for each in self.listed if (each.incident or "").startswith(prefix)]
        return [
            each.model_copy(update={"title": ""}) for each in found if each.is_running or not only_running
        ]

    async def look_up(self, workflow: str, run: str | None = None) -> Execution | None:
        known = self.listed if self.now is None else list(self.now.values())
        found = [each for each in known if each.workflow == workflow and run in {None, each.run}]
        return max(found, key=lambda each: each.started, default=None)

    async def command(self, workflow: str, commanded: Commanded) -> CommandReply:
        self.commanded.append((workflow, commanded.command))
        if (answer := self.answers.get(workflow)) is not None:
            raise answer
        return REPLY

    async def queue(self, workflow: str, commanded: Commanded) -> None:
        if self.queue_answer is not None:
            raise self.queue_answer
        self.queued.append((workflow, commanded.command))

    async def view(self, execution: Execution) -> IncidentView:
        world = self._ask(execution)
        return view(world.case, execution.workflow, world.now)

    async def ledger(self, execution: Execution) -> list[LedgerRow]:
        return list(ledger(self._ask(execution).case))

    async def performance(self, execution: Execution) -> Performance:
        world = self._ask(execution)
        return measure(world.state, world.plan)

    async def timeline(self, execution: Execution) -> list[Entry]:
        return self._ask(execution).state.timeline

    async def messages(self, execution: Execution) -> list[Message]:
        return list(self._ask(execution).state.messages.values())

    async def pending(self, execution: Execution) -> list[PendingSend]:
        return self.waiting

    async def queues(self) -> list[Queue]:
        return self.working

    async def report(self, execution: Execution, report: str) -> Report:
        world = self._ask(execution)
        if report not in world.plan.reports:
            raise Failed(f"the incident could not answer: {report!r}")
        return assemble(world.case, report, world.now)

    def _ask(self, execution: Execution) -> World:
        self.asked.append(execution.run)
        if self.world is None:
            raise Gone
        return self.world


@dataclass
class Desk:
    """Where a responder types."""

    incidents: FakeIncidents = field(default_factory=FakeIncidents)
    actor: str | None = "ana"
    now: datetime = NIGHT
    temporal_is_down: bool = False

    def types(self, *words: str) -> int:
        """Type one command line; the exit code."""

        async def connect() -> FakeIncidents:
            if self.temporal_is_down:
                raise Unavailable("Temporal does not answer at 127.0.0.1:7233")
            return self.incidents

        settings = Settings(actor=self.actor)
        return run(words, Office(connect=connect, settings=lambda: settings, now=lambda: self.now))

    @property
    def told(self) -> Command:
        """The only command that the incident was told."""
        [(_, command)] = self.incidents.commanded
        return command


def library_of_the_harbour(folder: Path) -> Path:
    """A folder of plans that holds the harbour's."""
    plan = folder / "plans" / "harbour"
    plan.mkdir(parents=True)
    (plan / "plan.yaml").write_text(harbour.PLAN)
    rescue = 'audiences:\n  coastguard: {rescue: {name: Rescue, phone: "+12025550120"}}'
    (plan / "directory.yaml").write_text(harbour.DIRECTORY.replace("audiences:", rescue, 1))
    return plan.parent
