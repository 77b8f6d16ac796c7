"""What an approver's link asks, and the way of its answer to the incident."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from tocsin.domain import naming
from tocsin.domain.approvals import subject_of
from tocsin.domain.commands import Decide
from tocsin.domain.proving import Claim
from tocsin.domain.state import Actor, Approval
from tocsin.domain.view import IncidentView, LedgerRow
from tocsin.ingest.carrying import carry_out
from tocsin.ingest.links import QUESTION_PATIENCE, NotAsked, home_of, read_claim
from tocsin.ingest.reception import Reception
from tocsin.proofs import Proofs
from tocsin.starting import temporal_answers
from tocsin.wordings import Wording, WordingError, WordingStore
from workflows.incident import IncidentWorkflow

_log = logging.getLogger(__name__)


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
            found = await home_of(client, claim.workflow, incident)
            if found is None:
                raise _over(naming.spoken(incident))
            workflow, view = found
            approval = self._still_open(view, number, claim)
            ledger = await client.get_workflow_handle_for(IncidentWorkflow.run, workflow).query(
                IncidentWorkflow.ledger
            )
        promise = next((row for row in ledger if row.key == approval.obligation), None)
        words = await asyncio.to_thread(self._words, approval)
        return Question(claim, token, workflow, view, approval, promise, words)

    def _claim(self, token: str) -> tuple[Claim, int]:
        """What the link says, and the number of its approval."""
        claim = read_claim(self._proofs, token, "approval", "; what was not decided by then is on the record")
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
        incident = question.view.id
        command = Decide(
            id=id,
            actor=Actor(key=question.claim.person, via="link"),
            incident=incident,
            approval=question.approval.number,
            approve=approve,
            reason=reason,
            proof=question.token,
        )
        outcome = await carry_out(self._reception, question.workflow, incident, command)
        if outcome == "over":
            raise _over(question.view.reference)
        return outcome


def _over(reference: str) -> NotAsked:
    return NotAsked(HTTPStatus.GONE, "This is over", f"Incident {reference} waits for no decision any more.")
