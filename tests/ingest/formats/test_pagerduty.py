from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from tests.ingest.harbour import NOON
from tocsin.domain.readings import Reading
from tocsin.ingest.formats import Delivered, pagerduty
from tocsin.ingest.formats.labels import LENGTH, MOST
from tocsin.ingest.problems import Problem, unavailable
from tocsin.sources import Source

SOURCE = Source(source="pagerduty", format="pagerduty", path="/v2/enqueue")
CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "captures"
KEY = "0123456789abcdef0123456789abcdef"

TRIGGER: dict[str, Any] = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "north-quay/water",
    "payload": {
        "summary": "The north quay is awash",
        "source": "gauge-7.harbour.example",
        "severity": "critical",
        "timestamp": "2026-11-24T11:42:58.315+0000",
        "component": "gauge",
        "group": "quays",
        "class": "tide",
        "custom_details": {
            "level_m": 4.2,
            "is_rising": True,
            "ships": ["Alma", "Berta"],
            "wind": {"from": "NW", "gusts": None},
        },
    },
    "client": "Tide watch",
    "client_url": "https://tides.example/north",
    "links": [{"href": "https://harbour.example/tides", "text": "Runbook"}],
    "images": [{"src": "https://tides.example/north.png"}],
}


@pytest.fixture
def trigger() -> dict[str, Any]:
    return deepcopy(TRIGGER)


def read(event: Any) -> Reading:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    (reading,) = pagerduty.read(Delivered(body, {}, NOON), SOURCE)
    return reading


def refused(event: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        read(event)
    return caught.value


def heard(response: Response) -> tuple[int, dict[str, Any]]:
    assert response.headers["content-type"] == "application/json"
    return response.status_code, json.loads(bytes(response.body))


def capture(name: str) -> bytes:
    path = CAPTURES / f"pagerduty-{name}.json"
    if not path.is_file():
        pytest.skip(f"what PagerDuty's clients send was not recorded beside this checkout, in {CAPTURES}")
    return path.read_bytes()


def test_a_trigger_fires_under_its_own_key(trigger: dict[str, Any]) -> None:
    reading = read(trigger)

    assert (reading.group, reading.is_firing) == ("north-quay/water", True)
    assert reading.title == "The north quay is awash"
    assert reading.began(NOON) == datetime(2026, 11, 24, 11, 42, 58, 315000, UTC)


def test_whatever_is_a_single_value_is_a_label_that_plans_can_match(trigger: dict[str, Any]) -> None:
    assert read(trigger).all_labels == {
        "severity": "critical",
        "source": "gauge-7.harbour.example",
        "component": "gauge",
        "group": "quays",
        "class": "tide",
        "level_m": "4.2",
        "is_rising": "true",
        "ships.0": "Alma",
        "ships.1": "Berta",
        "wind.from": "NW",
    }


def test_a_detail_does_not_pass_itself_off_as_the_events_severity(trigger: dict[str, Any]) -> None:
    trigger["payload"]["custom_details"] = {"severity": "info"}

    assert read(trigger).all_labels["severity"] == "critical"


def test_details_are_bounded_in_number_depth_and_length(trigger: dict[str, Any]) -> None:
    deep: Any = "the bottom"
    for _ in range(100):
        deep = {"in": deep}
    trigger["payload"]["custom_details"] = {
        "deep": deep,
        "long": "x" * 50_000,
        **{f"detail{number}": number for number in range(1_000)},
    }

    labels = read(trigger).all_labels

    assert "the bottom" not in labels.values()
    assert len(labels["long"]) == LENGTH
    assert len(labels) == MOST + 5


@pytest.mark.parametrize(
    ("details", "label"), [("it is wet", "it is wet"), (7, "7"), ([], None), (None, None)]
)
def test_details_that_are_no_object_are_one_label_or_none(
    trigger: dict[str, Any], details: Any, label: str | None
) -> None:
    trigger["payload"]["custom_details"] = details

    assert read(trigger).all_labels.get("custom_details") == label


def test_links_and_the_client_can_become_facts(trigger: dict[str, Any]) -> None:
    said = read(trigger).all_annotations

    assert said["links"] == "Runbook: https://harbour.example/tides"
    assert (said["client"], said["client_url"]) == ("Tide watch", "https://tides.example/north")


def test_without_a_key_the_same_event_has_the_same_key_again_and_another_event_another(
    trigger: dict[str, Any],
) -> None:
    del trigger["dedup_key"]
    first = read(trigger).group
    trigger["payload"]["timestamp"] = (NOON + timedelta(seconds=5)).isoformat()
    repeated = read(trigger).group
    trigger["payload"]["source"] = "gauge-8.harbour.example"
    other = read(trigger).group

    assert first == repeated != other
    assert KEY not in first
    assert len(first) == 32, "as long as PagerDuty's"


def test_a_key_that_was_made_does_not_depend_on_the_routing_key_which_may_be_rotated(
    trigger: dict[str, Any],
) -> None:
    del trigger["dedup_key"]

    assert read(trigger).group == read(trigger | {"routing_key": "another"}).group


def test_a_resolve_ends_what_fired_under_its_key_and_needs_no_payload() -> None:
    reading = read({"routing_key": KEY, "event_action": "resolve", "dedup_key": "north-quay/water"})

    assert (reading.group, reading.is_firing) == ("north-quay/water", False)
    assert not reading.telling.remark


def test_a_tool_that_acknowledges_makes_a_remark_and_ends_nothing() -> None:
    reading = read({"routing_key": KEY, "event_action": "acknowledge", "dedup_key": "north-quay/water"})

    assert not reading.is_firing, "it opens no incident"
    assert reading.telling.remark == pagerduty.ACKNOWLEDGED


@pytest.mark.parametrize(
    "timestamp",
    ["yesterday", "", 1e300, ["now"], "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", None],
)
def test_no_event_is_refused_for_its_time(trigger: dict[str, Any], timestamp: Any) -> None:
    trigger["payload"]["timestamp"] = timestamp

    assert read(trigger).began(NOON) == NOON


def test_a_time_without_a_zone_is_taken_for_utc(trigger: dict[str, Any]) -> None:
    trigger["payload"]["timestamp"] = "2026-11-24T11:00:00"

    assert read(trigger).began(NOON) == datetime(2026, 11, 24, 11, tzinfo=UTC)


def test_what_is_optional_may_be_null(trigger: dict[str, Any]) -> None:
    trigger |= dict.fromkeys(("dedup_key", "client", "client_url", "links", "images"))
    trigger["payload"] |= dict.fromkeys(("component", "group", "class", "custom_details", "timestamp"))

    assert read(trigger).all_labels == {"severity": "critical", "source": "gauge-7.harbour.example"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"routing_key": ""}, "routing_key"),
        ({"event_action": "escalate"}, "event_action"),
        ({"payload": None}, "payload is missing"),
        ({"payload": {"summary": "s", "source": "x", "severity": "dire"}}, "payload.severity"),
        ({"payload": {"source": "x", "severity": "info"}}, "payload.summary"),
        ({"dedup_key": "k" * 256}, "dedup_key"),
        ({"event_action": "resolve", "dedup_key": ""}, "dedup_key is missing"),
        ({"event_action": "acknowledge", "dedup_key": None}, "dedup_key is missing"),
    ],
)
def test_what_pagerduty_refuses_is_refused_in_its_words(
    trigger: dict[str, Any], change: dict[str, Any], named: str
) -> None:
    status, answer = heard(pagerduty.refusal(refused(trigger | change)))

    assert status == HTTPStatus.BAD_REQUEST
    assert (answer["status"], answer["message"]) == ("invalid event", "Event object is invalid")
    assert any(named in error for error in answer["errors"])
    assert answer["reason"] == "wrong-shape"
    assert KEY not in json.dumps(answer)


