from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ingest.harbour import DIRECTORY_FILE, NOON, PLAN_FILE, write_plans
from tocsin.domain.alerts import MOST_FOLLOWED, OTHERS
from tocsin.domain.events import Alert
from tocsin.domain.naming import identify
from tocsin.ingest.formats.alertmanager import AlertmanagerPayload
from tocsin.ingest.intake import NoPlanMatches, alert_of
from tocsin.library import PlanLibrary
from tocsin.sources import ALERTMANAGER

CAPTURES = Path(__file__).resolve().parents[3] / "shared" / "captures"


def read(payload: dict[str, Any], library: PlanLibrary) -> Alert:
    return alert_of(AlertmanagerPayload.model_validate(payload).reading, library, NOON)


def test_the_example_opens_an_incident_under_the_plan_that_its_labels_match(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    alert = read(example, library)

    assert alert.key == identify("harbour", "alertmanager", example["groupKey"])
    assert alert.plan == library.plans["harbour"].pin
    assert (alert.severity, alert.customer) == ("closed", "acme")
    assert alert.title == "The checkout API answers no requests"
    assert alert.alerts == {"c5f0a1d27b3e9846": True, "6e91b0c84fd2a375": True}
    assert alert.facts["description"].endswith("Customers cannot pay.")
    assert alert.facts["place"] == "production"
    assert alert.began == alert.received == NOON


def test_what_nobody_sees_of_a_strangers_words_is_left_out(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    example["commonAnnotations"] |= {
        "summary": "\x00Pay\x1b[2J\u202ements\r\n\tfail\u2066 \ud800",
        "description": "First\r\nsecond\tline\x07\u202e",
    }
    for each in example["alerts"]:
        each["annotations"] |= example["commonAnnotations"]

    alert = read(example, library)

    assert alert.title == "Pay[2Jments fail"
    assert alert.facts["description"] == "First\nsecond\tline"


def test_a_group_began_when_the_first_alert_began_that_still_fires(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    first, second = example["alerts"]
    first |= {"startsAt": "2026-11-24T09:00:00Z", "status": "resolved"}
    second |= {"startsAt": "2026-11-24T12:30:00.123456789+02:00"}

    alert = read(example, library)

    assert alert.began == datetime(2026, 11, 24, 10, 30, 0, 123456, UTC)
    assert alert.alerts == {first["fingerprint"]: False, second["fingerprint"]: True}
    assert alert.is_firing


def test_a_monitor_whose_clock_is_ahead_does_not_report_from_the_future(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    for each in example["alerts"]:
        each["startsAt"] = (NOON + timedelta(hours=2)).isoformat()

    assert read(example, library).began == NOON


def test_a_time_that_is_not_known_is_not_taken_for_the_year_1(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    example["alerts"][0]["startsAt"] = "0001-01-01T00:00:00+05:00"

    assert read(example, library).began == NOON


def test_a_severity_that_the_plan_does_not_map_is_what_the_rule_says_otherwise(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    example["commonLabels"]["severity"] = "page-me-maybe"

    assert read(example, library).severity == "slow"


CRITERIA = """
criteria:
  no_pilot: {severity: slow, title: No pilot}
  no_water: {severity: closed, title: No water}
vendors:
  tugs: {title: Tugs}
  radio: {title: Radio}
"""


def with_criteria(folder: Path, *always: str) -> PlanLibrary:
    """A harbour whose alerts may name criteria and vendors; every alert has the criteria in `always`."""
    labels = f"criteria: [{', '.join(always)}]\n    criteria_label: criteria\n    vendor_label: vendor"
    plan = write_plans(folder) / "harbour" / "plan.yaml"
    plan.write_text(PLAN_FILE.replace("    otherwise: slow", f"    otherwise: slow\n    {labels}") + CRITERIA)
    return PlanLibrary(folder, folder / "state")


@pytest.mark.parametrize(
    ("label", "criterion", "severity"),
    [
        ("warning", "no_pilot", "slow"),
        ("warning", "no_water", "closed"),
        ("critical", "no_pilot", "closed"),
    ],
)
def test_the_worst_of_label_and_criteria_is_the_severity(
    label: str, criterion: str, severity: str, example: dict[str, Any], tmp_path: Path
) -> None:
    example["commonLabels"]["severity"] = label

    alert = read(example, with_criteria(tmp_path, criterion))

    assert (alert.criteria, alert.severity) == ((criterion,), severity)


def group(example: dict[str, Any], *alerts: dict[str, str], over: str = "") -> dict[str, Any]:
    """The example with alerts of these labels, and what they have in common as Alertmanager reckons it.

    The alerts of the customer `over` are resolved.
    """
    said = [{"alertname": "Checkout", "service": "checkout-api"} | labels for labels in alerts]
    return example | {
        "commonLabels": dict(set.intersection(*(set(labels.items()) for labels in said))),
        "commonAnnotations": {},
        "alerts": [
            {
                "status": "resolved" if over and labels.get("customer") == over else "firing",
                "labels": labels,
                "annotations": {"description": f"{labels.get('customer')} cannot pay"},
                "startsAt": "2026-11-24T11:00:00Z",
                "fingerprint": f"alert-{number}",
            }
            for number, labels in enumerate(said)
        ],
    }


WARNING, CRITICAL = {"severity": "warning"}, {"severity": "critical"}
ACME, GLOBEX = {"customer": "acme"}, {"customer": "globex"}


@pytest.mark.parametrize("alerts", [(WARNING, CRITICAL), (CRITICAL, WARNING), (WARNING, WARNING, CRITICAL)])
def test_a_group_is_as_bad_as_the_worst_of_its_alerts(
    alerts: tuple[dict[str, str], ...], example: dict[str, Any], library: PlanLibrary
) -> None:
    assert read(group(example, *alerts), library).severity == "closed"


def test_what_is_over_makes_a_group_no_worse(example: dict[str, Any], library: PlanLibrary) -> None:
    payload = group(example, CRITICAL | GLOBEX, WARNING | ACME, over="globex")

    alert = read(payload, library)

    assert (alert.severity, alert.customer) == ("slow", "acme")


def test_the_worst_alert_that_fires_says_whose_incident_it_is_and_what_happened(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    payload = group(
        example,
        WARNING | ACME | {"environment": "staging"},
        CRITICAL | GLOBEX | {"environment": "production"},
        CRITICAL | ACME | {"environment": "testing"},
    )

    alert = read(payload, library)

    assert alert.customer == "globex"
    assert alert.facts == {"description": "globex cannot pay", "place": "production"}
    assert list(alert.alerts) == ["alert-0", "alert-1", "alert-2"]


def for_any_customer(folder: Path) -> PlanLibrary:
    """A harbour that takes what names a customer, and nothing else."""
    plan = write_plans(folder) / "harbour" / "plan.yaml"
    plan.write_text(PLAN_FILE.replace('when: {service: "checkout-*"}', 'when: {customer: "*"}'))
    return PlanLibrary(folder, folder / "state")


@pytest.mark.parametrize(
    ("alerts", "over", "customer"),
    [
        ((ACME, GLOBEX), "", "acme"),
        ((ACME, GLOBEX), "acme", "globex"),
        ((ACME, GLOBEX), "globex", "acme"),
        ((WARNING, ACME), "", "acme"),
        ((ACME, WARNING), "acme", "acme"),
    ],
)
def test_alerts_of_several_customers_are_one_incident_where_the_monitor_groups_them(
    alerts: tuple[dict[str, str], ...], over: str, customer: str, example: dict[str, Any], tmp_path: Path
) -> None:
    library = for_any_customer(tmp_path)
    opened = read(group(example, ACME), library)

    alert = read(group(example, *alerts, over=over), library)

    assert (alert.key, alert.customer) == (opened.key, customer)
    assert list(alert.alerts) == ["alert-0", "alert-1"]


def test_the_end_of_alerts_of_several_customers_reaches_the_incident_that_they_opened(
    example: dict[str, Any], tmp_path: Path
) -> None:
    library = for_any_customer(tmp_path)
    payload = group(example, ACME, GLOBEX)
    opened = read(payload, library)
    for each in payload["alerts"]:
        each["status"] = "resolved"

    alert = read(payload, library)

    assert (alert.key, alert.alerts) == (opened.key, {"alert-0": False, "alert-1": False})


def test_where_two_plans_want_alerts_of_one_group_the_plan_of_the_worst_takes_them(
    example: dict[str, Any], tmp_path: Path
) -> None:
    for name, wants, criterion in (("harbour", "acme", "no_pilot"), ("island", "globex", "no_water")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "directory.yaml").write_text(DIRECTORY_FILE)
        rule = f"otherwise: slow\n    criteria: [{criterion}]"
        text = PLAN_FILE.replace("plan: harbour", f"plan: {name}").replace("otherwise: slow", rule) + CRITERIA
        (folder / "plan.yaml").write_text(text.replace('{service: "checkout-*"}', f"{{customer: {wants}}}"))
    library = PlanLibrary(tmp_path, tmp_path / "state")

    alert = read(group(example, ACME, GLOBEX), library)

    assert (alert.plan.name, alert.customer, alert.criteria) == ("island", "globex", ("no_water",))
    assert list(alert.alerts) == ["alert-0", "alert-1"]


def test_what_alerts_that_fire_say_of_themselves_adds_up(example: dict[str, Any], tmp_path: Path) -> None:
    first, second = example["alerts"]
    first["labels"] |= {"criteria": "no_pilot, no_water", "vendor": "tugs"}
    second["labels"] |= {"vendor": "radio"}

    alert = read(example, with_criteria(tmp_path, "no_pilot"))

    assert alert.criteria == ("no_pilot", "no_water")
    assert alert.vendors == ("tugs", "radio")


def test_a_vendor_is_not_down_any_more_when_its_alert_is_resolved(
    example: dict[str, Any], tmp_path: Path
) -> None:
    first, second = example["alerts"]
    first["labels"] |= {"vendor": "tugs"}
    first["status"] = second["status"] = "resolved"

    assert read(example, with_criteria(tmp_path)).vendors == ()


def test_names_that_the_plan_does_not_know_are_logged_and_left_out(
    example: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    example["alerts"][0]["labels"] |= {"criteria": "no_wind", "vendor": "sails"}

    alert = read(example, with_criteria(tmp_path))

    assert (alert.criteria, alert.vendors) == ((), ())
    assert 'the label vendor names "sails", which the plan does not know' in caplog.text


def test_alerts_with_nothing_in_common_are_read_by_the_first_that_fires(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    example |= {"commonLabels": {}, "commonAnnotations": {}, "groupLabels": {}}
    example["alerts"][0] |= {"status": "resolved", "labels": {"service": "lighthouse"}}

    alert = read(example, library)

    assert (alert.severity, alert.title) == ("closed", "The checkout API answers no requests")


def test_without_any_words_the_title_is_the_alerts_name_and_then_the_group(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    unsaid = deepcopy(example) | {"commonAnnotations": {}}
    nameless = deepcopy(unsaid) | {"groupLabels": {}, "groupKey": "  {} : {}\n"}
    del nameless["commonLabels"]["alertname"]
    for each in nameless["alerts"]:
        each |= {"annotations": {}, "labels": {}}

    assert read(unsaid, library).title == "CheckoutApiDown"
    assert read(nameless, library).title == "{} : {}"


def test_a_title_is_one_line_of_bounded_length(example: dict[str, Any], library: PlanLibrary) -> None:
    example["commonAnnotations"]["summary"] = "down\n" * 100

    title = read(example, library).title

    assert "\n" not in title
    assert len(title) == 200


def test_the_label_tocsin_plan_names_the_plan_outright(example: dict[str, Any], library: PlanLibrary) -> None:
    example["commonLabels"] |= {"service": "unheard-of", "tocsin_plan": "harbour"}

    assert read(example, library).plan.name == "harbour"


@pytest.mark.parametrize("named", ["island", "desert"])
def test_the_plan_of_a_source_is_for_all_that_it_says_whatever_a_label_names(
    named: str, example: dict[str, Any], tmp_path: Path
) -> None:
    folder = write_plans(tmp_path)
    (folder / "harbour").rename(folder / "island")
    island = folder / "island" / "plan.yaml"
    island.write_text(PLAN_FILE.replace("plan: harbour", "plan: island"))
    library = PlanLibrary(write_plans(folder), folder / "state")
    example["commonLabels"]["tocsin_plan"] = named
    source = ALERTMANAGER.model_copy(update={"plan": "harbour"})

    alert = alert_of(AlertmanagerPayload.model_validate(example).reading, library, NOON, source)

    assert (alert.plan.name, alert.severity) == ("harbour", "closed")


def test_labels_that_match_no_plan_are_named(example: dict[str, Any], library: PlanLibrary) -> None:
    example["commonLabels"] = {"service": "lighthouse", "team": "sea"}

    with pytest.raises(NoPlanMatches, match=r"match no plan.*\(service, team\); add a rule"):
        read(example, library)


def test_a_plan_that_is_named_and_does_not_exist_is_said_to_be_missing(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    example["commonLabels"]["tocsin_plan"] = "desert"

    with pytest.raises(NoPlanMatches, match='"desert", which does not exist; there are harbour'):
        read(example, library)


@pytest.mark.parametrize(("name", "is_firing"), [("firing", True), ("resolved", False)])
def test_what_a_real_alertmanager_sends_is_understood(
    name: str, is_firing: bool, library: PlanLibrary
) -> None:
    capture = CAPTURES / f"alertmanager-{name}.json"
    if not capture.exists():
        pytest.skip(f"{capture} is not part of the project")
    payload = json.loads(capture.read_text())
    payload["commonLabels"]["tocsin_plan"] = "harbour"

    alert = read(payload, library)

    assert alert.is_firing is is_firing
    assert list(alert.alerts) == ["11b9d3eceb6796a4"]
    assert alert.title == "customer-api 127.0.0.1:9930 is down"


def test_of_a_group_of_thousands_those_that_fire_are_named_and_the_rest_are_counted(
    example: dict[str, Any], library: PlanLibrary
) -> None:
    one = example["alerts"][0]
    example["alerts"] = [
        one | {"fingerprint": f"{number:016x}", "status": "firing" if number > 2_000 else "resolved"}
        for number in range(2_500)
    ]

    told = read(example, library)

    assert len(told.alerts) == MOST_FOLLOWED + 1
    assert sum(told.alerts.values()) == 499
    assert told.counts[OTHERS] == 1_500
