"""The command line as its own process, against a real server and the real workflows."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.cli.office import library_of_the_harbour
from tests.workflows.house import Lighthouse, workers_of
from tocsin.domain import naming

pytestmark = pytest.mark.slow

DEV_SERVER = Path(sys.executable).with_name("temporal")
KIT = "+12025550101"
KEY = Lighthouse.key
REF = naming.spoken(KEY)


@dataclass(frozen=True)
class Printed:
    """What one command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        answer = json.loads(self.out or self.err)
        assert isinstance(answer, dict)
        return answer


async def tocsin(house: Lighthouse, *words: str, **settings: str) -> Printed:
    """Type a command line, as kit."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from tocsin.cli.main import entry; entry()",
        *words,
        env={
            "TEMPORAL_ADDRESS": house.client.service_client.config.target_host,
            "TOCSIN_ACTOR": "kit",
            "COLUMNS": "80",
            **settings,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Printed(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def empty_house() -> AsyncIterator[Lighthouse]:
    """A lighthouse on a real server, in which nobody works yet."""
    attributes = [
        word
        for name, kind in naming.SEARCH_ATTRIBUTES.items()
        for word in ("--search-attribute", f"{name}={kind}")
    ]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(DEV_SERVER),
        dev_server_extra_args=attributes,
        data_converter=pydantic_data_converter,
    ) as env:
        yield Lighthouse(env)


@pytest.fixture
async def house(empty_house: Lighthouse) -> AsyncIterator[Lighthouse]:
    """The same, at work."""
    async with workers_of(empty_house):
        yield empty_house


async def test_an_incident_from_the_page_to_its_close(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])

    shown = await tocsin(house, "show", REF)
    assert shown.code == 0, shown.err
    assert f"{REF}-1  waits for role keeper" in shown.out

    answered = await tocsin(house, "ack", f"{REF}-1")
    assert (answered.code, answered.out.splitlines()[0][:8]) == (0, "accepted"), answered
    again = await tocsin(house, "ack", REF)
    assert (again.code, again.err) == (1, "refused: no page waits for an acknowledgement\n")
    assert (await tocsin(house, "fact", REF, "cause", "rust")).code == 0
    stranger = await tocsin(house, "note", REF, "boo", "--as", "nobody")
    assert stranger.code == 1
    assert 'no person "nobody"' in stranger.err

    report = await tocsin(house, "report", REF, "interim")
    assert "Cause\n  rust\n" in report.out
    assert (await tocsin(house, "report", REF, "nonsense")).code == 1
    assert (await tocsin(house, "resolve", REF, "lit again")).code == 0
    await house.incident.result()

    owed = await tocsin(house, "update", REF, "it burns", "-o", "json")
    assert owed.json["outcome"] == "accepted", "it went to what follows the resolution"
    assert "final" in (await tocsin(house, "ledger", REF)).out
    refused = await tocsin(house, "close", REF)
    assert refused.err.startswith("refused: still open: ")
    assert (await tocsin(house, "close", REF, "--anyway")).code == 0
    await house.after().result()

    late = await tocsin(house, "note", REF, "too late")
    assert (late.code, "is closed" in late.err) == (1, True)
    assert "closed · Dark" in (await tocsin(house, "show", REF)).out
    assert "too late" not in (await tocsin(house, "timeline", REF)).out


async def test_without_a_worker_a_command_is_queued_and_later_applied_once(empty_house: Lighthouse) -> None:
    house = empty_house
    async with workers_of(house):
        await house.alert()
        await house.until(lambda: house.sms.to == [KIT])

    command = "c" * 32
    queued = await tocsin(house, "note", REF, "nobody is there", "--id", command, "-o", "json")
    assert queued.code == 0, queued.err
    assert queued.json["outcome"] == "queued"
    silent = await tocsin(house, "show", REF, "-o", "json")
    assert (silent.code, silent.json["error"]) == (69, "no worker")

    async with workers_of(house):
        repeated = await tocsin(house, "note", REF, "nobody is there", "--id", command, "-o", "json")
        assert repeated.json["outcome"] == "accepted"
        told = (await tocsin(house, "timeline", REF)).out
    assert told.count("nobody is there") == 1


async def test_a_recurrence_is_another_incident_and_each_has_its_own_commands(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    assert (await tocsin(house, "resolve", REF, "lit again")).code == 0
    await house.incident.result()
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT, KIT])
    new = (await house.view()).id

    await tocsin(house, "note", KEY, "about the first")
    await tocsin(house, "note", new, "about the second")

    assert "about the first" in (await tocsin(house, "timeline", KEY)).out
    assert "about the second" in (await tocsin(house, "timeline", new)).out
    listed = json.loads((await tocsin(house, "list", "-o", "json")).out)
    assert [(each["incident"], each["status"]) for each in listed] == [(new, "open"), (KEY, "resolved")]


async def test_reopened_it_is_found_where_it_was(house: Lighthouse) -> None:
    await house.alert()
    await house.until(lambda: house.sms.to == [KIT])
    assert (await tocsin(house, "resolve", REF, "lit again")).code == 0
    await house.incident.result()

    assert (await tocsin(house, "reopen", REF, "out again")).code == 0
    await house.after().result()

    assert (await tocsin(house, "note", REF, "back here")).code == 0
    assert (await house.view()).status == "open"


async def test_what_a_person_declares_is_listed_before_any_worker_has_seen_it(
    empty_house: Lighthouse, tmp_path: Path
) -> None:
    harbours = library_of_the_harbour(tmp_path)
    installed = {"TOCSIN_PLANS": str(harbours), "TOCSIN_STATE": str(tmp_path / "state")}
    declare = ("declare", "--plan", "harbour", "--title", "A crane leans", "--severity")

    declared = await tocsin(empty_house, *declare, "gale", "--fact", "cause=wind", "-o", "json", **installed)
    refused = await tocsin(empty_house, *declare, "hurricane", "-o", "json", **installed)
    without = await tocsin(
        empty_house, *declare, "gale", "-o", "json", **installed | {"TOCSIN_PLANS": str(tmp_path)}
    )

    assert declared.code == 0, declared.err
    assert (refused.code, refused.json["error"]) == (1, "refused")
    assert "storm, gale, breeze" in str(refused.json["message"])
    assert (without.code, without.json["error"]) == (1, "problems")
    listed = await listed_once(empty_house)
    assert [(each["incident"], each["title"]) for each in listed] == [
        (declared.json["incident"], "A crane leans")
    ]


async def listed_once(house: Lighthouse) -> list[dict[str, object]]:
    """What `tocsin list` shows as soon as it shows anything: lists lag."""
    async with asyncio.timeout(10):
        while not (listed := json.loads((await tocsin(house, "list", "-o", "json")).out)):
            pass
    return list(listed)


async def test_what_nobody_knows_is_not_found(house: Lighthouse) -> None:
    missing = await tocsin(house, "show", "ZZZZZ", "-o", "json")

    assert (missing.code, missing.json["error"]) == (3, "not found")


async def test_no_server_is_said_to_be_none() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from tocsin.cli.main import entry; entry()",
        "list",
        env={"TEMPORAL_ADDRESS": "127.0.0.1:1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert (process.returncode, out) == (69, b"")
    assert err.startswith(b"error: Temporal does not answer at 127.0.0.1:1")
