"""An incident of the observatory behind the receiver, that decides as the workflow would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from tests.domain import observatory
from tests.domain.world import World
from tocsin.domain.commands import CommandRefused
from tocsin.domain.events import Commanded, Drafted
from tocsin.domain.messages import CheckProof
from tocsin.domain.proving import NotProven
from tocsin.domain.state import Errand, Witness
from tocsin.domain.view import ledger, view
from tocsin.proofs import Proofs
from tocsin.wordings import Wording, WordingStore

WORDS = Wording(subject="It drips <b>", body="Dear *lenders*,\n\n<script>alert(1)</script>")


@dataclass(repr=False)
class Observatory(World):
    """The world in which it drips; its words are really put down."""

    wordings: WordingStore | None = None
    words: Wording = WORDS

    @classmethod
    def drips(cls, wordings: WordingStore) -> Observatory:
        """At nine in the morning; the director has until five."""
        world = cls(
            plan=observatory.plan(),
            directory=observatory.directory(),
            calendar=observatory.CALENDAR,
            now=observatory.TUESDAY,
            wordings=wordings,
        )
        world.alert(severity="drip")
        return world

    def _draft(self, errand: Errand) -> Drafted:
        assert self.wordings is not None
        words = self.words.model_copy(update={"body": errand.text}) if errand.text else self.words
        return Drafted(errand=errand.id, sha256=self.wordings.keep(words))


@dataclass
class Court:
    """A Temporal that has one incident. `is_idle` when no worker answers updates; `failure` ends every call."""

    world: Observatory
    proofs: Proofs
    workflow: str
    is_idle: bool = False
    is_there: bool = True
    failure: Exception | None = None
    updated: list[Commanded] = field(default_factory=list)
    signalled: list[tuple[str, Commanded]] = field(default_factory=list)

    async def __call__(self) -> Court:
        """As a provider of clients."""
        return self

    def get_workflow_handle(self, workflow: str) -> Bench:
        return Bench(self, workflow)

    def get_workflow_handle_for(self, run: Callable[..., Any], workflow: str) -> Bench:
        return Bench(self, workflow)


@dataclass
class Bench:
    """One workflow of the court."""

    court: Court
    workflow: str

    async def query(self, question: Callable[..., Any]) -> Any:
        self._must_be_there()
        world = self.court.world
        if question.__name__ == "ledger":
            return list(ledger(world.case))
        return view(world.case, self.workflow, world.now)

    async def execute_update(self, update: Callable[..., Any], commanded: Commanded, id: str) -> None:
        self._must_be_there()
        if self.court.is_idle:
            raise RPCError("no worker", RPCStatusCode.DEADLINE_EXCEEDED, b"")
        assert commanded.command.id == id
        self.court.updated.append(commanded)
        try:
            self._decide(commanded)
        except (CommandRefused, NotProven) as refusal:
            failure = ApplicationError(str(refusal), type="Refused")
            raise WorkflowUpdateFailedError(failure) from failure

    def _decide(self, commanded: Commanded) -> None:
        """What the workflow does with a proof."""
        world, command = self.court.world, commanded.command
        request = CheckProof(
            plan="observatory",
            incident=world.state.id,
            approval=command.approval,
            subject=world.state.approvals[command.approval].wording,
            claimed=command.actor.key,
            proof=command.proof,
        )
        proven = self.court.proofs.check(request)
        roles = world.directory.roles_of(proven.person)
        witness = Witness(person=proven.person, roles=roles, how=proven.how)
        world.happens(Commanded(command=command.model_copy(update={"witness": witness, "proof": ""})))

    async def signal(self, signal: Callable[..., Any], argument: Commanded, rpc_timeout: Any) -> None:
        self._must_be_there()
        self.court.signalled.append((signal.__name__, argument))

    def _must_be_there(self) -> None:
        if self.court.failure is not None:
            raise self.court.failure
        if self.workflow != self.court.workflow or not self.court.is_there:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")
