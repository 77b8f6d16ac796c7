"""Schemathesis tries what the receiver's document promises: with every key, with none, and while Temporal is away.

No answer is one that the document does not know, and none is a 5xx but the 503 that asks to come again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp, Receive, Scope, Send

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


class Receivers:
    """Several of them at one address: `asked` is the one that answers."""

    def __init__(self, receivers: Mapping[str, ASGIApp]) -> None:
        self._receivers = receivers
        self.asked = next(iter(receivers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        await self._receivers[self.asked](scope, receive, send)


def try_everything(receivers: Mapping[str, ASGIApp], many: int) -> dict[str, set[int]]:
    """Call every operation of each as it is described, and otherwise; the status of every answer.

    Requests are made up once for all of them: that takes longer than any answer.
    """
    door = Receivers(receivers)
    statuses: dict[str, set[int]] = {name: set() for name in receivers}

    def come(case: Case) -> None:
        for name, seen in statuses.items():
            door.asked = name
            try:
                seen.add(ask(case))
            except (AssertionError, FailureGroup) as error:
                error.add_note(f"so says the receiver {name}")
                raise

    for operation in operations(door):
        let(operation.as_strategy(), many, come)
        if many == MANY:  # it takes long to find what is not allowed where almost everything is
            with suppress(Unsatisfiable):
                let(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), many, come)
    return statuses


def ask(case: Case) -> int:
    """The status of the answer, which is one that the document knows."""
    answer = case.call()
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE, answer.text
        assert answer.headers["retry-after"]
        assert "Traceback" not in answer.text
    return int(answer.status_code)


@pytest.mark.parametrize("many", ROUNDS)
def test_whoever_comes_with_or_without_keys_or_while_temporal_is_away_is_answered_as_the_document_says(
    library: PlanLibrary, tmp_path: Path, many: int
) -> None:
    reached, unreached, away = Temporal(), Temporal(), Temporal()
    away.failure = unavailable()

    statuses = try_everything(
        {
            "given every key": Insider(receiver(reached, library, tmp_path / "every")),
            "given none": receiver(unreached, library, tmp_path / "none"),
            "without Temporal": Insider(receiver(away, library, tmp_path / "away")),
        },
        many,
    )

    assert {200, 202, 400, 404} <= statuses["given every key"]
    assert {401, 403} <= statuses["given none"]
    assert (unreached.started, unreached.told) == ([], [])
    assert 503 in statuses["without Temporal"]
