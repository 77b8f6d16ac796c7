"""What the files of an archive say about one another: whoever changes one of them, and makes the manifest anew, must
change the others to match.

Only what is compared is read, so that an archive of another version of Tocsin can be checked as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tocsin.manifest import EVIDENCE, TIMELINE, ListedFile, is_hash
from tocsin.timelines import Entries, last_of

T = TypeVar("T")


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Pin(_Part):
    hash: str


class _Promise(_Part):
    """A promise as the incident has it, or as the ledger does; there, `due` is `None` while its clock stands still."""

    key: str
    due: str | None
    verdict: str
    settled: str | None
    reason: str


class _Piece(_Part):
    number: int
    sha256: str
    size: int
    name: str
    origin: str


class _Kept(_Piece):
    kept: bool


class _Incident(_Part):
    id: str
    plan: _Pin
    entries: int
    timeline: list[dict[str, Any]]
    obligations: dict[str, _Promise]
    messages: dict[str, dict[str, Any]]
    evidence: dict[str, _Piece] = {}


class _Record(_Part):
    incident: str


class Unreadable(Exception):
    """A file is not there, or does not hold what it should; the text says which."""


@dataclass(frozen=True)
class Comparison:
    """What came of comparing: the incident that the files are about, if they say; its pieces of evidence; problems."""

    incident: str | None
    evidence: int
    problems: list[str]


def compare(folder: Path, files: Mapping[str, ListedFile], entries: Entries) -> Comparison:
    """Compare the files of the archive in `folder`, of which these `files` and `entries` were found."""
    try:
        check = _Comparing(folder, files, entries)
    except Unreadable as problem:
        return Comparison(None, 0, [str(problem)])
    return Comparison(check.incident.id, len(check.incident.evidence), list(check.problems()))


class _Comparing:
    """An archive whose `incident.json` can be read; raises `Unreadable` for another."""

    def __init__(self, folder: Path, files: Mapping[str, ListedFile], entries: Entries) -> None:
        self._folder = folder
        self._files = files
        self._entries = entries
        self.incident = self._read("incident.json", _Incident)

    def problems(self) -> Iterator[str]:
        """Where two files contradict one another."""
        checks = (self._record, self._timeline, self._plan, self._ledger, self._messages, self._evidence)
        for check in checks:
            try:
                yield from check()
            except Unreadable as problem:
                yield str(problem)

    def _record(self) -> Iterator[str]:
        """Where the first log entry failed, there is no such file."""
        if "record.json" not in self._files:
            return
        if (of := self._read("record.json", _Record).incident) != self.incident.id:
            yield f"record.json is about incident {of}, and incident.json about {self.incident.id}"

    def _timeline(self) -> Iterator[str]:
        last, told = last_of(self._entries), {entry["number"]: entry for entry in self._entries}
        if last != self.incident.entries:
            yield f"{TIMELINE} ends with entry {last}, and incident.json counts {self.incident.entries}"
        for entry in self.incident.timeline:
            line = told.get(entry.get("number", 0), {})
            if line and {name: value for name, value in line.items() if name != "chain"} != entry:
                yield f"{TIMELINE}: entry {line['number']} is not the one that incident.json has"

    def _plan(self) -> Iterator[str]:
        hash = hashlib.sha256(self._bytes("plan.json")).hexdigest()
        if hash != self.incident.plan.hash:
            yield f"plan.json is version {hash} of the plan; the incident ran {self.incident.plan.hash}"

    def _ledger(self) -> Iterator[str]:
        rows = {row.key: row for row in self._read("ledger.json", list[_Promise]) if row.due}
        promises = {each.key: each for each in self.incident.obligations.values()}
        for key in sorted(rows.keys() | promises.keys()):
            row, promise = rows.get(key), promises.get(key)
            if row is None or promise is None:
                has, lacks = (
                    ("incident.json", "ledger.json") if row is None else ("ledger.json", "incident.json")
                )
                yield f'the promise "{key}" is in {has}, and not in {lacks}'
            elif row != promise:
                yield f'the promise "{key}": ledger.json has {_told(row)}, incident.json {_told(promise)}'

    def _messages(self) -> Iterator[str]:
        if self._read("messages.json", list[dict[str, Any]]) != list(self.incident.messages.values()):
            yield "messages.json does not have the messages that incident.json has"

    def _evidence(self) -> Iterator[str]:
        for name, file in self._contents().items():
            if name != file.sha256:
                yield f"{EVIDENCE}/{name} is not the content of that name: its SHA-256 is {file.sha256}"
        pieces = list(self.incident.evidence.values())
        kept = self._read("evidence.json", list[_Kept]) if pieces else []
        if [_Piece(**dict(each)) for each in kept] != pieces:
            yield "evidence.json does not have the evidence that incident.json has"
        for piece in kept:
            yield from self._piece(piece)

    def _piece(self, piece: _Kept) -> Iterator[str]:
        what = f"evidence {piece.number} ({piece.name})"
        file = self._contents().get(piece.sha256)
        if not piece.kept:
            yield f"{what}: its content was not in the store when the incident was archived"
        elif file is None:
            yield f"{what}: its content, {EVIDENCE}/{piece.sha256}, is missing"
        elif file.size != piece.size:
            yield f"{what} has {file.size} bytes; on the record it has {piece.size}"

    def _contents(self) -> Mapping[str, ListedFile]:
        folder = f"{EVIDENCE}/"
        return {
            name.removeprefix(folder): file
            for name, file in self._files.items()
            if name.startswith(folder) and is_hash(name.removeprefix(folder))
        }

    def _bytes(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            raise Unreadable(f"{name} is missing") from None

    def _read(self, name: str, kind: type[T]) -> T:
        adapter: TypeAdapter[T] = TypeAdapter(kind)
        try:
            return adapter.validate_json(self._bytes(name))
        except ValidationError as error:
            raise Unreadable(f"{name} is not as it was written: {first_of(error)}") from None


def first_of(error: ValidationError) -> str:
    """The first thing that is wrong with a file, and where in it."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else first["msg"]


def _told(promise: _Promise) -> str:
    return f"{promise.verdict}, due {promise.due}" + (
        f", settled {promise.settled}" if promise.settled else ""
    )
