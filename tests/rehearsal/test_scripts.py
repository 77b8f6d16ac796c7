"""A scenario that contradicts itself, its plan or its directory is refused, with the place, before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.rehearsal.conftest import PLANS, SCENARIOS
from tocsin import yamlfile
from tocsin.library import PlanLibrary
from tocsin.rehearsal.script import prepare, read
from tocsin.yamlfile import YamlError

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)

SCENARIO = """\
scenario: leak
title: A leak
plan: allcode
begins: friday 22:40
ends: P3D
alert:
  labels: {severity: critical, customer: acme}
people:
  kim: {answers: phone}
vendors:
  email: {is: down, until: PT1H}
steps:
  - {at: PT5M, who: kim, says: classify high}
  - {at: PT9M, who: dana, answers: sms}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> PlanLibrary:
    return PlanLibrary(PLANS, tmp_path_factory.mktemp("state"))


def mistakes(library: PlanLibrary, text: str) -> Iterator[str]:
    with pytest.raises(YamlError) as caught:
        prepare(yamlfile.read_text(text, "leak.yaml"), library, NOW)
    return map(str, caught.value.problems)


def test_a_scenario_that_makes_sense_begins_when_it_says(library: PlanLibrary):
    script = prepare(yamlfile.read_text(SCENARIO, "leak.yaml"), library, NOW)

    assert f"{script.begins:%a %H:%M %Z}" == "Fri 22:40 PST"
    assert f"{script.ends:%a %H:%M}" == "Mon 22:40"


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_scenarios_make_sense(path: Path, library: PlanLibrary):
    assert read(path, library, NOW).scenario.plan == path.stem.partition("-")[0]


@pytest.mark.parametrize(
    ("written", "instead", "mistake"),
    [
        (
            "plan: allcode",
            "plan: allcod",
            'leak.yaml:3:7: plan: there is no plan "allcod"; there are allcode',
        ),
        ("friday 22:40", "some day", 'leak.yaml:4:9: begins: "some day" is not a beginning'),
        (", customer: acme", "", "leak.yaml:7:11: alert.labels: the labels match no plan"),
        (
            "customer: acme}",
            "customer: acme, tocsin_plan: miniorange}",
            'leak.yaml:7:11: alert.labels: these labels open an incident under the plan "miniorange", not "allcode"',
        ),
        ("  kim: {answers", "  kima: {answers", 'people.kima: there is no person "kima"; there is kim'),
        (
            "  kim: {answers: phone}",
            "  acme-notices: {answers: phone}",
            "leak.yaml:9:27: people.acme-notices.answers: acme-notices has no phone number for phone",
        ),
        (
            "{answers: phone}",
            "{answers: phone, after: PT9M}",
            "people.kim.after: this is how long a text message waits for its answer",
        ),
        (
            "{is: down, until: PT1H}",
            "{is: down, from: PT2H, until: PT1H}",
            "vendors.email.until: is not after",
        ),
        ("{is: down, until: PT1H}", "asleep", "vendors.email"),
        ("at: PT5M", "at: P4D", "leak.yaml:13:10: steps[0].at: comes after the end of the rehearsal"),
        ("at: PT9M", "at: PT1M", "leak.yaml:14:10: steps[1].at: comes before the step above it"),
        ("who: kim, says", "who: bob, says", 'leak.yaml:13:21: steps[0].who: there is no person "bob"'),
        ("who: kim, says", "says", "leak.yaml:13:5: steps[0]: say who"),
        ("says: classify high", "shouts: fire", "steps[0]: unknown key `shouts`"),
        ("says: classify high", "answers: sms, says: note x", "steps[0]: a step is exactly one of says"),
        ("says: classify high", "says: clasify high", "steps[0].says: No such command 'clasify'"),
        ("says: classify high", "says: classify grave", 'steps[0].says: there is no severity "grave"'),
        (
            "says: classify high",
            "says: step contian",
            'steps[0].says: there is no step "contian"; there is contain',
        ),
        ("says: classify high", "says: assign oncall bob", 'steps[0].says: there is no person "bob"'),
        ("says: classify high", "says: estimate soon", 'steps[0].says: there is no estimate "soon"'),
        ("says: classify high", "says: show", "steps[0].says: this looks something up"),
        ("says: classify high", "says: declare", "steps[0].says: `declare` tells an incident nothing"),
        (
            "answers: sms}",
            "answers: sms, expect: refused}",
            "steps[1].expect: only what somebody says or decides",
        ),
        (
            "says: classify high",
            "decides: approve, about: final-reports",
            'steps[0].about: there is no promise "final-reports"; there is final-report',
        ),
        ("says: classify high", "rewords: Sorry", 'steps[0].about: there is no promise ""'),
        (
            "says: classify high",
            "decides: decline, about: final-report",
            "steps[0].decides: whoever declines says why",
        ),
        (
            "says: classify high",
            "decides: approve, about: final-report, with_code_of: bob",
            'steps[0].with_code_of: there is no person "bob"',
        ),
        ("says: classify high", "says: note x, about: final-report", "steps[0].about: only who decides"),
        (
            "says: classify high",
            "says: note x, reason: boredom",
            "steps[0]: `reason` and `with_code_of` belong",
        ),
    ],
)
def test_a_mistake_is_refused_where_it_stands(library: PlanLibrary, written, instead, mistake):
    assert written in SCENARIO
    found = list(mistakes(library, SCENARIO.replace(written, instead)))
    assert any(mistake in each for each in found), found


def test_all_mistakes_are_told_at_once(library: PlanLibrary):
    text = SCENARIO.replace("who: kim", "who: bob").replace("who: dana", "who: eve")
    assert len(list(mistakes(library, text))) == 2


def test_a_name_that_is_expected_to_be_refused_may_be_unknown(library: PlanLibrary):
    text = SCENARIO.replace("says: classify high", "says: classify grave, expect: refused")
    prepare(yamlfile.read_text(text, "leak.yaml"), library, NOW)
