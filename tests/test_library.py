import hashlib
import json
import logging
import shutil
from pathlib import Path

import pytest

from tocsin.domain.plan import IntakeRule
from tocsin.domain.state import PlanPin
from tocsin.library import PlanLibrary, check
from tocsin.sources import ALERTMANAGER
from tocsin.yamlfile import YamlError

SHIPPED = Path(__file__).parents[1] / "plans"


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "plans"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


# ---- matching ----


def test_the_first_rule_whose_patterns_match_chooses_the_plan(plans, state):
    library = PlanLibrary(plans, state)
    loaded, rule = library.match(ALERTMANAGER, {"customer": "acme", "severity": "critical"})
    assert loaded.plan.plan == "allcode"
    assert rule.severity_of({"severity": "critical"}) == "high"


def test_a_vendor_that_is_down_is_a_level_2_incident_whatever_the_monitor_says(plans, state):
    loaded, rule = PlanLibrary(plans, state).match(ALERTMANAGER, {"vendor": "aws", "severity": "critical"})
    assert (loaded.plan.plan, rule.severity_of({"severity": "critical"})) == ("miniorange", "level2")


def test_an_alert_may_name_its_plan_outright_and_is_then_read_by_that_plans_rules(plans, state):
    labels = {"tocsin_plan": "miniorange", "customer": "acme", "site": "pune"}
    loaded, rule = PlanLibrary(plans, state).match(ALERTMANAGER, labels)
    assert loaded.plan.plan == "miniorange"
    assert rule.when == {"site": ("*",)}


def test_an_alert_that_names_its_plan_and_matches_none_of_its_rules_is_no_outage_that_one_of_them_tells_of(
    plans, state
):
    labels = {"tocsin_plan": "miniorange", "alertname": "DoorOpen"}
    loaded, rule = PlanLibrary(plans, state).match(ALERTMANAGER, labels)
    assert (loaded.plan.plan, rule.otherwise, rule.criteria) == ("miniorange", "level3", ())


def test_what_no_rule_of_its_plan_matches_is_the_mildest_and_nothing_is_read_from_it(plans, state):
    edit(plans / "allcode" / "plan.yaml", "when: {tocsin_plan: allcode}", 'when: {team: "*"}')
    labels = {"tocsin_plan": "allcode", "severity": "critical", "service": "gate"}
    loaded, rule = PlanLibrary(plans, state).match(ALERTMANAGER, labels)
    assert rule == IntakeRule(source="alertmanager", otherwise="low")
    assert rule not in loaded.plan.intake


def test_a_rule_can_be_for_whatever_names_its_plan_and_for_nothing_else(plans, state):
    library = PlanLibrary(plans, state)
    _, rule = library.match(ALERTMANAGER, {"tocsin_plan": "allcode", "severity": "critical"})
    assert rule.when == {"tocsin_plan": ("allcode",)}
    assert rule.severity_of({"severity": "critical"}) == "high"
    assert library.match(ALERTMANAGER, {"severity": "critical"}) is None


def test_a_plan_without_rules_that_was_named_outright_reads_alerts_as_the_mildest(plans, state):
    file = plans / "allcode" / "plan.yaml"
    file.write_text(file.read_text().partition("intake:")[0])
    _, rule = PlanLibrary(plans, state).match(ALERTMANAGER, {"tocsin_plan": "allcode"})
    assert rule.otherwise == "low"


@pytest.mark.parametrize("labels", [{}, {"job": "node"}, {"tocsin_plan": "allcoed", "customer": "acme"}])
def test_an_alert_that_no_plan_wants_matches_none(plans, state, labels):
    assert PlanLibrary(plans, state).match(ALERTMANAGER, labels) is None


# ---- versions ----


def test_a_plan_keeps_its_hash_when_only_its_comments_change(plans, state):
    before = PlanLibrary(plans, state).plans["allcode"].hash
    edit(plans / "allcode" / "plan.yaml", "# Rank 1 is the worst.", "# One is the worst of all.")
    assert PlanLibrary(plans, state).plans["allcode"].hash == before


