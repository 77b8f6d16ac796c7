"""How many segments a text message takes, and how to make it shorter.

A message of GSM-7 characters holds 160 of them, or 153 per segment; one character outside GSM-7 turns the
whole message into UCS-2: 70, or 67 per segment. Carriers bill by segment. Source: 3GPP TS 23.038, 23.040.
"""

from __future__ import annotations

from typing import Literal

SmsEncoding = Literal["GSM-7", "UCS-2"]

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")
"""Sent as an escape and a character: two units."""

_TYPOGRAPHY = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "«": '"',
        "»": '"',
        "…": "...",
        "·": "-",
    }
    | {"\xa0": " ", "\u202f": " "}
)
"""Typographic characters would turn a text message into UCS-2 and halve its length."""

_UNACCENTED = str.maketrans("áíóúýÁÍÓÚÝÀÈÌÒÙâêîôûÂÊÎÔÛëïËÏãõÃÕç", "aiouyAIOUYAEIOUaeiouAEIOUeiEIaoAOc") | {
    ord("œ"): "oe",
    ord("Œ"): "OE",
}
"""Letters that are read as well without their accent (Spanish, French, Portuguese): people text so themselves."""

_ALONE: dict[SmsEncoding, int] = {"GSM-7": 160, "UCS-2": 70}
_EACH: dict[SmsEncoding, int] = {"GSM-7": 153, "UCS-2": 67}
"""Units in each segment of several: a header of six bytes says which one it is."""


def sms_segments(text: str) -> tuple[SmsEncoding, int]:
    """The encoding that `text` needs and the number of segments it takes, at least one."""
    encoding = _encoding(text)
    widths = [_width(character, encoding) for character in text]
    if sum(widths) <= _ALONE[encoding]:
        return encoding, 1
    return encoding, _segments_of(widths, _EACH[encoding])


def in_gsm(text: str) -> str:
    """`text` in characters that cost least: typography in plain signs, and letters without those accents that GSM-7
    lacks, where everything else fits and it saves a segment. A language that would suffer keeps its letters."""
    plain = text.translate(_TYPOGRAPHY)
    bare = plain.translate(_UNACCENTED)
    saves = _encoding(bare) == "GSM-7" and sms_segments(bare)[1] < sms_segments(plain)[1]
    return bare if saves else plain


def shorten(text: str, segments: int) -> str:
    """`text`, cut at its end so that it takes at most `segments` segments.

    A cut text ends in an ellipsis: three full stops where the typographic one would turn it into UCS-2 and
    cost more than it saves. What must survive (a code, a link) belongs at the beginning.
    """
    if segments < 1:
        raise ValueError(f"a text message takes at least one segment, not {segments}")
    if sms_segments(text)[1] <= segments:
        return text
    ellipsis = "..." if _encoding(text) == "GSM-7" else "…"
    return _longest_start(text, ellipsis, segments).rstrip() + ellipsis


def _longest_start(text: str, ellipsis: str, segments: int) -> str:
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if sms_segments(text[:middle] + ellipsis)[1] <= segments:
            fits = middle
        else:
            too_long = middle
    return text[:fits]


def _encoding(text: str) -> SmsEncoding:
    return "GSM-7" if _GSM_BASIC.union(_GSM_EXTENSION).issuperset(text) else "UCS-2"


def _width(character: str, encoding: SmsEncoding) -> int:
    if encoding == "GSM-7":
        return 2 if character in _GSM_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _segments_of(widths: list[int], each: int) -> int:
    """Counts by filling: an escape or a surrogate pair is never divided between two segments."""
    segments, filled = 1, 0
    for width in widths:
        if filled + width > each:
            segments, filled = segments + 1, 0
        filled += width
    return segments
