"""What a link asks, and the way of its answer to the incident.

NotAsked        there is nothing (any more) that this link could decide; the status and the text are for a page
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from temporalio.client import Client, WorkflowQueryFailedError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from tocsin.domain import naming
from tocsin.domain.approvals import subject_of
from tocsin.domain.commands import CommandRefused, Decide
from tocsin.domain.events import Commanded
from tocsin.domain.proving import Claim, Expired, NoSigningKeys, NotProven
from tocsin.domain.state import Actor, Approval
from tocsin.domain.view import IncidentView, LedgerRow
from tocsin.ingest.reception import Reception
from tocsin.proofs import Proofs
from tocsin.starting import means_no_such_workflow, temporal_answers
from tocsin.temporal import TemporalUnavailable
from tocsin.wordings import Wording, WordingError, WordingStore
from workflows.incident import IncidentWorkflow

QUESTION_PATIENCE = timedelta(seconds=8)
"""How long somebody waits for the page; an incident may live in any of three workflows, and each is asked."""

_log = logging.getLogger(__name__)


class NotAsked(Exception):
    """Nothing can be decided through this link: `status`, a `heading`, and the text that says why."""

    def __init__(self, status: HTTPStatus, heading: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.heading = heading


@dataclass(frozen=True)
class Question:
    """What whoever holds a link is asked: the approval as it stands, its incident, its promise, and the words."""

    claim: Claim
    token: str
    workflow: str
    view: IncidentView
    approval: Approval
    promise: LedgerRow | None
    words: Wording | None


class Deciding:
    """Finds the question behind a link, and passes on the decision."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._proofs = Proofs.of(reception.settings, reception.clock)
        self._wordings = WordingStore(reception.settings.state)

    async def question(self, token: str) -> Question:
        """What the link asks. Raises `NotAsked`, `TemporalUnavailable`."""
        claim, number = self._claim(token)
        incident = claim.matter.about.partition("/")[0]
        client = await self._reception.client()
        async with temporal_answers(QUESTION_PATIENCE):
            workflow, view = await _home_of(client, claim.workflow, incident)
            approval = self._still_open(view, number, claim)
            ledger = await client.get_workflow_handle_for(IncidentWorkflow.run, workflow).query(
                IncidentWorkflow.ledger
            )
        promise = next((row for row in ledger if row.key == approval.obligation), None)
        words = await asyncio.to_thread(self._words, approval)
        return Question(claim, token, workflow, view, approval, promise, words)

    def _claim(self, token: str) -> tuple[Claim, int]:
        """What the link says, and the number of its approval."""
        try:
            claim = self._proofs.read_link(token)
        except Expired as error:
            raise NotAsked(
                HTTPStatus.GONE, "Too late", f"{error}; what was not decided by then is on the record."
            ) from error
        except NoSigningKeys as error:
            _log.error("a link was followed that cannot be checked: %s", error)
            raise NotAsked(HTTPStatus.SERVICE_UNAVAILABLE, "Not possible here", str(error)) from error
        except NotProven as error:
            _log.warning("a link was followed that is not ours: %s", error)
            raise _forged() from error
        if claim.matter.purpose != "approval":
            raise _forged()
        return claim, int(claim.matter.about.partition("/")[2])

    def _still_open(self, view: IncidentView, number: int, claim: Claim) -> Approval:
        approval = next((item for item in view.approvals if item.number == number), None)
        if approval is None:
            raise _over(view.reference)
        if not approval.is_open:
            by = f" by {approval.witness.person}" if approval.witness else ""
            raise NotAsked(
                HTTPStatus.CONFLICT,
                "Decided already",
                f"This was {approval.decision}{by}; nothing was changed.",
            )
        if subject_of(approval) != claim.matter.subject:
            raise NotAsked(
                HTTPStatus.CONFLICT,
                "The words were changed",
                "They are not those any more that this link is about. A newer message has a link to those that count.",
            )
        if approval.due <= self._reception.clock():
            raise NotAsked(
                HTTPStatus.GONE, "Too late", f"It had to be decided by {approval.due:%Y-%m-%d %H:%M} UTC."
            )
        return approval

    def _words(self, approval: Approval) -> Wording | None:
        try:
            return self._wordings.find(approval.wording) if approval.wording else None
        except (WordingError, OSError) as error:
            _log.error("the words of an approval cannot be shown: %s", error)
            raise NotAsked(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "The words cannot be shown",
                "Nothing was changed, and nothing can be approved unseen. Tell whoever runs Tocsin; its log says why.",
            ) from error

    async def decide(
        self, question: Question, approve: bool, reason: str, id: str
    ) -> Literal["done", "kept"]:
        """Carry the decision out, or keep it for when a worker is there. Raises `CommandRefused`, `NotAsked`, and
        `TemporalUnavailable` when it is unknown whether it arrived: it may be sent again under the same id."""
        commanded = Commanded(
            command=Decide(
                id=id,
                actor=Actor(key=question.claim.person, via="link"),
                incident=question.view.id,
                approval=question.approval.number,
                approve=approve,
                reason=reason,
                proof=question.token,
            )
        )
        if await self._update(question.workflow, commanded):
            return "done"
        told = await self._reception.tell(
            question.workflow, question.view.id, IncidentWorkflow.queued_command, commanded
        )
        if not told:
            raise _over(question.view.reference)
        return "kept"

    async def _update(self, workflow: str, commanded: Commanded) -> bool:
        """Have it carried out now; false when nobody did. Raises `CommandRefused`."""
        client = await self._reception.client()
        handle = client.get_workflow_handle_for(IncidentWorkflow.run, workflow)
        try:
            async with temporal_answers():
                await handle.execute_update(IncidentWorkflow.command, commanded, id=commanded.command.id)
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.type == "Refused":
                raise CommandRefused(error.cause.message) from error
            _log.info("a decision goes the longer way: %s", error.cause)
            return False
        except TemporalUnavailable as error:
            _log.info("a decision goes the longer way: %s", error)
            return False
        return True


async def _home_of(client: Client, asked_by: str, incident: str) -> tuple[str, IncidentView]:
    """The workflow that has the incident, with its view. Ended ones still answer: the newest answer is the one."""
    homes = dict.fromkeys(
        (asked_by, naming.post_incident_workflow(incident), naming.incident_workflow(incident))
    )
    views = [(home, await _view(client, home)) for home in homes]
    found = [(home, view) for home, view in views if view is not None and view.id == incident]
    if not found:
        raise _over(naming.spoken(incident))
    return max(found, key=lambda each: each[1].at)


async def _view(client: Client, workflow: str) -> IncidentView | None:
    try:
        return await client.get_workflow_handle_for(IncidentWorkflow.run, workflow).query(
            IncidentWorkflow.view
        )
    except WorkflowQueryFailedError:
        return None  # the next incident under the same alert, which is not logged yet
    except RPCError as error:
        if not means_no_such_workflow(error):
            raise
        return None


def _over(reference: str) -> NotAsked:
    return NotAsked(HTTPStatus.GONE, "This is over", f"Incident {reference} waits for no decision any more.")


def _forged() -> NotAsked:
    return NotAsked(
        HTTPStatus.FORBIDDEN,
        "This link is not one of ours",
        "Open it again from the message that you got, whole. If it stays so, use the code in the message, or ask for "
        "another one.",
    )
