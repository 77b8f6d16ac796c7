"""Errors as machines and people read them: `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from tocsin.temporal import TemporalUnavailable

RETRY_AFTER_SECONDS = 5
TYPE_PREFIX = "urn:tocsin:problem:"
PROBLEM_TYPE = "application/problem+json"

CountRefusal = Callable[[str], None]
"""Hears the reason of each refusal."""

COUNT_REFUSAL = "count_refusal"
"""Under this name the receiver's lifespan state holds a `CountRefusal`, for what the server refuses without the app."""

_NONE: Mapping[str, Any] = MappingProxyType({})


class Problem(Exception):
    """A request is not carried out. `reason` is for programs, `detail` for people; `more` are further members."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        headers: Mapping[str, str] = _NONE,
        more: Mapping[str, Any] = _NONE,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = headers
        self.more = more

    def response(self) -> JSONResponse:
        """The problem as it goes out."""
        content = {
            "type": TYPE_PREFIX + self.reason,
            "title": self.status.phrase,
            "status": self.status.value,
            "reason": self.reason,
            "detail": self.detail,
            **self.more,
        }
        return JSONResponse(content, self.status.value, dict(self.headers), media_type=PROBLEM_TYPE)


def unavailable(detail: str, reason: str = "temporal-unavailable") -> Problem:
    """Not now, but soon: 503 with `Retry-After`. Never 429, which some monitors take for a refusal."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, reason, detail, headers)


def nobody_counts(reason: str) -> None:
    """Where refusals are not counted."""


def speak_in_problems(app: FastAPI, count: CountRefusal = nobody_counts) -> None:
    """Let every error of `app` go out as a problem; `count` hears the reason of each."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        problem = _problem_of(request, error)
        count(problem.reason)
        return problem.response()

    for kind in (Problem, TemporalUnavailable, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def _problem_of(request: Request, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case TemporalUnavailable():
            return unavailable(str(error))
        case HTTPException():
            return _http_problem(request, error)
    # What nobody foresaw: the server logs it; whoever asked may try again.
    detail = "this is a defect of Tocsin; its log says what happened"
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "defect", detail)


def _http_problem(request: Request, error: HTTPException) -> Problem:
    status = HTTPStatus(error.status_code)
    reason = status.phrase.lower().replace(" ", "-")
    detail = f"{request.method} {request.scope['path']}: {error.detail}"
    return Problem(status, reason, detail, error.headers or {})
