"""Saying a call's message again: Twilio does not keep what it was given, so the incident is asked for it."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from temporalio.client import WorkflowQueryFailedError

from tocsin.asking import Asking
from tocsin.domain import naming
from tocsin.domain.channel import Call
from tocsin.domain.directory import Contact
from tocsin.domain.messages import Dispatch
from tocsin.domain.reports import Report
from tocsin.domain.state import Message, PlanPin
from tocsin.domain.view import IncidentView
from tocsin.ingest.links import home_of
from tocsin.ingest.reception import Reception
from tocsin.proofs import Proofs
from tocsin.rendering import Templates
from tocsin.starting import temporal_answers
from tocsin.temporal import TemporalUnavailable
from tocsin.wordings import WordingError, WordingStore
from workflows.incident import IncidentWorkflow

PATIENCE = timedelta(seconds=6)
"""How long somebody on the line waits for it; Twilio itself waits 15 s."""

_log = logging.getLogger(__name__)


class Repeater:
    """Renders a call again from what its incident knows, as the worker did that placed it."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        settings, library = reception.settings, reception.library
        wordings = WordingStore(settings.state)
        asking = Asking(library, Proofs.of(settings, reception.clock), wordings, settings.public_url)
        self._templates = Templates(library, settings.public_url, asking=asking)

    async def call_again(
        self, workflow: str, incident: str, message: str, person: str, language: str
    ) -> Call | None:
        """What a call said, to be said again in the `language` of whoever listens; `None` when it can't be had now."""
        try:
            dispatch = await self._dispatch(workflow, incident, message)
            if dispatch is None:
                return None
            listener = Contact(name=person, language=language)
            return (await asyncio.to_thread(self._templates.call, dispatch, listener, "", person)).message
        except (TemporalUnavailable, WorkflowQueryFailedError, WordingError) as error:
            _log.warning("what was said in a call about %s cannot be said again: %s", incident, error)
            return None

    async def _dispatch(self, workflow: str, incident: str, message: str) -> Dispatch | None:
        client = await self._reception.client()
        async with temporal_answers(PATIENCE):
            found = await home_of(client, workflow, incident)
            if found is None or found[1].plan not in self._reception.library.plans:
                return None
            home, view = found
            handle = client.get_workflow_handle_for(IncidentWorkflow.run, home)
            sent = await handle.query(IncidentWorkflow.messages)
            said = next((each for each in sent if each.id == message), None)
            if said is None:
                return None  # a page that rings for days keeps its newest messages only
            is_report = said.template in self._reception.library.plans[view.plan].plan.reports
            report = await handle.query(IncidentWorkflow.report, said.template) if is_report else None
        return _dispatch(view, said, report)


def _dispatch(view: IncidentView, message: Message, report: Report | None) -> Dispatch:
    return Dispatch(
        message=message.id,
        workflow=view.workflow,
        incident=view.id,
        reference=view.reference,
        plan=PlanPin(name=view.plan, hash=""),
        channel="phone",
        template=message.template,
        purpose=message.purpose,
        target=message.target,
        is_drill=view.is_drill,
        is_for_outsiders=False,
        subject=message.subject,
        text=message.text,
        code=naming.page_code(view.id, message.page) if message.page else "",
        page=message.page,
        title=view.title,
        severity=view.severity_title,
        status=view.status.value,
        phase=view.phase.label if view.phase else "",
        customer=view.customer,
        created=message.created,
        report=report,
        wording=message.wording,
    )
