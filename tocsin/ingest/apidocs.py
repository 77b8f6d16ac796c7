"""What the receiver says of itself to programs: `/openapi.json`, whole, for the sources of this installation.

What the endpoints of vendors and people take is for the vendors to say; the document names the media type and the lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, get_args

from fastapi import FastAPI
from pydantic import BaseModel

from tocsin.callbacks import APPROVALS_PATH, PAGES_PATH, PLANS_PATH
from tocsin.ingest.formats import Dialect
from tocsin.ingest.problems import PROBLEM_TYPE, TYPE_PREFIX, Problem
from tocsin.sources import ALERTMANAGER, Lock, Source
from tocsin.starting import Outcome

Operation = dict[str, Any]

_FORM = "application/x-www-form-urlencoded"
_PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}

_PROBLEM = {
    "type": "object",
    "description": "Why a request was not carried out (RFC 9457); `reason` is for programs.",
    "required": ["type", "title", "status", "reason", "detail"],
    "properties": {
        "type": {"type": "string", "pattern": f"^{TYPE_PREFIX}"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "reason": {"type": "string"},
        "detail": {"type": "string"},
    },
}

_TAKEN = {
    "type": "object",
    "description": "Where a group of alerts went.",
    "required": ["key", "workflow", "outcome"],
    "properties": {
        "key": {
            "type": "string",
            "description": "What all incidents of this group share: the id of the first; a later one has its own.",
        },
        "workflow": {"type": "string"},
        "outcome": {"type": "string", "enum": list(get_args(Outcome))},
    },
}

_ALL_TAKEN = {
    "type": "object",
    "required": ["incidents"],
    "properties": {"incidents": {"type": "array", "items": {"$ref": "#/components/schemas/Taken"}}},
}

_MONITORS_HEAR = {
    HTTPStatus.OK: "Temporal has it; no incident is open that it tells of, and none was opened",
    HTTPStatus.ACCEPTED: "Temporal has it",
    HTTPStatus.BAD_REQUEST: "The body is not what it should be",
    HTTPStatus.UNAUTHORIZED: "Nothing was shown that opens this source",
    HTTPStatus.FORBIDDEN: "The signature, its time, or the key is wrong",
    HTTPStatus.REQUEST_TIMEOUT: "The body did not arrive in time",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The media type is another one",
    HTTPStatus.UNPROCESSABLE_ENTITY: "No plan wants it, or some of it",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too many, or too long",
    HTTPStatus.SERVICE_UNAVAILABLE: "Temporal cannot take it now; come again after `Retry-After` seconds",
}

_SECURITY: Mapping[str, Mapping[str, str]] = {
    "token": {"type": "http", "scheme": "bearer"},
    "password": {"type": "http", "scheme": "basic", "description": "A token in place of the password."},
    "parameter": {"type": "apiKey", "in": "query", "name": "token"},
    "twilio": {"type": "apiKey", "in": "header", "name": "X-Twilio-Signature"},
    "sendgrid": {"type": "apiKey", "in": "header", "name": "X-Twilio-Email-Event-Webhook-Signature"},
}


@dataclass(frozen=True)
class _Kind:
    """What endpoints below a path have in common: what they take and answer, and any one of what they ask for."""

    takes: tuple[str, ...]
    answers: str
    security: tuple[str, ...] = ()


_REPORTERS = ("token", "password", "parameter")
_KINDS = {
    APPROVALS_PATH: _Kind((_FORM,), "text/html"),
    PAGES_PATH: _Kind((_FORM,), "text/html"),
    PLANS_PATH: _Kind((_FORM,), "text/html"),
    "/v1/reports/email": _Kind(("multipart/form-data",), "application/json", _REPORTERS),
    "/v1/reports/ticket": _Kind(("application/json",), "application/json", _REPORTERS),
    "/v1/reports/phone": _Kind((_FORM,), "application/xml", ("twilio",)),
    "/v1/twilio/broadcast": _Kind((_FORM,), "application/json", ("twilio",)),
    "/v1/twilio/status": _Kind((_FORM,), "application/json", ("twilio",)),
    "/v1/twilio": _Kind((_FORM,), "application/xml", ("twilio",)),
    "/v1/sendgrid": _Kind(("application/json",), "application/json", ("sendgrid",)),
    "/metrics": _Kind((), "text/plain"),
}


def monitor_operation(sources: Sequence[Source], dialect: Dialect) -> Operation:
    """How an endpoint of monitors is added to a router."""
    names = " and ".join(source.source for source in sources)
    takes = [each for each in dialect.content_types if each != "*"] or ["*/*"]
    schema = inlined(dialect.schema) if dialect.schema else {}
    responses = {
        status.value: _answer(status, meaning, dialect) for status, meaning in _MONITORS_HEAR.items()
    }
    return {
        "summary": f"What {names} says",
        "description": " ".join(_about(sources[0], dialect)),
        "operation_id": f"report-{'-'.join(source.source for source in sources)}",
        "status_code": HTTPStatus.ACCEPTED,
        "responses": responses,
        "openapi_extra": {
            "requestBody": {"required": True, "content": {each: {"schema": schema} for each in takes}},
            "security": [{name: [] for name in _schemes(source)} for source in sources],
        },
    }


def inlined(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model with everything in its place, so that models of different formats may share a name."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolved(definitions[part["$ref"].rpartition("/")[2]])
        return {name: resolved(each) for name, each in part.items()}

    whole: dict[str, Any] = resolved(schema)
    return whole


def describe(app: FastAPI, sources: Sequence[Source]) -> None:
    """Let `app` serve the whole document."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generated(), sources)
        return generated()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI has no other way


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Operation]]:
    """Every endpoint: its path, its method, and what is said of it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _answer(status: HTTPStatus, meaning: str, dialect: Dialect) -> dict[str, Any]:
    if status >= HTTPStatus.BAD_REQUEST and dialect.refusal is Problem.response:
        return {"description": meaning, "content": {PROBLEM_TYPE: {"schema": _PROBLEM_REF}}}
    if status >= HTTPStatus.BAD_REQUEST or dialect.answer:
        return {"description": meaning, "content": {"application/json": {"schema": {}}}}
    either = [{"$ref": "#/components/schemas/Taken"}, {"$ref": "#/components/schemas/AllTaken"}]
    return {"description": meaning, "content": {"application/json": {"schema": {"anyOf": either}}}}


def _about(source: Source, dialect: Dialect) -> Iterator[str]:
    """The format, its size, and a lock that OpenAPI has no word for."""
    yield f"Format `{source.format}`, of at most {dialect.limit:,} bytes."
    if source.lock and source.lock.routing_keys:
        yield "The key is in the body, as `routing_key`."
    if source.lock and source.lock.topics:
        yield "The body is signed by AWS, for one of the topics that the source names."


def _schemes(source: Source) -> Iterator[str]:
    """The names of what the headers of a request must show; routing keys and AWS's signatures are in the body."""
    if source is ALERTMANAGER or (source.lock and source.lock.bearer):
        yield "token"
    if source.lock and source.lock.hmac:
        yield _signature(source.lock)


