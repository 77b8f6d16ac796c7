"""Markdown as email shows it: HTML with every style written on its element, because mail programs drop style sheets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.token import Token

_INK, _SOFT, _RULE, _ACCENT = "#1d2733", "#5b6672", "#e3e6ea", "#2457c5"
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


def _style(tokens: Iterable[Token]) -> None:
    for token in tokens:
        if token.nesting >= 0 and token.tag in _STYLES:
            token.attrSet("style", _STYLES[token.tag])
        _style(token.children or ())
