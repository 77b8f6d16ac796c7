"""How many segments a text message takes: GSM-7 when every character allows it, UCS-2 otherwise (3GPP 23.038)."""

from __future__ import annotations

from collections.abc import Iterable

_GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM7_ESCAPED = frozenset("\f^{}\\[~]|€")
"""Characters that GSM-7 reaches through an escape, at the price of two septets."""


def segments(text: str) -> int:
    """The number of segments that carry `text`; at least one."""
    if all(character in _GSM7 or character in _GSM7_ESCAPED for character in text):
        return _packed((2 if character in _GSM7_ESCAPED else 1 for character in text), alone=160, joined=153)
    return _packed((2 if ord(character) > 0xFFFF else 1 for character in text), alone=70, joined=67)


def _packed(widths: Iterable[int], alone: int, joined: int) -> int:
    """Fill segments one after the other; a character of two units is never split between two of them."""
    sizes = list(widths)
    if sum(sizes) <= alone:
        return 1
    count, used = 1, 0
    for size in sizes:
        if used + size > joined:
            count, used = count + 1, 0
        used += size
    return count