def _signature(lock: Lock) -> str:
    assert lock.hmac is not None
    return f"signature-{lock.hmac.header.lower()}"


def _complete(document: dict[str, Any], sources: Sequence[Source]) -> None:
    """What the framework cannot know: who signs what, and that every endpoint may answer with a problem."""
    signed = {
        _signature(each.lock): {"type": "apiKey", "in": "header", "name": each.lock.hmac.header}
        for each in sources
        if each.lock and each.lock.hmac
    }
    document["components"] = {
        "schemas": {"Problem": _PROBLEM, "Taken": _TAKEN, "AllTaken": _ALL_TAKEN},
        "securitySchemes": {**_SECURITY, **signed},
    }
    for path, method, operation in operations(document):
        responses = operation["responses"]
        if "HTTPValidationError" in str(
            responses.get("422")
        ):  # no endpoint answers with the framework's own errors
            del responses["422"]
        kind = next((kind for prefix, kind in _KINDS.items() if path.startswith(prefix)), None)
        if kind:
            _describe(operation, kind, method)
        content: dict[str, Any] = {"text/html": {}} if kind and kind.answers == "text/html" else {}
        problem = {PROBLEM_TYPE: {"schema": _PROBLEM_REF}}
        responses["default"] = {"description": "It was not carried out", "content": {**problem, **content}}


def _describe(operation: Operation, kind: _Kind, method: str) -> None:
    answered = {"schema": {} if kind.answers == "application/json" else {"type": "string"}}
    operation["responses"]["200"] = {"description": "Done", "content": {kind.answers: answered}}
    if kind.takes and method == "post":
        operation["requestBody"] = {
            "required": True,
            "content": {each: {"schema": {}} for each in kind.takes},
        }
    if kind.security:
        operation["security"] = [{name: []} for name in kind.security]
