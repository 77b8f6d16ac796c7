"""Carrying out what decisions ask of the world. Each errand ends in exactly one event, whatever a vendor does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.directory import DirectoryActivities
    from activities.email import EmailActivities
    from activities.phone import PhoneActivities
    from activities.records import Records
    from activities.sms import SmsActivities
    from activities.wordings import Wordings
    from tocsin.domain import naming
    from tocsin.domain.approvals import to_be_drafted
    from tocsin.domain.broadcasts import start_of
    from tocsin.domain.case import Case
    from tocsin.domain.dispatching import dispatch_of
    from tocsin.domain.events import (
        BroadcastReported,
        Drafted,
        EntriesKept,
        Event,
        Forwarded,
        NotSent,
        RecipientsFound,
        Sent,
    )
    from tocsin.domain.messages import Dispatch, Dispatched, Drafting, FindRecipients, KeepEntries
    from tocsin.domain.state import Errand, Message
    from workflows import limits
    from workflows.broadcast import BroadcastWorkflow
    from workflows.signalling import tell_first

_NEVER = frozenset({"Unreachable", "Refused", "OptedOut"})
_ACTIVITY_OF: dict[str, Callable[[Any, Dispatch], Dispatched]] = {
    "email": EmailActivities.send,
    "sms": SmsActivities.send,
    "phone": PhoneActivities.call,
}


class Errands:
    """Runs the errands of a case beside one another and reports each result as an event."""

    def __init__(
        self,
        case: Callable[[], Case],
        happen: Callable[[Event], None],
        ended: Callable[[asyncio.Task[None]], None],
    ) -> None:
        self._case = case
        self._happen = happen
        self._ended = ended
        self._running: dict[str, asyncio.Task[None]] = {}
        self._work: dict[str, Callable[[Errand], Coroutine[Any, Any, Sequence[Event]]]] = {
            "send": self._send,
            "keep_entries": self._keep_entries,
            "draft": self._draft,
            "broadcast": self._broadcast,
            "forward": self._forward,
        }

    @property
    def are_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._running

    def run(self, errands: Mapping[str, Errand]) -> None:
        """Start those that are not under way yet. Papers wait until the first message of a page beside them has left,
        or failed to; who belongs to which audience is then asked for all of them at once."""
        new = [errand for id, errand in errands.items() if id not in self._running]
        searches = [errand for errand in new if errand.kind == "find_recipients"]
        for errand in new:
            if errand.kind != "find_recipients":
                self._start([errand], self._work[errand.kind](errand))
        if searches and not any(self._is_first_of_a_page(errand) for errand in errands.values()):
            self._start(searches, self._find_recipients(searches))

    def _is_first_of_a_page(self, errand: Errand) -> bool:
        """Only the first, and only while somebody must still answer: papers wait for no vendor's silence."""
        state = self._case().state
        page = state.pages.get(state.messages[errand.message].page or 0) if errand.message else None
        return page is not None and page.is_open and (page.round, page.level, page.channel) == (1, 0, 0)

    def _start(self, errands: Sequence[Errand], work: Coroutine[Any, Any, Sequence[Event]]) -> None:
        task = asyncio.create_task(self._carry_out(errands, work))
        task.add_done_callback(self._ended)
        self._running |= {errand.id: task for errand in errands}

    async def _carry_out(self, errands: Sequence[Errand], work: Coroutine[Any, Any, Sequence[Event]]) -> None:
        results = await work
        for errand, result in zip(errands, results, strict=True):
            del self._running[errand.id]
            self._happen(result)

    async def _send(self, errand: Errand) -> Sequence[Event]:
        message = self._case().state.messages[errand.message or ""]
        try:
            done = await self._dispatch(message)
        except ActivityError as error:
            return [_failure_of(message, error)]
        return [
            Sent(
                message=message.id,
                reached=done.reached,
                vendor=done.vendor,
                vendor_id=done.vendor_id,
                segments=done.segments,
                note=done.note,
            )
        ]

    async def _dispatch(self, message: Message) -> Dispatched:
        case = self._case()
        dispatch = dispatch_of(case, message, workflow.info().workflow_id, workflow.now())
        return await workflow.execute_activity_method(
            _ACTIVITY_OF[message.channel],
            dispatch,
            activity_id=message.id,  # so that whoever looks at what is pending knows which message it is
            task_queue=naming.queue_of(message.channel),
            start_to_close_timeout=limits.SEND_ATTEMPT,
            retry_policy=limits.send_retry(message.purpose),
            priority=limits.priority(message.purpose, case.state.id),
            summary=f"{message.purpose}: {message.channel} to {message.target}",
        )

    async def _find_recipients(self, errands: Sequence[Errand]) -> Sequence[Event]:
        """Not a local activity: that would hold back the workflow task, and with it a page that goes out beside it."""
        audiences = tuple(errand.audience for errand in errands if errand.audience is not None)
        found = await workflow.execute_activity_method(
            DirectoryActivities.find_recipients,
            FindRecipients(plan=self._case().state.plan.name, audiences=audiences),
            start_to_close_timeout=limits.LOCAL_ATTEMPT,
            retry_policy=limits.LOCAL_RETRY,
            priority=limits.priority("notice", self._case().state.id),
            summary="who belongs to " + ", ".join(str(audience) for audience in audiences),
        )
        pairs = zip(errands, found, strict=True)
        return [RecipientsFound(errand=errand.id, members=members) for errand, members in pairs]

    async def _draft(self, errand: Errand) -> Sequence[Event]:
        case, now = self._case(), workflow.now()
        message = to_be_drafted(case, errand, now)
        dispatch = dispatch_of(case, message, workflow.info().workflow_id, now)
        sha256 = await workflow.execute_activity_method(
            Wordings.draft,
            Drafting(dispatch=dispatch, text=errand.text),
            start_to_close_timeout=limits.LOCAL_ATTEMPT,
            retry_policy=limits.LOCAL_RETRY,
            priority=limits.priority(message.purpose, case.state.id),
            summary=f"put words for {message.target} down, for approval",
        )
        return [Drafted(errand=errand.id, sha256=sha256)]

    async def _broadcast(self, errand: Errand) -> Sequence[Event]:
        """Start it once: it outlives this run, and is not begun again by the next one."""
        broadcast = self._case().state.broadcasts[errand.broadcast or ""]
        try:
            await workflow.start_child_workflow(
                BroadcastWorkflow.run,
                start_of(self._case(), broadcast, workflow.info().workflow_id, workflow.now()),
                id=naming.broadcast_workflow(broadcast.id),
                task_queue=naming.BROADCAST_QUEUE,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                priority=limits.priority("notice", self._case().state.id),
                static_summary=f"{broadcast.channel} to {broadcast.audience}: {broadcast.subject}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("broadcast %s was begun by a run before this one", broadcast.id)
        counts = self._case().state.broadcasts[broadcast.id].counts
        return [BroadcastReported(broadcast=broadcast.id, counts=counts)]

    async def _forward(self, errand: Errand) -> Sequence[Event]:
        """Tell another incident, wherever it lives now."""
        assert errand.incident is not None
        assert errand.workflow is not None
        assert errand.signal is not None
        homes = (naming.post_incident_workflow(errand.incident), errand.workflow)
        was_told = await tell_first(homes, errand.signal, json.loads(errand.text))
        return [Forwarded(errand=errand.id, was_told=was_told)]

    async def _keep_entries(self, errand: Errand) -> Sequence[Event]:
        state = self._case().state
        entries = tuple(entry for entry in state.timeline if entry.number <= errand.entries)
        up_to = await workflow.execute_activity_method(
            Records.keep,
            KeepEntries(incident=state.id, entries=entries),
            start_to_close_timeout=limits.LOCAL_ATTEMPT,
            retry_policy=limits.LOCAL_RETRY,
            summary=f"archive {len(entries)} timeline entries",
        )
        return [EntriesKept(errand=errand.id, up_to=up_to)]


def _failure_of(message: Message, error: ActivityError) -> NotSent:
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return NotSent(message=message.id, again="for_now", detail="no answer in time")
    return NotSent(
        message=message.id,
        again="never" if cause.type in _NEVER else "for_now",
        detail=cause.message,
        opted_out=str(cause.details[0]) if cause.type == "OptedOut" else None,
    )
