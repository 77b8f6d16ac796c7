"""A small organisation of our own, for tests: its plan, its directory, and the fakes that stand for the world."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tocsin.calendars import pin
from tocsin.domain.channel import Call, ChannelError, Email, Receipt, Sms
from tocsin.domain.directory import Contact, Directory
from tocsin.domain.messages import (
    ArchiveIncident,
    CheckProof,
    Dispatch,
    KeepEntries,
    OpenedRecord,
    OpenRecord,
    Rendered,
    SaveHistories,
)
from tocsin.domain.naming import identify
from tocsin.domain.plan import Plan
from tocsin.domain.proving import NotProven, Proven
from tocsin.yamlfile import parse

PLAN = """
plan: lighthouse
title: Lighthouse keepers' policy
organisation: Lighthouse Ltd
calendar: {timezone: Europe/London, holidays: GB-ENG}
severities:
  dark: {rank: 1, title: Dark}
  dim: {rank: 2, title: Dim}
criteria:
  ships_near: {severity: dark, title: Ships are near}
roles:
  keeper: {title: Keeper}
  deputy: {title: Deputy keeper}
  harbour_master: {title: Harbour master}
audiences:
  fleet: {title: The fleet, external: true}
facts:
  cause: {title: Cause, owed_by: keeper}
phases:
  immediate_action:
    title: Immediate action
    steps:
      - {id: answer, title: Answer the bell, role: keeper, done_when: acknowledged}
      - {id: lamp, title: Light the spare lamp, role: keeper}
  testing_and_monitoring:
    title: Testing and monitoring
    steps: [{id: watch, title: Watch the lamp, role: keeper}]
  backup_and_meeting:
    title: Backup and meeting
    steps: [{id: meet, title: Meet, role: deputy}]
  ongoing_assessment: {title: Ongoing assessment}
  post_incident:
    title: Afterwards
    steps: [{id: clean, title: Clean the lens, role: keeper}]
reports:
  interim:
    title: Interim report
    fields: [{heading: Cause, source: "fact:cause"}, {heading: Status, source: status}]
  final:
    title: Final report
    fields: [{heading: Cause, source: "fact:cause"}, {heading: Outage, source: length_of_outage}]
obligations:
  - id: summon
    title: A keeper is summoned
    clause: "1"
    from: aware
    within: PT1H
    do:
      - page:
          levels:
            - {role: keeper, via: [sms, phone], wait: PT5M}
            - {role: deputy, via: phone, wait: PT10M}
          assigns: keeper
    when_late: harbour_master
  - id: interim-report
    title: Interim report to the fleet
    clause: "2"
    from: aware
    within: PT4H
    every: PT4H
    until: resolved
    begin: {before_due: PT30M}
    waivable_by: harbour_master
    do: [{report: {report: interim, audience: fleet}}]
  - id: final-report
    title: Final report to the fleet
    clause: "3"
    from: [resolved, unresolvable]
    within: {business_days: 3}
    begin: {before_due: PT1H}
    do: [{report: {report: final, audience: fleet}}]
intake:
  - {source: alertmanager, when: {lamp: "*"}, otherwise: dark}
"""

DIRECTORY = """
people:
  kit: {name: Kit Keeper, phone: "+12025550101", email: kit@example.com}
  dee: {name: Dee Deputy, phone: "+12025550102", email: dee@example.com}
  max: {name: Max Master, phone: "+12025550103", email: max@example.com}
roles: {keeper: [kit], deputy: [dee], harbour_master: [max]}
audiences:
  fleet:
    radio: {name: Fleet radio room, email: fleet@example.org}
