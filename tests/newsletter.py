"""A harbour that has its policy acknowledged: its library on disk, its proofs, and a mailbox."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.ingest.harbour import DIRECTORY_FILE, PLAN_FILE
from tocsin.acknowledgements import AcknowledgementRegister
from tocsin.domain.channel import ChannelError, Email, Receipt
from tocsin.domain.state import Actor, PlanPin
from tocsin.library import PlanLibrary
from tocsin.proofs import Proofs
from tocsin.settings import Settings

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = "k1:" + "s" * 32
DANA = Actor(key="dana")

PLAN = PLAN_FILE.replace(
    "facts:",
    "audiences:\n"
    "  crew: {title: The crew}\n"
    "publication: {roles: [pilot], audiences: [crew], within: P14D, remind_every: P3D}\n"
    "facts:",
    1,
)
DIRECTORY = DIRECTORY_FILE.replace(
    "customers:",
    "audiences:\n  crew:\n    kit: {name: Kit, email: kit@example.com}\n    bo: {name: Bo, email: bo@example.com}\n"
    "customers:",
    1,
)
"""Kit holds a role and belongs to the crew; dee holds a role; bo belongs to the crew."""


@dataclass
class Mailbox:
    """An email channel that keeps what it is given; fails with the next of `failures`, if any."""

    mails: list[Email] = field(default_factory=list)
    failures: list[ChannelError] = field(default_factory=list)

    def send(self, email: Email) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.mails.append(email)
        return Receipt(vendor="mailbox", vendor_id=str(len(self.mails)), status="queued")

    @property
    def to(self) -> list[str]:
        """Who was written to, by the part before the @, sorted."""
        return sorted(mail.to.partition("@")[0] for mail in self.mails)

    def last_to(self, person: str) -> Email:
        return [mail for mail in self.mails if mail.to.startswith(f"{person}@")][-1]

    def code_of(self, person: str) -> str:
        found = re.search(r"--code (\S+)", self.last_to(person).text)
        assert found is not None, self.last_to(person).text
        return found[1]

    def link_of(self, person: str) -> str:
        found = re.search(r"https://\S+/v1/plans/(\S+)", self.last_to(person).text)
        assert found is not None, self.last_to(person).text
        return found[1]


@dataclass
class Harbour:
    """The harbour's plans and state folder."""

    folder: Path
    signing_keys: str = KEY
    mailbox: Mailbox = field(default_factory=Mailbox)

    def __post_init__(self) -> None:
        self.writes(PLAN)
        (self.plans / "harbour" / "directory.yaml").write_text(DIRECTORY)

    @property
    def plans(self) -> Path:
        return self.folder / "plans"

    @property
    def settings(self) -> Settings:
        return Settings(
            plans=self.plans,
            state=self.folder / "state",
            signing_keys=self.signing_keys,
            public_url="https://tocsin.example",
            actor="dana",
        )

    @property
    def library(self) -> PlanLibrary:
        """The plans as they stand in the files now."""
        return PlanLibrary(self.plans, self.settings.state)

    @property
    def pin(self) -> PlanPin:
        """The version that stands in the file now."""
        return self.library.plans["harbour"].pin

    @property
    def proofs(self) -> Proofs:
        return Proofs.of(self.settings)

    @property
    def register(self) -> AcknowledgementRegister:
        return AcknowledgementRegister(self.settings.state)

    def writes(self, plan: str) -> None:
        """Put a plan into its file."""
        home = self.plans / "harbour"
        home.mkdir(parents=True, exist_ok=True)
        (home / "plan.yaml").write_text(plan)

    def edits(self) -> PlanPin:
        """Change the policy; the new version."""
        text = (self.plans / "harbour" / "plan.yaml").read_text()
        self.writes(text.replace("title: Harbour policy", "title: Harbour policy, revised", 1))
        return self.pin

    def moves(self, old: str, new: str) -> None:
        """Change the directory."""
        file = self.plans / "harbour" / "directory.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def token_of(self, person: str) -> str:
        return self.proofs.issue(person, ["harbour"], timedelta(days=30))[1]
