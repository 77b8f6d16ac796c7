"""`tocsin metrics`: archives and open incidents, for people, as JSON, and for Prometheus."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.office import NIGHT, FakeIncidents, execution
from tests.domain.world import World
from tests.storeroom import Storeroom
from tocsin.cli import main
from tocsin.cli.errors import Failed, NoWorker, Unavailable
from tocsin.cli.incidents import Execution
from tocsin.domain.performance import Performance
from tocsin.settings import Settings

Printed = pytest.CaptureFixture[str]
SAMPLE = re.compile(
    r'[a-z_]+\{plan="[^"]*",severity="[^"]*",drill="(true|false)"(,[a-z]+="[^"]*")?\} [0-9.e-]+'
)


class Incidents(FakeIncidents):
    """Incidents that may fail to answer."""

    silence: Exception | None = None

    async def performance(self, execution: Execution) -> Performance:
        if self.silence is not None:
            raise self.silence
        return await super().performance(execution)


@dataclass
class Desk:
    """Where somebody asks for metrics."""

    room: Storeroom
    incidents: Incidents
    is_down: bool = False

    def types(self, *words: str) -> int:
        async def connect() -> Incidents:
            if self.is_down:
                raise Unavailable("Temporal does not answer at 127.0.0.1:7233")
            return self.incidents

        settings = Settings(state=self.room.folder)
        return main.run(
            ["metrics", *words], main.Office(connect, settings=lambda: settings, now=lambda: NIGHT)
        )


@pytest.fixture(autouse=True)
def _a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A gale that is archived, and a storm that goes on."""
    room = Storeroom.at(tmp_path)
    room.archived()
    world = World()
    world.alert("storm")
    world.passes(minutes=7)
    world.acknowledges()
    return Desk(room, Incidents(listed=[execution(), execution(room.state.id)], world=world))


def test_what_is_over_and_what_goes_on_is_told_by_severity(desk: Desk, capsys: Printed) -> None:
    assert desk.types() == 0

    shown = capsys.readouterr().out
    storm, gale, *_ = shown.split("\n\n")
    assert storm.startswith(
        "harbour · storm · 1 incident\n"
        "TIME            OF  MEDIAN  P90    WORST\n"
        "to acknowledge  1   7 min   7 min  7 min\n"
    )
    assert gale.startswith("harbour · gale · 1 incident\n")
    assert "to resolve" in gale
    assert max(map(len, shown.splitlines())) <= 100


def test_an_incident_that_is_archived_is_counted_once(desk: Desk, capsys: Printed) -> None:
    desk.types("-o", "json")

    told = json.loads(capsys.readouterr().out)
    assert [each["severity"] for each in told["incidents"]] == ["gale", "storm"]
    assert desk.incidents.asked == [execution().run]
    assert told["notes"] == []


def test_every_missed_promise_is_listed_with_its_clause(desk: Desk, capsys: Printed) -> None:
    desk.types()

    *_, missed = capsys.readouterr().out.split("\n\n")
    assert missed.startswith("MISSED IN  PROMISE")
    assert all(desk.room.state.reference in line for line in missed.splitlines()[1:])
    assert "§" in missed


def test_without_temporal_the_archives_alone_are_counted_and_that_is_said(
    desk: Desk, capsys: Printed
) -> None:
    desk.is_down = True

    assert desk.types() == 0

    printed = capsys.readouterr()
    assert "storm" not in printed.out
    assert printed.err.startswith("only what is archived is counted: Temporal does not answer")


def test_without_a_worker_likewise(desk: Desk, capsys: Printed) -> None:
    desk.incidents.silence = NoWorker("no worker answered in time")

    assert desk.types("-o", "json") == 0

    assert json.loads(capsys.readouterr().out)["notes"] == [
        "only what is archived is counted: no worker answered in time"
    ]


def test_an_incident_that_cannot_answer_is_named_and_the_others_count(desk: Desk, capsys: Printed) -> None:
    desk.incidents.silence = Failed("no case yet")

    assert desk.types() == 0

    printed = capsys.readouterr()
    assert printed.err == f"incident {execution().incident} is not counted: no case yet\n"
    assert "gale" in printed.out


@pytest.mark.parametrize(
    ("options", "counted"),
    [
        (["--plan", "quay"], []),
        (["--plan", "harbour"], ["gale", "storm"]),
        (["--since", "2026-06-01T12:00"], ["gale", "storm"]),
        (["--since", "2026-06-01T12:01"], []),
        (["--until", "2026-06-01T12:00"], []),
    ],
)
def test_only_what_was_asked_for_is_counted(
    desk: Desk, capsys: Printed, options: list[str], counted: list[str]
) -> None:
    assert desk.types(*options, "-o", "json") == 0

    told = json.loads(capsys.readouterr().out)
    assert [each["severity"] for each in told["incidents"]] == counted


def test_where_nothing_is_known_that_is_said(desk: Desk, capsys: Printed) -> None:
    assert desk.types("--plan", "quay") == 0

    assert capsys.readouterr().out == "no incident is known\n"


def test_prometheus_reads_every_line(desk: Desk, capsys: Printed) -> None:
    assert desk.types("-o", "prometheus") == 0

    lines = capsys.readouterr().out.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples), samples
    assert 'tocsin_incidents{plan="harbour",severity="storm",drill="false"} 1' in samples
    labels = 'plan="harbour",severity="storm",drill="false"'
    assert f'tocsin_time_to_acknowledge_seconds{{{labels},quantile="0.9"}} 420.0' in samples
    assert f"tocsin_time_to_acknowledge_seconds_count{{{labels}}} 1" in samples
    assert f'tocsin_promises{{{labels},verdict="met"}} 1' in samples
    names = {line.split("{")[0] for line in samples}
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {re.sub("_(sum|count)$", "", name) for name in names} <= typed
