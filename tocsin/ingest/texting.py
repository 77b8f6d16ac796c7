"""Answering text messages: `7F3K2-2` acknowledges that page, `ACK` the only one that waits for whoever sent it.

The number proves who speaks when one person alone has it; where several share it, the record says *claimed*.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowQueryFailedError

from tocsin.domain import naming
from tocsin.domain.commands import Acknowledge
from tocsin.domain.events import Commanded
from tocsin.domain.state import Actor
from tocsin.ingest.reception import Reception
from tocsin.starting import temporal_answers
from tocsin.temporal import TemporalUnavailable
from workflows.attributes import INCIDENT, PLAN
from workflows.incident import IncidentWorkflow

LOOKED_THROUGH = 100
"""Open incidents that are asked for pages when somebody sends a bare `ACK`: the newest."""

ASKED_AT_ONCE = 10
SEARCH_PATIENCE = timedelta(seconds=8)
"""Twilio waits 15 s for an answer; asking many incidents takes longer than one call."""

_CODE = re.compile(r"(?:ack\w*\W+)?([0-9a-z]{5,10})\s*[-\u2010-\u2015\s]\s*(\d{1,4})\b", re.IGNORECASE)
_ACK = re.compile(r"ack\w*\W*$", re.IGNORECASE)

HOW_TO = "To acknowledge a page, send its code, such as 7F3K2-2, or just ACK when only one waits for you."
_STRANGER = (
    "This number is not in the directory, so nothing was changed. Ask whoever keeps the directory to add it."
)
_RECEIVED = "Received: your acknowledgement of {code}."
_NOTHING_WAITS = "No page waits for your answer. " + HOW_TO
_NO_SUCH = (
    "There is no open incident {code} that you could answer. Check the code in the message that you got."
)
_AMBIGUOUS = "More than one open incident begins with {code}. Answer the phone call, or use the command line."
_SEVERAL = "Several pages wait for you. Send the code of one: {codes}."
_TOO_MANY = "Too many incidents are open to find your page. Send its code, such as 7F3K2-2."
_NOT_NOW = "Your answer could not be recorded just now. Send the page's code, such as 7F3K2-2, in a minute."

Holders = Mapping[str, tuple[str, ...]]
"""For each plan, the people of its directory who have a number."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenPage:
    """A page that somebody may answer, and the people who have the number that answered."""

    workflow: str
    incident: str
    number: int
    holders: tuple[str, ...]

    @property
    def code(self) -> str:
        """What its recipient was told to answer."""
        return naming.page_code(self.incident, self.number)

    @property
    def actor(self) -> Actor:
        """Who answers."""
        return Actor(key=self.holders[0], via="sms", proof="proven" if len(self.holders) == 1 else "claimed")


class _Unclear(Exception):
    """The text does not lead to one page; the message is the reply."""


