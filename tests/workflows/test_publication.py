"""A version is published: people are asked, reminded, and who has not acknowledged is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.publication import PublicationEmails, PublicationRecords
from tests.newsletter import DANA, Harbour
from tests.workflows.lighthouse import FakeChannel
from tocsin.acknowledging import AlreadyPublished, NobodyAsks, NotAcknowledged, TemporalPublications
from tocsin.domain import naming
from tocsin.domain.channel import Refused
from tocsin.domain.publication import Acknowledged, Acknowledging, PublicationView, PublishPlan
from tocsin.domain.readership import acknowledgement_matter, workflow_of
from tocsin.domain.state import PlanPin
from tocsin.library import PlanLibrary
from tocsin.proofs import seal
from tocsin.publishing import LibraryPublisher, PublicationLetters
from tocsin.waysout import Channels
from tocsin.workers import THREADS, build_workers
from workflows.publication import PlanPublication


@dataclass
class Office:
    """Where the harbour's policy is published."""

    env: WorkflowEnvironment
    harbour: Harbour

    @property
    def publications(self) -> TemporalPublications:
        return TemporalPublications(self.env.client)

    async def publishes(self, pin: PlanPin | None = None, again: bool = False) -> PlanPin:
        pin = pin or self.harbour.pin
        await self.publications.publish(pin, DANA, again=again)
        return pin

    async def acknowledges(
        self, person: str, proof: str | None = None, pin: PlanPin | None = None
    ) -> Acknowledged | None:
        said = Acknowledging(person=person, proof=proof or self.harbour.mailbox.code_of(person))
        return await self.publications.acknowledge(pin or self.harbour.pin, said)

    async def mails(self, count: int) -> list[str]:
        """Wait, in real time, until so many mails have left; to whom."""
        async with asyncio.timeout(20):
            while len(self.harbour.mailbox.mails) < count:
                await asyncio.sleep(0.02)
        return self.harbour.mailbox.to

    async def view(self, pin: PlanPin | None = None) -> PublicationView:
        found = await self.publications.view(pin or self.harbour.pin)
        assert found is not None
        return found

    async def result(self, pin: PlanPin | None = None) -> PublicationView:
        """What came of it in the end; it makes no time pass."""
        handle = self.env.client.get_workflow_handle_for(
            PlanPublication.run, workflow_of(pin or self.harbour.pin)
        )
        async with asyncio.timeout(20):
            while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                await asyncio.sleep(0.05)
        return await handle.result()

    async def passes(self, days: float) -> None:
        """Time passes, on the server's clock."""
        await self.env.sleep(timedelta(days=days))

    @asynccontextmanager
    async def workers(self) -> AsyncIterator[None]:
        library = PlanLibrary(self.harbour.plans, self.harbour.settings.state)
        proofs, settings = self.harbour.proofs, self.harbour.settings
        records = PublicationRecords(LibraryPublisher(library, proofs, self.harbour.register))
        letters = PublicationLetters(library, proofs, settings.public_url)
        emails = PublicationEmails(self.harbour.mailbox, letters)
        async with AsyncExitStack() as stack:
            executor = stack.enter_context(ThreadPoolExecutor(4))
            for queue, workflows, activities in (
                (
                    naming.INCIDENT_QUEUE,
                    [PlanPublication],
                    [records.publish, records.readership, records.acknowledge, records.end],
                ),
                (naming.EMAIL_QUEUE, [], [emails.ask]),
            ):
                worker = Worker(
                    self.env.client,
                    task_queue=queue,
                    workflows=workflows,
                    activities=activities,
                    activity_executor=executor,
                )
                await stack.enter_async_context(worker)
            yield


