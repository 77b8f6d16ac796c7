"""How well incidents were responded to: the times, the shares, and what a missed promise breaks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.domain import harbour
from tests.domain.world import World, fails
from tocsin.domain import commands as say
from tocsin.domain.performance import Performance, measure, spread, summary
from tocsin.domain.plan import Agreement, Plan
from tocsin.domain.view import ledger
from tocsin.domain.words import Anchor, Verdict

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def measured(world: World) -> Performance:
    return measure(world.state, world.plan)


def survived(hours: float = 1, severity: str = "gale", plan: Plan | None = None, **alert: int) -> World:
    """An incident that is acknowledged after seven minutes and resolved after so many hours."""
    world = World(plan=plan or harbour.plan())
    world.alert(severity, customer="orca", **alert)
    world.passes(minutes=7)
    world.acknowledges()
    world.passes(hours=hours)
    world.says(say.Resolve, summary="calm")
    return world


# ---- one incident ----


def test_times_count_from_awareness_and_what_has_not_happened_has_none() -> None:
    world = World()
    world.vendors["email"] = world.vendors["sms"] = fails
    world.alert("gale", customer="orca")
    assert measured(world).times == {}

    world.passes(minutes=7)
    world.acknowledges()
    world.passes(minutes=23)
    world.says(say.SetAnchor, anchor=Anchor.MITIGATED, at=world.now)
    world.passes(minutes=30)
    world.says(say.Resolve, summary="calm")

    assert measured(world).times == {"acknowledge": 7 * MINUTE, "mitigate": 30 * MINUTE, "resolve": HOUR}


def test_somebody_is_told_when_the_first_notice_arrives_not_when_it_is_sent() -> None:
    world = World()
    world.alert("gale", customer="orca")

    first = min(m.delivered for m in world.state.messages.values() if m.purpose == "notice" and m.delivered)

    assert measured(world).times["notify"] == first - world.state.anchors[Anchor.AWARE].at


def test_awareness_that_was_corrected_moves_every_time() -> None:
    world = survived()
    earlier = world.state.anchors[Anchor.AWARE].at - HOUR
    world.says(say.SetAnchor, anchor=Anchor.AWARE, at=earlier, reason="the watch saw it")

    assert measured(world).times["acknowledge"] == HOUR + 7 * MINUTE


def test_promises_are_counted_by_what_became_of_them() -> None:
    world = survived(hours=5)
    world.says(say.Close, anyway=True)

    verdicts = measured(world).verdicts

    assert sum(verdicts.values()) == len(ledger(world.case))
    assert verdicts[Verdict.MET] >= 2
    assert Verdict.PENDING not in verdicts


def test_a_promise_that_waits_for_its_clock_is_not_counted_while_the_incident_is_open() -> None:
    world = World()
    world.alert("breeze")

    assert sum(measured(world).verdicts.values()) == len(world.state.obligations)


# ---- agreements ----


@pytest.fixture
def missed() -> World:
    """A storm in which the ships were never secured, under an agreement; one promise has its own."""
    agreement = Agreement(title="Berthing agreement", reference="BA-7")
    specs = tuple(
        spec.model_copy(update={"agreement": "the coastguard's charter"}) if spec.id == "coastguard" else spec
        for spec in harbour.plan().obligations
    )
    plan = harbour.plan().model_copy(update={"agreement": agreement, "obligations": specs})
    world = World(plan=plan)
    world.vendors["phone"] = fails
    world.alert("storm")
    world.says(say.Classify, severity="storm")
    world.passes(hours=20)
    world.says(say.Resolve, summary="calm")
    world.says(say.Close, anyway=True)
    return world


def test_a_missed_promise_names_its_clause_and_the_agreement_that_it_breaks(missed: World) -> None:
    broken = {each.key: (each.clause, each.agreement) for each in measured(missed).missed}

    assert broken["secured"] == ("§5", "Berthing agreement (BA-7)")
    assert broken["coastguard"] == ("§6", "the coastguard's charter")


def test_the_ledger_names_the_agreement_of_what_was_missed_and_of_nothing_else(missed: World) -> None:
    rows = {row.key: row.agreement for row in ledger(missed.case) if row.verdict is Verdict.MISSED}

    assert rows["secured"] == "Berthing agreement (BA-7)"
    assert {row.agreement for row in ledger(missed.case) if row.verdict is not Verdict.MISSED} == {""}


def test_without_an_agreement_none_is_named() -> None:
    world = survived(hours=40)
    world.says(say.Close, anyway=True)

    assert {each.agreement for each in measured(world).missed} == {""}


# ---- many ----


def test_a_spread_has_the_middle_nine_in_ten_and_the_worst() -> None:
    times = [each * MINUTE for each in (10, 1, 2, 3, 4, 5, 6, 7, 8, 9)]

    ten = spread(times)

    assert (ten.count, ten.median, ten.p90, ten.worst) == (10, 5.5 * MINUTE, 9 * MINUTE, 10 * MINUTE)
    assert ten.total == 55 * MINUTE


def test_a_spread_of_one_is_that_one() -> None:
    one = spread([MINUTE])

    assert (one.median, one.p90, one.worst) == (MINUTE, MINUTE, MINUTE)


def test_the_summary_is_by_severity_the_worst_first_with_drills_apart() -> None:
    worlds = [survived(1), survived(3), survived(1, "storm"), survived(1, drill_speed=2)]

    groups = summary(map(measured, worlds))

    assert [(each.severity, each.is_drill, each.incidents) for each in groups] == [
        ("storm", False, 1),
        ("gale", False, 2),
        ("gale", True, 1),
    ]
    assert groups[1].times["resolve"].worst == 3 * HOUR + 7 * MINUTE


def test_shares_are_of_what_was_owed_and_is_settled() -> None:
    base = measured(survived())
    judged = {
        Verdict.MET: 3,
        Verdict.LATE: 1,
        Verdict.WAIVED: 7,
        Verdict.NOT_APPLICABLE: 9,
        Verdict.PENDING: 2,
    }

    [group] = summary([base.model_copy(update={"verdicts": judged})])

    assert (group.met, group.late, group.missed) == (0.75, 0.25, 0.0)


def test_where_nothing_is_settled_there_is_no_share() -> None:
    [group] = summary([measured(survived()).model_copy(update={"verdicts": {Verdict.PENDING: 2}})])

    assert (group.met, group.late, group.missed) == (None, None, None)
