"""What an expression may use, found before it is ever run: names, functions, and patterns that are no patterns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import lark
from celpy.evaluation import celstr

from tocsin.celfunctions import FUNCTIONS, TYPES, pattern_of
from tocsin.celmacros import MACROS

_SPECIAL = {"has": (1, 1), "dyn": (1, 1)}


@dataclass(frozen=True)
class Finding:
    """Something wrong in an expression, by line and column in it, both from 1."""

    line: int
    column: int
    message: str


class NotCel(Exception):
    """A text is no expression that can be used. `findings` says why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(each.message for each in findings))


def findings(tree: Any, names: frozenset[str]) -> Iterator[Finding]:
    """Everything in `tree` that there is not, where `names` are what the expression may use."""
    look = _LOOKS.get(str(tree.data), _inside)
    yield from look(tree, names)


def _inside(tree: Any, names: frozenset[str]) -> Iterator[Finding]:
    for child in tree.children:
        if isinstance(child, lark.Tree):
            yield from findings(child, names)


def _identifier(tree: Any, names: frozenset[str]) -> Iterator[Finding]:
    [token] = tree.children
    if token.value not in names and token.value not in TYPES:
        yield _finding(token, f'there is no "{token.value}" here, only {", ".join(sorted(names))}')


def _call(tree: Any, names: frozenset[str]) -> Iterator[Finding]:
    """`name(arguments)`."""
    name, *rest = tree.children
    arguments = rest[0].children if rest else []
    yield from _inside(tree, names)
    yield from _wrong_call(name, len(arguments), {**FUNCTIONS, **_SPECIAL})
    if name.value == "has" and len(arguments) == 1 and _only(arguments[0]).data != "member_dot":
        yield _finding(name, "has() asks for a field: write has(object.field)")
    if name.value == "matches" and len(arguments) == 2:
        yield from _wrong_pattern(arguments[1])


def _method(tree: Any, names: frozenset[str]) -> Iterator[Finding]:
    """`target.name(arguments)`, which may be a comprehension."""
    target, name, *rest = tree.children
    arguments = rest[0].children if rest else []
    yield from findings(target, names)
    if name.value in MACROS:
        yield from _comprehension(name, arguments, names)
        return
    for argument in arguments:
        yield from findings(argument, names)
    yield from _wrong_call(name, len(arguments) + 1, FUNCTIONS)
    if name.value == "matches" and len(arguments) == 1:
        yield from _wrong_pattern(arguments[0])


def _comprehension(name: Any, arguments: Sequence[Any], names: frozenset[str]) -> Iterator[Finding]:
    variable = _only(arguments[0]) if len(arguments) == 2 else None
    if variable is None or variable.data != "ident":
        yield _finding(name, f"{name.value}() takes a name and an expression: list.{name.value}(each, …)")
        return
    yield from findings(arguments[1], names | {variable.children[0].value})


def _wrong_call(name: Any, given: int, known: Mapping[str, tuple[int, int]]) -> Iterator[Finding]:
    if name.value not in known:
        close = get_close_matches(name.value, [*known, *MACROS], n=1)
        hint = f"; did you mean {close[0]}()?" if close else ""
        yield _finding(name, f"there is no function {name.value}(){hint}")
        return
    fewest, most = known[name.value]
    if not fewest <= given <= most:
        yield _finding(name, f"{name.value}() can't be called with this number of arguments")


def _wrong_pattern(argument: Any) -> Iterator[Finding]:
    """A pattern that stands in the expression itself can be tried now."""
    literal = _only(argument)
    token = literal.children[0] if literal.data == "literal" else None
    if token is None or token.type not in {"STRING_LIT", "MLSTRING_LIT"}:
        return
    try:
        pattern_of(str(celstr(token)))
    except ValueError as error:
        yield _finding(token, f"is no regular expression for RE2: {error}")


def _refused(tree: Any, names: frozenset[str]) -> Iterator[Finding]:
    meta = tree.meta
    yield Finding(meta.line, meta.column, "messages, and names that begin with a dot, are not used here")


def _only(tree: Any) -> Any:
    """What an expression consists of, below the levels of the grammar that hold one thing each."""
    while len(tree.children) == 1 and isinstance(tree.children[0], lark.Tree):
        tree = tree.children[0]
    return tree


def _finding(token: Any, message: str) -> Finding:
    return Finding(token.line or 1, token.column or 1, message)


_LOOKS = {
    "ident": _identifier,
    "ident_arg": _call,
    "member_dot_arg": _method,
    "member_object": _refused,
    "dot_ident": _refused,
    "dot_ident_arg": _refused,
}
