"""Text that came from students, made safe to show to people and their programs: escaped, never silently dropped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

JOINERS = "\u200c\u200d"
"""Part of names and of emoji; every other invisible character is written as its code."""
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MAX_NAMED = 6


def _visible(char: str) -> str:
    if char.isprintable() or char in JOINERS:
        return char
    return " " if char.isspace() and char not in "\x1c\x1d\x1e\x1f\x85\u2028\u2029" else ascii(char)[1:-1]


def line(text: Any, limit: int = 300) -> str:
    """`text` as one line without terminal escapes, controls, half characters or changes of direction.

    What cannot be seen is written as its code (`\\x1b`); line breaks become spaces; at most `limit` characters.
    """
    return " ".join(lines(text, limit).split())


def lines(text: Any, limit: int = 2000) -> str:
    """As `line`, but line breaks and indentation stay: for answers in the student's own words."""
    whole = str(text)
    kept = "".join(char if char == "\n" else _visible(char) for char in whole[:limit])
    return kept if len(whole) <= limit else f"{kept} ... ({len(whole)} characters)"


def cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; what is no text stays as it is."""
    if not isinstance(value, str):
        return value
    text = line(value, 20_000)
    return f"'{text}" if value.startswith(FORMULA) or text.startswith(FORMULA) else text


def some(names: Sequence[Any], most: int = MAX_NAMED) -> str:
    """The first of some names, safe to show, and how many more there are."""
    more = len(names) - most
    return ", ".join(line(name, 120) for name in names[:most]) + (f" and {more} more" if more > 0 else "")


def as_json(value: Any) -> str:
    """JSON whose every string is fit for a file in UTF-8, and readable."""
    return json.dumps(value, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
