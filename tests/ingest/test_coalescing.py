"""Ten thousand repeats are a handful of signals, and nothing that was accepted is lost, whatever dies or is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from tests.ingest.harbour import NOON
from tocsin.domain.events import Alert
from tocsin.domain.state import PlanPin
from tocsin.ingest import accepted
from tocsin.ingest.coalescing import AGAIN_AFTER, TOLD_AT_ONCE, Coalescing
from tocsin.ingest.repeatmetrics import RepeatMetrics
from tocsin.ingest.spool import FOLDER, NAME, Spool, SpoolUnusable
from tocsin.ingest.windows import BATCH_ROOM, Windows
from tocsin.sources import Source
from tocsin.starting import Started
from tocsin.temporal import TemporalUnavailable

WINDOW = 10.0
BAD, WORSE = 2, 1
"""Ranks."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Temporal:
    """Records what it is told; `takes` how long that is held up, and nothing is taken while it `is_away`."""

    def __init__(self) -> None:
        self.told: list[Alert] = []
        self.ranks: list[int] = []
        self.is_away = False
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self, alert: Alert, rank: int) -> Started:
        self.asked += 1
        await self.answers.wait()
        if self.is_away:
            raise TemporalUnavailable("Temporal is away")
        self.told.append(alert)
        self.ranks.append(rank)
        return Started(
            incident_key=alert.key, workflow_id=f"incident-{alert.key}", outcome="opened or joined"
        )

    @property
    def said(self) -> int:
        """How often all that it was told was said."""
        return sum(alert.counts.get(name, 1) for alert in self.told for name in alert.alerts)


@dataclass
class Harbour:
    """A place with one disk, one Temporal, and receivers on it."""

    state: Path
    temporal: Temporal = field(default_factory=Temporal)
    clock: Clock = field(default_factory=Clock)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def receiver(self, windows: Windows | None = None, window: float = WINDOW) -> Coalescing:
        self.registry = CollectorRegistry()
        return Coalescing(
            self.temporal,
            Spool(self.state, self.clock),
            {"alertmanager": timedelta(seconds=window)},
            RepeatMetrics(self.registry),
            windows,
            self.clock,
        )

    @asynccontextmanager
    async def at_work(self, windows: Windows | None = None) -> AsyncIterator[Coalescing]:
        receiver = self.receiver(windows)
        async with receiver.at_work():
            yield receiver

    async def pass_by(self, receiver: Coalescing, seconds: float = WINDOW) -> None:
        self.clock.now += seconds
        await receiver.tell_what_is_due()
        await receiver._accepted._spool.settle()

    def metric(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"tocsin_ingest_{name}", labels)
        assert value is not None
        return value

    def lines(self) -> list[bytes]:
        """What is on the disk, of all receivers."""
        files = sorted((self.state / FOLDER).glob(f"*/{NAME}"))
        return [line for file in files for line in file.read_bytes().splitlines()]


@pytest.fixture
async def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def alert(group: str = "fog", rank: int = BAD, **more: Any) -> Alert:
    """Fog in the harbour, as its monitor says; `alerts` says which sensors see it."""
    return Alert.model_validate(
        {
            "key": group,
            "source": "alertmanager",
            "group": group,
            "plan": PlanPin(name="harbour", hash="0" * 64),
            "title": "Fog",
            "severity": {BAD: "slow", WORSE: "closed"}[rank],
            "alerts": {"north": True},
            "began": NOON,
            "received": NOON,
        }
        | more
    )


CLEAR = {"north": False}


async def say(receiver: Coalescing, times: int, *, rank: int = BAD, **what: Any) -> list[str]:
    """What the monitor hears, who says it so often, at once."""
    answers = await asyncio.gather(*(receiver(alert(rank=rank, **what), rank) for _ in range(times)))
    return [answer.outcome for answer in answers]


# One incident, not a thousand


