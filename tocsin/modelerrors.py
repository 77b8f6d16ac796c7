"""Says what pydantic found wrong in words for the person who wrote the data, and where in the data it is."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Trail = tuple[str | int, ...]
"""The keys and indexes that lead from the top of a document to one of its values."""


class Explained(NamedTuple):
    """One thing that is wrong: at the value `at`, or at its key if `is_key`; `path` is what a reader is told."""

    at: Trail
    is_key: bool
    path: Trail
    message: str


def explain(refused: ValidationError, data: Any, model: type[BaseModel]) -> list[Explained]:
    """Everything that keeps `data` from being a `model`; of a union, what is wrong with the member that fits best."""
    errors = refused.errors(include_url=False)
    found = [_place(error, data) for error in errors if not _only_follows(error, errors)]
    return [_explain(each, model) for each in _winnow(found)]


def _only_follows(error: ErrorDetails, errors: list[ErrorDetails]) -> bool:
    """Whether a list is called too short because something in it is wrong: pydantic counts what is in order."""
    loc = error["loc"]
    return error["type"] == "too_short" and any(
        each["loc"][: len(loc)] == loc and len(each["loc"]) > len(loc) for each in errors
    )


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


def _explain(found: _Found, model: type[BaseModel]) -> Explained:
    error, path = found.error, found.path
    if error["type"] == "union_tag_invalid":
        path += _discriminating_key(error)
    is_key = error["type"] in {"extra_forbidden", "invalid_key"} or "[key]" in error["loc"]
    is_about_the_mapping = error["type"] in {"missing", "extra_forbidden"}
    messages = dict.fromkeys(_message(each.error, model) for each in (found, *found.others))
    return Explained(
        at=path,
        is_key=is_key,
        path=path[:-1] if is_about_the_mapping else path,
        message="; or: ".join(messages),
    )


_NO_TIME = timedelta(0)

PATTERNS = {
    r"^[a-z][a-z0-9-]*$": "is no name here; write small letters, digits and hyphens, a letter first",
    r"^[a-z0-9][a-z0-9-]*$": "is no key; write small letters, digits and hyphens, no hyphen first",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$": "is no email address; write one such as dana@example.com",
    r"^\+[1-9]\d{6,14}$": "is no number with its country code; write one such as +12025550101, without spaces",
    r"^([a-z0-9][a-z0-9_-]*\.csv|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$": (
        "names no list; write a file in `lists/` such as customers.csv, in small letters, digits, `-` and `_`; or an "
        "adapter such as acme.crm:customers"
    ),
    r"^https?://": "is no address of the web; write one that begins with https://",
    r"^(\*|[a-z][a-z0-9-]*)$": "is no source; write its name, such as alertmanager, or `*` for every one",
    r"^(label|annotation):.+$": "says not where it is; write one such as label:service or annotation:summary",
    (
        r"^(acknowledged|estimated|deployed(:(short_term|remediation))?|anchor:[a-z_]+|fact:[a-z_]+"
        r"|held:[a-z][a-z0-9-]*)$"
    ): (
        "completes no step; write acknowledged, estimated, deployed, deployed:short_term, deployed:remediation, or one "
        "such as anchor:resolved, fact:root_cause, held:post-mortem"
    ),
}
"""What is to be written, by the pattern that it must match: those of everything that people write in YAML."""


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
        case "greater_than" if str(context["gt"]) in {"0 seconds", repr(_NO_TIME)}:
            return f"{given} is no time at all; write more, such as PT15M"
        case "string_pattern_mismatch" if context["pattern"] in PATTERNS:
            return f"{given} {PATTERNS[context['pattern']]}"
        case "date_type" | "date_parsing" | "date_from_datetime_parsing":
            return f"{given} is not a date; write one such as 2026-03-01"
        case "string_type" if isinstance(error["input"], int | float):
            return f"{given} is not text; put it in quotes"
        case "string_type":
            return f"{given} stands where text belongs"
    return _measured(error, given, context) or error["msg"].replace("Input", given, 1)


def _measured(error: ErrorDetails, given: str, context: dict[str, Any]) -> str:
    """What is wrong with how much, or how many, stands there; empty where it is something else."""
    match error["type"]:
        case "greater_than_equal":
            return f"{given} is too little; write {_bound(context['ge'])} or more"
        case "greater_than":
            return f"{given} is too little; write more than {_bound(context['gt'])}"
        case "less_than_equal":
            return f"{given} is too much; write {_bound(context['le'])} or less"
        case "less_than":
            return f"{given} is too much; write less than {_bound(context['lt'])}"
        case "too_short":
            return f"too few items ({len(error['input'])}); write at least {context['min_length']}"
        case "string_too_long":
            return f"{given} is too long ({len(error['input'])} characters); write at most {context['max_length']}"
        case "too_long":
            return f"too many items ({len(error['input'])}); write at most {context['max_length']}"
    return ""


def _bound(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


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
