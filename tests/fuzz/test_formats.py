"""Whatever a stranger sends in the name of a monitor is read, or is a problem of theirs: there is no third way.

The formats come from the table, so that a new one meets the strangers as soon as it is there.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus

import pytest
from hypothesis import strategies as st

from tests.fuzz.samples import SAMPLES, Sample
from tests.fuzz.strangers import ODD_TEXTS, ROUNDS, bodies, let, mutants, written
from tests.ingest.harbour import NOON
from tocsin.domain.events import Alert
from tocsin.domain.opening import reported_by
from tocsin.domain.readings import Reading
from tocsin.ingest.formats import Delivered, Dialect
from tocsin.ingest.formats.table import FORMATS
from tocsin.ingest.intake import NoPlanMatches, alert_of
from tocsin.ingest.problems import Problem
from tocsin.ingest.regrouping import regrouped
from tocsin.library import PlanLibrary
from tocsin.sources import FormatName, Source

HEADER_NAMES = ["content-type", "ce-id", "ce-type", "ce-source", "ce-specversion", "ce-time", "ce-subject"]
MEDIA_TYPES = [
    "",
    "application/json",
    "application/json; charset=utf-16",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/cloudevents+xml",
    "text/plain; charset=UTF-8",
]
HEADERS = st.dictionaries(st.sampled_from(HEADER_NAMES), st.sampled_from(MEDIA_TYPES + ODD_TEXTS), max_size=3)


@pytest.fixture(params=FORMATS)
def format(request: pytest.FixtureRequest) -> FormatName:
    name: FormatName = request.param
    return name


def source_of(format: FormatName, sample: Sample) -> Source:
    return Source(source="stranger", format=format, mapping=sample.mapping)


def meet(dialect: Dialect, source: Source, delivered: Delivered, library: PlanLibrary) -> None:
    """What becomes of it in the receiver, up to Temporal's door."""
    readings: tuple[Reading, ...] = ()
    refused: Problem | None = None
    try:
        readings = dialect.read(delivered, source)
    except Problem as problem:
        refused = problem
    if refused:
        assert HTTPStatus.BAD_REQUEST <= refused.status < HTTPStatus.INTERNAL_SERVER_ERROR
        assert dialect.refusal(refused).body
    for reading in [*readings, *regrouped(readings, ["severity", "host"])]:
        with suppress(NoPlanMatches):
            assert_temporal_can_have_it(alert_of(reading, library, NOON, source))


def assert_temporal_can_have_it(alert: Alert) -> None:
    assert 0 < len(alert.title) <= 200
    assert alert.began <= alert.received
    assert Alert.model_validate_json(alert.model_dump_json()) == alert
    if alert.is_firing:
        assert reported_by((alert,), drill_speed=None).model_dump_json()


def test_each_format_has_a_valid_payload_to_begin_with(format: FormatName, library: PlanLibrary) -> None:
    assert format in SAMPLES, "add a valid payload to tests/fuzz/samples.py"
    for sample in SAMPLES[format]:
        for payload in sample.payloads:
            delivered = Delivered(written(sample.sent(payload)), sample.headers, NOON)
            assert isinstance(FORMATS[format].read(delivered, source_of(format, sample)), tuple)


@pytest.mark.parametrize("many", ROUNDS)
def test_a_body_of_any_kind_is_read_or_refused(format: FormatName, library: PlanLibrary, many: int) -> None:
    samples = SAMPLES.get(format, [Sample([])])

    def strangers(sample: Sample) -> st.SearchStrategy[tuple[Sample, bytes]]:
        inner = mutants(sample.payloads).map(sample.sent).map(written)
        return st.tuples(st.just(sample), bodies(sample.payloads) | inner)

    def come(stranger: tuple[Sample, bytes]) -> None:
        sample, body = stranger
        meet(FORMATS[format], source_of(format, sample), Delivered(body, sample.headers, NOON), library)

    let(st.one_of(*map(strangers, samples)), many, come)


@pytest.mark.parametrize("many", ROUNDS)
def test_headers_of_any_kind_are_read_or_refused(format: FormatName, library: PlanLibrary, many: int) -> None:
    samples = SAMPLES.get(format, [Sample([{}])])

    def come(stranger: tuple[Sample, dict[str, str]]) -> None:
        sample, headers = stranger
        body = written(sample.sent(sample.payloads[0]))
        delivered = Delivered(body, {**sample.headers, **headers}, NOON)
        meet(FORMATS[format], source_of(format, sample), delivered, library)

    let(st.tuples(st.sampled_from(samples), HEADERS), many, come)