@pytest.fixture
async def office(env: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(env, Harbour(tmp_path))
    async with office.workers():
        yield office


# ---- asking and answering ----


async def test_everybody_is_asked_once_each_at_their_own_address(office: Office) -> None:
    await office.publishes()

    assert await office.mails(3) == ["bo", "dee", "kit"]
    view = await office.view()
    assert set(view.lacking) == {"kit", "dee", "bo"}
    assert view.due is not None
    assert view.published is not None
    assert (view.due - view.published).days == 14


async def test_by_code_link_and_token_they_acknowledge_and_it_is_over(office: Office) -> None:
    pin = await office.publishes()
    await office.mails(3)

    by_code = await office.acknowledges("kit")
    by_link = await office.acknowledges("bo", office.harbour.mailbox.link_of("bo"))
    by_token = await office.acknowledges(
        "dee", seal(office.harbour.token_of("dee"), acknowledgement_matter(pin))
    )

    assert by_code is not None
    assert by_code.how == "by the code sent to kit's address"
    assert by_link is not None
    assert by_link.how == "by the link sent to bo's address"
    assert by_token is not None
    assert by_token.how.startswith("by their own token")
    assert (await office.result()).ended == "everybody has acknowledged"
    recorded = office.harbour.register.standing(pin, ["kit", "dee", "bo"])
    assert recorded.ended == "everybody has acknowledged"
    assert [each.who for each in recorded.acknowledged] == ["kit", "bo", "dee"]
    assert recorded.lacking == ()


async def test_a_proof_of_somebody_else_is_refused_and_nothing_is_recorded(office: Office) -> None:
    await office.publishes()
    await office.mails(3)

    with pytest.raises(NotAcknowledged, match="not the one that was sent to dee"):
        await office.acknowledges("dee", office.harbour.mailbox.code_of("kit"))

    assert set((await office.view()).lacking) == {"kit", "dee", "bo"}
    assert office.harbour.register.acknowledged(office.harbour.pin) == ()


async def test_who_says_it_twice_is_on_the_record_once(office: Office) -> None:
    await office.publishes()
    await office.mails(3)

    first, second = await office.acknowledges("kit"), await office.acknowledges("kit")

    assert first == second
    assert len(office.harbour.register.acknowledged(office.harbour.pin)) == 1


@pytest.mark.slow
async def test_an_acknowledgement_without_a_worker_is_kept(
    real_env: WorkflowEnvironment, tmp_path: Path
) -> None:
    office = Office(real_env, Harbour(tmp_path))
    async with office.workers():
        await office.publishes()
        await office.mails(3)
        code = office.harbour.mailbox.code_of("kit")
    assert await office.acknowledges("kit", code) is None
    async with office.workers():
        async with asyncio.timeout(20):
            while "kit" not in {
                each.who for each in office.harbour.register.acknowledged(office.harbour.pin)
            }:
                await asyncio.sleep(0.05)


# ---- reminding ----


async def test_whoever_has_not_is_reminded_until_the_time_is_over_and_is_then_known(office: Office) -> None:
    pin = await office.publishes()
    await office.mails(3)
    await office.acknowledges("kit")

    await office.passes(days=14)

    ended = await office.result()
    assert ended.ended == "the time is over"
    assert set(ended.lacking) == {"dee", "bo"}
    asked = office.harbour.mailbox.to
    assert {person: asked.count(person) for person in ("kit", "dee", "bo")} == {"kit": 1, "dee": 5, "bo": 5}
    assert "Reminder: please read" in office.harbour.mailbox.last_to("dee").subject
    recorded = office.harbour.register.standing(pin, ["kit", "dee", "bo"])
    assert (recorded.ended, recorded.lacking) == ("the time is over", ("dee", "bo"))


async def test_a_leaver_is_not_reminded_and_a_joiner_is_asked(office: Office) -> None:
    await office.publishes()
    await office.mails(3)
    office.harbour.moves("bo: {name: Bo, email: bo@example.com}", "jo: {name: Jo, email: jo@example.com}")

    await office.passes(days=14)

    ended = await office.result()

    asked = office.harbour.mailbox.to
    assert (asked.count("bo"), asked.count("jo")) == (1, 4)
    assert set(ended.lacking) == {"kit", "dee", "jo"}


async def test_a_mail_that_the_vendor_refuses_is_known_and_tried_again_in_the_next_round(
    office: Office,
) -> None:
    office.harbour.mailbox.failures.append(Refused("kit@example.com is no address"))
    await office.publishes()
    await office.mails(2)

    async with asyncio.timeout(20):
        while not (failed := [each for each in (await office.view()).readers if each.failure]):
            await asyncio.sleep(0.05)

    assert [each.failure for each in failed] == ["the last message could not be sent"]
    await office.passes(days=14)
    assert len(office.harbour.mailbox.mails) == 2 + 4 * 3


async def test_whoever_has_no_address_is_known(office: Office) -> None:
    office.harbour.moves("bo: {name: Bo, email: bo@example.com}", 'bo: {name: Bo, phone: "+12025550103"}')
    await office.publishes()
    await office.mails(2)

    await office.passes(days=14)

    ended = await office.result()
    assert {each.key: each.failure for each in ended.readers if each.failure} == {
        "bo": "bo has no email address"
    }


# ---- versions ----


async def test_publishing_a_version_again_changes_nothing_while_it_is_asked_about(office: Office) -> None:
    await office.publishes()
    await office.mails(3)
    await office.publishes()
    await office.acknowledges("kit")

    assert len(office.harbour.mailbox.mails) == 3


async def test_when_the_time_is_over_the_others_are_asked_again_only_if_that_is_wanted(
    office: Office,
) -> None:
    await office.publishes()
    await office.mails(3)
    await office.acknowledges("kit")
    await office.acknowledges("dee")
    await office.passes(days=14)
    await office.result()
    before = len(office.harbour.mailbox.mails)
    with pytest.raises(NobodyAsks):
        await office.acknowledges("bo")

    with pytest.raises(AlreadyPublished):
        await office.publishes()
    await office.publishes(again=True)

    await office.mails(before + 1)
    await office.acknowledges("bo")
    assert (await office.result()).lacking == ()
    assert [mail.to for mail in office.harbour.mailbox.mails[before:]] == ["bo@example.com"]


async def test_a_new_version_ends_the_asking_about_the_old_one(office: Office) -> None:
    old = await office.publishes()
    await office.mails(3)
    await office.acknowledges("kit")

    new = await office.publishes(office.harbour.edits())

    ended = await office.result(old)
    assert ended.ended == "a newer version was published"
    assert set(ended.lacking) == {"dee", "bo"}
    await office.mails(6)
    assert set((await office.view(new)).lacking) == {"kit", "dee", "bo"}
    assert office.harbour.register.standing(old, ["dee"]).ended == "a newer version was published"


async def test_an_old_code_does_not_acknowledge_the_new_version(office: Office) -> None:
    await office.publishes()
    await office.mails(3)
    code = office.harbour.mailbox.code_of("kit")
    await office.publishes(office.harbour.edits())
    await office.mails(6)

    with pytest.raises(NotAcknowledged):
        await office.acknowledges("kit", code)


# ---- what cannot be published ----


@pytest.mark.parametrize(
    ("keys", "hash", "said"),
    [
        ("", "", "set TOCSIN_SIGNING_KEYS"),
        (Harbour.signing_keys, "0" * 64, "do not have version 000000000000"),
    ],
)
async def test_what_nobody_could_acknowledge_is_not_published_and_may_be_published_later(
    env: WorkflowEnvironment, tmp_path: Path, keys: str, hash: str, said: str
) -> None:
    office = Office(env, Harbour(tmp_path, signing_keys=keys))
    pin = PlanPin(name="harbour", hash=hash or office.harbour.pin.hash)
    async with office.workers():
        await office.publishes(pin)

        with pytest.raises(WorkflowFailureError):
            await office.result(pin)
        assert said in (await office.view(pin)).problem
        assert office.harbour.mailbox.mails == []
        await office.publishes(pin)


async def test_a_long_history_continues_as_new_and_asks_nobody_twice(office: Office) -> None:
    start = PublishPlan(plan=office.harbour.pin, by=DANA, continue_after=5)
    await office.env.client.start_workflow(
        PlanPublication.run, start, id=workflow_of(office.harbour.pin), task_queue=naming.INCIDENT_QUEUE
    )

    await office.mails(3)
    for person in ("kit", "dee", "bo"):
        await office.acknowledges(person)

    assert (await office.result()).ended == "everybody has acknowledged"
    assert len(office.harbour.mailbox.mails) == 3


@pytest.mark.slow
async def test_the_workers_of_an_installation_can_do_all_of_it(
    real_env: WorkflowEnvironment, tmp_path: Path
) -> None:
    office = Office(real_env, Harbour(tmp_path))
    mailbox = office.harbour.mailbox
    channels = Channels(email=mailbox, sms=FakeChannel("sms"), phone=FakeChannel("phone"))
    async with AsyncExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(THREADS))
        library, settings = office.harbour.library, office.harbour.settings
        for worker in build_workers(real_env.client, settings, library, channels, executor):
            await stack.enter_async_context(worker)
        old = await office.publishes()
        await office.mails(3)
        await office.acknowledges("kit")
        new = await office.publishes(office.harbour.edits())
        await office.mails(6)
        for person in ("kit", "dee", "bo"):
            await office.acknowledges(person)

        assert (await office.result(old)).ended == "a newer version was published"
        assert (await office.result(new)).ended == "everybody has acknowledged"
