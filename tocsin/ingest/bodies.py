"""Request bodies: bounded while they arrive, and read as what they claim to be."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import ClientDisconnect, Request

from tocsin.ingest.problems import Problem

BODY_LIMIT = 1024 * 1024
"""Bytes. Temporal takes payloads up to 2 MiB; a group of thousands of alerts is well below one."""

FIELD_LIMIT = 500
REPORTED_ERRORS = 10

Form = ImmutableMultiDict[str, str]
T = TypeVar("T")


def refuse_other_types(given: str, wanted: Sequence[str]) -> None:
    """Raises `Problem` (415) for a `Content-Type` that is none of those; "*" among them takes any.

    A page in somebody's browser may post a form or plain text anywhere, but not JSON.
    """
    if "*" not in wanted and given.partition(";")[0].strip().lower() not in wanted:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "wrong-content-type",
            f"send it with `Content-Type: {' or '.join(wanted)}`",
            {"Accept": ", ".join(wanted)},
        )


async def body_of(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """The whole body. Raises `Problem` (413) as soon as it is known to be too long, and (400) when it breaks off."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_long(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_long(limit)
    except ClientDisconnect as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "body-broke-off", "the body did not arrive whole") from error
    return bytes(body)


def parse_json(body: bytes) -> Any:
    """The body as plain data. Of a key that comes twice the last one counts, as in JavaScript and Go.

    Raises `Problem` (400), also for more than 200 levels of nesting and for NaN, which is no JSON.
    """
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "not-json", f"the body is not JSON: {error}") from None


def read_json(adapter: TypeAdapter[T], body: bytes) -> T:
    """The body as JSON of the adapter's type. Raises `Problem` (400) that names each field that is wrong."""
    try:
        return adapter.validate_python(parse_json(body))
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


def _too_long(limit: int) -> Problem:
    return Problem(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-long", f"the body is longer than {limit:,} bytes"
    )


def _malformed(error: ValidationError) -> Problem:
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    fields = [
        {"field": ".".join(str(part) for part in item["loc"]) or "the body", "problem": item["msg"]}
        for item in errors[:REPORTED_ERRORS]
    ]
    detail = "; ".join(f"{item['field']}: {item['problem']}" for item in fields)
    return Problem(HTTPStatus.BAD_REQUEST, "wrong-shape", detail, more={"errors": fields})
