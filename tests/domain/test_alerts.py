"""What monitors say while an incident is open: repeats, flapping, worse news, and silence."""

from datetime import timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World
from tocsin.domain import commands as say
from tocsin.domain.alarms import alarms
from tocsin.domain.alerts import MOST_FOLLOWED, OTHERS, in_short
from tocsin.domain.handling import AlertHandling
from tocsin.domain.words import Anchor, Status

PROPOSE = AlertHandling(when_resolved="propose", calm=timedelta(minutes=5))
RESOLVE = AlertHandling(when_resolved="resolve", calm=timedelta(minutes=5))
QUIET_PLAN = harbour.plan_without("interim-report", "owners", "secured", "coastguard", "rounds")


@pytest.fixture
def world() -> World:
    world = World(plan=QUIET_PLAN)
    world.alert()
    return world


def falls_silent(world: World, handling: AlertHandling) -> None:
    """The rules are those of the alert that fires: a monitor's *all is well* may have no labels at all."""
    hears(world, True, handling=handling)
    hears(world, False)


def hears(world: World, fires: bool, **more) -> None:
    world.happens(world.alerted(alerts={"wind": fires}, **more))


def test_repeats_are_counted_however_many_were_put_together(world):
    hears(world, True)
    hears(world, True, counts={"wind": 9_998})
    assert world.state.alerts["wind"].count == 10_000
    assert world.log("alert") == ["The wind rises: alert wind fires"], "a repeat is no news"


def test_what_flaps_is_said_once_and_again_once_it_has_calmed_down(world):
    for _ in range(20):
        world.passes(seconds=30)
        hears(world, False)
        world.passes(seconds=30)
        hears(world, True)
    assert world.log("alert")[-1] == "The wind rises: alert wind flaps: 4 changes within 10 minutes"
    assert len(world.log("alert")) == 4
    assert len(world.state.alerts["wind"].changes) <= 5, "the state stays small"

    world.passes(hours=1)
    hears(world, False)
    assert world.log("alert")[-1] == "The wind rises: alert wind is resolved, says the monitor"


def test_the_monitors_word_alone_resolves_nothing_unless_the_plan_says_so(world):
    hears(world, False)
    world.passes(hours=5)
    assert world.state.status is Status.OPEN
    assert "silence" not in alarms(world.case, world.now)


def test_a_plan_may_have_the_resolution_proposed_to_whoever_is_on_it(world):
    world.acknowledges(by="ana")
    falls_silent(world, PROPOSE)
    world.passes(minutes=4)
    assert world.sent("reminder") == []
    world.passes(minutes=1)

    [asked] = world.sent("reminder")
    assert (asked.to, asked.dispatch.subject) == ("ana", "Is it resolved? Every alert is silent")
    assert world.log("alert")[-1] == "every alert has been silent for 5 minutes; is it resolved?"
    world.passes(hours=2)
    assert len(world.sent("reminder")) == 1, "it is asked once"
    assert world.state.status is Status.OPEN


def test_a_plan_may_have_silence_resolve_it_as_of_when_it_fell_silent(world):
    world.passes(minutes=20)
    falls_silent(world, RESOLVE)
    fell_silent = world.now
    world.passes(minutes=5)

    assert world.state.status is Status.RESOLVED
    assert world.state.anchors[Anchor.RESOLVED].at == fell_silent
    assert world.log("resolved") == ["every alert has been silent for 5 minutes"]


def test_a_new_alert_breaks_the_silence(world):
    falls_silent(world, RESOLVE)
    world.passes(minutes=4)
    hears(world, True, handling=RESOLVE)
    world.passes(minutes=30)
    assert world.state.status is Status.OPEN
    falls_silent(world, RESOLVE)
    world.passes(minutes=5)
    assert world.state.status is Status.RESOLVED


def test_silence_means_every_alert(world):
    world.happens(world.alerted(alerts={"wind": False, "waves": True}, handling=RESOLVE))
    world.passes(hours=1)
    assert world.state.status is Status.OPEN


