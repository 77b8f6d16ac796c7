"""The plans that come with Tocsin, and what happens to somebody who breaks one."""

import shutil
from pathlib import Path

import pytest

from tocsin.domain.durations import describe
from tocsin.domain.state import Target
from tocsin.domain.words import Phase
from tocsin.library import PLAN_LABEL, PlanLibrary, check
from tocsin.sources import Origin

SHIPPED = Path(__file__).parents[1] / "plans"
POLICIES = Path(__file__).parents[2] / "shared" / "policies"


@pytest.fixture(scope="module")
def library(tmp_path_factory) -> PlanLibrary:
    return PlanLibrary(SHIPPED, tmp_path_factory.mktemp("state"))


@pytest.fixture
def allcode(library):
    return library.plans["allcode"].plan


@pytest.fixture
def miniorange(library):
    return library.plans["miniorange"].plan


def folders() -> list[Path]:
    return sorted(file.parent for file in SHIPPED.glob("*/plan.yaml"))


def terms(plan, obligation: str) -> dict[str, str]:
    """How long each severity has, in words."""
    spec = plan.obligation(obligation)
    allowed = {name: spec.terms_for(name).within for name in plan.severities}
    return {name: describe(within) for name, within in allowed.items() if within}


# ---- every plan ----


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_a_shipped_plan_is_in_order(folder):
    assert check(folder) == []


@pytest.mark.parametrize(
    ("plan", "severity"),
    [("allcode", "high"), ("alphaserve", "serious"), ("infinityworks", "critical"), ("miniorange", "level3")],
)
def test_what_is_critical_to_pagerdutys_clients_is_as_bad_here(library, plan, severity):
    zabbix = Origin(source="zabbix", format="pagerduty")

    loaded, rule = library.match(zabbix, {PLAN_LABEL: plan})

    assert rule in loaded.plan.intake, "it is not the one that stands in where no rule is for the source"
    assert rule.severity_of({"severity": "critical"}) == severity


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_a_shipped_directory_has_reserved_addresses_and_numbers_only(folder, library):
    directory = library.directory(folder.name)
    groups = [directory.people, *directory.audiences.values()]
    groups += [
        members for customer in directory.customers.values() for members in customer.audiences.values()
    ]
    contacts = [*(contact for group in groups for contact in group.values()), directory.drill]
    for contact in contacts:
        assert contact.email.endswith(("example.com", "example.org", "example.net"))
        assert contact.phone is None or contact.phone.startswith("+120255501")


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_a_shipped_plan_copies_no_sentence_of_its_policy(folder):
    source = POLICIES / f"source-{folder.name}.txt"
    if not source.exists():
        pytest.skip("the policy's own text is not in this checkout")
    policy = " ".join(source.read_text().lower().split())
    words = " ".join((folder / "plan.yaml").read_text().lower().replace("#", " ").split()).split()
    copied = [" ".join(words[i : i + 12]) for i in range(len(words)) if " ".join(words[i : i + 12]) in policy]
    assert copied == []


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_whatever_a_report_lacks_is_owed_by_a_role_that_somebody_holds(folder, library):
    loaded = library.plans[folder.name]
    owing = {fact.owed_by for fact in loaded.plan.facts.values()} | {next(iter(loaded.plan.roles))}
    assert owing <= {role for role, holders in loaded.directory.roles.items() if holders}


# ---- AllCode ----


def test_allcode_summons_a_technician_within_an_hour_and_climbs_to_the_top(allcode):
    spec = allcode.obligation("summon-oncall")
    assert terms(allcode, "summon-oncall")["high"] == "1 hour"
    levels = spec.do[0].page.levels
    assert [level.role for level in levels] == ["oncall", "incident_manager", "top_management"]
    assert (
        sum((level.wait * len(level.via) for level in levels), start=levels[0].wait * 0)
        <= spec.within.elapsed
    )


def test_allcode_tells_the_customers_soc_at_once_over_the_customers_channel(allcode, library):
    (duty,) = allcode.obligation("customer-soc").do
    assert duty.notify.via == ("email", "phone")
    for customer in library.directory("allcode").customers:
        assert library.directory("allcode").members(Target(audience="customer_soc", customer=customer))


def test_allcode_writes_to_the_customer_within_a_day_by_email_and_by_letter(allcode):
    assert terms(allcode, "customer-written-notice")["low"] == "24 hours"
    assert [duty.kind for duty in allcode.obligation("customer-written-notice").do] == ["notify", "task"]


