"""Search attributes: what operators filter and sort incidents by. None of them holds personal data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from tocsin.domain.case import Case
    from tocsin.domain.view import is_overdue, next_deadline

INCIDENT = SearchAttributeKey.for_keyword("TocsinIncident")
PLAN = SearchAttributeKey.for_keyword("TocsinPlan")
SEVERITY = SearchAttributeKey.for_keyword("TocsinSeverity")
PHASE = SearchAttributeKey.for_keyword("TocsinPhase")
STATUS = SearchAttributeKey.for_keyword("TocsinStatus")
NEXT_DEADLINE = SearchAttributeKey.for_datetime("TocsinNextDeadline")
OVERDUE = SearchAttributeKey.for_bool("TocsinOverdue")


class Attributes:
    """Keeps the search attributes in step with the case, without an event when nothing has changed."""

    def __init__(self) -> None:
        self._published: Sequence[object] = ()

    def publish(self, case: Case) -> None:
        """Upsert what has changed since the last time."""
        updates = _updates(case)
        values = [(update.key.name, update.value) for update in updates]
        changed = [
            update for update, value in zip(updates, values, strict=True) if value not in self._published
        ]
        if changed:
            self._published = values
            workflow.upsert_search_attributes(changed)


def _updates(case: Case) -> list[SearchAttributeUpdate[Any]]:
    state = case.state
    deadline = next_deadline(case)
    return [
        INCIDENT.value_set(state.id),
        PLAN.value_set(state.plan.name),
        SEVERITY.value_set(state.severity),
        PHASE.value_set(state.phase.label if state.phase else "0 logging"),
        STATUS.value_set(state.status.value),
        OVERDUE.value_set(is_overdue(case)),
        NEXT_DEADLINE.value_set(deadline) if deadline else NEXT_DEADLINE.value_unset(),
    ]
