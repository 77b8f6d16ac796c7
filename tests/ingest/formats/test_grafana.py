from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.ingest.harbour import NOON
from tocsin.domain.readings import Reading
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.grafana import read as read_grafana
from tocsin.ingest.problems import Problem
from tocsin.sources import Source

SOURCE = Source(source="grafana", format="grafana", path="/v1/sources/grafana")

QUAY = {
    "status": "firing",
    "labels": {"alertname": "Water is high", "quay": "north", "grafana_folder": "Tides"},
    "annotations": {"summary": "The north quay is awash", "runbook_url": "https://harbour.example/tides"},
    "startsAt": "2026-11-24T11:51:03.157076+02:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "values": {"B": 4.2, "C": 1},
    "valueString": "[ var='B' labels={quay=north} value=4.2 ]",
    "generatorURL": "https://grafana.example/alerting/grafana/tide/view?orgId=3",
    "fingerprint": "c6eadffa33fcdf37",
    "silenceURL": "https://grafana.example/alerting/silence/new?matcher=quay%3Dnorth",
    "dashboardURL": "",
    "panelURL": "",
}

PAYLOAD: dict[str, Any] = {
    "receiver": "tocsin",
    "status": "firing",
    "orgId": 3,
    "alerts": [QUAY],
    "groupLabels": {"alertname": "Water is high"},
    "commonLabels": QUAY["labels"],
    "commonAnnotations": QUAY["annotations"],
    "externalURL": "https://grafana.example/",
    "version": "1",
    "groupKey": '{}:{alertname="Water is high"}',
    "truncatedAlerts": 0,
    "title": "[FIRING:1] Water is high (north)",
    "state": "alerting",
    "message": "**Firing**",
}


@pytest.fixture
def payload() -> dict[str, Any]:
    return deepcopy(PAYLOAD)


def read(payload: Any) -> Reading:
    delivered = Delivered(json.dumps(payload).encode(), {}, NOON)
    (reading,) = read_grafana(delivered, SOURCE)
    return reading


def test_a_group_that_fires_is_one_reading_with_what_its_alerts_say(payload: dict[str, Any]) -> None:
    reading = read(payload)

    assert reading.is_firing
    assert reading.title == "The north quay is awash"
    assert reading.all_labels["quay"] == "north"
    (sighting,) = reading.sightings
    assert (sighting.key, sighting.began) == (
        "c6eadffa33fcdf37",
        datetime(2026, 11, 24, 9, 51, 3, 157076, UTC),
    )


def test_where_to_look_and_where_to_silence_it_can_become_facts(payload: dict[str, Any]) -> None:
    said = read(payload).all_annotations

    assert said["silenceURL"] == "https://grafana.example/alerting/silence/new?matcher=quay%3Dnorth"
    assert said["generatorURL"].startswith("https://grafana.example/alerting/grafana/tide")
    assert said["valueString"].endswith("value=4.2 ]")
    assert said["runbook_url"] == "https://harbour.example/tides"
    assert "dashboardURL" not in said, "an empty one says nothing"


def test_what_a_rule_annotates_under_a_name_of_grafanas_own_stands(payload: dict[str, Any]) -> None:
    payload["alerts"][0]["annotations"]["silenceURL"] = "ask the harbour master"

    assert read(payload).all_annotations["silenceURL"] == "ask the harbour master"


def test_the_same_group_key_in_two_organisations_is_two_incidents(payload: dict[str, Any]) -> None:
    ours = read(payload).group
    payload["orgId"] = 4

    assert read(payload).group != ours


def test_a_group_of_which_one_alert_is_over_fires_until_the_other_is_over_too(
    payload: dict[str, Any],
) -> None:
    south = {**deepcopy(QUAY), "fingerprint": "bc97ff14869b13e3", "status": "resolved"}
    payload["alerts"].append(south)
    assert read(payload).is_firing

    payload["alerts"][0]["status"] = "resolved"
    assert not read(payload).is_firing


def test_links_that_are_null_or_left_out_are_no_reason_to_refuse_an_alert(payload: dict[str, Any]) -> None:
    alert = payload["alerts"][0]
    alert |= {"silenceURL": None, "values": None}
    del alert["valueString"], alert["dashboardURL"], alert["panelURL"], payload["orgId"]

    assert read(payload).is_firing


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"])
def test_a_time_at_the_end_of_the_calendar_says_nothing(payload: dict[str, Any], never: str) -> None:
    payload["alerts"][0]["startsAt"] = never

    assert read(payload).began(NOON) == NOON


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": "4"}, "version"),
        ({"alerts": []}, "alerts"),
        ({"groupKey": ""}, "groupKey"),
        ({"alerts": [{**QUAY, "status": "pending"}]}, "alerts.0.status"),
        ({"alerts": [{**QUAY, "fingerprint": ""}]}, "alerts.0.fingerprint"),
    ],
)
def test_what_grafana_never_sends_is_refused_by_name(
    payload: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    with pytest.raises(Problem, match=named) as refused:
        read(payload | change)

    assert refused.value.reason == "wrong-shape"
