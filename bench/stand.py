"""The test stand: everything on this machine, each part in a process of its own, gone afterwards."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from temporalio.client import Client, WorkflowHandle

from bench.bare import QUEUE
from bench.inbox import Inbox
from bench.monitor import Monitor
from bench.plans import copy_undigested
from tocsin.domain import naming
from tocsin.embedded.processes import answers, free_port
from tocsin.embedded.stack import ROOT, Ports, Stack
from tocsin.library import PlanLibrary
from tocsin.settings import environment
from tocsin.temporal import connect


@dataclass(frozen=True)
class Stand:
    """What a scenario works with. `run` is part of every name, so that no two runs share an alert."""

    stack: Stack
    temporal: Client
    monitor: Monitor
    inbox: Inbox
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    async def start_bare(self, workflow: Any, name: str) -> Any:
        """Start one of the yardsticks; its handle."""
        return await self.temporal.start_workflow(workflow.run, name, id=f"bare-{name}", task_queue=QUEUE)

    def incident(self, incident: str) -> WorkflowHandle[Any, Any]:
        """The workflow of an incident, by the incident's id."""
        return self.temporal.get_workflow_handle(naming.incident_workflow(incident))

    def library(self) -> PlanLibrary:
        """The plans that the stand runs."""
        settings = self.stack.settings
        return PlanLibrary(settings.plans, settings.state)

    def name(self, what: str, number: int) -> str:
        """A name that was never used before."""
        return f"{what}-{self.run}-{number}"


@contextmanager
def running_stack(logs: Path, kind: type[Stack] = Stack) -> Iterator[Stack]:
    """Temporal, sandbox, receiver, worker and the yardsticks' worker, all of them new. Raises `StartError`.

    The server is always the embedded one: a server of the user's own would keep hundreds of incidents that nobody works
    on. If anything fails, the processes' logs are left in `logs`.
    """
    with TemporaryDirectory(prefix="tocsin-bench-", ignore_cleanup_errors=True) as folder:
        plans = copy_undigested(ROOT / "plans", Path(folder) / "undigested")
        stack = kind(Path(folder) / "state", _own_environment(plans), Ports.free())
        try:
            stack.start()
            _start_bare_worker(stack)
            yield stack
        except BaseException:
            shutil.copytree(stack.state / "logs", logs, dirs_exist_ok=True)
            raise
        finally:
            stack.stop()


def _own_environment(plans: Path) -> Mapping[str, str]:
    """The caller's, but for whatever would lead to another server or to other plans."""
    others = {name: value for name, value in environment().items() if not name.startswith("TEMPORAL_")}
    return {**others, "TOCSIN_PLANS": str(plans)}


def _start_bare_worker(stack: Stack) -> None:
    port = free_port()
    command = [sys.executable, "-m", "bench.bare_worker", "--health-port", str(port)]
    variables = stack.child_environment() | {"PYTHONPATH": str(ROOT)}
    stack.processes.start("bare", command, variables, lambda: answers(f"http://127.0.0.1:{port}/healthz"))


@asynccontextmanager
async def connected(stack: Stack) -> AsyncIterator[Stand]:
    """The stand, with a connection to everything that a scenario talks to."""
    stand = Stand(
        stack,
        await connect(stack.temporal_address, settings=stack.settings),
        Monitor(stack.receiver_url),
        Inbox(stack.sandbox_url),
    )
    try:
        await stand.monitor.connect()
        yield stand
    finally:
        await stand.monitor.close()
        await stand.inbox.close()