async def test_ten_thousand_repeats_in_a_minute_are_seven_signals_and_every_one_is_counted(
    harbour: Harbour,
) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        for _ in range(6):
            assert set(await say(receiver, 1_667)) == {"counted"}
            await harbour.pass_by(receiver)

        assert len(harbour.temporal.told) == 7
        assert harbour.temporal.said == 1 + 6 * 1_667
        assert harbour.metric("repeats_total") == 6 * 1_667
        assert harbour.metric("repeat_signals_total", outcome="told") == 6
        assert harbour.lines() == [], "what Temporal has is cleared away"


async def test_the_first_word_goes_to_temporal_at_once_and_those_beside_it_wait_for_its_answer(
    harbour: Harbour,
) -> None:
    harbour.temporal.answers.clear()
    async with harbour.at_work() as receiver:
        talking = asyncio.create_task(say(receiver, 100))
        while not harbour.temporal.asked:
            await asyncio.sleep(0)
        assert not talking.done()

        harbour.temporal.answers.set()

        assert sorted(await talking) == ["counted"] * 99 + ["opened or joined"]
    assert [each.counts.get("north", 1) for each in harbour.temporal.told] == [1, 99]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"alerts": CLEAR}, id="the monitor says that it is over"),
        pytest.param({"alerts": {"north": True, "south": True}}, id="a new alert in the group"),
        pytest.param({"alerts": {"south": True}}, id="another alert of the group alone"),
        pytest.param({"rank": WORSE}, id="it is worse"),
        pytest.param({"vendors": ("tide-tables",)}, id="a supplier is down"),
        pytest.param({"plan": PlanPin(name="harbour", hash="1" * 64)}, id="the plan was edited"),
        pytest.param({"group": "collision"}, id="another group with the same key"),
    ],
)
async def test_every_change_is_told_at_once(harbour: Harbour, change: dict[str, Any]) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)

        assert await say(receiver, 1, **{"key": "fog", **change}) == ["opened or joined"]

    assert len(harbour.temporal.told) == 2


@pytest.mark.parametrize(
    "same",
    [
        {"title": "Fog, 40 m"},
        {"facts": {"place": "North basin"}},
        {"received": NOON + timedelta(seconds=3), "began": NOON - timedelta(hours=1)},
        {"counts": {"north": 12}},
    ],
)
async def test_what_an_open_incident_takes_nothing_from_is_a_repeat(
    harbour: Harbour, same: dict[str, Any]
) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        assert await say(receiver, 1, **same) == ["counted"]


