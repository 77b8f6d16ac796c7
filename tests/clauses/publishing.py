"""A shipped plan whose versions are published and acknowledged, on a server that skips time."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from temporalio.testing import WorkflowEnvironment

from tests.clauses.rows import PLANS
from tests.newsletter import Mailbox
from tests.workflows.lighthouse import FakeChannel
from tocsin.acknowledging import TemporalPublications
from tocsin.cli.checking import note_on
from tocsin.domain.channel import Email
from tocsin.domain.publication import Acknowledging
from tocsin.domain.readership import readers_of
from tocsin.domain.state import Actor, PlanPin
from tocsin.library import LoadedPlan, PlanLibrary
from tocsin.rehearsal.house import time_skipping_server
from tocsin.settings import Settings
from tocsin.waysout import Channels
from tocsin.workers import THREADS, build_workers


@dataclass
class Publisher:
    """Publishes the plan as it stands in its file, and shows what comes of that."""

    env: WorkflowEnvironment
    settings: Settings
    name: str
    mailbox: Mailbox = field(default_factory=Mailbox)

    @property
    def loaded(self) -> LoadedPlan:
        return PlanLibrary(self.settings.plans, self.settings.state).plans[self.name]

    @property
    def pin(self) -> PlanPin:
        return self.loaded.pin

    @property
    def note(self) -> str:
        """What `tocsin plan check` says of those who have not acknowledged."""
        return note_on(self.settings, self.settings.plans / self.name)

    def in_order(self, people: Iterable[str]) -> str:
        """People as they are listed: as the plan and its directory name them."""
        wanted = set(people)
        readers = readers_of(self.loaded.plan, self.loaded.directory)
        return ", ".join(reader.key for reader in readers if reader.key in wanted)

    async def publishes(self) -> None:
        await TemporalPublications(self.env.client).publish(self.pin, Actor(key="asha"))

    async def acknowledges(self, person: str, code_of: str | None = None) -> None:
        """With the code of their own mail, or of somebody else's."""
        said = Acknowledging(person=person, proof=self.mailbox.code_of(self._mail_name(code_of or person)))
        await TemporalPublications(self.env.client).acknowledge(self.pin, said)

    def _mail_name(self, person: str) -> str:
        return next(mail.to for mail in self.mailbox.mails if mail.to.startswith(person)).partition("@")[0]

    async def mails(self, count: int) -> list[Email]:
        """Wait, in real time, until so many mails have left."""
        async with asyncio.timeout(20):
            while len(self.mailbox.mails) < count:
                await asyncio.sleep(0.02)
        return self.mailbox.mails

    async def passes(self, days: float) -> None:
        """Time passes, on the server's clock."""
        await self.env.sleep(timedelta(days=days))

    def edits(self, old: str, new: str) -> None:
        """Change the policy."""
        file = self.settings.plans / self.name / "plan.yaml"
        file.write_text(re.sub(re.escape(old), new, file.read_text(), count=1))


@asynccontextmanager
async def published_at(folder: Path, name: str = "miniorange") -> AsyncIterator[Publisher]:
    """A publisher with workers, whose plans are a copy of the shipped ones below `folder`."""
    settings = Settings(
        plans=Path(shutil.copytree(PLANS, folder / "plans")),
        state=folder / "state",
        signing_keys=SecretStr("k1:" + "s" * 32),
        public_url="https://tocsin.example.com",
    )
    async with AsyncExitStack() as stack:
        env = await stack.enter_async_context(time_skipping_server(folder / "server"))
        publisher = Publisher(env, settings, name)
        channels = Channels(email=publisher.mailbox, sms=FakeChannel("sms"), phone=FakeChannel("phone"))
        library = PlanLibrary(settings.plans, settings.state)
        executor = stack.enter_context(ThreadPoolExecutor(THREADS))
        for worker in build_workers(env.client, settings, library, channels, executor, skips_time=True):
            await stack.enter_async_context(worker)
        yield publisher
