from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ingest.harbour import NOON, FakeTemporal
from tocsin.domain.readings import Reading
from tocsin.ingest.app import create_app
from tocsin.ingest.formats import Delivered, cloudevents
from tocsin.ingest.problems import Problem
from tocsin.library import PlanLibrary
from tocsin.settings import Settings
from tocsin.sources import Lock, Source

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "captures"
SOURCE = Source(
    source="events", format="cloudevents", plan="harbour", lock=Lock(bearer=["s3cret-of-the-sky"])
)  # type: ignore[arg-type]

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/gauges/7",
    "type": "example.harbour.tide.detected",
    "subject": "quay/north",
    "time": "2026-11-24T11:42:58Z",
    "datacontenttype": "application/json",
    "data": {"severity": "critical", "summary": "The north quay is awash", "level": {"m": 4.2}, "ok": False},
}


def delivered(body: Any, content_type: str = cloudevents.STRUCTURED, **headers: str) -> Delivered:
    named = {f"ce-{name}": value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivered(raw, {"content-type": content_type} | named, NOON)


def read(what: Delivered) -> Reading:
    (reading,) = cloudevents.read(what, SOURCE)
    return reading


def of(**change: Any) -> Reading:
    return read(delivered(EVENT | change))


def refused(what: Delivered) -> Problem:
    with pytest.raises(Problem) as raised:
        cloudevents.read(what, SOURCE)
    return raised.value


BINARY = {name: value for name, value in EVENT.items() if name not in {"data", "datacontenttype"}}


# Three modes


def test_an_event_as_a_whole_is_an_alert_about_its_subject() -> None:
    reading = of()

    assert (reading.group, reading.title, reading.is_firing) == (
        "quay/north",
        "The north quay is awash",
        True,
    )
    assert [sighting.key for sighting in reading.sightings] == ["/gauges/7 quay/north example.harbour.tide"]
    assert reading.began(NOON) == datetime(2026, 11, 24, 11, 42, 58, tzinfo=UTC)


def test_in_headers_and_body_it_says_the_same() -> None:
    assert read(delivered(EVENT["data"], "application/json; charset=utf-8", **BINARY)) == of()


def test_a_batch_of_one_says_the_same_and_an_empty_one_nothing() -> None:
    assert read(delivered([EVENT], f"{cloudevents.BATCH}; charset=utf-8")) == of()
    assert cloudevents.read(delivered([], cloudevents.BATCH), SOURCE) == ()


def test_in_a_batch_what_is_about_one_subject_is_together_and_the_last_word_about_an_alert_counts() -> None:
    batch = [
        EVENT,
        EVENT | {"id": "e-2", "type": "example.harbour.wind.detected", "data": {"summary": "A gale"}},
        EVENT | {"id": "e-3", "subject": "quay/south"},
        EVENT | {"id": "e-4", "type": "example.harbour.tide.resolved"},
    ]

    north, south = cloudevents.read(delivered(batch, cloudevents.BATCH), SOURCE)

    assert {each.key.rsplit(".")[-1]: (each.is_firing, each.count) for each in north.sightings} == {
        "tide": (False, 2),
        "wind": (True, 1),
    }
    assert (north.title, north.all_labels["type"]) == ("A gale", "example.harbour.wind.detected")
    assert (south.group, south.is_firing) == ("quay/south", True)


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures of real payloads are not here")
@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_events_that_were_captured_are_read(mode: str) -> None:
    head, _, body = (CAPTURES / f"cloudevents-{mode}.http").read_bytes().partition(b"\n\n")
    lines = [line.partition(": ") for line in head.decode().splitlines()[1:]]
    headers = {name.lower(): value for name, _, value in lines}

    reading = read(Delivered(body, headers, NOON))

    assert (reading.group, reading.title, reading.is_firing) == ("service/api", "api down", True)
    assert reading.all_labels == {
        "severity": "critical",
        "summary": "api down",
        "source": "/monitor/eu-1",
        "type": "com.example.outage.detected",
        "subject": "service/api",
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        ("%65uro", "euro"),
        ("%2541", "%41"),
        ('"quay \\"north\\""', 'quay "north"'),
        ('"quay%20north"', "quay north"),
        ("100%", "100%"),
    ],
)
def test_what_a_header_says_is_unquoted_and_decoded_once(written: str, meant: str) -> None:
    assert read(delivered({}, "application/json", **BINARY | {"subject": written})).group == meant


