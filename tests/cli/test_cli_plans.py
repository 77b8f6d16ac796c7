"""Publishing a plan, acknowledging it, who has, and what reviews said: at the keyboard."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.newsletter import DANA, NOON, Harbour
from tests.storeroom import Storeroom
from tocsin.acknowledging import AlreadyPublished, NotAcknowledged
from tocsin.cli import main
from tocsin.domain import commands as say
from tocsin.domain.events import PhaseReached
from tocsin.domain.publication import (
    Acknowledged,
    Acknowledging,
    PublicationView,
    ReaderView,
    RecordEnding,
)
from tocsin.domain.readership import acknowledgement_matter
from tocsin.domain.state import Actor, PlanPin
from tocsin.domain.words import Phase
from tocsin.proofs import Proofs
from tocsin.settings import Settings
from tocsin.temporal import TemporalUnavailable

Printed = pytest.CaptureFixture[str]


@dataclass
class FakePublications:
    """Publications that are remembered rather than run; `failure` is what every call ends in."""

    is_idle: bool = False
    problem: str = ""
    failure: Exception | None = None
    published: list[tuple[PlanPin, Actor, bool]] = field(default_factory=list)
    told: list[Acknowledging] = field(default_factory=list)

    async def publish(self, plan: PlanPin, by: Actor, *, again: bool = False) -> None:
        if self.failure is not None:
            raise self.failure
        self.published.append((plan, by, again))

    async def view(self, plan: PlanPin) -> PublicationView | None:
        if self.is_idle:
            return None
        if self.problem:
            return PublicationView(plan=plan, problem=self.problem)
        reader = ReaderView(key="kit", times_asked=1, failure="", acknowledged=None)
        return PublicationView(
            plan=plan,
            title="Harbour policy",
            published=NOON,
            due=NOON + timedelta(days=14),
            readers=(reader,),
        )

    async def acknowledge(self, plan: PlanPin, said: Acknowledging) -> Acknowledged | None:
        if self.failure is not None:
            raise self.failure
        self.told.append(said)
        if self.is_idle:
            return None
        return Acknowledged(version=plan.hash, who=said.person, at=NOON, how="by the code")


@dataclass
class Desk:
    """Dana's desk at the harbour."""

    harbour: Harbour
    publications: FakePublications
    settings: Settings

    def types(self, *words: str) -> int:
        async def connect() -> FakePublications:
            return self.publications

        office = main.Office(publications=connect, settings=lambda: self.settings, now=lambda: NOON)
        return main.run(["plan", *words], office)

    def has(self, **changes: Any) -> Desk:
        """The same desk with other settings."""
        return replace(self, settings=self.settings.model_copy(update=changes))


@pytest.fixture(autouse=True)
def _a_hundred_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    harbour = Harbour(tmp_path)
    return Desk(harbour, FakePublications(), harbour.settings)


# ---- publishing ----


def test_the_version_in_the_file_is_published_and_who_is_asked_is_said(desk: Desk, capsys: Printed) -> None:
    assert desk.types("publish", "harbour") == 0

    assert desk.publications.published == [(desk.harbour.pin, DANA, False)]
    version = desk.harbour.pin.hash[:12]
    assert capsys.readouterr().out == (
        f"published: plan harbour, version {version}, to be acknowledged until 2026-12-08 12:00 UTC\n"
        "  still to acknowledge: kit\n"
    )


def test_without_a_worker_the_publication_is_kept(desk: Desk, capsys: Printed) -> None:
    desk.publications.is_idle = True

    assert desk.types("publish", "harbour") == 0

    assert capsys.readouterr().out.startswith("queued: plan harbour, version ")


def test_what_the_workers_cannot_publish_fails_with_their_reason(desk: Desk, capsys: Printed) -> None:
    desk.publications.problem = "the workers do not have version 0123"

    assert desk.types("publish", "harbour") == 1

    assert capsys.readouterr().err == "error: the workers do not have version 0123\n"


def test_a_plan_that_names_nobody_is_not_published(desk: Desk, capsys: Printed) -> None:
    plan = (desk.harbour.plans / "harbour" / "plan.yaml").read_text()
    desk.harbour.writes("\n".join(line for line in plan.splitlines() if not line.startswith("publication")))

    assert desk.types("publish", "harbour") == 1

    assert "name them under `publication`" in capsys.readouterr().err
    assert desk.publications.published == []


def test_a_version_that_was_published_before_is_asked_about_again_only_if_that_is_said(
    desk: Desk, capsys: Printed
) -> None:
    desk.publications.failure = AlreadyPublished("it was published before")
    assert desk.types("publish", "harbour") == 1
    assert "--again asks the others" in capsys.readouterr().err

    desk.publications.failure = None
    assert desk.types("publish", "harbour", "--again") == 0
    assert desk.publications.published[0][2] is True


def test_an_unknown_plan_is_a_usage_error(desk: Desk, capsys: Printed) -> None:
    assert desk.types("publish", "harbor") == 2

    assert 'there is no plan "harbor"' in capsys.readouterr().err


def test_without_temporal_the_exit_code_says_so(desk: Desk) -> None:
    desk.publications.failure = TemporalUnavailable("Temporal does not answer")

    assert desk.types("publish", "harbour") == 69


# ---- acknowledging ----


