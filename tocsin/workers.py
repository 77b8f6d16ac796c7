"""The workers, one for each queue, and the ways out to people that they are given: wired here for production, tests and
rehearsals alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from activities.broadcasts import BroadcastActivities
from activities.directory import DirectoryActivities
from activities.email import EmailActivities
from activities.feeds import FeedActivities, NoFeeds
from activities.histories import Histories
from activities.holding import HoldingBack
from activities.phone import PhoneActivities, PhoneChannelWithMemory
from activities.publication import PublicationEmails, PublicationRecords
from activities.records import Records
from activities.sms import SmsActivities, SmsChannelWithMemory
from activities.wordings import Wordings
from tocsin.acknowledgements import AcknowledgementRegister
from tocsin.archive import DiskArchive
from tocsin.asking import Asking
from tocsin.broadcasting import Broadcasting
from tocsin.bulksenders import OneByOne, Pace, Ways
from tocsin.channels.breaker import Breaker
from tocsin.channels.bulk_email import BulkEmailFailover, BulkWay
from tocsin.channels.bulk_sms import BulkSms
from tocsin.channels.failover import Failover, PhoneFailover, Way
from tocsin.channels.metrics import VendorMetrics
from tocsin.channels.sendgrid_batch import SendGridBatch
from tocsin.channels.sendgrid_email import SendGridEmail
from tocsin.channels.smtp_email import SmtpEmail
from tocsin.channels.twilio_account import TwilioWays, twilio_ways
from tocsin.digests import DigestTemplates
from tocsin.domain import naming
from tocsin.domain.broadcasts import BulkEmailChannel
from tocsin.domain.channel import ChannelName, EmailChannel
from tocsin.domain.plan import Plan
from tocsin.feeds import HttpFeeds
from tocsin.histories import SavedHistories
from tocsin.holding import HeldBackMessages
from tocsin.library import PlanLibrary
from tocsin.optouts import OptOuts
from tocsin.proofs import Proofs
from tocsin.publishing import LibraryPublisher, PublicationLetters
from tocsin.rendering import Templates
from tocsin.settings import EmailVendor, Settings, SettingsError, TwilioAccount
from tocsin.signing import WHAT_TO_SET
from tocsin.starting import utc_now
from tocsin.wordings import Drafts, WordingStore
from workflows.broadcast import BroadcastWorkflow
from workflows.incident import IncidentWorkflow
from workflows.post_incident import PostIncidentWorkflow
from workflows.publication import PlanPublication

GRACE = timedelta(seconds=30)
"""How long activities that are under way may take to finish after a signal to stop."""

THREADS = 20
"""Concurrent sends in one process; each holds a thread while a vendor answers."""

ALONE, AMONG_SEVERAL = 10.0, 5.0
"""Seconds that a vendor has to answer: where another way is left, so few that both fit into one attempt's 20 s."""

BATCH_ALONE, BATCH_AMONG_SEVERAL = 30.0, 15.0
"""The same for a thousand recipients: where another way is left, so few that three failures fit into the breaker's
minute."""

SENDER_NAME = "Tocsin"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Channels:
    """The ways out to people; `close` ends the connections that are kept for them.

    `breakers` say, for each channel, which of its ways work, in order; `registry` has what was counted on them.
    `many` takes email to lists; where there is none, each of them leaves over `email`.
    """

    email: EmailChannel
    sms: SmsChannelWithMemory
    phone: PhoneChannelWithMemory
    close: Callable[[], None] = lambda: None
    many: BulkEmailChannel | None = None
    breakers: Mapping[ChannelName, tuple[Breaker, ...]] = field(default_factory=dict)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


def channels_of(settings: Settings) -> Channels:
    """This installation's accounts at the vendors. Raises `SettingsError` where one is not configured."""
    settings.require_ways_out()
    mailers = [_Mailer(Breaker(vendor), channel) for vendor, channel in _email_channels(settings)]
    twilio = [_twilio(each, _patience(settings.twilio_accounts)) for each in settings.twilio_accounts]
    of_twilio, of_email = tuple(each.breaker for each in twilio), tuple(each.breaker for each in mailers)
    metrics = VendorMetrics([*of_email, *of_twilio])
    return Channels(
        email=Failover("email", [Way(each.breaker, each.channel.send) for each in mailers], metrics),
        sms=Failover("sms", [each.texts for each in twilio], metrics),
        phone=PhoneFailover("phone", [each.calls for each in twilio], metrics),
        close=lambda: _close_all(twilio),
        breakers={"email": of_email, "sms": of_twilio, "phone": of_twilio},
        registry=metrics.registry,
        many=BulkEmailFailover([_in_bulk(settings, each) for each in mailers], metrics),
    )


def _close_all(accounts: Sequence[TwilioWays]) -> None:
    for account in accounts:
        account.close()


@dataclass(frozen=True)
class _Mailer:
    """Whoever takes email: what fails for one recipient fails for many, so both share the breaker."""

    breaker: Breaker
    channel: EmailChannel


def _in_bulk(settings: Settings, mailer: _Mailer) -> BulkWay:
    """The way of a list by a vendor: in batches by SendGrid, one by one by a mail server."""
    if not isinstance(mailer.channel, SendGridEmail):
        return BulkWay(mailer.breaker, OneByOne(mailer.channel).send, largest=OneByOne.largest)
    batches = SendGridBatch(
        settings.sendgrid_api_key.get_secret_value(),
        settings.sendgrid_from,
        SENDER_NAME,
        host=settings.sendgrid_host,
        timeout_seconds=BATCH_ALONE if len(settings.email_vendors) == 1 else BATCH_AMONG_SEVERAL,
    )
    return BulkWay(mailer.breaker, batches.send, largest=batches.largest)


def _patience(ways: Sequence[object]) -> float:
    return ALONE if len(ways) == 1 else AMONG_SEVERAL


def _email_channels(settings: Settings) -> list[tuple[EmailVendor, EmailChannel]]:
    """By whom email leaves, in order."""
    makers: dict[EmailVendor, Callable[[Settings, float], EmailChannel]]
    makers = {"sendgrid": _sendgrid, "smtp": _smtp}
    timeout = _patience(settings.email_vendors)
    return [(vendor, makers[vendor](settings, timeout)) for vendor in settings.email_vendors]


def _sendgrid(settings: Settings, timeout: float) -> EmailChannel:
    return SendGridEmail(
        settings.sendgrid_api_key.get_secret_value(),
        settings.sendgrid_from,
        SENDER_NAME,
        host=settings.sendgrid_host,
        timeout_seconds=timeout,
    )


def _smtp(settings: Settings, timeout: float) -> EmailChannel:
    try:
        return SmtpEmail(
            settings.smtp_host,
            settings.smtp_sender,
            SENDER_NAME,
            port=settings.smtp_port,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            tls=settings.smtp_tls,
            ca_file=settings.smtp_ca_file,
            timeout_seconds=timeout,
        )
    except OSError as error:
        raise SettingsError(f"SMTP_CA_FILE: {error}; name a file of PEM certificates") from error


def _twilio(account: TwilioAccount, timeout: float) -> TwilioWays:
    return twilio_ways(
        account.name,
        account.account_sid,
        account.auth_token.get_secret_value(),
        account.number,
        api_url=account.api_url,
        timeout_seconds=timeout,
    )


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