@pytest.mark.parametrize("written", ["%C0%A0", "%FF", '"%FF"'])
def test_a_header_that_is_no_utf8_is_refused_by_name(written: str) -> None:
    problem = refused(delivered({}, "application/json", **BINARY | {"subject": written}))

    assert (problem.status, problem.detail.partition(":")[0]) == (400, "ce-subject")


def test_data_in_base64_is_read_as_what_it_is() -> None:
    inside = base64.b64encode(json.dumps(EVENT["data"]).encode()).decode()

    assert of(data=None, data_base64=inside) == of()
    assert refused(delivered(EVENT | {"data": None, "data_base64": "!"})).detail.startswith("data_base64: ")


def test_data_that_are_no_json_are_left_alone_unless_they_are_text() -> None:
    text = read(delivered(b"The quay is awash", "text/plain", **BINARY))
    picture = read(delivered(b"\x89PNG\xff", "image/png", **BINARY))
    nothing = read(delivered(b"", "application/json", **BINARY))

    assert text.all_annotations == {"data": "The quay is awash"}
    assert picture.all_annotations == nothing.all_annotations == {}
    assert picture.title == "example.harbour.tide.detected quay/north"


# Begin and end


@pytest.mark.parametrize(
    ("type", "data", "fires"),
    [
        ("example.tide.detected", {}, True),
        ("example.tide.resolved", {}, False),
        ("example.tide.Closed", {}, False),
        ("example/tide:recovered", {}, False),
        ("example.tide.resolved", {"status": "firing"}, False),
        ("example.tide.opened", {"status": "resolved"}, True),
        ("example.tide", {"status": "Resolved"}, False),
        ("example.tide", {"state": "OK"}, False),
        ("example.tide", {"state": ["OK"]}, True),
        ("example.tide", "resolved", True),
        ("example.unresolved", {}, True),
        ("example.tide.v2", {}, True),
    ],
)
def test_the_types_last_word_tells_or_else_the_data_or_else_it_fires(
    type: str, data: Any, fires: bool
) -> None:
    assert of(type=type, data=data).is_firing is fires


def test_beginning_and_end_are_of_the_same_alert() -> None:
    begins, ends = of(type="example.tide.raised"), of(type="example.tide.closed", id="e-2")

    assert begins.group == ends.group
    assert begins.sightings[0].key == ends.sightings[0].key


def test_the_end_of_one_alert_about_a_subject_is_not_the_end_of_another() -> None:
    assert (
        of(type="example.tide.detected").sightings[0].key != of(type="example.wind.resolved").sightings[0].key
    )


def test_an_event_without_subject_is_about_its_source_and_type() -> None:
    assert of(subject=None).group == "/gauges/7 example.harbour.tide"


# Labels


def test_labels_are_attributes_extensions_and_single_values_of_the_data() -> None:
    reading = of(berth="7", **{"partition-key": "no attribute", "sampledrate": 3})

    assert reading.all_labels == {
        "severity": "critical",
        "summary": "The north quay is awash",
        "level.m": "4.2",
        "ok": "false",
        "berth": "7",
        "sampledrate": "3",
        "source": "/gauges/7",
        "type": "example.harbour.tide.detected",
        "subject": "quay/north",
    }


def test_data_do_not_speak_in_the_name_of_the_event() -> None:
    assert of(data={"source": "/forged", "berth": "forged"}, berth="7").all_labels == {
        "source": "/gauges/7",
        "type": "example.harbour.tide.detected",
        "subject": "quay/north",
        "berth": "7",
    }


def test_however_much_there_is_in_the_data_the_labels_stay_few() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = {"d": deep}
    reading = of(data={"long": "x" * 20_000, "deep": deep} | {f"n{number}": number for number in range(1000)})

    assert len(reading.all_labels) == 203
    assert max(map(len, reading.all_labels.values())) == 10_000
    assert not any(name.startswith("deep") for name in reading.all_labels)


