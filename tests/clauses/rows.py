"""The rows: what each policy demands, where its plan has it, and the test that is named after it.

tests/clauses/<plan>.yaml      the rows of a plan: demand, clause, and the plan's or directory's entries for it
tests/clauses/test_<plan>.py   one test or more for each row, `test_A8_final_report_within_three_business_days`
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tocsin.domain.base import Value

HERE = Path(__file__).parent
PLANS = HERE.parents[1] / "plans"


class Row(Value):
    """One demand. `entries` are dotted paths into the plan (or `directory:`, its directory) that answer it."""

    row: str
    plan: str
    clause: str
    demand: str
    entries: tuple[str, ...]


def rows() -> list[Row]:
    """Every row of every plan, in order."""
    yaml = YAML(typ="safe", pure=True)
    return [
        Row(plan=path.stem, **row)
        for path in sorted(HERE.glob("*.yaml"))
        for row in yaml.load(path.read_text())
    ]


def named_after(row: Row) -> list[str]:
    """The names of the tests that are named after a row, wherever in this folder they stand."""
    return [name for name in _test_names() if name.startswith(f"test_{row.row}_")]


def _test_names() -> Iterator[str]:
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node.name


def found(row: Row, entry: str) -> Any:
    """What an entry names, in the plan's own file or its directory. Raises `KeyError` when that has nothing there."""
    where, _, path = entry.rpartition(":")
    document = YAML(typ="safe", pure=True).load((PLANS / row.plan / f"{where or 'plan'}.yaml").read_text())
    for key in path.split("."):
        document = _child(document, key)
    return document


def _child(document: Any, key: str) -> Any:
    """A key of a mapping; of a list, the item with that id."""
    if isinstance(document, list):
        return {item["id"]: item for item in document}[key]
    return document[key]
