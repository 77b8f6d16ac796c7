"""Anything else, read by the rules of a mapping file that an installation writes (`tocsin.mappingfiles`)."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from tocsin.domain.readings import Reading
from tocsin.ingest.bodies import parse_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.problems import Problem
from tocsin.mappingfiles import mapping_at
from tocsin.mappings import NotMapped, Told
from tocsin.sources import Source


def prepare(source: Source) -> None:
    """Compile the source's mapping, so that its first alert need not wait. Raises `YamlError`."""
    mapping_at(_file_of(source))


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """What the payload says by the source's mapping; nothing where a rule ignores it. Raises `Problem`."""
    return tell(delivered, source).readings


def tell(delivered: Delivered, source: Source) -> Told:
    """What the payload says, and how it came to that. Raises `Problem`."""
    payload = parse_json(delivered.body)
    try:
        return mapping_at(_file_of(source)).tell(payload, delivered.headers)
    except NotMapped as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason, str(error)) from error


def _file_of(source: Source) -> Path:
    assert source.mapping is not None, "a source of the format `mapping` is refused without one"
    return source.mapping