drill: {email: drill@example.com, phone: "+12025550199"}
"""

HASH = "lighthouse-1"


def plan() -> Plan:
    """The plan, read from its YAML."""
    return parse(PLAN, Plan)


def directory() -> Directory:
    """The directory, read from its YAML."""
    return parse(DIRECTORY, Directory)


@dataclass
class MemoryArchive:
    """An archive in memory, with the rules of the one on disk."""

    chains: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    kept: dict[str, list[int]] = field(default_factory=dict)
    archived: list[ArchiveIncident] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    opened: list[OpenRecord] = field(default_factory=list)

    def open(self, record: OpenRecord) -> OpenedRecord:
        """Log the incident once per `opened_by`."""
        self.opened.append(record)
        chain = self.chains.setdefault(record.key, [])
        incident = record.incident or self._incident(record, chain)
        before = [known for known, _ in chain if known != incident]
        return OpenedRecord(
            incident=incident,
            follows=before[-1] if before and record.incident is None else None,
            plan=plan(),
            plan_hash=HASH,
            calendar=pin(plan().calendar, 2026),
        )

    def _incident(self, record: OpenRecord, chain: list[tuple[str, str]]) -> str:
        for incident, opened_by in chain:
            if opened_by == record.opened_by:
                return incident
        incident = identify(record.key, record.opened_by) if chain else record.key
        chain.append((incident, record.opened_by))
        return incident

    def keep(self, entries: KeepEntries) -> int:
        """Remember which entries were kept."""
        self.kept.setdefault(entries.incident, []).extend(entry.number for entry in entries.entries)
        return entries.entries[-1].number

    def archive(self, incident: ArchiveIncident) -> str:
        """Remember the incident; there is no manifest to hash."""
        self.archived.append(incident)
        return ""

    async def save(self, wanted: SaveHistories) -> int:
        """Remember whose histories were asked for."""
        self.saved.append(wanted.incident)
        return 0


class MemoryDirectories:
    """The directory, whatever the plan."""

    def directory(self, plan: str) -> Directory:
        """The lighthouse's."""
        return directory()


class Passwords:
    """Believes whoever says, as their proof, who they are."""

    def check(self, request: CheckProof) -> Proven:
        """The one who claims to speak."""
        if request.proof != f"I am {request.claimed}":
            raise NotProven("this is not the password")
        return Proven(person=request.claimed, how="by their password")


class PlainRenderer:
    """Says only what a test looks for."""

    def email(self, dispatch: Dispatch, contact: Contact, address: str) -> Rendered[Email]:
        """Subject and report as text."""
        lines = [f"{line.heading}: {line.text}" for line in dispatch.report.lines] if dispatch.report else []
        text = "\n".join([dispatch.text, *lines])
        return Rendered(
            Email(to=address, subject=dispatch.subject, text=text, html=text, message_id=dispatch.message)
        )

    def sms(self, dispatch: Dispatch, address: str, person: str) -> Rendered[Sms]:
        """The code and the subject."""
        body = f"{dispatch.code} {dispatch.subject} {dispatch.text}".strip()
        return Rendered(Sms(to=address, body=body, status_callback=dispatch.message))

    def call(self, dispatch: Dispatch, contact: Contact, address: str, person: str) -> Rendered[Call]:
        """The subject."""
        return Rendered(
            Call(to=address, say=dispatch.subject, answer_url=person, status_callback=dispatch.message)
        )


@dataclass
class FakeChannel:
    """Records what it was asked to send; fails with the next of `failures`, if any; waits while its gate is shut."""

    name: str
    sent: list[Email | Sms | Call] = field(default_factory=list)
    failures: list[ChannelError] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def send(self, message: Email | Sms | Call) -> Receipt:
        """Take a message."""
        self.gate.wait(10)
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)
        return Receipt(vendor=self.name, vendor_id=f"{self.name}-{len(self.sent)}", status="queued")

    def call(self, call: Call) -> Receipt:
        """Place a call."""
        return self.send(call)

    def find(self, sms: Sms, since: datetime) -> Receipt | None:
        """Find nothing: no attempt was taken before."""
        return None

    @property
    def to(self) -> list[str]:
        """Whom it reached, in order."""
        return [message.to for message in self.sent]


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""A Tuesday."""
