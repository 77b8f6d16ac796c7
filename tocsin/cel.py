"""CEL expressions from a mapping file: compiled once, checked for names and functions, run within bounds.

    NotCel           a text is no expression, or uses what there is not; it says where
    CelError         an expression came to no value
    ├── Missing      a field, key or index that it needs is not there
    ├── Broken       its operands have no such operation, or what it makes is too long
    └── TooMuchWork  it, or those before it on the same payload, took too long

celpy runs them, node by node. What that can cost: a comprehension over a large payload (some 40 µs for each element,
and comprehensions in one another multiply), text that grows, the depth of the Python stack. So the time is bounded for
all expressions on one payload, and text, lists and nesting are. An error of celpy holds the payload, and so do its log
lines: neither comes out of here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from time import thread_time
from typing import Any

import lark
from celpy import celtypes
from celpy.celparser import CELParseError, CELParser
from celpy.evaluation import Activation, CELEvalError, Evaluator

from tocsin.celfunctions import TYPES, functions
from tocsin.celmacros import MACROS
from tocsin.celnames import Finding, NotCel, findings
from tocsin.celvalues import described

LONGEST_EXPRESSION = 2_000
"""Characters."""
DEEPEST_TREE = 110
"""Levels of the syntax tree: ten for a pair of brackets in another, two for each further term of a sum. celpy takes up
to 6.3 Python frames for a level, of the thousand that there are."""
SECONDS = 1.0
"""Of the processor's time, for all expressions on one payload. A rule of ten values takes one or two milliseconds."""

logging.getLogger("celpy").setLevel(logging.CRITICAL + 1)  # what it logs are values from payloads


class CelError(Exception):
    """An expression came to no value. Its text says nothing of the payload; `why` is for whoever wrote the mapping."""

    why = "there is no value"


class Missing(CelError):
    """Something that the expression needs is not there."""

    why = "is not there"


class Broken(CelError):
    """The expression makes no sense for the values that are there; `why` may hold some of them."""

    def __init__(self, why: str) -> None:
        super().__init__("the expression makes no sense for these values")
        self.why = why


class TooMuchWork(CelError):
    """The time for one payload is over."""

    why = "takes too long"


class Budget:
    """The time that is left for a payload, of the thread that works on it; waiting for others costs nothing."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._until = thread_time() + seconds

    def check(self) -> None:
        """Raise `TooMuchWork` when there is none left."""
        if thread_time() > self._until:
            raise TooMuchWork


@dataclass(frozen=True)
class Expression:
    """An expression that can be run again and again."""

    text: str
    _tree: Any = field(repr=False)

    def evaluate(self, scope: Mapping[str, Any], budget: Budget) -> Any:
        """Its value, in CEL's types, where the names mean what `scope` says. Raises `CelError`."""
        try:
            value = _Run(self._tree, scope, budget).evaluate()
        except TooMuchWork:
            raise
        except CELEvalError as error:
            raise (Missing() if _is_missing(error) else Broken(_why_broken(error))) from None
        # celpy lets out what Python raises within it: the assertions of its types, an IndexError while it puts an error
        # into words, an OSError for a time zone whose name is no file's. No list of them would be whole, and whoever
        # wrote the mapping must hear of each.
        except Exception as error:  # noqa: BLE001
            raise Broken(_why_it_fell(error)) from None
        budget.check()
        return value


def compile_expression(text: str, names: frozenset[str]) -> Expression:
    """An expression that may use `names`. Raises `NotCel` with all that is wrong with it."""
    if len(text) > LONGEST_EXPRESSION:
        raise NotCel([Finding(1, 1, f"is longer than {LONGEST_EXPRESSION:,} characters")])
    tree = _parsed(text)
    if _depth(tree) > DEEPEST_TREE:
        raise NotCel([Finding(1, 1, "is nested too deep; use fewer brackets")])
    found = list(findings(tree, names))
    if found:
        raise NotCel(found)
    return Expression(text, tree)


def _parsed(text: str) -> Any:
    try:
        return _parser().parse(text)
    except CELParseError as error:
        line, column = error.line or 1, max(error.column or 1, 1)
        raise NotCel([Finding(line, column, _why_not(error, text, line, column))]) from None


@cache
def _parser() -> CELParser:
    return CELParser()  # building its tables takes a tenth of a second


def _why_not(error: CELParseError, text: str, line: int, column: int) -> str:
    cause = error.__context__
    if isinstance(cause, lark.UnexpectedToken) and cause.token.type == "$END":
        return "is no CEL expression: it ends where more must follow"
    rest = (text.splitlines() or [""])[line - 1][column - 1 :].strip()
    shown = rest if len(rest) <= 20 else f"{rest[:20]}…"
    return f"is no CEL expression: it can't be read from `{shown}` on"


def _depth(tree: Any) -> int:
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting.extend((child, level + 1) for child in node.children if isinstance(child, lark.Tree))
    return deepest


def _is_missing(error: CELEvalError) -> bool:
    """celpy keeps what was raised as the second argument; names of fields are looked up as keys are."""
    return any(each in (KeyError, IndexError) for each in error.args[1:2])


def _why_broken(error: CELEvalError) -> str:
    """What a function or an operator of Python said, where celpy has kept that."""
    said = error.args[2] if len(error.args) > 2 else ()
    return str(said[0] if said else error.args[0])


def _why_it_fell(error: Exception) -> str:
    """With the kind of error, for an assertion has no words, and what has none would look like a value."""
    return f"celpy failed with {type(error).__name__}" + (f": {error}" if str(error) else "")


@cache
def _library() -> Activation:
    """The functions, and no names: an activation with names would be copied whole for each element of a list."""
    return Activation(functions=functions())


class _Run(Evaluator):
    """One expression, once, in a scope of its own; it looks at the clock at every step."""

    def __init__(self, tree: Any, scope: Mapping[str, Any], budget: Budget) -> None:
        super().__init__(tree, _library())
        self._scope = scope
        self._budget = budget

    def ident_value(self, name: str, root_scope: bool = False) -> Any:
        return self._scope[name] if name in self._scope else TYPES[name]

    def visit_children(self, tree: Any) -> Any:
        self._budget.check()
        return super().visit_children(tree)

    def member_dot(self, tree: Any) -> Any:
        """A field of what is no object is missing, as one is that the object has not."""
        owner = self.visit(tree.children[0])
        if isinstance(owner, CELEvalError):
            return owner
        name = tree.children[1].value
        if isinstance(owner, celtypes.MapType) and name in owner:
            return dict.__getitem__(owner, name)
        return CELEvalError("no such field", KeyError, None)  # celpy writes the tree out where it gets one

    def member_dot_arg(self, tree: Any) -> Any:
        """A method, or a comprehension."""
        name = tree.children[1].value
        if name not in MACROS:
            return super().member_dot_arg(tree)
        items = self.visit(tree.children[0])
        if isinstance(items, CELEvalError):
            return items
        if not isinstance(items, list | dict):
            return _no_overload(f"{name}() goes over a list, not over {described(items)}")
        try:
            return MACROS[name](self._tried(items, *tree.children[2].children))
        except TypeError as error:
            return _no_overload(str(error))

    def _tried(self, items: Any, variable: Any, body: Any) -> Iterator[tuple[Any, Any]]:
        name = next(variable.find_data("ident")).children[0].value
        inside = _Run(body, self._scope, self._budget)
        for item in items:
            self._budget.check()
            inside._scope = {**self._scope, name: item}
            yield item, inside.visit(body)


def _no_overload(why: str) -> CELEvalError:
    return CELEvalError("no such overload", TypeError, (why,))
