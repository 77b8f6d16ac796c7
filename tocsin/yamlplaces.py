"""Where in a file a character of a YAML scalar stands, for what is written in another language inside it."""

from __future__ import annotations

from tocsin.yamlfile import Position

_NOT_OF_THE_VALUE = " \t\r\n\\'\""
"""What may stand between two characters of a value that are none: indentation, folds, escapes, doubled quotes."""


def place_within(text: str, start: Position, value: str, at: Position) -> Position:
    """The place in the file `text` of the character `at` (line and column from 1) in a scalar that begins at `start`.

    The scalar may be plain, quoted, literal or folded. Where it can't be told, which takes an escape such as `\\u00e9`
    before the character, it is `start`.
    """
    wanted = _offset(value, at)
    offset = _first_of(text, _offset(text, start))
    for char in value[: wanted + 1]:
        if not char.isspace():
            found = text.find(char, offset)
            if found < 0 or text[offset:found].strip(_NOT_OF_THE_VALUE):
                return start
            offset = found + 1
    return _place(text, offset - 1 if value[wanted : wanted + 1].strip() else offset)


def _offset(text: str, at: Position) -> int:
    line, column = at
    offset = 0
    for _ in range(line - 1):
        offset = text.find("\n", offset) + 1
    return min(offset + column - 1, len(text))


def _first_of(text: str, start: int) -> int:
    """Below the `|` or `>` with which a scalar may begin."""
    return text.find("\n", start) + 1 if text[start : start + 1] in {"|", ">"} else start


def _place(text: str, offset: int) -> Position:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
