"""Reads YAML files into pydantic models, and says of every problem in which line and column it is.

    YamlError      a text can't be used; `problems` has one entry for everything that is wrong with it

YAML is read by the 1.2 core schema: `NO`, `on`, `17:30`, `24/7` and `2026-12-24` stay the text that was
written. Duplicate keys and tags are refused; aliases and merge keys (`<<`) work. ruamel's round-trip reader
is asked for its nodes rather than for its data: nodes know where each key *and* each value stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from tocsin.modelerrors import Explained, Trail, explain

Position = tuple[int, int]
"""Line and column, both from 1."""

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file. `path` reads like `obligations[2].within`; at the top it is empty."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class YamlError(Exception):
    """A YAML text can't be used. `problems` says why, file by file, each in its order; its text has a line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda each: (each.file, each.line, each.column))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Document:
    """A YAML text as plain Python data, which still knows where each of its keys and values was written."""

    file: str
    data: Any
    keys: dict[Trail, Position] = field(repr=False)
    values: dict[Trail, Position] = field(repr=False)

    def position(self, path: Trail) -> Position:
        """Where the value at `path` begins; if there is none, where the nearest value around it does."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values[path]

    def problem(self, path: Trail, message: str) -> Problem:
        """Report something wrong at `path` that only a look at the whole document shows."""
        return Problem(self.file, *self.position(path), _written(path), message)

    def validate(self, model: type[M], context: dict[str, Any] | None = None) -> M:
        """Make a `model` of the data; `context` is handed to its validators. Raises `YamlError`."""
        try:
            return model.model_validate(self.data, context=context)
        except ValidationError as refused:
            found = explain(refused, self.data, model)
            raise YamlError(self._problem_of(each) for each in found) from None

    def _problem_of(self, found: Explained) -> Problem:
        place = self.position(found.at)
        place = self.keys.get(found.at, place) if found.is_key else place
        return Problem(self.file, *place, _written(found.path), found.message)


def locate(document: Document, path: Trail) -> Position:
    """Line and column of the value at `path`, or of the nearest value around it."""
    return document.position(path)


def load(path: Path, model: type[M], context: dict[str, Any] | None = None) -> M:
    """Read the file at `path` into a `model`. Raises `YamlError`, also when the file can't be read."""
    return read(path).validate(model, context)


def parse(text: str, model: type[M], name: str = "<text>") -> M:
    """Read `text` into a `model`; problems call it `name`. Raises `YamlError`."""
    return read_text(text, name).validate(model)


