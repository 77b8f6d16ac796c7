"""Schemathesis tries what the receiver's document promises: with every key, with none, and while Temporal is away.

No answer is one that the document does not know, and none is a 5xx but the 503 that asks to come again.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp

from tests.fuzz.insider import Insider, receiver
from tests.fuzz.strangers import let
from tests.ingest.harbour import unavailable
from tests.ingest.newsroom import Temporal
from tocsin.library import PlanLibrary

FEW, MANY = 12, 40
ROUNDS = [FEW, pytest.param(MANY, marks=(pytest.mark.slow, pytest.mark.timeout(900)))]
"""How many requests are made up for each operation."""

CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def operations(app: ASGIApp) -> list[Any]:
    """What the document describes."""
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    return [each.ok() for each in document.get_all_operations()]


def try_everything(app: ASGIApp, many: int) -> set[int]:
    """Call every operation as it is described, and otherwise; the status of every answer."""
    statuses = set()

    def come(case: Case) -> None:
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)
        statuses.add(answer.status_code)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, answer.text
            assert answer.headers["retry-after"]
            assert "Traceback" not in answer.text

    for operation in operations(app):
        let(operation.as_strategy(), many, come)
        if many == MANY:  # it takes long to find what is not allowed where almost everything is
            with suppress(Unsatisfiable):
                let(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), many, come)
    return statuses


@pytest.mark.parametrize("many", ROUNDS)
def test_whoever_has_every_key_is_answered_as_the_document_says(
    library: PlanLibrary, tmp_path: Path, many: int
) -> None:
    statuses = try_everything(Insider(receiver(Temporal(), library, tmp_path)), many)

    assert {200, 202, 400, 404} <= statuses


@pytest.mark.parametrize("many", ROUNDS)
def test_whoever_has_none_is_refused_as_the_document_says(
    library: PlanLibrary, tmp_path: Path, many: int
) -> None:
    temporal = Temporal()

    statuses = try_everything(receiver(temporal, library, tmp_path), many)

    assert {401, 403} <= statuses
    assert (temporal.started, temporal.told) == ([], [])


@pytest.mark.parametrize("many", ROUNDS)
def test_without_temporal_they_are_asked_to_come_again(
    library: PlanLibrary, tmp_path: Path, many: int
) -> None:
    temporal = Temporal()
    temporal.failure = unavailable()

    assert 503 in try_everything(Insider(receiver(temporal, library, tmp_path)), many)
