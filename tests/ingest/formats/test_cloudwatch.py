from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.ingest.formats.amazon import ALARM, SOURCE, delivered, notification, question
from tests.ingest.harbour import NOON
from tocsin.domain.readings import Reading
from tocsin.ingest.formats import Delivered, cloudwatch
from tocsin.ingest.problems import Problem

ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:tide-gauge-silent"


def read(alarm: Any) -> Reading:
    (reading,) = cloudwatch.read(delivered(notification(alarm) | {"Signature": ""}), SOURCE)
    return reading


def test_an_alarm_opens_an_incident_of_its_own_since_its_state_changed() -> None:
    reading = read(ALARM)

    assert (reading.group, reading.title, reading.is_firing) == (ARN, "tide-gauge-silent", True)
    assert [sighting.key for sighting in reading.sightings] == [ARN]
    assert reading.began(NOON) == datetime(2026, 11, 24, 11, 52, 0, 123000, tzinfo=UTC)


def test_ok_resolves_the_same_alarm() -> None:
    over = read(ALARM | {"NewStateValue": "OK", "OldStateValue": "ALARM"})

    assert (over.group, over.is_firing, over.sightings[0].remark) == (ARN, False, "")


def test_too_little_data_is_a_remark_and_neither_opens_nor_ends_anything() -> None:
    [sighting] = read(ALARM | {"NewStateValue": "INSUFFICIENT_DATA"}).sightings

    assert (sighting.is_firing, sighting.remark) == (False, "has too little data to tell, says the monitor")


def test_plans_can_tell_alarms_by_what_they_measure_and_where() -> None:
    reading = read(ALARM)

    assert reading.all_labels == {
        "Quay": "north",
        "alertname": "tide-gauge-silent",
        "namespace": "Harbour/Gauges",
        "metric": "Readings",
        "region": "eu-west-1",
        "account": "123456789012",
    }
    assert reading.all_annotations == {
        "description": "The gauge at the north quay says nothing",
        "reason": "Threshold Crossed: no datapoints were received",
    }


def test_an_alarm_on_other_alarms_has_no_metric() -> None:
    reading = read(
        {name: value for name, value in ALARM.items() if name != "Trigger"} | {"AlarmRule": "ALARM(a)"}
    )

    assert "metric" not in reading.all_labels


def test_without_an_arn_an_alarm_is_known_by_its_name() -> None:
    reading = read({"AlarmName": "api-5xx", "NewStateValue": "ALARM", "Region": "EU (Ireland)"})

    assert (reading.group, reading.all_labels["region"]) == ("api-5xx", "EU (Ireland)")


@pytest.mark.parametrize("odd", ["yesterday", "0001-01-01T00:00:00Z", 7, None, ""])
def test_no_alarm_is_refused_for_a_time_that_makes_no_sense(odd: Any) -> None:
    assert read(ALARM | {"StateChangeTime": odd}).began(NOON) == NOON


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"NewStateValue": "PANIC"}, "NewStateValue"),
        ({"AlarmName": ""}, "AlarmName"),
        ({"Trigger": {"Dimensions": [{"name": "Quay"}]}}, "Trigger.Dimensions.0.value"),
    ],
)
def test_what_cloudwatch_never_sends_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(Problem, match=named) as refused:
        read(ALARM | change)

    assert refused.value.reason == "wrong-shape"


def test_a_message_that_is_no_json_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        read("The tide is high")

    assert refused.value.reason == "not-json"


def test_what_sns_asks_about_itself_says_nothing_of_alarms() -> None:
    assert cloudwatch.read(delivered(question() | {"Signature": ""}), SOURCE) == ()


def test_an_alarm_is_read_without_its_envelope_too() -> None:
    (reading,) = cloudwatch.read(Delivered(json.dumps(ALARM).encode(), {}, NOON), SOURCE)

    assert reading == read(ALARM)