def test_a_plan_gets_another_hash_when_a_promise_or_one_of_its_templates_changes(plans, state):
    first = PlanLibrary(plans, state).plans["allcode"].hash
    edit(plans / "allcode" / "plan.yaml", "within: PT24H\n    remind", "within: PT12H\n    remind")
    second = PlanLibrary(plans, state).plans["allcode"].hash
    (plans / "allcode" / "templates").mkdir(exist_ok=True)
    (plans / "allcode" / "templates" / "page.sms.j2").write_text("{{ code }}")
    third = PlanLibrary(plans, state).plans["allcode"].hash
    assert len({first, second, third}) == 3


def test_an_incident_keeps_the_version_that_it_began_with(plans, state):
    pin = PlanLibrary(plans, state).plans["allcode"].pin
    edit(plans / "allcode" / "plan.yaml", "title: On-call technician summoned", "title: Somebody summoned")
    plan, hash = PlanLibrary(plans, state).find(pin)
    assert hash == pin.hash
    assert plan.obligation("summon-oncall").title == "On-call technician summoned"


def test_a_version_that_is_lost_is_replaced_by_todays_and_the_answer_says_so(plans, state, caplog):
    library = PlanLibrary(plans, state)
    plan, hash = library.find(PlanPin(name="allcode", hash="0" * 64))
    assert (plan, hash) == (library.plans["allcode"].plan, library.plans["allcode"].hash)
    assert "version 0000" in caplog.text


def test_a_kept_version_that_somebody_edited_is_not_trusted(plans, state, caplog):
    pin = PlanLibrary(plans, state).plans["allcode"].pin
    kept = state / "plans" / f"{pin.hash}.json"
    kept.write_text(kept.read_text().replace('"PT1H"', '"PT9H"'))
    edit(plans / "allcode" / "plan.yaml", "title: On-call technician summoned", "title: Somebody summoned")
    _, hash = PlanLibrary(plans, state).find(pin)
    assert hash != pin.hash
    assert "was changed" in caplog.text


def test_a_version_comes_back_byte_by_byte(plans, state):
    library = PlanLibrary(plans, state)
    pin = library.plans["allcode"].pin
    assert hashlib.sha256(library.content(pin.hash)).hexdigest() == pin.hash
    (state / "plans" / f"{pin.hash}.json").unlink()
    assert library.content(pin.hash) is None


def test_a_hash_is_never_taken_for_a_path(plans, state):
    library = PlanLibrary(plans, state)
    (state / "elsewhere.json").write_text("{}")
    _, hash = library.find(PlanPin(name="allcode", hash="../elsewhere"))
    assert hash == library.plans["allcode"].hash


def test_an_unknown_plan_is_named_with_those_that_there_are(plans, state):
    with pytest.raises(LookupError, match=r'no plan "acme" in .*plans; there are allcode, .*miniorange'):
        PlanLibrary(plans, state).find(PlanPin(name="acme", hash="0" * 64))


def test_the_store_holds_what_its_file_names_promise(plans, state):
    library = PlanLibrary(plans, state)
    kept = json.loads((state / "plans" / f"{library.plans['allcode'].hash}.json").read_text())
    assert kept["plan"]["plan"] == "allcode"
    assert [file.suffix for file in (state / "plans").iterdir()] == [".json"] * len(library.plans)


def test_a_disk_that_keeps_nothing_stops_no_plan_from_loading(plans, tmp_path, caplog):
    (tmp_path / "state").write_text("a file where a folder belongs")
    library = PlanLibrary(plans, tmp_path / "state")
    assert library.find(library.plans["allcode"].pin)[0] is library.plans["allcode"].plan
    assert "is not kept" in caplog.text


# ---- directories ----


def test_an_edited_directory_counts_from_the_next_look(plans, state):
    library = PlanLibrary(plans, state)
    assert library.directory("allcode").people["dana"].name == "Dana Reyes"
    edit(plans / "allcode" / "directory.yaml", "Dana Reyes", "Dana Reyes-Holm")
    assert library.directory("allcode").people["dana"].name == "Dana Reyes-Holm"


