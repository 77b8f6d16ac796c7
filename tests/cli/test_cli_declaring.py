"""What a person reports at the command line: their own, or what somebody told them by phone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click
import pytest

from tests.cli.office import NIGHT, Desk
from tests.domain.world import World
from tests.ingest.newsroom import newsroom
from tocsin.cli.declaring import declaration
from tocsin.cli.showing import show
from tocsin.declaration import Declaration, ReportRefused, beginning
from tocsin.domain.naming import incident_workflow
from tocsin.domain.state import Actor, Reporter
from tocsin.domain.view import IncidentView, view
from tocsin.library import PlanLibrary

KIT = Actor(key="kit")
LONG_AGO = NIGHT - timedelta(hours=25)


@pytest.fixture
def library(tmp_path: Path) -> PlanLibrary:
    return newsroom(tmp_path)


def declared(library: PlanLibrary, source: str | None = None, **told: object) -> Declaration:
    said = {"kind": None, "knew": None, "customer": None, "title": "Fog", "channel": "cli", **told}
    return declaration(library, KIT, "harbour", source, **said)


def test_whoever_declares_is_the_reporter(library: PlanLibrary) -> None:
    own = declared(library, knew=LONG_AGO, occurred=LONG_AGO)

    assert own.reporter == KIT
    assert own.reported == Reporter(kind="employee", channel="cli", knew=LONG_AGO)
    start = beginning(own, library, NIGHT)
    assert (start.began, start.occurred, start.received) == (NIGHT, LONG_AGO, NIGHT)


def test_what_a_colleague_reported_by_phone_is_theirs(library: PlanLibrary) -> None:
    hers = declared(library, "dee", channel="phone")

    assert hers.reporter == Actor(key="dee", via="phone", proof="claimed")
    assert hers.reported == Reporter(kind="employee", channel="phone")


def test_a_customers_desk_is_named_with_the_customer_whose_it_is(library: PlanLibrary) -> None:
    theirs = declared(library, "acme/soc-desk", channel="email")

    assert (theirs.reported.kind, theirs.customer) == ("customer", "acme")


def test_whoever_the_directory_does_not_know_is_named_in_words(library: PlanLibrary) -> None:
    stranger = declared(library, "a fisherman, berth 9", channel="phone", kind="customer", customer="acme")

    assert stranger.reporter == Actor(key="customer", via="phone")
    assert stranger.reported == Reporter(kind="customer", channel="phone", contact="a fisherman, berth 9")
    assert stranger.customer == "acme"


def test_criteria_make_it_at_least_as_bad_as_they_demand(library: PlanLibrary) -> None:
    assert beginning(declared(library), library, NIGHT).severity == "slow"
    assert beginning(declared(library, criteria=("fog",)), library, NIGHT).severity == "closed"
    assert (
        beginning(declared(library, criteria=("fog",), severity="slow"), library, NIGHT).severity == "closed"
    )


def test_what_nobody_sees_is_left_out_of_a_title(library: PlanLibrary) -> None:
    assert beginning(declared(library, title="\x00Fo\u202eg\n ashore"), library, NIGHT).title == "Fog ashore"
    with pytest.raises(ReportRefused, match="the title is empty"):
        beginning(declared(library, title="\x00 \u200b"), library, NIGHT)


def test_what_the_plan_does_not_know_is_refused(library: PlanLibrary) -> None:
    with pytest.raises(ReportRefused, match='no criterion "mist"; it has fog'):
        beginning(declared(library, criteria=("mist",)), library, NIGHT)
    with pytest.raises(ReportRefused, match='no plan "sea"; there are harbour'):
        declaration(library, KIT, "sea", None, "cli", kind=None, knew=None, customer=None, title="Fog")


@pytest.mark.parametrize("option", ["--knew", "--occurred"])
def test_what_has_not_come_yet_is_a_usage_error(
    desk: Desk, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    words = ("declare", "--plan", "harbour", "--title", "Fog", option, "2026-06-01 03:01")

    assert desk.types(*words) == 2
    assert f"{option}: 2026-06-01 03:01 UTC has not come yet" in capsys.readouterr().err


def test_who_reported_and_how_late_is_shown() -> None:
    world = World()
    world.alert()
    state = world.state
    state.reporter = Actor(key="dee", via="phone")
    state.reported = Reporter(kind="employee", channel="phone", knew=state.opened - timedelta(hours=25))
    seen = view(world.case, incident_workflow(state.key), world.now)

    assert lines(seen)[3:5] == [
        "opened 2026-06-01 12:00 UTC, now, by @dee (claimed), employee, over the telephone",
        "known to them since 2026-05-31 11:00 UTC",
    ]
    late = seen.model_copy(update={"reported_late": True})
    assert lines(late)[4] == "known to them since 2026-05-31 11:00 UTC, REPORTED LATE"


def test_a_stranger_is_shown_in_their_own_words() -> None:
    world = World()
    world.alert()
    world.state.reporter = Actor(key="stakeholder", via="email")
    world.state.reported = Reporter(kind="stakeholder", channel="email", contact="Jo <jo@x.example>")

    seen = view(world.case, incident_workflow(world.state.key), world.now)

    assert "by Jo <jo@x.example> (claimed), stakeholder, over email" in " ".join(lines(seen)[3:5])


def lines(seen: IncidentView) -> list[str]:
    return click.unstyle(show(seen, [], seen.at)).splitlines()


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
