"""Reads YAML files into pydantic models, and says of every problem in which line and column it is.

    YamlError      a text can't be used; `problems` has one entry for everything that is wrong with it

YAML is read by the 1.2 core schema: `NO`, `on`, `17:30`, `24/7` and `2026-12-24` stay the text that was
written. Duplicate keys and tags are refused; aliases and merge keys (`<<`) work. ruamel's round-trip reader
is asked for its nodes rather than for its data: nodes know where each key *and* each value stands.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

Trail = tuple[str | int, ...]
"""The keys and indexes that lead from the top of a document to one of its values."""

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
    """A YAML text can't be used. `problems` says why, in the order of the file; its text has a line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=lambda problem: (problem.line, problem.column))
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
            found = [_place(error, self.data) for error in refused.errors(include_url=False)]
            raise YamlError(_explain(each, model, self) for each in _winnow(found)) from None


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


def _scalar(node: ScalarNode) -> Any:
    text: str = node.value
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


# ---- from pydantic's errors to problems ----


@dataclass(frozen=True)
class _Found:
    """One of pydantic's errors, placed in the data.

    `path` leads to the value or missing key; `labels` are the elements of pydantic's `loc` that name the
    member of a union rather than a place, each with the path at which the union stands. `others` are the
    errors of other members that fit no worse.
    """

    error: ErrorDetails
    path: Trail
    labels: tuple[tuple[Trail, str | int], ...]
    others: tuple[_Found, ...] = ()


def _place(error: ErrorDetails, data: Any) -> _Found:
    """Find the reading of `loc` under which the data holds what pydantic says it was given."""
    missing = error["loc"][-1:] if error["type"] == "missing" else ()
    loc = error["loc"][:-1] if missing else error["loc"]
    candidates = list(_readings(loc, data, ()))
    _, path, labels = max(candidates, key=lambda reading: (reading[0] == error["input"], len(reading[1])))
    return _Found(error, path + missing, labels)


def _readings(
    loc: Trail, data: Any, path: Trail
) -> Iterator[tuple[Any, Trail, tuple[tuple[Trail, str | int], ...]]]:
    """Every way to walk `loc` through `data`: an element is a key or index, or else a label of a union."""
    if not loc:
        yield data, path, ()
        return
    element, rest = loc[0], loc[1:]
    inside = _inside(data, element)
    if inside:
        yield from _readings(rest, inside[0], (*path, element))
    if not inside or isinstance(element, str):
        for value, end, labels in _readings(rest, data, path):
            yield value, end, ((path, element), *labels)


def _inside(data: Any, element: str | int) -> list[Any]:
    """What `data` holds under `element`: a list of one value, or of none."""
    if isinstance(data, dict):
        return [data[element]] if element in data else []
    holds = isinstance(data, list) and isinstance(element, int) and element < len(data)
    return [data[element]] if holds else []


def _winnow(found: list[_Found]) -> list[_Found]:
    """Of a union, where pydantic reports what is wrong for every member, keep the member that fits best."""
    for level in range(max(len(each.labels) for each in found)):
        kept = [each for each in found if len(each.labels) <= level]
        unions: dict[Any, dict[Any, list[_Found]]] = {}
        for each in found:
            if len(each.labels) > level:
                point, label = each.labels[level]
                unions.setdefault((each.labels[:level], point), {}).setdefault(label, []).append(each)
        for (_, point), members in unions.items():
            kept += _best_of(list(members.values()), point)
        found = kept
    return found


def _best_of(members: list[list[_Found]], point: Trail) -> list[_Found]:
    ranks = [_fit(member, point) for member in members]
    best = [member for member, rank in zip(members, ranks, strict=True) if rank == max(ranks)]
    first, *others = best
    if len(first) == 1:
        return [replace(first[0], others=tuple(other[0] for other in others))]
    return first


def _fit(errors: list[_Found], point: Trail) -> tuple[bool, bool, int]:
    """How well a member of a union fits: it got beyond the top, the kind was right, few errors."""
    deeper = any(len(each.path) > len(point) for each in errors)
    wrong_kind = any(each.path == point and each.error["type"].endswith("_type") for each in errors)
    return deeper, not wrong_kind, -len(errors)


def _explain(found: _Found, model: type[BaseModel], document: Document) -> Problem:
    error, path = found.error, found.path
    position = document.position(path)
    if error["type"] in {"missing", "extra_forbidden"}:
        path = path[:-1]
    if error["type"] in {"extra_forbidden", "invalid_key"} or "[key]" in error["loc"]:
        position = document.keys.get(found.path, position)
    if error["type"] == "union_tag_invalid":
        path += _discriminating_key(error)
        position = document.position(path)
    messages = dict.fromkeys(_message(each.error, model) for each in (found, *found.others))
    return Problem(document.file, *position, _written(path), "; or: ".join(messages))


