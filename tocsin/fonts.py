"""The fonts of printed papers: which files they are, and what to do with a character that none of them has.

They come as packages, so that nothing is fetched at run time and two installations print the same
(docs/decisions/0010-pdf.md).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import typst
from fontTools.ttLib import TTFont

_FOLDERS = {
    "justmytype_western_core": ("fonts/ofl/notosans", "fonts/ofl/notosansmono", "fonts/ofl/notosanssymbols2"),
    "justmytype_intl_rtl": ("fonts",),
    "justmytype_intl_south_asia": ("fonts",),
    "justmytype_intl_sea": ("fonts",),
    "justmytype_intl_africa": ("fonts",),
    "noto_cjk_sans_otc": ("",),
}
"""The packages that bring the fonts, and where in them those are."""

FAMILIES = ("Noto Sans", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans CJK SC")
"""The order in which a character is looked for; other scripts are in one font each."""

JAPANESE = ("Noto Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Hebrew")
"""The same for a paper with kana in it: Chinese and Japanese write many characters in different ways."""

_KANA = re.compile(r"[\u3040-\u30ff]")

_TYPST_HAS = (range(0x0530, 0x0590), range(0x10A0, 0x1100))
"""Armenian and Georgian, in the fonts that are part of Typst."""

_UNSEEN = {
    **dict.fromkeys([*range(0x00, 0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)], ""),  # control characters
    **dict.fromkeys(
        [*range(0x202A, 0x202F), *range(0x2066, 0x206A)], ""
    ),  # they could show a text in another order
    **dict.fromkeys(
        [*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0000, 0xE0080)], ""
    ),  # variants
    **dict.fromkeys([*range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd"),  # no characters at all
    **{0x1F1E6 + index: chr(0x41 + index) for index in range(26)},  # flags are letters
}
"""What is left out, or written in other words, wherever it stands."""


@lru_cache(maxsize=1)
def fonts() -> typst.Fonts:
    """The fonts, found once; each is read when a paper needs it."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder) for folder in _folders()])


def families(text: str) -> tuple[str, ...]:
    """The order of fonts for a paper with this text."""
    return JAPANESE if _KANA.search(text) else FAMILIES


def printable(text: str) -> str:
    """`text` with the name of each character that no font has in its place: `[fire]` for a flame.

    Control characters go, and so do those that would show a text in another order than it has.
    """
    plain = text.translate(_UNSEEN)
    unknown = {character for character in plain if ord(character) not in _covered()}
    named = plain.translate({ord(character): _named(character) for character in unknown})
    return named.replace("]\u200d[", "][")


def _named(character: str) -> str:
    if unicodedata.category(character) in {"Cf", "Mn"}:
        return ""
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    return f"[{name.lower() if not name.startswith('U+') else name}]"


@lru_cache(maxsize=1)
def _covered() -> frozenset[int]:
    """Every character that a font has, and white space."""
    covered = {ord(character) for character in "\t\n \u2028\u2029"}
    covered.update(*_TYPST_HAS)
    for folder in _folders():
        for file in sorted(folder.rglob("*.tt[fc]")):
            with TTFont(file, fontNumber=0, lazy=True) as font:
                covered |= font.getBestCmap().keys()
    return frozenset(covered)


def _folders() -> tuple[Path, ...]:
    return tuple(_home(package) / folder for package, subfolders in _FOLDERS.items() for folder in subfolders)


def _home(package: str) -> Path:
    """Where a package is. Raises `ModuleNotFoundError` when it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f'the fonts of "{package}" are not installed; run make setup', name=package)
    return Path(spec.submodule_search_locations[0])
