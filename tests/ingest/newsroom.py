"""Where people's reports come in: a harbour whose directory knows people and customers, and senders of every kind."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from temporalio.exceptions import WorkflowAlreadyStartedError
from twilio.request_validator import RequestValidator

from tests.ingest.harbour import DIRECTORY_FILE, PLAN_FILE, FakeTemporal, Incident
from tocsin.domain import naming
from tocsin.library import PlanLibrary

PUBLIC_URL = "https://tocsin.example/behind-a-proxy"
AUTH_TOKEN = "twilio-token"
REPORT_TOKENS = "mail:letter-box-at-the-door, desk:help-desk-downstairs"

CUSTOMERS = """
customers:
  acme:
    name: Acme
    audiences: {customer_soc: {soc-desk: {name: Acme SOC, email: soc@acme.example, phone: "+12025550150"}}}
"""

EXTRAS = """
audiences:
  customer_soc: {title: The customer's SOC, of: customer, external: true}
criteria:
  fog: {severity: closed, title: Nobody sees anything}
reporter: pilot
report_within: {employee: PT24H}
"""


def newsroom(folder: Path) -> PlanLibrary:
    """The harbour, with a customer, a criterion, and a time within which employees report."""
    home = folder / "plans" / "harbour"
    home.mkdir(parents=True)
    (home / "plan.yaml").write_text(PLAN_FILE.replace("obligations:", f"{EXTRAS}obligations:", 1))
    directory = DIRECTORY_FILE.replace("customers:\n  acme: {name: Acme}\n", CUSTOMERS.lstrip(), 1)
    (home / "directory.yaml").write_text(directory)
    return PlanLibrary(folder / "plans", folder / "state")


class Temporal(FakeTemporal):
    """A Temporal that refuses the id of a workflow that has ended, where it was told to."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: set[str] = set()

    async def start_workflow(self, workflow: Any, start: Any, **how: Any) -> None:
        self._fail()
        if how["id"] in self.ended:
            raise WorkflowAlreadyStartedError(how["id"], "Incident")
        await super().start_workflow(workflow, start, **how)
        self.runs(Incident(how["id"], start.key))

    def moves_on(self, key: str) -> None:
        """An incident is resolved, and goes on as what follows it."""
        self.ends(naming.incident_workflow(key))
        self.runs(Incident(naming.post_incident_workflow(key), key))

    def ends(self, workflow: str) -> None:
        """An incident is over, and what followed it, too."""
        self.ended.add(workflow)
        del self.running[workflow]


@dataclass
class Mail:
    """A mail as Inbound Parse posts it."""

    sender: str = "Kit <kit@example.com>"
    subject: str = "Fog in the north basin"
    text: str = "Nothing can be seen.\n"
    headers: str = "Message-ID: <1@example.com>\n"
    envelope_from: str = "kit@example.com"
    more: dict[str, Any] = field(default_factory=dict)
    files: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def fields(self) -> dict[str, Any]:
        envelope = json.dumps({"to": ["report@tocsin.example"], "from": self.envelope_from})
        return {
            "headers": self.headers,
            "from": self.sender,
            "to": "report@tocsin.example",
            "subject": self.subject,
            "text": self.text,
            "envelope": envelope,
            "charsets": '{"to":"UTF-8","from":"UTF-8","subject":"UTF-8","text":"utf-8"}',
            "SPF": "pass",
            "attachments": str(len(self.files)),
            **self.more,
        }


@dataclass
class Newsroom:
    """The receiver, as SendGrid, Twilio and a ticket system reach it."""

    http: httpx.AsyncClient
    temporal: Temporal
    state: Path

    async def mail(
        self, mail: Mail, plan: str = "harbour", query: str = "token=letter-box-at-the-door", **headers: str
    ) -> httpx.Response:
        # Everything as a part of its own: httpx sends a form without files in another shape.
        parts = [(name, (None, value)) for name, value in mail.fields.items()]
        parts += [(f"attachment{n}", file) for n, file in enumerate(mail.files, 1)]
        return await self.http.post(f"/v1/reports/email/{plan}?{query}", files=parts, headers=headers)

    async def ticket(
        self,
        ticket: Any,
        token: str = "help-desk-downstairs",
        plan: str = "harbour",
        type: str = "application/json",
    ) -> httpx.Response:
        body = ticket if isinstance(ticket, bytes) else json.dumps(ticket).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": type}
        return await self.http.post(f"/v1/reports/ticket/{plan}", content=body, headers=headers)

    async def call(self, form: dict[str, str], query: str = "", signature: str = "") -> httpx.Response:
        url = "/v1/reports/phone/harbour" + (f"?{query}" if query else "")
        signed = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC_URL + url, form)
        headers = {
            "X-Twilio-Signature": signature or signed,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return await self.http.post(url, content=urlencode(form), headers=headers)

    @property
    def start(self) -> Any:
        """How the only incident begins."""
        [started] = self.temporal.started
        return started["start"]

    @property
    def said(self) -> list[Any]:
        """The commands that went with starts, then those that were told later."""
        with_starts = [each for started in self.temporal.started for each in started["start_signal_args"]]
        return [each.command for each in (*with_starts, *(told.argument for told in self.temporal.told))]

    @property
    def kept(self) -> list[bytes]:
        """The contents in the evidence store."""
        return [path.read_bytes() for path in sorted(self.state.glob("evidence/??/*"))]


def basic(name: str, password: str) -> str:
    """An `Authorization` header from a URL with a name and a password."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