def _message(error: ErrorDetails, model: type[BaseModel]) -> str:
    given, context = _shown(error["input"]), error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"`{error['loc'][-1]}` is required here"
        case "union_tag_not_found":
            keys = _discriminating_key(error)
            return f"`{keys[0]}` is required here" if keys else f"{given} is of no kind that is allowed here"
        case "extra_forbidden":
            return _unknown_key(str(error["loc"][-1]), _allowed_keys(model, error["loc"][:-1]))
        case "literal_error" | "enum":
            return _not_allowed(error["input"], context["expected"])
        case "union_tag_invalid":
            return _not_allowed(context["tag"], context["expected_tags"])
        case "value_error" | "assertion_error":
            return str(context["error"])
        case "invalid_key":
            return f"the key {given} is not text; put it in quotes"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"{given} stands where a mapping belongs"
        case "list_type" | "tuple_type":
            return f"{given} stands where a list belongs"
        case "string_type" if isinstance(error["input"], int | float):
            return f"{given} is not text; put it in quotes"
        case "string_type":
            return f"{given} stands where text belongs"
    return error["msg"].replace("Input", given, 1)


_WORDS = {"None": "nothing", "True": "true", "False": "false"}


def _shown(given: Any) -> str:
    if isinstance(given, dict | list):
        return "a mapping" if isinstance(given, dict) else "a list"
    if isinstance(given, str):
        return f'"{given}"' if len(given) <= 60 else f'"{given[:59]}…"'
    return _WORDS.get(str(given), str(given))


def _discriminating_key(error: ErrorDetails) -> tuple[str, ...]:
    """The key by which a union tells its members apart; none where a function does, whose name has no quotes."""
    quoted = re.fullmatch(r"'(.+)'", error["ctx"]["discriminator"])
    return (quoted[1],) if quoted else ()


def _not_allowed(given: Any, expected: str) -> str:
    allowed = re.findall(r"'([^']*)'", expected)
    return f"{_shown(given)} is not allowed here; write {expected}{_did_you_mean(str(given), allowed)}"


def _unknown_key(key: str, allowed: list[str]) -> str:
    known = f"; allowed here: {', '.join(allowed)}" if allowed else ""
    return f"unknown key `{key}`{known}{_did_you_mean(key, allowed)}"


def _did_you_mean(given: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(given, allowed, n=1)
    return f" (did you mean `{near[0]}`?)" if near else ""


# ---- which keys a model allows where ----


def _allowed_keys(model: type[BaseModel], loc: Trail) -> list[str]:
    """The keys that the model at `loc` has, as they are written in files; none where it can't be told."""
    options: list[Any] = [model]
    for element in loc:
        options = _step(options, element)
    models = [member for option in options for _, member in _members(option) if _is_model(member)]
    return list(
        dict.fromkeys(_key(name, info) for each in models for name, info in each.model_fields.items())
    )


def _step(options: list[Any], element: str | int) -> list[Any]:
    """The types that may stand under `element`, or the members of a union that it names."""
    members = [each for option in options for each in _members(option)]
    if len(members) > 1 and (named := [member for names, member in members if element in names]):
        return named
    inside = [held for _, member in members for held in _held(member, element)]
    return inside or [member for _, member in members]


def _members(annotation: Any) -> Iterator[tuple[set[Any], Any]]:
    """The types that `annotation` is made of, each with the names that pydantic may call it in `loc`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        tags = {extra.tag for extra in arguments[1:] if isinstance(extra, Tag)}
        yield from ((names | tags, member) for names, member in _members(arguments[0]))
    elif origin in {Union, types.UnionType}:
        for argument in arguments:
            yield from _members(argument)
    else:
        yield _names(annotation), annotation


def _names(annotation: Any) -> set[Any]:
    if not _is_model(annotation):
        return set()
    literals = [
        info.annotation for info in annotation.model_fields.values() if get_origin(info.annotation) is Literal
    ]
    return {annotation.__name__, *(value for literal in literals for value in get_args(literal))}


def _held(annotation: Any, element: str | int) -> list[Any]:
    """What a model holds in the field `element`, or a list, tuple or mapping as its values."""
    if _is_model(annotation):
        return [
            info.annotation for name, info in annotation.model_fields.items() if _key(name, info) == element
        ]
    if issubclass(get_origin(annotation) or object, Mapping):
        return list(get_args(annotation)[1:])
    return (
        [argument for argument in get_args(annotation) if argument is not ...]
        if isinstance(element, int)
        else []
    )


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _key(name: str, info: FieldInfo) -> str:
    return info.validation_alias if isinstance(info.validation_alias, str) else name
