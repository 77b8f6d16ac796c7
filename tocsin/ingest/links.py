"""What the links that people follow have in common: reading them, and finding the incident that they are about.

NotAsked        there is nothing (any more) that this link could do; the status and the text are for a page
"""

from __future__ import annotations

import logging
from datetime import timedelta
from http import HTTPStatus

from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from tocsin.domain import naming
from tocsin.domain.proving import Claim, Expired, NoSigningKeys, NotProven
from tocsin.domain.view import IncidentView
from tocsin.proofs import Proofs
from tocsin.starting import means_no_such_workflow
from workflows.incident import IncidentWorkflow

QUESTION_PATIENCE = timedelta(seconds=8)
"""How long somebody waits for the page; an incident may live in any of three workflows, and each is asked."""

_log = logging.getLogger(__name__)


class NotAsked(Exception):
    """Nothing can be done through this link: `status`, a `heading`, and the text that says why."""

    def __init__(self, status: HTTPStatus, heading: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.heading = heading


def read_claim(proofs: Proofs, token: str, purpose: str, too_late: str = "") -> Claim:
    """What a link for this purpose says; `too_late` is added for one that has expired. Raises `NotAsked`."""
    try:
        claim = proofs.read_link(token)
    except Expired as error:
        raise NotAsked(HTTPStatus.GONE, "Too late", f"{error}{too_late}.") from error
    except NoSigningKeys as error:
        _log.error("a link was followed that cannot be checked: %s", error)
        raise NotAsked(HTTPStatus.SERVICE_UNAVAILABLE, "Not possible here", str(error)) from error
    except NotProven as error:
        _log.warning("a link was followed that is not ours: %s", error)
        raise _forged() from error
    if claim.matter.purpose != purpose:
        raise _forged()
    return claim


async def home_of(client: Client, asked_by: str, incident: str) -> tuple[str, IncidentView] | None:
    """The workflow that has the incident, with its view; `None` when it is over.

    `asked_by` is the one that sent the link. Ended ones still answer: the newest answer is the one. Raises `RPCError`.
    """
    homes = dict.fromkeys(
        (asked_by, naming.post_incident_workflow(incident), naming.incident_workflow(incident))
    )
    views = [(home, await _view(client, home)) for home in homes]
    found = [(home, view) for home, view in views if view is not None and view.id == incident]
    return max(found, key=lambda each: each[1].at, default=None)


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


def _forged() -> NotAsked:
    return NotAsked(
        HTTPStatus.FORBIDDEN,
        "This link is not one of ours",
        "Open it again from the message that you got, whole. If it stays so, use the code in the message, or ask for "
        "another one.",
    )
