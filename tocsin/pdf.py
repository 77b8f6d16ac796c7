"""Papers as PDF: Typst sets them by `paper.typ`, from data alone, so that no text of an incident is ever a program.

The bytes depend on the paper only: the date in them is the paper's own. The PDF is tagged for screen readers and has
only those letters of its fonts that it needs.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from unicodedata import bidirectional, combining

import typst

from tocsin.domain.base import Value
from tocsin.fonts import families, fonts, printable
from tocsin.markdown import Node, texts_of, to_nodes

LONG_WORD = 24
"""How many characters without a space may stand on one line; longer ones may be broken every so many."""

SOFT_BREAK = "\ue000"
"""Where a long word may be broken; `paper.typ` knows it. A character of nobody's, and none of a PDF's."""

_SOURCE = Path(__file__).with_name("paper.typ").read_bytes()
_LONG_WORD = re.compile(rf"\S{{{LONG_WORD + 1},}}")


class NotPrintable(Exception):
    """A paper could not be made into a PDF; the text names the kind of fault, and holds nothing of the paper."""


class Paper(Value):
    """What is printed. `body` is Markdown; `drill` what a drill says of itself; `facts` the line above the body.

    `at` is the paper's date, in the zone in which it is shown. `address` and `dateline` make a letter of it. `picture`
    is an SVG, and `told` what it shows, in words.
    """

    title: str
    organisation: str
    reference: str
    at: datetime
    body: str
    facts: str = ""
    foot: str = ""
    drill: str = ""
    address: tuple[str, ...] = ()
    dateline: str = ""
    picture: str = ""
    told: str = ""


def to_pdf(paper: Paper) -> bytes:
    """The paper as PDF. Raises `NotPrintable`, whatever went wrong."""
    try:
        return _set(json.dumps(_described(paper), ensure_ascii=False), int(paper.at.timestamp()))
    # A report that is owed must not wait for its typesetter: whoever asks goes on without the PDF, and says so.
    except Exception as error:
        raise NotPrintable(f"the typesetter failed with {type(error).__name__}") from error
    except BaseException as error:
        # The compiler's own faults arrive as pyo3's PanicException, which is no Exception and has no public name.
        if type(error).__name__ != "PanicException":
            raise
        raise NotPrintable("the typesetter failed with a panic") from error


@lru_cache(maxsize=4)
def _set(described: str, timestamp: int) -> bytes:
    """One paper goes to many: those who get the same words get the same bytes."""
    made = typst.compile(_SOURCE, font_paths=fonts(), sys_inputs={"paper": described}, timestamp=timestamp)
    assert isinstance(made, bytes), "without an output path the PDF itself comes back"
    return made


def _described(paper: Paper) -> dict[str, Any]:
    body = [_placed(node) for node in to_nodes(paper.body)]
    return {
        "title": printable(paper.title),
        "organisation": _breakable(paper.organisation),
        "reference": paper.reference,
        "day": [paper.at.year, paper.at.month, paper.at.day],
        "facts": _breakable(paper.facts),
        "foot": _breakable(paper.foot),
        "drill": _breakable(paper.drill),
        "letter": _letter(paper),
        "body": body,
        "picture": printable(paper.picture),
        "told": printable(paper.told),
        "fonts": families(paper.body + paper.title),
    }


def _letter(paper: Paper) -> dict[str, Any] | None:
    if not paper.address:
        return None
    return {"address": [_breakable(line) for line in paper.address], "date": paper.dateline}


def _placed(node: Node) -> Node:
    """A block with its texts ready to be set, and the direction in which it runs."""
    runs_left = _runs_left("".join(texts_of([node])))
    return {**_breakable_node(node, LONG_WORD), "rtl": runs_left}


def _runs_left(text: str) -> bool:
    """Whether the first letter that has a direction runs from right to left."""
    directions = (bidirectional(character) for character in text)
    return next((each in {"R", "AL"} for each in directions if each in {"L", "R", "AL"}), False)


def _breakable_node(node: Node, every: int) -> Node:
    if node["kind"] == "table":
        every = max(1, every // node["columns"])
    inside = {
        name: [_breakable_node(child, every) for child in node[name]]
        for name in ("of", "head", "cells")
        if name in node
    }
    text = {"text": _breakable(node["text"], every)} if "text" in node else {}
    return {**node, **inside, **text}


def _breakable(text: str, every: int = LONG_WORD) -> str:
    """`text` as it can be printed, with marks where a word that is longer than a line may be broken."""
    pattern = _LONG_WORD if every == LONG_WORD else re.compile(rf"\S{{{every + 1},}}")
    return pattern.sub(lambda word: _broken(word[0], every), printable(text).replace(SOFT_BREAK, ""))


def _broken(word: str, every: int) -> str:
    """Never between a letter and the marks upon it."""
    pieces, begins = [], 0
    for end in range(1, len(word) + 1):
        is_whole = end == len(word) or not (combining(word[end]) or bidirectional(word[end]) == "NSM")
        if is_whole and (end - begins >= every or end == len(word)):
            pieces.append(word[begins:end])
            begins = end
    return SOFT_BREAK.join(pieces)