class Texting:
    """Understands text messages and passes acknowledgements on."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def answer(self, sender: str, body: str, sid: str) -> str:
        """The reply to `body` from the number `sender`; `sid` names the message, so that it counts once."""
        holders = await asyncio.to_thread(self._holders, sender)
        if not holders:
            return _STRANGER
        try:
            page = await self._page_meant(body.strip(), holders)
            return await self._acknowledge(page, sid)
        except _Unclear as reply:
            return str(reply)
        except TemporalUnavailable as error:
            _log.error("an acknowledgement by text could not be passed on: %s", error)
            return _NOT_NOW

    def _holders(self, number: str) -> Holders:
        """Who has this number, by plan; empty when nobody has."""
        library = self._reception.library
        found = {
            plan: tuple(
                key
                for key, person in library.directory(plan).people.items()
                if number in {person.phone, person.sms}
            )
            for plan in library.plans
        }
        return {plan: people for plan, people in found.items() if people}

    async def _page_meant(self, body: str, holders: Holders) -> OpenPage:
        client = await self._reception.client()
        if code := _CODE.match(body):
            return await _page_of_code(client, naming.as_typed(code[1]), int(code[2]), holders)
        if _ACK.match(body):
            return await _only_page(client, holders)
        raise _Unclear(HOW_TO)

    async def _acknowledge(self, page: OpenPage, sid: str) -> str:
        command = Acknowledge(
            id=naming.identify("sms", sid, page.incident, str(page.number)),
            actor=page.actor,
            incident=page.incident,
            page=page.number,
        )
        told = await self._reception.tell(
            page.workflow, page.incident, IncidentWorkflow.queued_command, Commanded(command=command)
        )
        return (_RECEIVED if told else _NO_SUCH).format(code=page.code)


async def _page_of_code(client: Client, prefix: str, number: int, holders: Holders) -> OpenPage:
    found = await _running(client, f"TocsinIncident STARTS_WITH '{prefix}'", holders)
    if not found:
        raise _Unclear(_NO_SUCH.format(code=prefix))
    if len({incident for _, incident, _ in found}) > 1:
        raise _Unclear(_AMBIGUOUS.format(code=prefix))
    workflow, incident, plan = found[0]
    return OpenPage(workflow, incident, number, holders[plan])


async def _only_page(client: Client, holders: Holders) -> OpenPage:
    running = await _running(client, "TocsinStatus IN ('open', 'resolved')", holders)
    if len(running) == LOOKED_THROUGH:
        raise _Unclear(_TOO_MANY)
    places = asyncio.Semaphore(ASKED_AT_ONCE)
    async with temporal_answers(SEARCH_PATIENCE):
        asked = await asyncio.gather(
            *(_pages_for(client, places, workflow, holders[plan]) for workflow, _, plan in running)
        )
    pages = [page for pages in asked for page in pages]
    if not pages:
        raise _Unclear(_NOTHING_WAITS)
    if len(pages) > 1:
        raise _Unclear(_SEVERAL.format(codes=", ".join(page.code for page in pages)))
    return pages[0]


async def _running(client: Client, condition: str, holders: Holders) -> list[tuple[str, str, str]]:
    """Workflow, incident and plan of what runs under `condition`, of plans that know the sender; newest first."""
    query = f"ExecutionStatus = 'Running' AND {_any_of('TocsinPlan', holders)} AND {condition}"
    async with temporal_answers():
        executions = client.list_workflows(query, limit=LOOKED_THROUGH)
        return [
            (execution.id, _value(execution, INCIDENT.name), _value(execution, PLAN.name))
            async for execution in executions
        ]


def _any_of(attribute: str, values: Iterable[str]) -> str:
    return f"{attribute} IN ({', '.join(f'{value!r}' for value in values)})"


def _value(execution: WorkflowExecution, attribute: str) -> str:
    values = {pair.key.name: pair.value for pair in execution.typed_search_attributes}
    return str(values[attribute])


async def _pages_for(
    client: Client, places: asyncio.Semaphore, workflow: str, people: tuple[str, ...]
) -> list[OpenPage]:
    """The open pages of an incident that were sent to one of these people."""
    handle = client.get_workflow_handle_for(IncidentWorkflow.run, workflow)
    async with places:
        try:
            messages = await handle.query(IncidentWorkflow.messages)
            sent = {item.page: item.reached for item in messages if item.reached in people and item.page}
            if not sent:
                return []
            view = await handle.query(IncidentWorkflow.view)
        except WorkflowQueryFailedError:
            return []  # not logged yet, so nobody has been paged about it
    return [
        OpenPage(workflow, view.id, page.number, _first(str(sent[page.number]), people))
        for page in view.pages
        if page.is_open and page.number in sent
    ]


def _first(person: str, people: tuple[str, ...]) -> tuple[str, ...]:
    """Those who share the number, beginning with the one who was paged."""
    return (person, *(other for other in people if other != person))