def test_whatever_we_refuse_an_event_for_is_a_400_to_pagerdutys_clients() -> None:
    locked_out = Problem(
        HTTPStatus.FORBIDDEN, "unknown-routing-key", "routing_key is not one of this source's"
    )

    status, answer = heard(pagerduty.refusal(locked_out))

    assert status == HTTPStatus.BAD_REQUEST
    assert answer["errors"] == ["routing_key is not one of this source's"]
    assert answer["reason"] == "unknown-routing-key", "programs can tell one reason from another"


def test_what_cannot_be_taken_now_is_not_said_to_be_the_events_fault() -> None:
    refusal = pagerduty.refusal(unavailable("Temporal does not answer"))

    status, answer = heard(refusal)

    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(refusal.headers["retry-after"]) > 0
    assert (answer["status"], answer["message"]) == ("not processed", "Temporal does not answer")


def test_the_answer_names_the_key_under_which_the_event_goes_on(trigger: dict[str, Any]) -> None:
    status, answer = heard(pagerduty.answer((read(trigger),), ()))

    assert status == HTTPStatus.ACCEPTED
    assert answer == {"status": "success", "message": "Event processed", "dedup_key": "north-quay/water"}


@pytest.mark.parametrize(
    ("name", "fires", "remark"),
    [
        ("trigger", True, False),
        ("acknowledge", False, True),
        ("resolve", False, False),
        ("trigger-from-alertmanager", True, False),
        ("resolve-from-alertmanager", False, False),
    ],
)
def test_what_was_recorded_from_pagerdutys_clients_is_understood(
    name: str, fires: bool, remark: bool
) -> None:
    reading = read(capture(name))

    assert (reading.is_firing, bool(reading.telling.remark)) == (fires, remark)


def test_alertmanagers_notifier_resolves_what_it_triggered() -> None:
    fired, over = (read(capture(f"{what}-from-alertmanager")) for what in ("trigger", "resolve"))

    assert fired.group == over.group
    assert fired.all_labels["num_firing"] == "1"