def test_a_code_is_passed_on_with_who_speaks(desk: Desk, capsys: Printed) -> None:
    assert desk.types("acknowledge", "harbour", "--as", "kit", "--code", "8K3F2-9QX7M") == 0

    assert desk.publications.told == [Acknowledging(person="kit", proof="8K3F2-9QX7M")]
    assert capsys.readouterr().out.startswith("acknowledged: plan harbour, version ")


def test_of_a_token_only_its_seal_leaves_and_it_says_who_speaks(desk: Desk) -> None:
    token = desk.harbour.token_of("kit")

    assert desk.has(token=SecretStr(token)).types("acknowledge", "harbour") == 0

    [said] = desk.publications.told
    proofs = Proofs.of(desk.settings)
    assert said.person == "kit"
    assert token not in said.proof
    assert proofs.shows(acknowledgement_matter(desk.harbour.pin), "kit", said.proof).person == "kit"


def test_without_a_proof_nobody_acknowledges(desk: Desk, capsys: Printed) -> None:
    assert desk.types("acknowledge", "harbour", "--as", "kit") == 2

    assert "prove who you are" in capsys.readouterr().err
    assert desk.publications.told == []


def test_a_refused_acknowledgement_fails_with_the_reason(desk: Desk, capsys: Printed) -> None:
    desk.publications.failure = NotAcknowledged("this code is not the one")

    assert desk.types("acknowledge", "harbour", "--code", "X", "-o", "json") == 1

    assert json.loads(capsys.readouterr().err)["error"] == "refused"


def test_without_a_worker_an_acknowledgement_is_kept(desk: Desk, capsys: Printed) -> None:
    desk.publications.is_idle = True

    assert desk.types("acknowledge", "harbour", "--as", "kit", "--code", "X") == 0

    assert "it is kept. If it does not count, kit is asked again" in capsys.readouterr().out


# ---- who has ----


def test_who_has_acknowledged_and_who_has_not_is_listed_by_version(desk: Desk, capsys: Printed) -> None:
    old, register = desk.harbour.pin, desk.harbour.register
    register.publish(old, NOON, NOON + timedelta(days=14), DANA)
    register.acknowledge(old, "bo", NOON, "by the link sent to bo's address")
    register.end(RecordEnding(plan=old, at=NOON, why="a newer version was published", lacking=("kit",)))
    new = desk.harbour.edits()
    register.publish(new, NOON, NOON + timedelta(days=14), DANA)
    register.acknowledge(new, "kit", NOON, "by the code sent to kit's address")

    assert desk.types("acknowledgements", "harbour") == 0
    shown = capsys.readouterr().out
    assert shown == (
        f"plan harbour, version {new.hash[:12]}: published 2026-11-24 12:00 UTC, until 2026-12-08 12:00 UTC\n"
        "WHO  WHEN                  HOW\n"
        "kit  2026-11-24 12:00 UTC  by the code sent to kit's address\n"
        "dee  not yet\n"
        "bo   not yet\n"
    )

    assert desk.types("acknowledgements", "harbour", "--all", "-o", "json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["version"], first["ended"]) == (old.hash, "a newer version was published")
    assert (second["version"], second["lacking"]) == (new.hash, ["dee", "bo"])


def test_the_check_notes_who_has_not_acknowledged_and_fails_nothing(desk: Desk, capsys: Printed) -> None:
    version, register = desk.harbour.pin.hash[:12], desk.harbour.register
    desk.types("check", "harbour")
    assert f"note: plan harbour, version {version}: nobody was asked" in capsys.readouterr().out

    register.publish(desk.harbour.pin, NOON, NOON + timedelta(days=14), DANA)
    register.acknowledge(desk.harbour.pin, "kit", NOON, "by the code")
    assert desk.types("check", "harbour") == 0
    assert f"note: plan harbour, version {version}: not acknowledged by dee, bo\n" in capsys.readouterr().out

    for person in ("dee", "bo"):
        register.acknowledge(desk.harbour.pin, person, NOON, "by the code")
    desk.types("check", "harbour")
    assert "note:" not in capsys.readouterr().out


# ---- reviews ----


class Reviewed(Storeroom):
    """A gale after which somebody says what the plan lacks."""

    def live_through_it(self) -> None:
        self.world.acknowledges()
        self.world.says(say.Resolve, summary="calm")
        self.world.happens(PhaseReached(phase=Phase.POST_INCIDENT))
        self.world.says(say.FinishStep, step="repaint", reason="the plan names no paint store")
        self.world.says(say.Close, anyway=True)


def test_what_reviews_said_is_listed_by_the_version_that_the_incident_ran(
    tmp_path: Path, capsys: Printed
) -> None:
    room = Reviewed.at(tmp_path)
    room.archived()
    settings = Settings(plans=room.plans, state=room.folder)

    def types(*words: str) -> int:
        return main.run(["plan", "reviews", *words], main.Office(settings=lambda: settings, now=lambda: NOON))

    assert types("harbour") == 0
    assert capsys.readouterr().out == (
        f"version {room.state.plan.hash[:12]}\n"
        "INCIDENT  OPENED      STATUS  STEP: WHAT IT SAID\n"
        f"{room.state.reference}     2026-06-01  done    "
        "Repaint the bollards: the plan names no paint store – ana (claimed)\n"
    )

    assert types("harbour", "-o", "json") == 0
    [[review]] = json.loads(capsys.readouterr().out).values()
    assert review["outcomes"][0]["said"] == "the plan names no paint store"

    assert types("quay") == 0
    assert capsys.readouterr().out == "no incident under plan quay is archived yet\n"