def test_allcode_names_the_bridge_in_its_notices(allcode):
    assert "bridge" in [field.source for field in allcode.reports["security_notice"].fields]


def test_allcode_reports_within_four_hours_and_then_as_often_as_the_severity_demands(allcode):
    spec = allcode.obligation("interim-report")
    assert set(terms(allcode, "interim-report").values()) == {"4 hours"}
    every = {name: describe(spec.terms_for(name).every) for name in allcode.severities}
    assert every == {"high": "4 hours", "medium": "8 hours", "low": "24 hours"}
    assert spec.until == ("resolved",)


def test_the_interim_report_has_nine_fields_in_the_policys_order(allcode):
    assert [field.source for field in allcode.reports["interim"].fields] == [
        "anchor:occurred",
        "fact:description",
        "role:coordinator",
        "fact:customer_coordinator",
        "fact:company_impact",
        "actions_done",
        "actions_open",
        "last_update",
        "fact:expected_restoration",
    ]


def test_the_final_report_has_sixteen_fields_in_the_policys_order(allcode):
    assert [field.source for field in allcode.reports["final"].fields] == [
        "company",
        "contact:coordinator",
        "fact:customer_coordinator",
        "anchor:occurred",
        "length_of_outage",
        "fact:executive_overview",
        "people_involved",
        "fact:third_parties",  # with the line above it one field of the policy
        "detection",
        "customer_informed",
        "fact:resources_affected",
        "fact:customer_impact",
        "fact:containment",
        "fact:root_cause",
        "fact:corrective_action",
        "fact:permanent_action",
        "fact:conclusion",
    ]


def test_the_final_report_is_due_three_business_days_after_the_end_or_after_giving_up(allcode):
    for obligation, anchor in (("final-report", "resolved"), ("final-report-unresolved", "unresolvable")):
        assert allcode.obligation(obligation).from_ == (anchor,)
        assert set(terms(allcode, obligation).values()) == {"3 business days"}


def test_the_post_mortem_is_called_within_seven_business_days_with_the_customer(allcode):
    assert set(terms(allcode, "post-mortem").values()) == {"7 business days"}
    assert "customer_coordinator" in allcode.obligation("post-mortem").do[0].meeting.audiences


def test_the_response_times_of_allcode_run_from_what_the_severity_says(allcode):
    spec = allcode.obligation("first-response")
    assert terms(allcode, "first-response") == {
        "high": "24 hours",
        "medium": "48 hours",
        "low": "7 calendar days",
    }
    assert spec.terms_for("high").from_ == ("vendor_patch", "reported", "detected")
    assert "reported" not in spec.terms_for("medium").from_
    assert spec.do[0].step.step == "contain"


def test_one_bad_characteristic_makes_an_allcode_incident_high(allcode):
    assert allcode.worst_of(("few_systems", "personal_data", "partial_outage")) == "high"
    assert allcode.worst_of(("partial_outage",)) == "medium"
    assert allcode.worst_of(()) == "low"


def test_the_customer_is_offered_a_security_assessment(allcode):
    assert "assessment" in [step.id for step in allcode.phases[Phase.POST_INCIDENT].steps]


# ---- miniOrange ----


@pytest.mark.parametrize(
    ("severity", "step"),
    [("level1", "activate-continuity"), ("level2", "vendor-status"), ("level3", "isolate")],
)
def test_the_level_selects_the_response_plan(miniorange, severity, step):
    steps = [each.id for each in miniorange.steps_of(Phase.IMMEDIATE_ACTION, severity)]
    assert step in steps
    assert "assess" in steps


def test_a_supplier_that_is_down_is_level_2_and_phishing_level_3(miniorange):
    assert miniorange.worst_of(("aws_down",)) == "level2"
    assert miniorange.worst_of(("external_attack",)) == "level3"
    assert miniorange.worst_of(("external_attack", "power_or_fire")) == "level1"


def test_customers_hear_within_eight_hours_or_a_person_decides_that_they_need_not(miniorange):
    assert terms(miniorange, "customer-notice") == {"level1": "4 hours", "level2": "8 hours"}
    assert terms(miniorange, "customer-decision") == {"level3": "8 hours"}
    assert miniorange.obligation("customer-notice").from_ == ("occurred", "detected")