async def test_a_repeat_after_the_window_is_told_at_once(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await harbour.pass_by(receiver)

        assert await say(receiver, 1) == ["opened or joined"]


async def test_alerts_of_one_group_that_speak_one_by_one_are_one_signal(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        for sensor in ("north", "south"):
            await say(receiver, 1, alerts={sensor: True}, rank=WORSE if sensor == "north" else BAD)
        for sensor in ("north", "north", "south"):
            outcome = await say(receiver, 1, alerts={sensor: True}, rank=WORSE if sensor == "north" else BAD)
            assert outcome == ["counted"]
        await harbour.pass_by(receiver)

    *_, together = harbour.temporal.told
    assert together.alerts == {"north": True, "south": True}
    assert together.counts == {"north": 2, "south": 1}
    assert (together.severity, harbour.temporal.ranks[-1]) == ("closed", WORSE), "the worst of them"


async def test_a_source_without_a_window_has_every_repeat_told(harbour: Harbour) -> None:
    receiver = harbour.receiver(window=0)
    async with receiver.at_work():
        assert await say(receiver, 3) == ["opened or joined"] * 3


# In order


async def test_a_resolution_waits_for_the_firings_that_were_accepted_before_it(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await say(receiver, 5)
        await say(receiver, 1, alerts=CLEAR)

    first, repeats, resolved = harbour.temporal.told
    assert (first.is_firing, repeats.is_firing, resolved.is_firing) == (True, True, False)
    assert repeats.counts == {"north": 5}, "they may be what opens the next incident"


async def test_what_waits_goes_along_with_a_new_alert_that_says_the_same(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await say(receiver, 5)
        await say(receiver, 1, alerts={"north": True, "south": True})

    assert [each.counts for each in harbour.temporal.told] == [{}, {"north": 6, "south": 1}]
    assert harbour.lines() == []


async def test_a_firing_right_behind_a_resolution_is_told_behind_it(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        harbour.temporal.answers.clear()
        resolving = asyncio.create_task(say(receiver, 1, alerts=CLEAR))
        while harbour.temporal.asked < 2:
            await asyncio.sleep(0)
        firing = asyncio.create_task(say(receiver, 1))
        await asyncio.sleep(0)
        harbour.temporal.answers.set()

        assert await resolving + await firing == ["opened or joined"] * 2

    assert [each.is_firing for each in harbour.temporal.told] == [True, False, True]


async def test_a_resolution_that_temporal_did_not_take_leaves_no_false_memory(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        harbour.temporal.is_away = True
        with pytest.raises(TemporalUnavailable):
            await say(receiver, 1, alerts=CLEAR)
        harbour.temporal.is_away = False

        assert await say(receiver, 1) == ["opened or joined"], "whether it was resolved, nobody knows"


# Nothing accepted is lost


async def test_a_repeat_is_on_the_disk_when_it_is_answered(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await say(receiver, 2)

        assert len(harbour.lines()) == 2
        assert harbour.metric("spooled") == 2


async def test_a_receiver_that_dies_is_succeeded_by_one_that_tells_what_it_accepted(
    harbour: Harbour,
) -> None:
    dead = harbour.receiver()
    life = dead.at_work()
    await life.__aenter__()
    await say(dead, 1)
    await say(dead, 3)
    await say(dead, 1, group="ice")
    left = harbour.lines()
    (
        harbour.state / FOLDER / "dead"
    ).mkdir()  # a copy, because the one who died holds its lock while this process lives
    (harbour.state / FOLDER / "dead" / NAME).write_bytes(b"\n".join(left) + b"\n")
    harbour.temporal.told.clear()

    async with harbour.at_work() as heir:
        assert harbour.metric("spooled") == 3
        await harbour.pass_by(heir, 0)
        assert [each.counts for each in harbour.temporal.told] == [{"north": 3}]
        assert not (harbour.state / FOLDER / "dead").exists()
    await life.__aexit__(None, None, None)


async def test_what_temporal_was_told_already_is_not_told_by_the_successor(harbour: Harbour) -> None:
    (harbour.state / FOLDER / "dead").mkdir(parents=True)
    kept = [accepted.Kept(number=number, rank=BAD, alert=alert(f"g{number}")) for number in (1, 2)]
    lines = [*kept, accepted.StruckOut(told=(1,))]
    (harbour.state / FOLDER / "dead" / NAME).write_text(
        "".join(f"{line.model_dump_json()}\n" for line in lines)
    )

    async with harbour.at_work():
        pass

    assert [each.group for each in harbour.temporal.told] == ["g2"]


async def test_a_line_that_cannot_be_read_is_put_aside_and_the_others_are_told(
    harbour: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    folder = harbour.state / FOLDER / "dead"
    folder.mkdir(parents=True)
    whole = accepted.Kept(number=1, rank=BAD, alert=alert()).model_dump_json()
    (folder / NAME).write_text(f'{{"number": "secret"}}\n{whole}\n')

    async with harbour.at_work():
        pass

    assert len(harbour.temporal.told) == 1
    assert (harbour.state / FOLDER / "damaged" / "dead.jsonl").exists()
    assert "line 1" in caplog.text
    assert "secret" not in caplog.text


async def test_while_temporal_is_away_repeats_are_taken_for_a_window_and_then_turned_away(
    harbour: Harbour,
) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        harbour.temporal.is_away = True
        assert await say(receiver, 2) == ["counted"] * 2

        await harbour.pass_by(receiver)
        with pytest.raises(TemporalUnavailable):
            await say(receiver, 1)
        assert harbour.metric("spooled") == 2, "what was turned away comes again"

        harbour.temporal.is_away = False
        await harbour.pass_by(receiver, AGAIN_AFTER[0])
        assert harbour.temporal.told[-1].counts == {"north": 2}
        assert harbour.metric("spooled") == 0
        assert await say(receiver, 2) == ["opened or joined", "counted"]


async def test_while_temporal_is_away_it_is_asked_for_a_few_of_many_and_nothing_more_is_taken_for_the_others(
    harbour: Harbour,
) -> None:
    keys = [f"lamp-{number}" for number in range(3 * TOLD_AT_ONCE)]
    async with harbour.at_work() as receiver:
        for key in keys * 2:
            await receiver(alert(key), BAD)
        harbour.temporal.is_away, harbour.temporal.asked = True, 0
        await harbour.pass_by(receiver)
        assert harbour.temporal.asked == TOLD_AT_ONCE

        with pytest.raises(TemporalUnavailable):
            await receiver(alert(keys[-1]), BAD)

        harbour.temporal.is_away = False
        await harbour.pass_by(receiver, AGAIN_AFTER[0])
        assert harbour.temporal.said == 2 * len(keys)
        assert (await receiver(alert(keys[0]), BAD)).outcome == "counted"


async def test_a_repeat_that_gets_through_takes_along_what_temporal_did_not_take_before(
    harbour: Harbour,
) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await say(receiver, 2)
        harbour.temporal.is_away = True
        await harbour.pass_by(receiver)
        harbour.temporal.is_away = False

        assert await say(receiver, 1) == ["opened or joined"]

    assert [each.counts for each in harbour.temporal.told] == [{}, {"north": 3}]


async def test_one_incident_that_temporal_never_takes_does_not_hold_up_the_others(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def tell(said: Alert, rank: int) -> Started:
        if said.key == "poison" and said.counts:
            raise ValueError("a defect")
        return await harbour.temporal(said, rank)

    receiver = harbour.receiver()
    monkeypatch.setattr(receiver, "_tell", tell)
    async with receiver.at_work():
        for key in ("poison", *map(str, range(40))):
            await receiver(alert(key), BAD)
            await receiver(alert(key, counts={"north": 2}), BAD)
        await harbour.pass_by(receiver)

        assert harbour.metric("spooled") == 2
        assert len(harbour.temporal.told) == 1 + 2 * 40
        assert "a defect" in caplog.text

    harbour.temporal.told.clear()
    async with harbour.at_work():
        pass
    assert [each.key for each in harbour.temporal.told] == ["poison"], "it waits for one without that defect"


async def test_incidents_that_meet_a_defect_are_not_taken_for_a_temporal_that_is_away(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(said: Alert, rank: int) -> Started:
        if said.key.startswith("poison") and said.repeats:
            raise ValueError("a defect")
        return await harbour.temporal(said, rank)

    receiver = harbour.receiver()
    monkeypatch.setattr(receiver, "_tell", tell)
    async with receiver.at_work():
        for key in (*(f"poison-{number}" for number in range(TOLD_AT_ONCE)), "fog"):
            await receiver(alert(key), BAD)
            await receiver(alert(key), BAD)
        await harbour.pass_by(receiver)

        assert harbour.temporal.told[-1].key == "fog", "what waits behind them is told"
        await harbour.pass_by(receiver, AGAIN_AFTER[0])
        assert await say(receiver, 1) == ["counted"]
        harbour.clock.now += WINDOW
        assert await say(receiver, 1) == ["counted"], "as long as Temporal takes what it is told"


async def test_whoever_has_no_more_time_does_not_take_along_what_was_accepted(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await say(receiver, 2)
        harbour.temporal.answers.clear()
        impatient = asyncio.create_task(say(receiver, 1, alerts=CLEAR))
        while harbour.temporal.asked < 2:
            await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        harbour.temporal.answers.set()

    assert harbour.temporal.told[-1].counts == {"north": 2}


async def test_a_receiver_that_is_told_to_stop_tells_what_waits(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await say(receiver, 7)

    assert harbour.temporal.said == 8
    assert list((harbour.state / FOLDER).iterdir()) == []


async def test_a_receiver_that_stops_while_temporal_is_away_leaves_it_to_the_next(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        await say(receiver, 7)
        harbour.temporal.is_away = True
    harbour.temporal.is_away = False

    async with harbour.at_work():
        pass

    assert harbour.temporal.said == 8
    assert list((harbour.state / FOLDER).iterdir()) == []


async def test_before_it_is_at_work_everything_goes_straight(harbour: Harbour) -> None:
    assert await say(harbour.receiver(), 3) == ["opened or joined"] * 3


# A disk that refuses


async def test_where_nothing_can_be_kept_each_repeat_is_told_and_none_is_lost(
    harbour: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    (harbour.state / FOLDER).write_text("in the way")
    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        assert await say(receiver, 5) == ["opened or joined"] * 5
        assert await say(receiver, 5) == ["opened or joined"] * 5

        assert harbour.temporal.said == 11
        assert harbour.metric("spool_usable") == 0
    assert "cannot be kept" in caplog.text


async def test_a_repeat_that_neither_the_disk_nor_temporal_takes_is_turned_away(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: Spool, line: bytes) -> None:
        raise SpoolUnusable("full")

    async with harbour.at_work() as receiver:
        await say(receiver, 1)
        monkeypatch.setattr(Spool, "write", refuse)
        harbour.temporal.is_away = True

        with pytest.raises(TemporalUnavailable):
            await say(receiver, 1)
        harbour.temporal.is_away = False


# Bounded


async def test_when_there_is_no_room_for_more_all_windows_end_early(harbour: Harbour) -> None:
    windows = Windows(room=3)
    async with harbour.at_work(windows) as receiver:
        for key in ("a", "b", "c"):
            await receiver(alert(key), BAD)
        await receiver(alert("a"), BAD)
        assert (await receiver(alert("d"), BAD)).outcome == "opened or joined"
        assert (await receiver(alert("d"), BAD)).outcome == "opened or joined", "nobody remembers it"

        await harbour.pass_by(receiver, 0)

        assert harbour.metric("spooled") == 0
        assert len(windows) == 1
        assert (await receiver(alert("d"), BAD)).outcome == "opened or joined"
        assert (await receiver(alert("d"), BAD)).outcome == "counted"


async def test_a_signal_stays_small_enough_for_temporal(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        for _ in range(2):
            for number in range(BATCH_ROOM + 1):
                await receiver(alert(alerts={f"n{number}": True}), BAD)

    assert max(len(each.alerts) for each in harbour.temporal.told) == BATCH_ROOM
    assert harbour.temporal.said == 2 * (BATCH_ROOM + 1)


async def test_the_file_stays_small_where_something_waits_all_the_time(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell(said: Alert, rank: int) -> Started:
        if said.key == "patient" and said.counts:
            raise TemporalUnavailable("not this one")
        return await harbour.temporal(said, rank)

    receiver = harbour.receiver()
    monkeypatch.setattr(receiver, "_tell", tell)
    monkeypatch.setattr(receiver._accepted, "_limit", 2_000)
    async with receiver.at_work():
        for times in range(1, 3):
            await receiver(alert("patient", counts={"north": times} if times > 1 else {}), BAD)
        for _ in range(20):
            await say(receiver, 2)
            await harbour.pass_by(receiver)

        assert sum(map(len, harbour.lines())) < 6_000
        assert any(b"patient" in line for line in harbour.lines())


# Two receivers, and clocks


async def test_two_receivers_have_a_window_each_and_their_counts_add_up(harbour: Harbour) -> None:
    async with harbour.at_work() as one, harbour.at_work() as other:
        for receiver in (one, other):
            await say(receiver, 5)
            await harbour.pass_by(receiver)

    assert len(harbour.temporal.told) == 4
    assert harbour.temporal.said == 10
    assert {each.key for each in harbour.temporal.told} == {"fog"}


async def test_a_wall_clock_that_jumps_neither_stretches_a_window_nor_ends_it(harbour: Harbour) -> None:
    async with harbour.at_work() as receiver:
        await say(receiver, 1, received=NOON)
        for hours in (-24, 24, 0):
            assert await say(receiver, 1, received=NOON + timedelta(hours=hours)) == ["counted"]
        await harbour.pass_by(receiver)

    assert harbour.temporal.told[-1].received == NOON + timedelta(hours=24)
    assert harbour.temporal.said == 4


def test_no_source_lets_repeats_wait_for_longer_than_a_minute() -> None:
    with pytest.raises(ValidationError, match="write PT1M or less"):
        Source(source="harbour", format="alertmanager", coalesce=timedelta(minutes=2))
