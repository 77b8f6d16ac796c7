"""Beginning a broadcast that no incident asked for."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from tocsin.domain import naming
from tocsin.domain.base import Value
from tocsin.domain.broadcasts import BroadcastStart
from tocsin.domain.channel import ChannelName
from tocsin.domain.messages import Dispatch
from tocsin.domain.state import Target
from tocsin.planfiles import LoadedPlan
from tocsin.starting import PATIENCE, SUMMARY_LENGTH, temporal_answers
from workflows.broadcast import BroadcastWorkflow

TEMPLATE = "broadcast"
"""The template of its words: the text that somebody wrote, and nothing else."""


class Announcement(Value):
    """What somebody wants to be said to everybody on a list. In a drill, the drill inbox stands in for them."""

    list: str
    via: ChannelName
    subject: str
    text: str
    is_drill: bool = False


def start_of(announcement: Announcement, plan: LoadedPlan, at: datetime) -> BroadcastStart:
    """How it begins, under an id of its own: a message that has a subject and a text, and no incident to show."""
    id = naming.identify(uuid4().hex)
    audiences = (key for key, each in plan.plan.audiences.items() if each.list == announcement.list)
    dispatch = Dispatch(
        message=id,
        workflow="",
        incident="",
        reference=naming.spoken(id),
        plan=plan.pin,
        channel=announcement.via,
        template=TEMPLATE,
        purpose="notice",
        target=Target(audience=next(audiences, announcement.list)),
        is_drill=announcement.is_drill,
        is_for_outsiders=True,
        subject=announcement.subject,
        text=announcement.text,
        title=announcement.subject,
        severity="",
        status="",
        phase="",
        customer=None,
        created=at,
    )
    return BroadcastStart(broadcast=id, list=announcement.list, dispatch=dispatch)


async def begin(client: Client, start: BroadcastStart) -> None:
    """Have Temporal keep it; durable without any worker. Raises `TemporalUnavailable`: then it may have been begun."""
    dispatch = start.dispatch
    async with temporal_answers():
        await client.start_workflow(
            BroadcastWorkflow.run,
            start,
            id=naming.broadcast_workflow(start.broadcast),
            task_queue=naming.BROADCAST_QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{dispatch.channel} to {start.list}: {dispatch.subject}"[:SUMMARY_LENGTH],
            rpc_timeout=PATIENCE,
        )
