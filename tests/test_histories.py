"""An incident's histories, out of a real server that holds them encrypted, saved so that anybody may replay them."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.histories import Histories
from tests.workflows.house import Lighthouse, workers_of
from tocsin.domain import commands as say
from tocsin.domain import naming
from tocsin.domain.channel import Refused
from tocsin.domain.messages import SaveHistories
from tocsin.histories import SavedHistories, replays, save_histories
from tocsin.keyring import KeyRing, new_key
from tocsin.temporal import data_converter

pytestmark = [pytest.mark.slow]

DEV_SERVER = Path(sys.executable).with_name("temporal")
COMMITTED = Path(__file__).parent / "workflows" / "histories"


@pytest.fixture
async def house() -> AsyncIterator[Lighthouse]:
    """A lighthouse on a real server, to which it tells everything under a key."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(DEV_SERVER),
        dev_server_extra_args=[
            f"--search-attribute={name}={kind}" for name, kind in naming.SEARCH_ATTRIBUTES.items()
        ],
        data_converter=data_converter(KeyRing.parse(new_key("k1"), "the test")),
    ) as env:
        house = Lighthouse(env)
        async with workers_of(house):
            yield house


def words_in(saved: str) -> str:
    """All payloads of a history, as text."""
    data = re.findall(r'"(?:data|encoding)": "([^"]*)"', saved)
    return "\n".join(base64.b64decode(each).decode() for each in data)


def workflows_of(paths: list[Path]) -> list[str]:
    """Whose runs were saved, in order: files are called `<number>-<workflow>-<run>.json`."""
    return [path.stem[3:-37] for path in paths]


async def test_both_workflows_of_an_incident_are_saved_readable_and_replay(
    house: Lighthouse, tmp_path: Path
) -> None:
    house.sms.failures.append(Refused("Wolframite: no such number"))
    await house.alert()
    await house.until(lambda: len(house.phone.sent) == 1)
    await house.says(say.StateFact, name="cause", value="a moth")
    await house.says(say.Resolve, summary="The moth was let out")
    await house.incident.result()
    await house.says(say.AddNote, house.after(), text="still owed: a report")

    paths = await save_histories(house.client, house.key, house.key, tmp_path)

    assert workflows_of(paths) == [f"incident-{house.key}", f"post-incident-{house.key}"]
    saved = paths[0].read_text()
    assert "binary/encrypted" not in words_in(saved)
    assert "a moth" in words_in(saved)
    assert "Wolframite: no such number" in saved, "the words of failures are back in their place"
    assert "Encoded failure" not in saved
    assert await replays(tmp_path) == []


async def test_every_run_of_a_long_incident_is_saved_and_no_other_incidents(
    house: Lighthouse, tmp_path: Path
) -> None:
    house.continue_after = 40
    first = await house.alert()
    for number in range(20):
        await house.says(say.AddNote, text=f"note {number}")
    await house.until(lambda: len(house.sms.sent) == 1)
    await house.says(say.Resolve, summary="lit again")
    await house.incident.result()
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 2)
    newer = (await house.view(house.incident)).id

    old = await save_histories(house.client, house.key, house.key, tmp_path / "old")
    new = await save_histories(house.client, newer, house.key, tmp_path / "new")

    assert len(old) >= 3, "it continued as new"
    assert workflows_of(old)[-1] == f"post-incident-{house.key}"
    assert set(workflows_of(old)[:-1]) == set(workflows_of(new)) == {f"incident-{house.key}"}
    assert old[0].stem.endswith(str(first.first_execution_run_id))
    assert {path.stem[-36:] for path in old}.isdisjoint(path.stem[-36:] for path in new)
    assert await replays(tmp_path / "old") == await replays(tmp_path / "new") == []


async def test_what_came_before_a_reopening_belongs_to_the_incident(
    house: Lighthouse, tmp_path: Path
) -> None:
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 1)
    await house.says(say.Resolve, summary="lit again")
    await house.incident.result()
    await house.says(say.Reopen, house.after(), reason="it went out")
    await house.after().result()
    await house.eventually(house.incident, lambda view: view.status == "open")

    paths = await save_histories(house.client, house.key, house.key, tmp_path)

    assert workflows_of(paths) == [
        f"incident-{house.key}",
        f"post-incident-{house.key}",
        f"incident-{house.key}",
    ]
    assert await replays(tmp_path) == []


async def test_an_incident_that_temporal_does_not_have_is_said_to_be_missing(
    house: Lighthouse, tmp_path: Path
) -> None:
    with pytest.raises(LookupError, match="no history of incident NOWHERE"):
        await save_histories(house.client, "NOWHERE", "NOWHERE", tmp_path)


@dataclass
class Shelf:
    """An archive that lends out one incident's folder."""

    root: Path
    lent: int = 0

    @contextmanager
    def history_folder(self, incident: str) -> Iterator[Path]:
        self.lent += 1
        yield self.root / incident / "history"


async def test_the_activity_saves_where_the_archive_wants_them_and_again_over_the_same(
    house: Lighthouse, tmp_path: Path
) -> None:
    await house.alert()
    await house.until(lambda: len(house.sms.sent) == 1)
    shelf = Shelf(tmp_path)
    histories = Histories(SavedHistories(house.client, shelf))
    wanted = SaveHistories(incident=house.key, key=house.key)

    for _ in range(2):
        assert await ActivityEnvironment().run(histories.save, wanted) == 1

    assert shelf.lent == 2
    assert len(list((tmp_path / house.key / "history").iterdir())) == 1


async def test_what_does_not_replay_is_named_with_its_file(tmp_path: Path) -> None:
    for path in COMMITTED.glob("final-report*.json"):
        history = json.loads(path.read_text())
        history["events"][0]["workflowExecutionStartedEventAttributes"]["workflowType"]["name"] = "Elsewhere"
        (tmp_path / "changed.json").write_text(json.dumps(history))
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "torn.json").write_text("{")

    problems = await replays(tmp_path)

    assert [problem.partition(":")[0] for problem in problems] == ["changed.json", "empty.json", "torn.json"]
    assert "this is no history" in problems[2]
