"""Which pages somebody may mean who answers: found by a code, or because they were sent to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowQueryFailedError

from tocsin.domain import naming
from tocsin.domain.channel import ChannelName
from tocsin.domain.state import Actor, Message, Page
from tocsin.ingest.textwords import Code
from tocsin.prompts import Reply
from tocsin.starting import temporal_answers
from workflows.attributes import INCIDENT, PLAN
from workflows.incident import IncidentWorkflow

LOOKED_THROUGH = 100
"""Running incidents that are asked for somebody's pages: the newest."""

ASKED_AT_ONCE = 10
SEARCH_PATIENCE = timedelta(seconds=8)
"""Twilio waits 15 s for an answer; asking many incidents takes longer than one call."""

Holders = Mapping[str, tuple[str, ...]]
"""For each plan, the people of its directory who have a number."""


class Unclear(Exception):
    """A code leads to no page that could be answered: `why` is how that is replied, and `about` what it is about."""

    def __init__(self, why: Reply, about: str) -> None:
        super().__init__(f"{about}: {why}")
        self.why = why
        self.about = about


@dataclass(frozen=True)
class Summons:
    """A page, where it lives, and the people who have the number that answers it.

    `page` is how it stands, `via` the channels over which it went to them, and `severity` its incident's; these are
    known only of what was found because it was sent to them.
    """

    workflow: str
    incident: str
    plan: str
    number: int
    people: tuple[str, ...]
    page: Page | None = None
    via: frozenset[ChannelName] = frozenset()
    severity: str = ""

    @property
    def code(self) -> str:
        """What its recipient was told to answer."""
        return naming.page_code(self.incident, self.number)

    @property
    def is_open(self) -> bool:
        """Whether it is known that somebody must still answer."""
        return self.page is not None and self.page.is_open

    @property
    def actor(self) -> Actor:
        """Who answers by text: proven when they alone have the number."""
        return Actor(key=self.people[0], via="sms", proof="proven" if len(self.people) == 1 else "claimed")


@dataclass(frozen=True)
class Found:
    """The pages that were sent to somebody, newest incidents first; not `is_all` when there may be more."""

    summonses: tuple[Summons, ...]
    is_all: bool

    @property
    def waiting(self) -> tuple[Summons, ...]:
        """Those that somebody must still answer."""
        return tuple(each for each in self.summonses if each.is_open)


async def of_code(client: Client, code: Code, holders: Holders) -> Summons:
    """The page with this code, of a plan that knows the sender. Raises `Unclear`, `TemporalUnavailable`."""
    found = await _executions(client, f"TocsinIncident STARTS_WITH '{code.incident}'", holders)
    running = [each for each in found if each.status is WorkflowExecutionStatus.RUNNING]
    if not running and found:
        raise Unclear("over", str(code))
    if not running:
        raise Unclear("no_incident", code.incident)
    if len({_value(each, INCIDENT.name) for each in running}) > 1:
        raise Unclear("ambiguous", code.incident)
    execution = running[0]
    plan = _value(execution, PLAN.name)
    return Summons(execution.id, _value(execution, INCIDENT.name), plan, code.page, holders[plan])


async def sent_to(client: Client, holders: Holders) -> Found:
    """Every page of a running incident that was sent to one of these people. Raises `TemporalUnavailable`."""
    condition = "ExecutionStatus = 'Running' AND TocsinStatus IN ('open', 'resolved')"
    running = await _executions(client, condition, holders)
    places = asyncio.Semaphore(ASKED_AT_ONCE)
    async with temporal_answers(SEARCH_PATIENCE):
        asked = await asyncio.gather(
            *(_pages_of(client, places, each.id, holders[_value(each, PLAN.name)]) for each in running)
        )
    return Found(tuple(page for pages in asked for page in pages), len(running) < LOOKED_THROUGH)


async def _executions(client: Client, condition: str, holders: Holders) -> list[WorkflowExecution]:
    """Those under `condition`, of plans that know the sender; newest first."""
    plans = ", ".join(f"{plan!r}" for plan in holders)
    async with temporal_answers():
        found = client.list_workflows(f"TocsinPlan IN ({plans}) AND {condition}", limit=LOOKED_THROUGH)
        return [execution async for execution in found]


def _value(execution: WorkflowExecution, attribute: str) -> str:
    values = {pair.key.name: pair.value for pair in execution.typed_search_attributes}
    return str(values[attribute])


async def _pages_of(
    client: Client, places: asyncio.Semaphore, workflow: str, people: tuple[str, ...]
) -> list[Summons]:
    """The pages of an incident that were sent to one of these people."""
    handle = client.get_workflow_handle_for(IncidentWorkflow.run, workflow)
    async with places:
        try:
            theirs = _theirs(await handle.query(IncidentWorkflow.messages), people)
            if not theirs:
                return []
            view = await handle.query(IncidentWorkflow.view)
        except WorkflowQueryFailedError:
            return []  # not logged yet, so nobody has been paged about it
    return [
        Summons(workflow, view.id, view.plan, page.number, _first(whom, people), page, via, view.severity)
        for page in view.pages
        if page.number in theirs
        for whom, via in [theirs[page.number]]
    ]


def _theirs(
    messages: Iterable[Message], people: tuple[str, ...]
) -> dict[int, tuple[str, frozenset[ChannelName]]]:
    """For each page that was sent to one of these people: to whom at last, and over which channels."""
    found: dict[int, tuple[str, frozenset[ChannelName]]] = {}
    for message in messages:
        if message.page and message.reached in people:
            _, via = found.get(message.page, ("", frozenset()))
            found[message.page] = (message.reached, via | {message.channel})
    return found


def _first(person: str, people: tuple[str, ...]) -> tuple[str, ...]:
    """Those who share the number, beginning with the one who was paged."""
    return (person, *(other for other in people if other != person))
