"""Plans that could not be run are refused, with the place."""

import pytest

from tests.domain import harbour
from tocsin.domain.plan import Plan
from tocsin.domain.reachability import unreachable
from tocsin.domain.references import inconsistencies
from tocsin.yamlfile import YamlError, parse


def changed(old: str, new: str) -> str:
    assert old in harbour.PLAN
    return harbour.PLAN.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("wait: PT5M", "wait: PT0S", "obligations[0].do[0].page.levels[0].wait"),
        ("every: PT4H", "every: PT0S", "obligations[1].every"),
        (
            "{within: PT6H, every: PT6H}}\n    until: resolved",
            "{within: PT6H, every: PT6H}}",
            "obligations[2]",
        ),
        ("    within: PT1H\n", "", "obligations[0]"),
        ("{report: {report: interim, audience: crews}}", "{}", "obligations[1].do[0]"),
    ],
    ids=["a page without a pause", "a series without a pause", "a series without end", "no time", "no duty"],
)
def test_what_could_not_be_run_is_refused_with_its_place(old, new, place):
    with pytest.raises(YamlError) as refused:
        parse(changed(old, new), Plan)
    assert any(place in str(problem) for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("when_late: harbour_master", "when_late: cook", '"cook" is not among the roles'),
        ("response_plan: clear_the_port", "response_plan: flee", '"flee" is not among the response plans'),
        ("owed_by: pilot", "owed_by: cook", '"cook" is not among the roles'),
        ("done_when: acknowledged", "done_when: anchor:lunch", '"lunch" is not an anchor'),
        ('source: "fact:cause"', 'source: "fact:weather"', '"weather" is not among the facts'),
        ("source: last_update", "source: gossip", '"gossip" is nothing that a report can take'),
        ("audience: coastguard", "audience: navy", '"navy" is not among the audiences'),
        ("{step: {step: moor}}", "{step: {step: dance}}", '"dance" is no step of this plan'),
        ("id: rounds", "id: summon", '"summon" is the id of two obligations'),
        ("storm: {within: PT2H}", "hail: {within: PT2H}", '"hail" is not among the severities'),
    ],
)
def test_a_name_that_the_plan_does_not_define_is_found(old, new, problem):
    problems = list(inconsistencies(parse(changed(old, new), Plan)))
    assert problem in problems[0][1]


def test_the_harbours_plan_is_consistent_but_for_the_coastguard_whom_nobody_can_reach():
    assert list(inconsistencies(harbour.plan())) == []
    assert list(harbour.directory().inconsistencies()) == []
    [(place, problem)] = unreachable(harbour.plan(), harbour.directory())
    assert place == ("obligations", 5, "do", 0, "notify", "audience")
    assert problem == 'audience "coastguard" has no members in the directory'


def test_an_unclassified_incident_is_as_mild_as_the_plan_allows():
    assert harbour.plan().worst_of(()) == "breeze"
    assert harbour.plan().worst_of(("berth_lost", "ship_adrift")) == "storm"
