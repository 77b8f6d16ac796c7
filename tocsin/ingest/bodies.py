"""Request bodies: bounded while they arrive, and read as what they claim to be."""

from __future__ import annotations

from http import HTTPStatus
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from tocsin.ingest.problems import Problem

BODY_LIMIT = 1024 * 1024
"""Bytes. Temporal takes payloads up to 2 MiB; a group of thousands of alerts is well below one."""

FIELD_LIMIT = 500
REPORTED_ERRORS = 10

Form = ImmutableMultiDict[str, str]
T = TypeVar("T")


async def body_of(request: Request) -> bytes:
    """The whole body. Raises `Problem` (413) as soon as it is known to be too long."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > BODY_LIMIT:
        raise _too_long()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise _too_long()
    return bytes(body)


def read_json(adapter: TypeAdapter[T], body: bytes) -> T:
    """The body as JSON of the adapter's type. Raises `Problem` (400) that names each field that is wrong."""
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise _malformed(error) from None


def read_form(body: bytes) -> Form:
    """The fields of a form; a field may come twice. Raises `Problem` (400)."""
    try:
        return ImmutableMultiDict(
            parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELD_LIMIT)
        )
    except ValueError as error:  # too many fields, or not UTF-8
        raise Problem(HTTPStatus.BAD_REQUEST, "not-a-form", f"the body is no form: {error}") from error


def _too_long() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-long", f"the body is longer than {BODY_LIMIT:,} bytes"
    )


def _malformed(error: ValidationError) -> Problem:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    if errors[0]["type"] == "json_invalid":
        return Problem(HTTPStatus.BAD_REQUEST, "not-json", f"the body is not JSON: {errors[0]['msg']}")
    fields = [
        {"field": ".".join(str(part) for part in item["loc"]) or "the body", "problem": item["msg"]}
        for item in errors[:REPORTED_ERRORS]
    ]
    detail = "; ".join(f"{item['field']}: {item['problem']}" for item in fields)
    return Problem(HTTPStatus.BAD_REQUEST, "wrong-shape", detail, more={"errors": fields})
