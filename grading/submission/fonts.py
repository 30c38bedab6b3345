"""Fonts of the PDFs: carried along by two font packages, so that every machine sets the same bytes.

`manimgx-fonts` and `manimgx-fonts-cjk` are Google's Noto fonts (SIL Open Font License) as Python packages. Where
they are absent the system's fonts take their place. A character that no font at hand can draw is never dropped:
it is shown as its code point, such as \u27e6U+13000\u27e7, and named to the user.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
FAMILIES = ("Noto Sans", "Noto Sans Arabic", "Noto Sans CJK SC", "Noto Emoji", "Noto Sans Symbols", "Noto Color Emoji")
REMEDY = "pip install manimgx-fonts manimgx-fonts-cjk, or the system's Noto fonts (Debian: apt install fonts-noto)"
# Joiners, direction marks and variation selectors: they shape their neighbours and have no glyph of their own.
INVISIBLE = {0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)}


def carried() -> list[str]:
    """Folders of the font packages that are installed."""
    specs = [importlib.util.find_spec(package) for package in PACKAGES]
    return [str(Path(spec.origin).parent) for spec in specs if spec and spec.origin]


@lru_cache(maxsize=4)
def collection(with_system: bool) -> Any:
    """Typst's fonts: its own, the carried ones and, if asked or if none are carried, the system's."""
    import typst

    folders = carried()
    return typst.Fonts(include_system_fonts=with_system or len(folders) < len(PACKAGES), font_paths=folders)


@lru_cache(maxsize=512)
def covered(path: str, face: int) -> frozenset[int]:
    """Code points that one face of a font file can draw; none for a file that is no font."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, fontNumber=face, lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError):
        return frozenset()


def missing(text: str, with_system: bool) -> set[str]:
    """Characters of `text` that no font of the collection draws."""
    wanted = {ord(char) for char in text if ord(char) >= 0x250} - INVISIBLE
    if wanted:
        # One face a file: the faces of a font collection, and its weights, cover the same characters.
        files = {
            str(font.path): font.index
            for font in collection(with_system).fonts()
            if font.path and font.style == "normal" and font.weight <= 400
        }
        for path, index in sorted(files.items(), key=lambda file: ("manimgx" not in file[0], file)):
            wanted -= covered(path, index)
            if not wanted:
                break
    return {chr(point) for point in wanted}


def _drawable(char: str) -> bool:
    """False for what must not be set as it is: controls, direction overrides, private or unassigned points."""
    if char in "\n\t" or ord(char) in INVISIBLE:
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def visible(text: str, replaced: tuple[str, ...]) -> str:
    """`text` with each of the characters `replaced` shown as its code point, and plain line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for char in replaced:
        text = text.replace(char, f"\u27e6U+{ord(char):04X}\u27e7")
    return text


def settable(text: str) -> tuple[Any, tuple[str, ...]]:
    """The fonts to set `text` with, and its characters that must be shown as code points instead."""
    hidden = {char for char in set(text) if char != "\r" and not _drawable(char)}
    lacking = missing("".join(set(text) - hidden), with_system=False)
    with_system = bool(lacking)
    if lacking:
        lacking = missing("".join(lacking), with_system=True)
    return collection(with_system), tuple(sorted(hidden | lacking))
