"""The receiver: one HTTP service for monitors, vendors and probes.

2xx to a monitor means that Temporal has the alert, or, where it repeats what Temporal has, that it is on the disk.
Whatever cannot be taken now is answered with 503 and `Retry-After`, so that it comes again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta

from fastapi import APIRouter, FastAPI
from starlette.responses import JSONResponse
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from tocsin.domain import naming
from tocsin.ingest.answering import AnswerPages
from tocsin.ingest.apidocs import describe
from tocsin.ingest.apipage import docs_page
from tocsin.ingest.approvals import ApprovalPages
from tocsin.ingest.broadcasts import BroadcastTexts
from tocsin.ingest.coalescing import Coalescing
from tocsin.ingest.codec import mount_codec
from tocsin.ingest.limits import Limits
from tocsin.ingest.metrics import IngestMetrics
from tocsin.ingest.monitors import Monitors, straight_to_temporal
from tocsin.ingest.problems import COUNT_REFUSAL, CountRefusal, speak_in_problems, unavailable
from tocsin.ingest.publication import PlanPages
from tocsin.ingest.reception import ClientProvider, Reception
from tocsin.ingest.repeatmetrics import RepeatMetrics
from tocsin.ingest.reports import reports_from_people
from tocsin.ingest.sendgrid import SendGridCallbacks
from tocsin.ingest.spool import Spool
from tocsin.ingest.twilio import TwilioCallbacks
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sourcefiles import Sources, read_sources
from tocsin.sources import ALERTMANAGER_PATH
from tocsin.starting import temporal_answers, utc_now

__all__ = ["ALERTMANAGER_PATH", "create_app"]

PROBES_WAIT = timedelta(seconds=1)
"""How long a probe waits for Temporal: those that ask have little patience themselves."""


def create_app(
    client_provider: ClientProvider,
    library: PlanLibrary,
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
    sources: Sources | None = None,
) -> FastAPI:
    """The receiver, for the sources that the settings name unless others are given.

    Raises `SettingsError` for tokens or keys that make no sense, and `YamlError` for sources that don't.
    """
    reception = Reception(client_provider, library, settings, clock)
    sources = read_sources(settings, library.plans) if sources is None else sources
    metrics = IngestMetrics()
    coalescing = Coalescing(
        straight_to_temporal(reception),
        Spool(settings.state),
        {source.source: source.coalesce for source in sources},
        RepeatMetrics(metrics.registry),
    )
    app = FastAPI(
        title="Tocsin receiver",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would name the Host that the sender named, and repeat what is secret in the URL
        lifespan=_lifespan(coalescing, metrics),
    )
    app.add_middleware(Limits, count=metrics.refused)
    speak_in_problems(app, metrics.refused)
    app.include_router(Monitors(reception, sources, coalescing, metrics).router)
    app.include_router(TwilioCallbacks(reception).router)
    app.include_router(SendGridCallbacks(reception).router)
    app.include_router(BroadcastTexts(reception).router)
    app.include_router(reports_from_people(reception))
    app.include_router(AnswerPages(reception).router)
    app.include_router(ApprovalPages(reception).router)
    app.include_router(PlanPages(reception).router)
    app.include_router(Health(reception).router)
    app.include_router(metrics.router)
    describe(app, sources)
    app.include_router(docs_page(app.openapi))
    mount_codec(app, settings)
    return app


def _lifespan(
    coalescing: Coalescing, metrics: IngestMetrics
) -> Callable[[FastAPI], AbstractAsyncContextManager[dict[str, CountRefusal]]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, CountRefusal]]:
        async with coalescing.at_work():
            yield {COUNT_REFUSAL: metrics.refused}

    return lifespan


_ABOUT = (
    "What monitors, vendors and people's phones call. 2xx to a monitor means that Temporal has the alert, or that it "
    "is on the disk, where it repeats what Temporal has (`counted`)."
)


class Health:
    """What probes ask: is it alive, and would an alert be worked on?"""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self.router = APIRouter(tags=["probes"])
        self.router.add_api_route("/healthz", self.alive, methods=["GET"], summary="The process answers")
        self.router.add_api_route(
            "/readyz", self.ready, methods=["GET"], summary="Temporal answers and a worker polls"
        )

    async def alive(self) -> JSONResponse:
        """Always 200."""
        return JSONResponse({"status": "alive"})

    async def ready(self) -> JSONResponse:
        """200 when Temporal answers and a worker has polled for incidents lately; else 503."""
        async with temporal_answers(PROBES_WAIT):
            client = await self._reception.clients()
            answer = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=client.namespace,
                    task_queue=TaskQueue(name=naming.INCIDENT_QUEUE),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                ),
                timeout=PROBES_WAIT,
            )
        if not answer.pollers:
            raise unavailable(
                "Temporal answers, and alerts are kept, but no worker polls for incidents: start worker.py",
                reason="no-worker",
            )
        return JSONResponse({"status": "ready", "workers": len(answer.pollers)})