def test_a_repeat_may_say_that_it_is_worse_and_tightens_the_clocks():
    world = World()
    world.alert(severity="gale")
    before = world.owed("secured").due
    hears(world, True, severity="storm")
    assert world.state.severity == "storm"
    assert world.owed("secured").due < before
    assert world.log("severity") == ["severity storm (was gale), by what its alerts say"]

    hears(world, True, severity="breeze")
    assert world.state.severity == "storm", "better news is for people to believe"


def test_what_a_person_has_said_of_the_severity_stands(world):
    world.says(say.Classify, severity="breeze", reason="It is only the gauge")
    hears(world, True, severity="storm")
    assert world.state.severity == "breeze"


def test_what_a_tool_says_besides_is_put_down_and_lets_nobody_off(world):
    world.happens(world.alerted(alerts={}, remarks={"wind": "acknowledged, says the monitor"}))
    assert world.log("alert")[-1] == "The wind rises: alert wind: acknowledged, says the monitor"
    assert world.state.pages[1].is_open


def test_what_another_receiver_was_told_before_comes_late_and_changes_nothing(world):
    world.passes(minutes=1)
    said = world.now
    world.passes(seconds=1)
    hears(world, False)
    silent_since = world.state.silent_since

    world.passes(seconds=9)
    hears(world, True, counts={"wind": 3}, repeats=True, received=said)

    wind = world.state.alerts["wind"]
    assert (wind.firing, wind.count, wind.last) == (False, 5, silent_since)
    assert world.state.silent_since == silent_since
    assert world.log("alert")[-1] == "The wind rises: alert wind is resolved, says the monitor"


# ---- very many alerts ----


def many(number: int, fires: bool, start: int = 0) -> dict[str, bool]:
    return {f"pod-{start + each}": fires for each in range(number)}


def test_of_alerts_that_come_and_go_those_that_have_been_silent_the_longest_are_forgotten_but_stay_counted(
    world,
):
    for batch in range(5):
        world.happens(world.alerted(alerts=many(700, True, batch * 700)))
        world.passes(seconds=1)
        world.happens(world.alerted(alerts=many(700, False, batch * 700)))
        world.passes(seconds=1)

    followed = world.state.alerts
    assert len(followed) == MOST_FOLLOWED + 1, "and the others, together"
    assert {"wind", "pod-3499"} < followed.keys()
    assert "pod-0" not in followed
    assert sum(state.count for state in followed.values()) == 1 + 5 * 2 * 700
    assert not followed[OTHERS].firing


def test_more_than_can_be_followed_are_said_once_and_their_silence_is_never_claimed(world):
    world.happens(world.alerted(alerts=many(2 * MOST_FOLLOWED, True), handling=RESOLVE))
    world.happens(world.alerted(alerts=many(2 * MOST_FOLLOWED, True), handling=RESOLVE))
    assert sum("no longer followed one by one" in line for line in world.log("alert")) == 1

    world.happens(world.alerted(alerts={"wind": False} | many(2 * MOST_FOLLOWED, False)))
    world.passes(hours=5)

    assert world.state.status is Status.OPEN, "nobody knows that all of them are silent"
    assert world.state.alerts[OTHERS].firing


def test_what_an_incident_keeps_of_a_hundred_thousand_alerts_fits_into_one_payload(world):
    for batch in range(10):
        world.happens(world.alerted(alerts=many(10_000, True, batch * 10_000)))
    assert len(world.state.model_dump_json()) < 1_000_000


def test_of_very_many_alerts_in_one_word_those_that_fire_are_named_and_all_are_counted(world):
    said = world.alerted(
        alerts=many(MOST_FOLLOWED, False) | many(10, True, MOST_FOLLOWED), counts={"pod-1": 7, "pod-990": 3}
    )
    short = in_short(said)
    assert len(short.alerts) == MOST_FOLLOWED + 1
    assert sum(short.alerts.values()) == 10, "the others are silent"
    assert short.counts == {"pod-1": 7, OTHERS: 9 + 3}

    world.happens(short)
    assert sum(state.count for state in world.state.alerts.values()) == 1 + MOST_FOLLOWED + 10 + 6 + 2
