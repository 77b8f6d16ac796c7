"""Anything else, read by the rules of a mapping file that an installation writes (`tocsin.mappingfiles`).

CEL is loaded with the first mapping: its parser takes a third of a second, and 15 MB, that nobody else needs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from tocsin.domain.readings import Reading
from tocsin.ingest.bodies import parse_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.problems import Problem
from tocsin.sources import Source

if TYPE_CHECKING:
    from tocsin.mappings import PayloadMapping


def prepare(source: Source) -> None:
    """Compile the source's mapping, so that its first alert need not wait. Raises `YamlError`."""
    _mapping_of(source)


def read(delivered: Delivered, source: Source) -> tuple[Reading, ...]:
    """What the payload says by the source's mapping; nothing where a rule ignores it. Raises `Problem`."""
    from tocsin.mappings import NotMapped

    payload = parse_json(delivered.body)
    try:
        return _mapping_of(source).tell(payload, delivered.headers).readings
    except NotMapped as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason, str(error)) from error


def _mapping_of(source: Source) -> PayloadMapping:
    from tocsin.mappingfiles import mapping_at

    assert source.mapping is not None, "a source of the format `mapping` is refused without one"
    return mapping_at(source.mapping)