# What is refused


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": None}, "specversion"),
        ({"id": ""}, "id"),
        ({"source": None}, "source"),
        ({"type": 7}, "type"),
        ({"subject": "x" * 1001}, "subject"),
        ({"time": "noon"}, "time"),
        ({"time": "2026-11-24T11:42:58"}, "time"),
        ({"data_base64": "AAAA"}, "data_base64"),
    ],
)
def test_an_attribute_that_breaks_the_specification_is_refused_by_name(
    change: dict[str, Any], named: str
) -> None:
    problem = refused(delivered(EVENT | change))

    assert (problem.status, problem.reason) == (400, "wrong-shape")
    assert named in problem.detail


@pytest.mark.parametrize("missing", ["specversion", "id", "source", "type"])
@pytest.mark.parametrize("is_binary", [True, False])
def test_an_event_without_what_it_needs_is_refused_by_name(missing: str, is_binary: bool) -> None:
    whole = BINARY if is_binary else EVENT
    rest = {name: value for name, value in whole.items() if name != missing}
    what = delivered({}, "application/json", **rest) if is_binary else delivered(rest)

    assert refused(what).detail.startswith(f"{missing}: ")


def test_what_is_no_event_at_all_is_refused_with_what_to_send() -> None:
    assert "Content-Type" in refused(delivered({"hello": "world"}, "application/json")).detail
    assert refused(delivered(b"{", cloudevents.STRUCTURED)).reason == "not-json"
    assert refused(delivered(b"{", "application/json", **BINARY)).reason == "not-json"
    assert refused(delivered(EVENT, cloudevents.BATCH)).reason == "wrong-shape"


@pytest.mark.parametrize("type", ["application/cloudevents+avro", "application/cloudevents-batch+xml"])
def test_an_event_format_that_is_not_json_is_refused_with_the_ones_that_are(type: str) -> None:
    problem = refused(delivered(b"Obj\x01", type))

    assert (problem.status, problem.reason) == (415, "unknown-event-format")
    assert cloudevents.STRUCTURED in problem.detail


# May events be delivered here?


@pytest.fixture
async def http(
    temporal: FakeTemporal, library: PlanLibrary, settings: Settings
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(temporal, library, settings, lambda: NOON, sources=(SOURCE,))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        yield client


async def test_a_sender_that_asks_first_is_told_that_it_may_and_then_must_show_its_token(
    http: httpx.AsyncClient, temporal: FakeTemporal
) -> None:
    asks = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}
    may = await http.options("/v1/sources/events", headers=asks)
    assert may.status_code == 200
    assert may.headers["WebHook-Allowed-Origin"] == "eventemitter.example.com"
    assert may.headers["WebHook-Allowed-Rate"] == "*"
    assert may.headers["Allow"] == "OPTIONS, POST"

    typed = {"Content-Type": cloudevents.STRUCTURED}
    assert (await http.post("/v1/sources/events", json=EVENT, headers=typed)).status_code == 401
    typed["Authorization"] = "Bearer s3cret-of-the-sky"
    assert (await http.post("/v1/sources/events", json=EVENT, headers=typed)).status_code == 202
    [started] = temporal.started
    [alert] = started["start_signal_args"]
    assert (alert.title, alert.source) == ("The north quay is awash", "events")


@pytest.mark.parametrize("origin", [None, "", "two words", "a\u00e4", "<script>"])
async def test_whoever_asks_without_a_name_is_told_nothing(
    http: httpx.AsyncClient, origin: str | None
) -> None:
    headers = {} if origin is None else {"WebHook-Request-Origin": origin.encode("latin-1")}
    answer = await http.options("/v1/sources/events", headers=headers)

    assert (answer.status_code, answer.json()["reason"]) == (400, "wrong-shape")
    assert "WebHook-Allowed-Origin" not in answer.headers


async def test_nobody_may_deliver_where_there_is_no_source_of_events(http: httpx.AsyncClient) -> None:
    asks = {"WebHook-Request-Origin": "eventemitter.example.com"}

    assert (await http.options("/v1/sources/others", headers=asks)).status_code == 404