def read(path: Path) -> Document:
    """Read the file at `path`, without a model. Raises `YamlError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as failed:
        raise YamlError([Problem(str(path), 1, 1, "", f"can't be read: {failed.strerror}")]) from failed
    except UnicodeDecodeError as failed:
        line = failed.object.count(b"\n", 0, failed.start) + 1
        raise YamlError(
            [Problem(str(path), line, 1, "", "is not UTF-8; save it with that encoding")]
        ) from failed
    return read_text(text, str(path))


def read_text(text: str, name: str = "<text>") -> Document:
    """Read `text`, without a model; problems call it `name`. Raises `YamlError`."""
    try:
        root = YAML(typ="rt").compose(text)
    except MarkedYAMLError as refused:
        raise YamlError([_syntax_problem(refused, name)]) from None
    except ReaderError as refused:
        line, column = (
            text.count("\n", 0, refused.position),
            refused.position - text.rfind("\n", 0, refused.position),
        )
        message = f"the character U+{ord(text[refused.position]):04X} is not allowed in YAML; delete it"
        raise YamlError([Problem(name, line + 1, column, "", message)]) from None
    if root is None:
        raise YamlError([Problem(name, 1, 1, "", "is empty")])
    reader = _Reader(name)
    document = Document(name, reader.value_of(root, ()), reader.keys, reader.values)
    if reader.problems:
        raise YamlError(reader.problems)
    return document


def _syntax_problem(refused: MarkedYAMLError, name: str) -> Problem:
    mark = refused.problem_mark or refused.context_mark
    message = " ".join(part for part in (refused.problem, refused.context) if part)
    return Problem(name, mark.line + 1, mark.column + 1, "", f"is not YAML: {message}")


# ---- from nodes to plain data ----

_CORE_TAGS = "tag:yaml.org,2002:"
_TEXT_TAG = f"{_CORE_TAGS}str"
_MERGE_TAG = f"{_CORE_TAGS}merge"

_CORE_SCHEMA: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"(?:~|null|Null|NULL)?"), lambda _: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"), lambda text: float(text.replace(".", ""))),
)
"""What unquoted text means (YAML 1.2.2, section 10.3.2); everything else is a string."""


_FOLD = "\a"
"""The round-trip reader leaves one where a line of folded text was joined to the next; nobody can write it there."""


def _scalar(node: ScalarNode) -> Any:
    text: str = node.value.replace(_FOLD, "") if node.style == ">" else node.value
    if node.style or node.tag == _TEXT_TAG:
        return text
    return next((read(text) for pattern, read in _CORE_SCHEMA if pattern.fullmatch(text)), text)


def _start(node: Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1


_CIRCULAR = "this contains an alias of itself; write out what is meant"


class _Reader:
    """Turns nodes into plain data and notes, by trail, where each key and value was written."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.keys: dict[Trail, Position] = {}
        self.values: dict[Trail, Position] = {}
        self.problems: list[Problem] = []
        self._open: set[int] = set()

    def value_of(self, node: Node, trail: Trail) -> Any:
        self.values[trail] = _start(node)
        if not str(node.tag).startswith(_CORE_TAGS):
            return self._refuse(node, trail, f"the tag {node.tag} is not used here; delete it")
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if id(node) in self._open:
            return self._refuse(node, trail, _CIRCULAR)
        self._open.add(id(node))
        collect = self._mapping if isinstance(node, MappingNode) else self._sequence
        inside = collect(node, trail)
        self._open.remove(id(node))
        return inside

    def _sequence(self, node: Node, trail: Trail) -> list[Any]:
        return [self.value_of(item, (*trail, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: Node, trail: Trail) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        for key_node, value_node, merged in self._entries(node, trail):
            key = _scalar(key_node)
            if key not in data:
                self.keys[*trail, key] = _start(key_node)
                data[key] = self.value_of(value_node, (*trail, key))
                if value_node.start_mark.index == value_node.end_mark.index:  # nothing was written
                    self.values[*trail, key] = self.keys[*trail, key]
            elif not merged:
                line, _ = self.keys[*trail, key]
                self._refuse(key_node, trail, f"the key `{key}` is already in line {line}; keep one of them")
        return data

    def _entries(self, node: Node, trail: Trail) -> Iterator[tuple[ScalarNode, Node, bool]]:
        """Keys and values of `node`, first its own, then (marked) those that it merges from others."""
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._refuse(key_node, trail, "a key is a single word or number, not a list or mapping")
            elif key_node.tag != _MERGE_TAG:
                yield key_node, value_node, False
        for merged in (value for key, value in node.value if key.tag == _MERGE_TAG):
            for other in merged.value if isinstance(merged, SequenceNode) else [merged]:
                yield from ((key, value, True) for key, value, _ in self._merged_entries(other, trail))

    def _merged_entries(self, node: Node, trail: Trail) -> Iterator[tuple[ScalarNode, Node, bool]]:
        if not isinstance(node, MappingNode):
            self._refuse(node, trail, "`<<` takes a mapping or a list of mappings")
        elif id(node) in self._open:
            self._refuse(node, trail, _CIRCULAR)
        else:
            self._open.add(id(node))
            yield from self._entries(node, trail)
            self._open.remove(id(node))

    def _refuse(self, node: Node, trail: Trail, message: str) -> None:
        self.problems.append(Problem(self.file, *_start(node), _written(trail), message))


def _written(trail: Trail) -> str:
    """`("obligations", 2, "within")` as `obligations[2].within`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in trail)
    return "".join(steps).removeprefix(".")
