"""Trying out, without Temporal and without locks, what the receiver would make of a request that somebody kept."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http.client import HTTPException, parse_headers
from pathlib import Path

from tocsin.domain.events import Alert
from tocsin.domain.readings import Reading
from tocsin.ingest.bodies import parse_json
from tocsin.ingest.formats import Delivered
from tocsin.ingest.formats.table import FORMATS
from tocsin.ingest.intake import NoPlanMatches, alert_of, unread
from tocsin.ingest.problems import Problem as Refusal
from tocsin.ingest.regrouping import regrouped
from tocsin.library import PlanLibrary
from tocsin.mappingfiles import MappingText, mapping_at
from tocsin.mappings import NotMapped, Trace
from tocsin.sources import ALERTMANAGER, Source
from tocsin.yamlfile import Document, read

_REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/[0-9.]+\r?\n")


class NoSuchSource(LookupError):
    """Nothing is called what was named; the text says what there is."""


class NotKept(ValueError):
    """A file holds no request, or no headers, in a form that is read here."""


@dataclass(frozen=True)
class Meaning:
    """A reading, and what it comes to: the alert for its incident, or why no plan wants it; neither without plans.

    `note` says that its plan was named, and has no rule that takes it.
    """

    reading: Reading
    alert: Alert | None = None
    unwanted: str = ""
    note: str = ""


@dataclass(frozen=True)
class Trial:
    """What the receiver would make of a request: meanings, or a refusal. `trace` is for mappings."""

    source: Source
    meanings: tuple[Meaning, ...] = ()
    refusal: Refusal | None = None
    trace: Trace | None = None


def try_out(source: Source, delivered: Delivered, library: PlanLibrary | None) -> Trial:
    """Read a request as the receiver would; without a library, say nothing of plans. Raises `YamlError`."""
    trace = _trace(source, delivered)
    try:
        readings = FORMATS[source.format].read(delivered, source)
    except Refusal as refusal:
        return Trial(source, refusal=refusal, trace=trace)
    meanings = (_meaning(each, library, delivered, source) for each in regrouped(readings, source.group_by))
    return Trial(source, tuple(meanings), trace=trace)


def _trace(source: Source, delivered: Delivered) -> Trace | None:
    if source.mapping is None:
        return None
    try:
        return mapping_at(source.mapping).trace(parse_json(delivered.body), delivered.headers)
    except (NotMapped, Refusal):  # the reading itself will say so
        return None


def _meaning(reading: Reading, library: PlanLibrary | None, delivered: Delivered, source: Source) -> Meaning:
    if library is None:
        return Meaning(reading)
    try:
        alert = alert_of(reading, library, delivered.received, source)
    except NoPlanMatches as error:
        return Meaning(reading, unwanted=str(error))
    return Meaning(reading, alert, note=unread(reading, library, source))


# ---- the request ----


def request_of(kept: bytes, more_headers: bytes, received: datetime) -> Delivered:
    """A request from a file: a body alone, or a whole request with its first line and headers. Raises `NotKept`."""
    headers: dict[str, str] = {}
    if first := _REQUEST_LINE.match(kept):
        stream = io.BytesIO(kept[first.end() :])
        headers = _headers(stream)
        kept = stream.read()
    headers |= _headers(io.BytesIO(more_headers.strip() + b"\n\n"))
    return Delivered(body=kept, headers=headers, received=received)


def _headers(stream: io.BytesIO) -> dict[str, str]:
    try:
        found = parse_headers(stream)
    except HTTPException as error:
        raise NotKept(f"the headers can't be read: {error}") from error
    if found.defects:
        raise NotKept("the headers can't be read: write each as `Name: value` on a line of its own")
    return {name.lower(): value for name, value in found.items()}


# ---- the source ----


def source_for(named: str, folder: Path) -> Source:
    """The source that is meant: the file of one, one of `folder` by its name, a mapping file, or a format's name.

    Its lock and secrets are left out of account. Raises `NoSuchSource` and `YamlError`.
    """
    if Path(named).is_file():
        return _from_file(Path(named))
    known = {source.source: source for source in _below(folder)}
    if named in known:
        return known[named]
    if named == ALERTMANAGER.source:
        return ALERTMANAGER
    for format in FORMATS:
        if named == format != "mapping":
            return Source(source=format, format=format)
    formats = ", ".join(format for format in FORMATS if format != "mapping")
    sources = ", ".join(known) or "there is none"
    raise NoSuchSource(f'"{named}" is no file, no source in {folder} ({sources}), and no format ({formats})')


def _from_file(path: Path) -> Source:
    document = read(path)
    if isinstance(document.data, Mapping) and "rules" in document.data:
        name = document.validate(MappingText).mapping
        return Source(source=name, format="mapping", mapping=path)
    return _without_lock(document, path.parent)


def _without_lock(document: Document, folder: Path) -> Source:
    """The secrets of a source are not needed here, and need not be there."""
    if isinstance(document.data, Mapping):
        document = replace(document, data={key: each for key, each in document.data.items() if key != "lock"})
    return document.validate(Source, {"folder": folder})


def _below(folder: Path) -> Iterator[Source]:
    for path in sorted(folder.glob("*.yaml")):
        yield _without_lock(read(path), path.parent)
