"""Markdown as email shows it, which is HTML with every style on its element because mail programs drop style sheets;
and as a tree of plain data, of which a printed paper is made.

A paragraph that is emphasised as a whole says what is not yet known, and looks so: nobody takes it for an answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

Node = dict[str, Any]
"""`kind`, and what a kind has: `text`; `of`, the nodes inside; a heading's `level`; a table's `head` and `cells`."""

_INK, _SOFT, _RULE, _ACCENT = "#1d2733", "#5b6672", "#e3e6ea", "#2457c5"
_GAP = "margin:0 0 12px;padding:6px 10px;border-left:3px solid #8a5a00;background:#fff6e0;color:#8a5a00"
_CELL = f"padding:8px 12px 8px 0;border-bottom:1px solid {_RULE};text-align:left;vertical-align:top"
_MONOSPACED = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:13px"

_STYLES = {
    "h1": f"margin:0 0 16px;font-size:20px;line-height:1.3;font-weight:650;color:{_INK}",
    "h2": f"margin:20px 0 4px;font-size:12px;line-height:1.5;font-weight:600;letter-spacing:.03em;color:{_SOFT}",
    "h3": f"margin:16px 0 4px;font-size:14px;font-weight:600;color:{_INK}",
    "p": "margin:0 0 12px",
    "ul": "margin:0 0 12px;padding-left:20px",
    "ol": "margin:0 0 12px;padding-left:20px",
    "li": "margin:0 0 4px",
    "a": f"color:{_ACCENT}",
    "em": f"font-style:normal;color:{_SOFT}",
    "code": f"{_MONOSPACED};background:#f1f3f5;border-radius:4px;padding:1px 5px",
    "table": "border-collapse:collapse;width:100%;margin:0 0 16px",
    "th": f"{_CELL};color:{_SOFT};font-weight:500;font-size:13px",
    "td": _CELL,
    "blockquote": f"margin:0 0 12px;padding:2px 0 2px 14px;border-left:3px solid {_RULE};color:{_SOFT}",
    "hr": f"border:0;border-top:1px solid {_RULE};margin:20px 0",
}

_SPECIAL = re.compile(r"([\\`*_\[\]<>&#|~!])")
_UNWANTED = re.compile(r"[\\`_\[\]<>&#~!]|\*{3,}|(?<!\*)\*(?!\*)|^ {0,3}[-=](?=[-=]*\s*$)", re.MULTILINE)

# Raw HTML is off: what monitors and people write is text, never markup.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")


def to_html(text: str) -> str:
    """The Markdown `text` as an HTML fragment with inline styles."""
    tokens = _markdown.parse(text)
    _style(tokens)
    return str(_markdown.renderer.render(tokens, _markdown.options, {}))


def escape(text: str) -> str:
    """`text` so that Markdown shows it as it stands: no emphasis, link or heading comes of it. Lists may."""
    return _SPECIAL.sub(r"\\\1", text)


def prose(text: str) -> str:
    """`text` so that Markdown shows what people write in answers: lists, **strong words**, tables.

    No link, picture, heading or code comes of it, and no emphasis, which is kept for what is not yet known.
    """
    return _UNWANTED.sub(lambda found: re.sub(r"(\S)", r"\\\1", found[0]), text)


def _style(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.nesting >= 0 and token.tag in _STYLES:
            token.attrSet("style", _STYLES[token.tag])
        _style(token.children or ())
    for opening, inside in pairwise(tokens):
        if opening.type == "paragraph_open" and _is_gap(inside.children or ()):
            opening.attrSet("style", _GAP)


def _is_gap(inline: Sequence[Token]) -> bool:
    """Whether the first emphasis begins at the beginning and ends at the end."""
    types = [token.type for token in inline]
    return types[:1] == ["em_open"] and types.index("em_close") == len(types) - 1


def tree_of(text: str) -> SyntaxTreeNode:
    """The Markdown `text` as markdown-it understands it."""
    return SyntaxTreeNode(_markdown.parse(text))


def to_nodes(text: str) -> list[Node]:
    """The Markdown `text` as a tree of plain data. Pictures become their descriptions: nothing is fetched."""
    return [_node(child) for child in tree_of(text).children]


def texts_of(nodes: Iterable[Node]) -> Iterator[str]:
    """Every text in a tree, in order."""
    for node in nodes:
        if "text" in node:
            yield node["text"]
        for inside in ("of", "head", "cells"):
            yield from texts_of(node.get(inside, ()))


def lines(text: str) -> list[str]:
    """The words of the Markdown `text` without any markup: a line for each heading, paragraph and item."""
    return [line for node in to_nodes(text) for line in _lines_of(node)]


def _lines_of(node: Node) -> Iterator[str]:
    inside = [each for part in ("head", "cells", "of") for each in node.get(part, ())]
    if not inside or any("text" in each or each["kind"] in _INLINE for each in inside):
        yield " ".join("".join(_inline(node)).split())
    else:
        for each in inside:
            yield from _lines_of(each)


_INLINE = frozenset({"strong", "em", "link", "break", "code"})


def _inline(node: Node) -> Iterator[str]:
    yield " " if node["kind"] == "break" else node.get("text", "")
    for each in node.get("of", ()):
        yield from _inline(each)


def _node(tree: SyntaxTreeNode) -> Node:
    match tree.type:
        case "text" | "html_inline" | "html_block":
            return {"kind": "text", "text": tree.content}
        case "image":
            return {"kind": "text", "text": "".join(texts_of(_of(tree)))}
        case "softbreak" | "hardbreak":
            return {"kind": "break"}
        case "code_inline":
            return {"kind": "code", "text": tree.content}
        case "fence" | "code_block":
            return {"kind": "block", "text": _indented(tree.content.rstrip("\n"))}
        case "hr":
            return {"kind": "rule"}
        case "heading":
            return {"kind": "heading", "level": int(tree.tag[1]), "of": _of(tree)}
        case "paragraph":
            return _paragraph(tree)
        case "bullet_list" | "ordered_list":
            return _list(tree)
        case "table":
            return _table(tree)
    return {"kind": _SAME[tree.type], "of": _of(tree)}


_SAME = {
    "strong": "strong",
    "em": "em",
    "link": "link",
    "list_item": "item",
    "blockquote": "quote",
    "th": "item",
    "td": "item",
}
"""What differs in name only."""


def _of(tree: SyntaxTreeNode) -> list[Node]:
    """The nodes inside; what markdown-it calls `inline` is only a wrapper."""
    inside = (child.children if child.type == "inline" else [child] for child in tree.children)
    return [_node(child) for children in inside for child in children]


def is_gap(paragraph: SyntaxTreeNode) -> bool:
    """Whether it is emphasised as a whole: what a report does not know yet."""
    return [each.type for inline in paragraph.children for each in inline.children] == ["em"]


def _paragraph(tree: SyntaxTreeNode) -> Node:
    of = _of(tree)
    return {"kind": "gap", "of": of[0]["of"]} if is_gap(tree) else {"kind": "paragraph", "of": of}


def _list(tree: SyntaxTreeNode) -> Node:
    tight = all(
        child.hidden for item in tree.children for child in item.children if child.type == "paragraph"
    )
    if tree.type == "bullet_list":
        return {"kind": "bullets", "tight": tight, "of": _of(tree)}
    return {"kind": "numbers", "tight": tight, "start": int(tree.attrs.get("start", 1)), "of": _of(tree)}


def _indented(code: str) -> str:
    """With spaces at the beginning of lines that stay where they are."""
    return re.sub(r"^ +", lambda spaces: "\xa0" * len(spaces[0]), code, flags=re.MULTILINE)


def _table(tree: SyntaxTreeNode) -> Node:
    rows = [[_node(cell) for cell in row.children] for part in tree.children for row in part.children]
    head, cells = rows[0], [cell for row in rows[1:] for cell in row]
    return {"kind": "table", "columns": len(head), "head": head, "cells": cells}
