"""Reading what anything else than the known formats sends, by the rules of a mapping file (`tocsin.mappingfiles`).

NotMapped        a payload cannot be read
├── NoRule       none of the rules is for it
├── WrongValue   a value is missing that must be there, or is of a wrong kind
└── TooMuch      it is larger, or takes longer, than is allowed
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from celpy.celtypes import BoolType

from tocsin.cel import Broken, Budget, CelError, Expression, Missing, TooMuchWork
from tocsin.celvalues import NotText, TooLarge, as_cel, described, is_exact, moment_of, text_of
from tocsin.domain.readings import Reading, Sighting

LONGEST_KEY = 1_000
"""Characters of a group or key, which go on into the incident's history."""

KEPT_BACK = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that hold secrets; no expression sees them."""


_log = logging.getLogger(__name__)


class NotMapped(Exception):
    """A payload cannot be read. `reason` is for programs; the text shows nothing of the payload."""

    reason: ClassVar[str]


class NoRule(NotMapped):
    """None of the rules is for this payload."""

    reason = "no-rule"


class WrongValue(NotMapped):
    """A value is missing that must be there, or is of a wrong kind; the text says which, where it is written."""

    reason = "wrong-value"


class TooMuch(NotMapped):
    """The payload is larger, or takes longer, than is allowed."""

    reason = "too-much"


@dataclass(frozen=True)
class Part:
    """An expression of a rule, by its name there, such as `labels.severity`, and its place in the file."""

    name: str
    expression: Expression
    place: str


@dataclass(frozen=True)
class Told:
    """What a payload was read as, and the rule that did it."""

    rule: Rule
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class Found:
    """The value of a part, for the item of this number where there is a list of them; without one, `why` not."""

    part: Part
    value: Any = None
    item: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Trace:
    """How far a payload was read: the rules that are not for it, the one that is, and its values one by one."""

    passed: tuple[Rule, ...] = ()
    rule: Rule | None = None
    found: tuple[Found, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule whose expressions are compiled. `parts` are by their names in the file."""

    name: str
    place: str
    is_ignored: bool
    parts: Mapping[str, Part]

    def applies(self, at: _Payload) -> bool:
        """Whether it is for this payload; where `match` asks for what is not there, it is not. Raises `NotMapped`."""
        part = self.parts["match"]
        return _truth(part, False if (value := at.value(part)) is None else value)

    def might_apply(self, at: _Payload) -> bool:
        """Whether it is for this payload, or cannot be told to be."""
        try:
            return self.applies(at)
        except NotMapped:
            return True

    def tell(self, at: _Payload) -> Told:
        """What the payload says by this rule. Raises `NotMapped`."""
        if self.is_ignored:
            return Told(self, ())
        return Told(self, tuple(_grouped([self._item(each) for each in self._payloads(at)])))

    def trace(self, at: _Payload) -> Iterator[Found]:
        """Each value that `tell` would ask for, with why there is none, as far as the items can be found."""
        yield at.find(self.parts["match"])
        if self.is_ignored:
            return
        if "each" in self.parts:
            yield at.find(self.parts["each"])
        try:
            for each in self._payloads(at):
                yield from (each.find(part) for part in self._valued)
        except NotMapped as error:
            yield Found(self.parts["each"], why=str(error))

    @property
    def _valued(self) -> Iterator[Part]:
        """The parts that are found for every item."""
        return (part for name, part in self.parts.items() if name not in {"match", "each"})

    def _payloads(self, at: _Payload) -> Iterator[_Payload]:
        """The payload, once for every item that it holds."""
        part = self.parts.get("each")
        if part is None:
            yield at
            return
        items = at.value(part)
        if not isinstance(items, list):
            raise _wrong(part, "a list", items)
        for number, item in enumerate(items):
            yield replace(at, scope={**at.scope, "item": item}, item=number)

    def _item(self, at: _Payload) -> _Item:
        values = {part.name: at.value(part) for part in self._valued if part.name != "began"}
        group = self._key("group", values)
        sighting = Sighting(
            key=self._key("key", values) if values.get("key") is not None else group,
            is_firing=_truth(self.parts["firing"], values["firing"]),
            began=self._began(at),
            labels=self._texts("labels", values),
            annotations=self._texts("annotations", values),
        )
        return _Item(group, self._text("title", values), sighting)

    def _began(self, at: _Payload) -> datetime | None:
        """Since when, where that is told and makes sense: no alert is refused for its time. Raises `TooMuch`."""
        if "began" not in self.parts:
            return None
        part = self.parts["began"]
        try:
            return _moment(part, at.value(part))
        except WrongValue as error:
            _log.warning("an alert is taken without its time: %s", error)
            return None

    def _key(self, name: str, values: Mapping[str, Any]) -> str:
        if not is_exact(values.get(name)):
            raise _wrong(self.parts[name], "text, or a number none of whose digits are lost", values[name])
        text = self._text(name, values)
        if not text or len(text) > LONGEST_KEY:
            raise _wrong(self.parts[name], f"text of at most {LONGEST_KEY:,} characters", values[name])
        return text

    def _texts(self, kind: str, values: Mapping[str, Any]) -> dict[str, str]:
        """The labels or annotations that are there."""
        named = (name for name in values if name.startswith(f"{kind}.") and values[name] is not None)
        return {name.partition(".")[2]: self._text(name, values) for name in named}

    def _text(self, name: str, values: Mapping[str, Any]) -> str:
        value = values.get(name)
        try:
            return "" if value is None else text_of(value)
        except NotText:
            raise _wrong(self.parts[name], "text", value) from None


