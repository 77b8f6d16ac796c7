"""Labels from data whose shape nobody here knows: every single value in it, within bounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

MOST, DEPTH, LENGTH = 200, 5, 10_000
"""How many values become labels, down to which depth, and how many characters of each."""


def labels_in(data: Any, unnamed: str = "") -> dict[str, str]:
    """The single values in `data`, as text, under the names that lead to them: `disk.free`, `hosts.0`.

    A value to which no name leads is called `unnamed`; without that word it is left out.
    """
    found = islice(_values(data, "", DEPTH, unnamed), MOST)
    return {name: value[:LENGTH] for name, value in found}


def _values(data: Any, name: str, depth: int, unnamed: str) -> Iterator[tuple[str, str]]:
    if isinstance(data, dict | list):
        pairs = data.items() if isinstance(data, dict) else enumerate(data)
        for key, value in pairs if depth else ():
            yield from _values(value, f"{name}.{key}" if name else str(key), depth - 1, unnamed)
    elif (called := name or unnamed) and data is not None:
        yield called, data if isinstance(data, str) else json.dumps(data)
