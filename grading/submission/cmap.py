"""Which characters a font file draws: its cmap table, read directly.

Source: OpenType specification 1.9, tables `ttcf`, `cmap` formats 4 and 12. Font libraries name every glyph on the
way, which takes a second for a Chinese font; here it takes milliseconds.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np


def _format_12(data: bytes) -> set[int]:
    """Sequential groups of (first, last, first glyph), big-endian uint32."""
    count = struct.unpack(">I", data[12:16])[0]
    groups = np.frombuffer(data, ">u4", 3 * count, 16).reshape(count, 3)
    return {point for first, last, _ in groups.tolist() for point in range(first, last + 1)}


def _format_4(data: bytes) -> set[int]:
    """Segments of the basic plane: last[], pad, first[], delta[], offset[], each uint16."""
    count = struct.unpack(">H", data[6:8])[0] // 2
    last = np.frombuffer(data, ">u2", count, 14).tolist()
    first = np.frombuffer(data, ">u2", count, 16 + 2 * count).tolist()
    return {point for low, high in zip(first, last, strict=True) for point in range(low, high + 1) if high != 0xFFFF}


def code_points(path: Path, face: int = 0) -> frozenset[int]:
    """Code points that face number `face` of the file maps to a glyph; empty for a file that is no font."""
    try:
        with path.open("rb") as file:
            file.seek(0)
            start = 0
            if file.read(4) == b"ttcf":
                file.seek(12 + 4 * face)
                start = struct.unpack(">I", file.read(4))[0]
            file.seek(start + 4)
            tables = struct.unpack(">H", file.read(2))[0]
            file.seek(start + 12)
            records = [struct.unpack(">4sIII", file.read(16)) for _ in range(tables)]
            offset, length = next((record[2], record[3]) for record in records if record[0] == b"cmap")
            file.seek(offset)
            table = file.read(length)
        found: dict[int, int] = {}
        for index in range(struct.unpack(">H", table[2:4])[0]):
            _, _, at = struct.unpack(">HHI", table[4 + 8 * index : 12 + 8 * index])
            found[struct.unpack(">H", table[at : at + 2])[0]] = at
        if 12 in found:
            return frozenset(_format_12(table[found[12] :]))
        return frozenset(_format_4(table[found[4] :])) if 4 in found else frozenset()
    except (OSError, struct.error, StopIteration, ValueError):
        return frozenset()