@dataclass(frozen=True)
class _Item:
    group: str
    title: str
    sighting: Sighting


def _grouped(items: list[_Item]) -> Iterator[Reading]:
    """A reading for each group, in the order in which they come; its title is that of an alert that fires."""
    groups: dict[str, list[_Item]] = {}
    for item in items:
        groups.setdefault(item.group, []).append(item)
    for group, members in groups.items():
        telling = next((each for each in members if each.sighting.is_firing), members[0])
        yield Reading(group=group, title=telling.title, sightings=tuple(each.sighting for each in members))


@dataclass(frozen=True)
class _Payload:
    """What expressions see, and the time that is left for it."""

    scope: Mapping[str, Any]
    budget: Budget
    item: int | None = None

    def value(self, part: Part) -> Any:
        """What the part comes to; `None` where it needs what is not there. Raises `NotMapped`."""
        try:
            return part.expression.evaluate(self.scope, self.budget)
        except Missing:
            return None
        except TooMuchWork:
            raise TooMuch(f"{part.place}: {part.name}: reading this payload takes too long") from None
        except Broken:
            raise WrongValue(
                f"{part.place}: {part.name}: `{part.expression.text}` makes no sense for what this payload holds; "
                "`tocsin ingest try` shows why"
            ) from None

    def find(self, part: Part) -> Found:
        """The same for people to look at, with the reason where there is no value."""
        try:
            return Found(part, part.expression.evaluate(self.scope, self.budget), self.item)
        except CelError as error:
            return Found(part, item=self.item, why=error.why)


def _truth(part: Part, value: Any) -> bool:
    if not isinstance(value, BoolType | bool):
        raise _wrong(part, "true or false", value)
    return bool(value)


def _moment(part: Part, value: Any) -> datetime | None:
    try:
        return None if value is None else moment_of(value)
    except (ValueError, NotText, OverflowError, OSError):
        raise _wrong(part, "a time", value) from None


def _wrong(part: Part, wanted: str, came: Any) -> WrongValue:
    return WrongValue(f"{part.place}: {part.name}: should be {wanted}, and was {described(came)}")


@dataclass(frozen=True)
class PayloadMapping:
    """A mapping, compiled, and the file that it came from."""

    name: str
    file: str
    rules: tuple[Rule, ...]

    def tell(self, payload: Any, headers: Mapping[str, str]) -> Told:
        """What a payload says. It takes at most a second of the processor's time. Raises `NotMapped`."""
        at = _payload(payload, headers)
        for rule in self.rules:
            if rule.applies(at):
                return rule.tell(at)
        raise NoRule(
            f"no rule of {self.file} matches; add one, with `ignore: true` for what is of no interest"
        )

    def trace(self, payload: Any, headers: Mapping[str, str]) -> Trace:
        """How `tell` comes to what it says, for people to look at. Raises `NotMapped` for what is too large."""
        at = _payload(payload, headers)
        passed: list[Rule] = []
        for rule in self.rules:
            if not rule.might_apply(at):
                passed.append(rule)
                continue
            return Trace(tuple(passed), rule, tuple(rule.trace(at)))
        return Trace(tuple(passed))


def _payload(payload: Any, headers: Mapping[str, str]) -> _Payload:
    """What expressions see of a request."""
    shown = {name: value for name, value in headers.items() if name not in KEPT_BACK}
    try:
        return _Payload({"payload": as_cel(payload), "headers": as_cel(shown)}, Budget())
    except TooLarge as error:
        raise TooMuch(str(error)) from None
