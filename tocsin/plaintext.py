"""Markdown as those read it who read plain text: an email's other part.

The title is a line of its own, headings below it are underlined, a link's address stands on its own line. A paragraph
that is emphasised as a whole says what is not yet known, and stands in brackets.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from markdown_it.tree import SyntaxTreeNode

from tocsin.markdown import is_gap, tree_of

_UNDERLINED = 60
"""How many characters of a long heading are underlined."""


def to_text(markdown: str) -> str:
    """The words of `markdown` without its markup; what is escaped in it stands as it was written."""
    return "\n\n".join(map(_block, tree_of(markdown).children))


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            return _heading(_words(node), int(node.tag[1]))
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "blockquote":
            return textwrap.indent("\n\n".join(map(_block, node.children)), "> ", lambda line: True)
        case "table":
            return "\n".join(_row(row) for part in node.children for row in part.children)
        case "fence" | "code_block":
            return node.content.rstrip("\n")
        case "hr":
            return "---"
    return f"[{_words(node)}]" if is_gap(node) else _words(node)


def _heading(words: str, level: int) -> str:
    return words if level == 1 else f"{words}\n{'-' * min(len(words), _UNDERLINED)}"


def _list(node: SyntaxTreeNode) -> str:
    first = int(node.attrs.get("start", 1))
    is_bullets = node.type == "bullet_list"
    marks = ("- " if is_bullets else f"{number}. " for number in range(first, first + len(node.children)))
    return "\n".join(map(_item, marks, node.children))


def _item(mark: str, node: SyntaxTreeNode) -> str:
    inside = "\n".join(map(_block, node.children))
    return mark + textwrap.indent(inside, " " * len(mark)).lstrip()


def _row(node: SyntaxTreeNode) -> str:
    return " | ".join(map(_words, node.children))


def _words(node: SyntaxTreeNode) -> str:
    """The text of a block, in lines as it was written."""
    words = _joined(child for inline in node.children for child in inline.children)
    return "\n".join(line.strip() for line in words.strip().split("\n"))


def _joined(nodes: Iterable[SyntaxTreeNode]) -> str:
    return "".join(map(_inline, nodes))


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "link":
            words, address = _joined(node.children), str(node.attrs["href"])
            return address if words == address else f"{words}:\n{address}\n"
        case "text" | "code_inline" | "html_inline":
            return node.content
    return _joined(node.children)
