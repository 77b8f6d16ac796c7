"""The receiver: one HTTP service for monitors, vendors and probes.

2xx to a monitor means that Temporal has the alert. Whatever cannot be taken now is answered with 503 and `Retry-After`,
so that it comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter, FastAPI
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from tocsin.domain import naming
from tocsin.ingest.answering import AnswerPages
from tocsin.ingest.approvals import ApprovalPages
from tocsin.ingest.bodies import body_of, read_json
from tocsin.ingest.broadcasts import BroadcastTexts
from tocsin.ingest.codec import mount_codec
from tocsin.ingest.formats.alertmanager import AlertmanagerPayload
from tocsin.ingest.intake import NoPlanMatches, alert_of
from tocsin.ingest.problems import Problem, speak_in_problems, unavailable
from tocsin.ingest.publication import PlanPages
from tocsin.ingest.reception import ClientProvider, Reception
from tocsin.ingest.reports import reports_from_people
from tocsin.ingest.sendgrid import SendGridCallbacks
from tocsin.ingest.tokens import Tokens
from tocsin.ingest.twilio import TwilioCallbacks
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.starting import PATIENCE, raise_alert, temporal_answers, utc_now

ALERTMANAGER_PATH = "/v1/alertmanager"

_PAYLOAD = TypeAdapter(AlertmanagerPayload)
_log = logging.getLogger(__name__)


def create_app(
    client_provider: ClientProvider,
    library: PlanLibrary,
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The receiver. Raises `SettingsError` for tokens or keys that make no sense."""
    reception = Reception(client_provider, library, settings, clock)
    # The pages that would show the API load their scripts from elsewhere; openapi.json is all that is needed.
    app = FastAPI(title="Tocsin receiver", docs_url=None, redoc_url=None)
    speak_in_problems(app)
    app.include_router(Monitors(reception).router)
    app.include_router(TwilioCallbacks(reception).router)
    app.include_router(SendGridCallbacks(reception).router)
    app.include_router(BroadcastTexts(reception).router)
    app.include_router(reports_from_people(reception))
    app.include_router(AnswerPages(reception).router)
    app.include_router(ApprovalPages(reception).router)
    app.include_router(PlanPages(reception).router)
    app.include_router(Health(reception).router)
    mount_codec(app, settings)
    return app


class Monitors:
    """The endpoints at which monitors report."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._tokens = Tokens(reception.settings.ingest_tokens.get_secret_value())
        self.router = APIRouter(tags=["monitors"])
        self.router.add_api_route(
            ALERTMANAGER_PATH,
            self.alertmanager,
            methods=["POST"],
            summary="A group of alerts from Alertmanager",
        )

    async def alertmanager(self, request: Request) -> JSONResponse:
        """Open the incident of a group of alerts, or join the one that is open."""
        bearer = self._tokens.bearer(request.headers.get("authorization", ""))
        payload = read_json(_PAYLOAD, await body_of(request))
        try:
            alert = alert_of(payload.reading, self._reception.library, self._reception.clock())
        except NoPlanMatches as error:
            _log.warning("an alert from %s matches no plan: %s", bearer, error)
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "no-plan", str(error)) from error
        plan = self._reception.library.plans[alert.plan.name].plan
        async with temporal_answers():
            client = await self._reception.clients()
            started = await raise_alert(
                client, alert, self._reception.settings, plan.severities[alert.severity].rank
            )
        _log.info("alert from %s: %s, %s", bearer, started.workflow_id, started.outcome)
        status = HTTPStatus.OK if started.outcome == "nothing open" else HTTPStatus.ACCEPTED
        return JSONResponse(
            {
                "incident": started.incident_key,
                "workflow": started.workflow_id,
                "outcome": started.outcome,
            },
            status,
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
        async with temporal_answers():
            client = await self._reception.clients()
            answer = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=client.namespace,
                    task_queue=TaskQueue(name=naming.INCIDENT_QUEUE),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                ),
                timeout=PATIENCE,
            )
        if not answer.pollers:
            raise unavailable(
                "Temporal answers, and alerts are kept, but no worker polls for incidents: start worker.py",
                reason="no-worker",
            )
        return JSONResponse({"status": "ready", "workers": len(answer.pollers)})
