"""What strangers write, without the characters that nobody sees: they would steer a terminal, or turn a line around."""

from __future__ import annotations

import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs"}
"""Control characters, formatting (the marks that change the direction of writing among them), and half characters.
Source: the general categories of unicode.org/reports/tr44."""


def visible(text: str) -> str:
    """The text without control and formatting characters, but with its lines and tabs."""
    if text.isprintable():
        return text
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in _UNSEEN)


def on_one_line(text: str) -> str:
    """The visible words of the text, a space between them; empty where there are none."""
    spaced = "".join(" " if each.isspace() else each for each in text)
    return " ".join(visible(spaced).split())
