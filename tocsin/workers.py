"""The workers, one for each queue: wired here for production, tests and rehearsals alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.broadcasts import BroadcastActivities
from activities.directory import DirectoryActivities
from activities.email import EmailActivities
from activities.feeds import FeedActivities, NoFeeds
from activities.histories import Histories
from activities.holding import HoldingBack
from activities.phone import PhoneActivities
from activities.publication import PublicationEmails, PublicationRecords
from activities.records import Records
from activities.sms import SmsActivities
from activities.wordings import Wordings
from tocsin.acknowledgements import AcknowledgementRegister
from tocsin.archive import DiskArchive
from tocsin.asking import Asking
from tocsin.broadcasting import Broadcasting
from tocsin.bulksenders import OneByOne, Pace, Ways
from tocsin.channels.bulk_sms import BulkSms
from tocsin.digests import DigestTemplates
from tocsin.domain import naming
from tocsin.domain.plan import Plan
from tocsin.feeds import HttpFeeds
from tocsin.histories import SavedHistories
from tocsin.holding import HeldBackMessages
from tocsin.library import PlanLibrary
from tocsin.optouts import OptOuts
from tocsin.proofs import Proofs
from tocsin.publishing import LibraryPublisher, PublicationLetters
from tocsin.rendering import Templates
from tocsin.settings import Settings
from tocsin.signing import WHAT_TO_SET
from tocsin.starting import utc_now
from tocsin.waysout import Channels
from tocsin.wordings import Drafts, WordingStore
from workflows.broadcast import BroadcastWorkflow
from workflows.incident import IncidentWorkflow
from workflows.post_incident import PostIncidentWorkflow
from workflows.publication import PlanPublication

GRACE = timedelta(seconds=30)
"""How long activities that are under way may take to finish after a signal to stop."""

THREADS = 20
"""Concurrent sends in one process; each holds a thread while a vendor answers."""

_log = logging.getLogger(__name__)


def proofs_of(settings: Settings, library: PlanLibrary) -> Proofs:
    """The proofs of this installation; without keys, the log says which plans want approvals that nobody can give.

    Raises `SettingsError` for keys that cannot be used.
    """
    proofs = Proofs.of(settings)
    wanting = [name for name, loaded in library.plans.items() if _wants_approvals(loaded.plan)]
    if wanting and not proofs:
        _log.warning("nobody can approve what %s want approved: %s", ", ".join(wanting), WHAT_TO_SET)
    return proofs


def _wants_approvals(plan: Plan) -> bool:
    return any(spec.approval or spec.waivable_by for spec in plan.obligations)


def build_workers(
    client: Client,
    settings: Settings,
    library: PlanLibrary,
    channels: Channels,
    executor: ThreadPoolExecutor,
    queues: Sequence[str] = naming.QUEUES,
    skips_time: bool = False,
    runner: WorkflowRunner | None = None,
) -> list[Worker]:
    """A worker for each queue; the same for production and for the tests. Where time is skipped, no feed is read.

    Without a `runner` of their own, workflows run unsandboxed. The sandbox is the tests' guard: here it would cost a
    fifth of the CPU, and read the workflows' files anew for each incident, so that an upgrade on the disk would reach a
    worker that runs.
    """
    parts = _Parts(client, settings, library, channels, skips_time)
    return [
        Worker(
            client,
            task_queue=queue,
            activity_executor=executor,
            workflow_runner=runner or UnsandboxedWorkflowRunner(),
            workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
            activity_task_poller_behavior=PollerBehaviorAutoscaling(),
            graceful_shutdown_timeout=GRACE,
            max_concurrent_activities=THREADS,
            **parts.of(queue),
        )
        for queue in queues
    ]


class _Parts:
    """What each queue's worker runs, and how fast, as `Worker` takes it."""

    def __init__(
        self, client: Client, settings: Settings, library: PlanLibrary, channels: Channels, skips_time: bool
    ) -> None:
        self._client = client
        self._settings = settings
        self._library = library
        self._channels = channels
        self._skips_time = skips_time
        self._proofs, self._wordings = proofs_of(settings, library), WordingStore(settings.state)
        asking = Asking(library, self._proofs, self._wordings, settings.public_url)
        self._renderer = Templates(library, settings.public_url, settings.email_sender, asking)
        self._gate = HoldingBack(
            HeldBackMessages(settings.state), DigestTemplates(library, settings.public_url)
        )

    def of(self, queue: str) -> dict[str, Any]:
        """The arguments of the worker for `queue`."""
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            naming.INCIDENT_QUEUE: self._incidents,
            naming.EMAIL_QUEUE: self._email,
            naming.SMS_QUEUE: self._sms,
            naming.PHONE_QUEUE: self._phone,
            naming.BROADCAST_QUEUE: self._broadcasts,
        }
        return parts[queue]()

    def _incidents(self) -> dict[str, Any]:
        archive = DiskArchive(self._library, self._settings.state)
        records, directories = Records(archive), DirectoryActivities(self._library, self._proofs)
        register = AcknowledgementRegister(self._settings.state)
        publications = PublicationRecords(LibraryPublisher(self._library, self._proofs, register))
        return {
            "workflows": [IncidentWorkflow, PostIncidentWorkflow, PlanPublication],
            "activities": [
                records.open,
                records.keep,
                records.archive,
                Histories(SavedHistories(self._client, archive)).save,
                directories.find_recipients,
                directories.identify,
                directories.prove,
                publications.publish,
                publications.readership,
                publications.acknowledge,
                publications.end,
                Wordings(Drafts(self._renderer, self._wordings)).draft,
                (NoFeeds() if self._skips_time else FeedActivities(HttpFeeds())).read,
            ],
        }

    def _email(self) -> dict[str, Any]:
        channel = self._channels.email
        readers = PublicationLetters(self._library, self._proofs, self._settings.public_url)
        return {
            "activities": [
                EmailActivities(channel, self._library, self._renderer, self._gate).send,
                PublicationEmails(channel, readers).ask,
            ],
            "max_task_queue_activities_per_second": self._settings.emails_per_second,
        }

    def _sms(self) -> dict[str, Any]:
        opt_outs = OptOuts(self._settings.state)
        texts = SmsActivities(self._channels.sms, self._library, self._renderer, opt_outs, self._gate)
        return {
            "activities": [texts.send],
            "max_task_queue_activities_per_second": self._settings.sms_per_second,
        }

    def _phone(self) -> dict[str, Any]:
        calls = PhoneActivities(self._channels.phone, self._library, self._renderer, self._gate)
        return {
            "activities": [calls.call],
            "max_task_queue_activities_per_second": self._settings.calls_per_second,
        }

    def _broadcasts(self) -> dict[str, Any]:
        settings, channels = self._settings, self._channels
        ways = Ways(
            email=channels.many or OneByOne(channels.email),
            sms=BulkSms(channels.sms),
            pace=Pace(None if self._skips_time else settings.broadcast_sms_per_second),
        )
        activities = BroadcastActivities(
            Broadcasting(settings.state, self._library, self._renderer, ways, settings.public_url, utc_now)
        )
        return {"workflows": [BroadcastWorkflow], "activities": [activities.pin, activities.send]}