def test_every_notice_says_type_impact_measures_and_status_until_the_end(miniorange):
    sources = [field.source for field in miniorange.reports["status_notice"].fields]
    assert sources == ["fact:kind", "fact:impact", "actions_done", "last_update"]
    for obligation in ("employee-notice", "customer-notice"):
        spec = miniorange.obligation(obligation)
        assert spec.do[0].notify.message == "status_notice"
        assert spec.recurs
        assert "resolved" in spec.until


def test_the_incident_document_is_circulated_at_declaration(miniorange):
    assert miniorange.obligation("incident-document").from_ == ("declared",)
    assert len(miniorange.reports["incident_document"].fields) == 4


def test_employees_are_called_where_email_fails(miniorange):
    assert miniorange.obligation("employee-notice").do[0].notify.via == ("email", "phone")


def test_whoever_answers_becomes_the_incident_manager(miniorange):
    assert miniorange.obligation("summon-manager").do[0].page.assigns == "incident_manager"


def test_every_incident_is_reviewed(miniorange):
    steps = {step.id for step in miniorange.phases[Phase.POST_INCIDENT].steps}
    assert {"review-plan", "corrective-actions", "risk-assessment", "training"} <= steps


# ---- breaking a plan ----


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("plan.yaml", "    clause: Interim Status", "    clausse: Interim Status", "unknown key `clausse`"),
        ("plan.yaml", "within: PT15M", "within: 15m", '"15m" is not a duration'),
        ("plan.yaml", "role: oncall, via: sms", "role: onkall, via: sms", '"onkall" is not among the roles'),
        ("plan.yaml", "audience: customer_notices", "audience: notices", '"notices" is not among the audiences'),
        ("plan.yaml", "from: unresolvable", "from: hopeless", '"hopeless" is not allowed here'),
        ("plan.yaml", "step: contain}", "step: contian}", '"contian" is no step of this plan'),
        ("plan.yaml", "fact:company_impact", "fact:companyimpact", '"companyimpact" is not among the facts'),
        ("plan.yaml", "high: {every: PT4H}", "high: {every: PT0S}", '"PT0S" is no time at all'),
        ("plan.yaml", "company_days: []", "company_days: [soon]", '"soon" is not a date'),
        ("plan.yaml", "holidays: US-CA", "holidays: US-KA", 'no holidays are known for "US-KA"'),
        ("directory.yaml", "oncall: [dana, sam]", "oncall: [dan, sam]", '"dan" is not among the people'),
    ],
    ids=lambda given: given if given.endswith(".yaml") else None,
)  # fmt: skip
def test_a_mistake_is_refused_where_it_stands(tmp_path, file, old, new, says):
    folder = Path(shutil.copytree(SHIPPED / "allcode", tmp_path / "allcode"))
    text = (folder / file).read_text()
    assert text.count(old) == 1
    broken = text.replace(old, new)
    (folder / file).write_text(broken)
    found = [problem for problem in check(folder) if says in problem.message]
    assert found
    common = next(i for i, (a, b) in enumerate(zip(text, broken, strict=False)) if a != b)
    assert found[0].line == broken.count("\n", 0, common) + 1
    assert found[0].column > 1


def test_a_role_that_is_called_and_held_by_nobody_with_a_phone_is_refused(tmp_path):
    folder = Path(shutil.copytree(SHIPPED / "allcode", tmp_path / "allcode"))
    directory = folder / "directory.yaml"
    directory.write_text(directory.read_text().replace(', phone: "+12025550103"', ""))
    (problem,) = check(folder)
    assert problem.path == "obligations[0].do[0].page.levels[1].via[0]" or problem.path.endswith(
        "levels[1].via"
    )
    assert (
        problem.message == 'role "incident_manager" is paged by phone and held by nobody with a phone number'
    )
    line = (folder / "plan.yaml").read_text().splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith("phone")


def test_a_customer_without_an_audience_that_is_promised_a_report_is_refused(tmp_path):
    folder = Path(shutil.copytree(SHIPPED / "allcode", tmp_path / "allcode"))
    directory = folder / "directory.yaml"
    text = directory.read_text()
    assert "toni:" in text
    directory.write_text("\n".join(line for line in text.splitlines() if "toni:" not in line).replace(
        "      customer_coordinator:\n\n# In a drill", "\n# In a drill"
    ))  # fmt: skip
    problems = [problem.message for problem in check(folder)]
    assert 'audience "customer_coordinator" of customer globex has no members in the directory' in problems
