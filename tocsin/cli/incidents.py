"""What the command line needs of Temporal, and no more: this is what tests stand in for.

`tocsin.cli.gateway` has the one that speaks to a server.
"""

from __future__ import annotations

from typing import Protocol

from tocsin.domain.base import Moment, Value
from tocsin.domain.events import Commanded
from tocsin.domain.messages import CommandReply
from tocsin.domain.performance import Performance
from tocsin.domain.reports import Report
from tocsin.domain.state import Entry, Message
from tocsin.domain.view import IncidentView, LedgerRow


class Execution(Value):
    """One run of a workflow that has, or had, an incident; what Temporal knows of it without asking a worker.

    `incident` is `None` until the run's first workflow task has said whose it is. `title` is empty in lists.
    """

    workflow: str
    run: str
    incident: str | None
    is_running: bool
    started: Moment
    title: str = ""
    plan: str = ""
    severity: str = ""
    phase: str = ""
    status: str = ""
    next_deadline: Moment | None = None
    is_overdue: bool = False


class PendingSend(Value):
    """A message that the workflow has asked a worker to send, and that has not left: what Temporal knows of it.

    `attempt` counts from 1. `failure` is why the last one failed, and `failed_as` its type, such as `HeldBack`;
    `next_attempt` is when it is tried again.
    """

    message: str
    attempt: int
    is_under_way: bool
    failed_as: str = ""
    failure: str = ""
    next_attempt: Moment | None = None


class Queue(Value):
    """A task queue: how much waits in it, for how many seconds the oldest has, and how fast it is being worked off.

    The numbers are Temporal's estimates. `rate` is how much may leave a second, over all workers; `workers` are the
    processes that asked for work lately.
    """

    queue: str
    waiting: int
    oldest_seconds: float
    leaves_per_second: float
    rate: float | None
    workers: int


class Incidents(Protocol):
    """The incidents of one Temporal namespace. Everything may raise `Unavailable`."""

    async def search(self, prefix: str = "", *, only_running: bool = False) -> list[Execution]:
        """Runs of the incidents whose id begins with `prefix`; seconds behind the truth, and without titles."""

    async def look_up(self, workflow: str, run: str | None = None) -> Execution | None:
        """A run, or the newest one of a workflow, as it is at this moment; `None` when there is none."""

    async def command(self, workflow: str, commanded: Commanded) -> CommandReply:
        """Have a command carried out. Raises `Refused`, `Failed`, `Gone`, and `NoWorker` after a few seconds."""

    async def queue(self, workflow: str, commanded: Commanded) -> None:
        """Leave a command for when a worker is there; durable once this returns. Raises `Gone`."""

    async def view(self, execution: Execution) -> IncidentView:
        """The incident as it stands. This and the other questions raise `NoWorker`, `Failed` and `Gone`."""

    async def ledger(self, execution: Execution) -> list[LedgerRow]:
        """Every promise and its verdict."""

    async def performance(self, execution: Execution) -> Performance:
        """The times that it took so far, and what became of the promises."""

    async def timeline(self, execution: Execution) -> list[Entry]:
        """What happened, oldest first."""

    async def messages(self, execution: Execution) -> list[Message]:
        """Every message and how far it has come."""

    async def pending(self, execution: Execution) -> list[PendingSend]:
        """The messages that have not left yet."""

    async def queues(self) -> list[Queue]:
        """The task queues, in the order of `naming.QUEUES`."""

    async def report(self, execution: Execution, report: str) -> Report:
        """A report as it stands."""
