"""Mapping files: how to read what anything else than the known formats sends, as an installation writes it.

    mapping: sentry
    rules:
      - rule: issue alert
        match: headers["sentry-hook-resource"] == "event_alert"
        group: payload.data.event.issue_id
        title: payload.data.event.title
        labels: {level: payload.data.event.level}

Each value is an expression in CEL over `payload`, the body as JSON, and `headers`, by their names in lower case; with
`each`, which finds a list in the payload, the other values are found for every `item` of it. The first rule that
matches reads the payload. The file may hold examples, which are its tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from tocsin.cel import compile_expression
from tocsin.celnames import NotCel
from tocsin.domain.base import Moment, Value
from tocsin.domain.readings import Reading, Sighting
from tocsin.mappings import NotMapped, Part, PayloadMapping, Rule, Told
from tocsin.modelerrors import Trail
from tocsin.yamlfile import Document, Problem, YamlError, read
from tocsin.yamlplaces import place_within

_NAMES = frozenset({"payload", "headers"})


def _as_written(given: Any) -> Any:
    """YAML takes `true` and `1` for values; as expressions they are text like any other."""
    if isinstance(given, bool):
        return "true" if given else "false"
    return str(given) if isinstance(given, int | float) else given


Cel = Annotated[str, BeforeValidator(_as_written)]
"""An expression."""


class RuleText(Value):
    """One rule as it is written."""

    rule: Annotated[str, Field(min_length=1)]
    match: Cel = "true"
    ignore: bool = False
    """What matches is none of our business: it is answered as received, and opens nothing."""
    each: Cel | None = None
    group: Cel | None = None
    key: Cel | None = None
    """The group itself, when not set."""
    title: Cel | None = None
    firing: Cel = "true"
    began: Cel | None = None
    labels: dict[str, Cel] = {}
    annotations: dict[str, Cel] = {}

    @model_validator(mode="after")
    def _has_a_group(self) -> RuleText:
        if not self.ignore and self.group is None:
            raise ValueError("a rule needs a `group`: what belongs to one incident; or `ignore: true`")
        return self


class Expected(Value):
    """What an example should give for one alert; only what is written is compared."""

    group: str | None = None
    key: str | None = None
    title: str | None = None
    firing: bool | None = None
    began: Moment | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Example(Value):
    """A payload, and what it should be read as: the mapping's own test."""

    example: Annotated[str, Field(min_length=1)]
    payload: Any
    headers: dict[str, str] = {}
    rule: str | None = None
    gives: Literal["nothing", "refused"] | tuple[Expected, ...]

    @field_validator("headers")
    @classmethod
    def _in_lower_case(cls, headers: dict[str, str]) -> dict[str, str]:
        return {name.lower(): value for name, value in headers.items()}


class MappingText(Value):
    """A mapping file as it is written."""

    mapping: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    rules: tuple[RuleText, ...]
    examples: tuple[Example, ...] = ()

    @field_validator("rules")
    @classmethod
    def _not_empty(cls, rules: tuple[RuleText, ...]) -> tuple[RuleText, ...]:
        if not rules:
            raise ValueError("write at least one rule")
        return rules

    @field_validator("examples")
    @classmethod
    def _of_known_rules(cls, examples: tuple[Example, ...], info: ValidationInfo) -> tuple[Example, ...]:
        known = [rule.rule for rule in info.data.get("rules", ())]
        for each in examples:
            if each.rule is not None and known and each.rule not in known:
                raise ValueError(f'example "{each.example}": there is no rule "{each.rule}"')
        return examples


@dataclass(frozen=True)
class MappingFile:
    """A mapping file that was read: its mapping, and its examples with where each stands."""

    mapping: PayloadMapping
    examples: tuple[tuple[Example, Problem], ...]

    def failures(self) -> list[Problem]:
        """The examples that do not give what they say."""
        tried = ((place, _failure(self.mapping, example)) for example, place in self.examples)
        return [replace(place, message=words) for place, words in tried if words]


