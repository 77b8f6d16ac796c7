"""A rehearsal decides what the pure domain decides: the same story without Temporal has the same timeline."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from tests.domain.world import World, says_nothing
from tests.rehearsal.conftest import PLANS
from tocsin.domain import commands as said
from tocsin.domain.delivery import DeliveryState
from tocsin.domain.digests import RINGING
from tocsin.domain.events import Commanded, Event
from tocsin.domain.state import Actor, Message
from tocsin.library import PlanLibrary
from tocsin.rehearsal.result import Result
from tocsin.rehearsal.stage import Stage

NIGHT = """\
scenario: night
title: A night and the weeks after it
plan: allcode
begins: second friday of february 22:40
ends: P14D
alert:
  labels: {alertname: Leak, severity: critical, customer: acme, service: checkout}
  annotations: {summary: Card numbers in the logs, description: A debug switch}
people:
  kim: {answers: phone}
  lee: {answers: phone}
steps:
  - {at: PT20M, who: kim, says: classify high}
  - {at: PT30M, who: kim, says: fact customer_coordinator Robin}
  - {at: PT40M, who: dana, says: step contain}
  - {at: PT50M, who: dana, says: step verify}
  - {at: PT5H, who: kim, says: update "It holds"}
  - {at: PT5H30M, who: kim, says: resolve Purged}
"""

PICKED_UP = "a person took the call"

BUSY = timedelta(seconds=30) + RINGING
"""What a busy machine needs for what is done in one moment, over two weeks; and a phone, for one call at a time."""


def arrives(world: World, message: Message, reached: str, detail: str) -> Iterator[Event]:
    """The vendor takes it, and reports in the sandbox's words that it arrived."""
    yield from says_nothing(world, message, reached)
    yield world.reported(message.id, DeliveryState.DELIVERED, detail)


class Night(World):
    """The same night, moment by moment."""

    def until(self, **after: float) -> None:
        """Time passes until so long after the beginning; whoever is called meanwhile picks up after ten seconds."""
        wanted = self.state.opened + timedelta(**after)
        while (alarm := self.next_alarm()) is not None and alarm.at <= wanted:
            calls = len(self.letters)
            self.passes(seconds=(alarm.at - self.now).total_seconds())
            for letter in self.letters[calls:]:
                if letter.channel == "phone" and letter.to in {"kim", "lee"}:
                    self.picks_up(letter.to, letter.dispatch.message, letter.dispatch.page)
        self.passes(seconds=(wanted - self.now).total_seconds())

    def picks_up(self, person: str, message: str, page: int | None) -> None:
        self.passes(seconds=10)
        if page is not None and self.state.pages[page].is_open:
            self.commands += 1
            actor = Actor(key=person, via="phone", proof="proven")
            command = said.Acknowledge(id=f"key-{self.commands:05}", actor=actor, page=page)
            self.happens(Commanded(command=command))
        self.happens(self.reported(message, DeliveryState.ANSWERED, PICKED_UP))


def the_same_night(result: Result, library: PlanLibrary) -> World:
    plan = library.plans["allcode"].plan
    began = result.view.opened
    night = Night(
        plan=plan,
        directory=library.directory("allcode"),
        calendar=library.calendar(plan, began.year),
        now=began,
        vendors={
            "sms": partial(arrives, detail="delivered"),
            "email": partial(arrives, detail="delivered 250 2.0.0 OK"),
            "phone": says_nothing,
        },
    )
    night.alert(
        key=result.view.id,
        source="alertmanager",
        title="Card numbers in the logs",
        severity="high",
        alerts={"Leak": True},
        customer="acme",
        facts={"description": "A debug switch", "resources_affected": "checkout"},
    )
    night.until(minutes=20)
    night.says(said.Classify, "kim", severity="high")
    night.until(minutes=30)
    night.says(said.StateFact, "kim", name="customer_coordinator", value="Robin")
    night.until(minutes=40)
    night.says(said.FinishStep, "dana", step="contain")
    night.until(minutes=50)
    night.says(said.FinishStep, "dana", step="verify")
    night.until(hours=5)
    night.says(said.GiveUpdate, "kim", text="It holds")
    night.until(hours=5, minutes=30)
    night.says(said.Resolve, "kim", summary="Purged")
    night.until(days=14)
    return night


def alike(text: str) -> str:
    """An entry without what work that takes time makes different: seconds, which of two messages was the first, and
    whether the vendor heard a person before they pressed a key."""
    text = text.replace("answered: key 1", f"answered: {PICKED_UP}")
    return re.sub(r"-m\d+ ", " ", re.sub(r"(\d\d:\d\d):\d\d UTC", r"\1 UTC", text))


async def test_a_rehearsal_has_the_timeline_that_the_domain_alone_has(stage: Stage, tmp_path):
    result = await stage.rehearse(NIGHT)

    night = the_same_night(result, PlanLibrary(PLANS, tmp_path / "domain"))
    decided = [*night.archived, *night.state.timeline]

    def told(entries) -> Counter[tuple[str, str, str]]:
        return Counter((entry.kind, str(entry.by), alike(entry.text)) for entry in entries)

    assert told(result.timeline) - told(decided) == Counter()
    assert told(decided) - told(result.timeline) == Counter()
    assert len(decided) > 100

    when: dict[tuple[str, str], list[datetime]] = {}
    for entry in decided:
        when.setdefault((entry.kind, alike(entry.text)), []).append(entry.at)
    for entry in result.timeline:
        at = when[entry.kind, alike(entry.text)].pop(0)
        assert abs(entry.at - at) < BUSY, f"{entry.text}: {entry.at} in the rehearsal, {at} by the domain"