def test_an_edit_that_makes_no_sense_leaves_the_last_good_directory_and_logs_where(plans, state, caplog):
    library = PlanLibrary(plans, state)
    file = plans / "allcode" / "directory.yaml"
    edit(file, '"+12025550101"', '"call me"')
    with caplog.at_level(logging.ERROR):
        assert library.directory("allcode").people["dana"].phone == "+12025550101"
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "call me" in text)
    assert f"directory.yaml:{line}:" in caplog.text
    assert "call me" not in caplog.text  # it may be a number, and numbers do not belong in logs


def test_a_broken_edit_is_logged_once_and_taken_over_when_mended(plans, state, caplog):
    library = PlanLibrary(plans, state)
    file = plans / "allcode" / "directory.yaml"
    edit(file, "oncall: [dana, sam]", "oncall: [dana, sma]")
    library.directory("allcode")
    library.directory("allcode")
    assert caplog.text.count("not taken over") == 1
    edit(file, "oncall: [dana, sma]", "oncall: [sam, dana]")
    assert library.directory("allcode").roles["oncall"] == ("sam", "dana")


def test_an_edit_after_which_nobody_could_be_paged_is_not_taken_over(plans, state):
    library = PlanLibrary(plans, state)
    edit(plans / "allcode" / "directory.yaml", "oncall: [dana, sam]", "oncall: []")
    assert library.directory("allcode").roles["oncall"] == ("dana", "sam")


def test_a_directory_that_vanishes_while_it_is_saved_is_still_known(plans, state):
    library = PlanLibrary(plans, state)
    (plans / "allcode" / "directory.yaml").unlink()
    assert "dana" in library.directory("allcode").people


def test_a_directory_of_no_plan_is_a_lookup_error(plans, state):
    with pytest.raises(LookupError):
        PlanLibrary(plans, state).directory("acme")


# ---- calendars ----


def test_the_calendar_of_an_incident_reaches_from_the_year_before_to_the_year_after(plans, state):
    library = PlanLibrary(plans, state)
    calendar = library.calendar(library.plans["allcode"].plan, 2026)
    assert (calendar.pinned_from.year, calendar.pinned_until.year) == (2025, 2027)


# ---- what is refused ----


def test_problems_in_several_plans_are_reported_together(plans, state):
    edit(plans / "allcode" / "plan.yaml", "holidays: US-CA", "holidays: US-XX")
    edit(plans / "miniorange" / "plan.yaml", "owed_by: operations", "owed_by: operation")
    with pytest.raises(YamlError) as refused:
        PlanLibrary(plans, state)
    assert {Path(problem.file).parent.name for problem in refused.value.problems} == {"allcode", "miniorange"}


def test_two_plans_of_one_name_are_refused(plans, state):
    shutil.copytree(plans / "allcode", plans / "copy")
    with pytest.raises(YamlError, match='is called "allcode" too'):
        PlanLibrary(plans, state)


def test_a_folder_without_plans_says_what_belongs_there(tmp_path):
    with pytest.raises(YamlError, match="make a folder in it"):
        PlanLibrary(tmp_path, tmp_path / "state")


def test_a_plan_without_a_directory_is_refused(plans):
    (plans / "allcode" / "directory.yaml").unlink()
    assert [str(problem).partition("directory.yaml:")[2] for problem in check(plans / "allcode")] == [
        "1:1: can't be read: No such file or directory"
    ]


def test_problems_of_the_plan_do_not_hide_those_of_its_directory(plans):
    edit(plans / "allcode" / "plan.yaml", "rank: 2", "rank: two")
    edit(plans / "allcode" / "directory.yaml", "drill:", "dril:")
    assert {Path(problem.file).name for problem in check(plans / "allcode")} == {
        "plan.yaml",
        "directory.yaml",
    }


def test_a_template_that_is_none_is_refused_with_its_line(plans):
    folder = plans / "allcode" / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "page.sms.j2").write_text("DRILL\n{% if %}\n")
    (problem,) = check(plans / "allcode")
    assert (Path(problem.file).name, problem.line) == ("page.sms.j2", 2)