def _failure(mapping: PayloadMapping, example: Example) -> str:
    """What an example does not do; empty when it does all."""
    try:
        told = mapping.tell(example.payload, example.headers)
    except NotMapped as error:
        return "" if example.gives == "refused" else f"should be read, and is refused: {error}"
    if example.rule not in {None, told.rule.name}:
        return f'should be read by rule "{example.rule}", and is by "{told.rule.name}"'
    return _difference(example.gives, told)


def _difference(expected: Literal["nothing", "refused"] | tuple[Expected, ...], told: Told) -> str:
    given = [(reading, sighting) for reading in told.readings for sighting in reading.sightings]
    if isinstance(expected, str):
        wrong = expected == "refused" or given
        return (
            f'should give {expected}, and rule "{told.rule.name}" gives {len(given)} alerts' if wrong else ""
        )
    if len(expected) != len(given):
        return f'should give {len(expected)} alerts, and rule "{told.rule.name}" gives {len(given)}'
    pairs = (_unlike(want, *each) for want, each in zip(expected, given, strict=True))
    return "; ".join(words for pair in pairs for words in pair)


def _unlike(want: Expected, reading: Reading, sighting: Sighting) -> Iterator[str]:
    got = {
        **{"group": reading.group, "key": sighting.key, "title": reading.title, "firing": sighting.is_firing},
        **{"began": sighting.began, "labels": sighting.labels, "annotations": sighting.annotations},
    }
    for name, value in want.model_dump(exclude_unset=True).items():
        if value != got[name]:
            yield f"{name} should be {_shown(value)}, and is {_shown(got[name])}"


def _shown(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else repr(value)


def load(path: Path) -> MappingFile:
    """The mapping file at `path`, compiled. Raises `YamlError` with everything that is wrong in it."""
    document = read(path)
    written = document.validate(MappingText)
    compiler = _Compiler(document, path.read_text(encoding="utf-8-sig"))
    rules = tuple(compiler.rule(number, rule) for number, rule in enumerate(written.rules))
    if compiler.problems:
        raise YamlError(compiler.problems)
    examples = tuple(
        (example, document.problem(("examples", number), ""))
        for number, example in enumerate(written.examples)
    )
    return MappingFile(PayloadMapping(written.mapping, document.file, rules), examples)


@lru_cache(maxsize=100)
def mapping_at(path: Path) -> PayloadMapping:
    """The mapping at `path`, as it was when it was first asked for: a mapping is read once. Raises `YamlError`."""
    return load(path).mapping


class _Compiler:
    """Turns the expressions of a file into parts, and remembers what is wrong with them."""

    def __init__(self, document: Document, text: str) -> None:
        self._document, self._text = document, text
        self.problems: list[Problem] = []

    def rule(self, number: int, written: RuleText) -> Rule:
        base: Trail = ("rules", number)
        at_items = _NAMES | {"item"} if written.each is not None else _NAMES
        compiled = {
            name: self._part(name, text, trail, _NAMES if name in {"match", "each"} else at_items)
            for name, text, trail in _expressions(written, base)
        }
        parts = {name: part for name, part in compiled.items() if part is not None}
        return Rule(written.rule, self._place(base), written.ignore, parts)

    def _part(self, name: str, text: str, trail: Trail, names: frozenset[str]) -> Part | None:
        try:
            return Part(name, compile_expression(text, names), self._place(trail))
        except NotCel as refused:
            problem = self._document.problem(trail, "")
            for found in refused.findings:
                line, column = place_within(
                    self._text, (problem.line, problem.column), text, (found.line, found.column)
                )
                self.problems.append(replace(problem, line=line, column=column, message=found.message))
        return None

    def _place(self, trail: Trail) -> str:
        line, _ = self._document.position(trail)
        return f"{self._document.file}:{line}"


def _expressions(rule: RuleText, base: Trail) -> Iterator[tuple[str, str, Trail]]:
    """The name of each expression of a rule, its text, and where in the document it stands."""
    for name in ("match", "each", "group", "key", "title", "firing", "began"):
        if (text := getattr(rule, name)) is not None:
            yield name, text, (*base, name)
    for kind in ("labels", "annotations"):
        for name, text in getattr(rule, kind).items():
            yield f"{kind}.{name}", text, (*base, kind, name)
